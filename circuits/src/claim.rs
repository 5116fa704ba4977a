//! From a published requirement and a credential to what is proved.

use ark_bn254::Fr;
use ark_ff::PrimeField;
use eligo_records::{cell::Layout, civil::CivilDay, program::Program};
use eligo_verifier_contract::{
    Context, Day, IssuerTree, IssuersError, IssuersRoot, Kind, Nullifier, PublicInputs,
    Requirement as RequirementDigest, Sealed, issuers::issuer_leaf,
};
use zeroize::Zeroizing;

use crate::{
    credential::{Credential, UseError},
    jubjub::Point,
    record::schema_element,
    statement::{AcceptedIssuers, HolderSecret, Statement, Witness},
};

/// A requirement with everything its hash covers.
#[derive(Clone, Debug)]
pub struct Requirement {
    statement: Statement,
    issuers: Vec<Point>,
    tree: IssuerTree,
    kind: Kind,
    digest: RequirementDigest,
}

/// Why there is no such requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequirementError {
    /// The issuers make no tree.
    #[error(transparent)]
    Issuers(#[from] IssuersError),
    /// The program reads another schema.
    #[error("the program reads another schema")]
    Schema,
}

/// Why a credential gives no claim on a requirement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// The credential cannot be used.
    #[error(transparent)]
    Use(#[from] UseError),
    /// The record does not meet the requirement.
    #[error("the record does not meet the requirement")]
    NotEligible,
    /// The credential follows another schema.
    #[error("the credential follows another schema than the requirement")]
    Schema,
    /// A sale needs a sealed record.
    #[error("the credential names no sealed record: it supports count claims only")]
    NotSealed,
    /// The day is out of range, or the path is missing.
    #[error("the claim cannot be stated")]
    Statement,
}

/// What a prover needs: the public inputs and the full assignment, wiped on drop.
pub struct Claim {
    /// The public inputs.
    pub inputs: PublicInputs,
    /// The constant one, the public inputs, the witness.
    pub assignment: Zeroizing<Vec<Fr>>,
}

impl core::fmt::Debug for Claim {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Claim({:?}, redacted)", self.inputs)
    }
}

impl Requirement {
    /// A requirement over a schema, for some issuers; `terms` digests the terms given the issuers' root.
    pub fn new(
        layout: Layout,
        program: Program,
        issuers: Vec<Point>,
        kind: Kind,
        terms: impl FnOnce(IssuersRoot) -> [u8; 32],
    ) -> Result<Self, RequirementError> {
        let leaves: Vec<Fr> = issuers
            .iter()
            .map(Point::coordinates)
            .map(|(x, y)| issuer_leaf(x, y))
            .collect();
        let depth = IssuerTree::depth_for(leaves.len());
        let tree = IssuerTree::new(&leaves, depth)?;
        let accepted = match issuers.as_slice() {
            [one] => AcceptedIssuers::One(*one),
            _ => AcceptedIssuers::Tree { depth },
        };
        let schema = schema_element(layout.schema());
        let program_element = Fr::from_be_bytes_mod_order(&program.digest());
        let digest = RequirementDigest::of(schema, program_element, &terms(tree.root()));
        let statement =
            Statement::new(layout, program, accepted).ok_or(RequirementError::Schema)?;
        Ok(Self {
            statement,
            issuers,
            tree,
            kind,
            digest,
        })
    }

    /// The public input that names it.
    pub const fn digest(&self) -> RequirementDigest {
        self.digest
    }

    /// Root of the accepted issuers.
    pub fn issuers_root(&self) -> IssuersRoot {
        self.tree.root()
    }

    /// The accepted issuers.
    pub fn issuers(&self) -> &[Point] {
        &self.issuers
    }

    /// What a claim is for.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// What is proved.
    pub const fn statement(&self) -> &Statement {
        &self.statement
    }

    /// States a claim; refuses what could not be proved.
    pub fn claim(
        &self,
        credential: &Credential,
        secret: &HolderSecret,
        today: CivilDay,
        context: Context,
    ) -> Result<Claim, ClaimError> {
        credential.usable(secret, today)?;
        if credential.cells().schema() != self.statement.layout().schema() {
            return Err(ClaimError::Schema);
        }
        let position = credential.accepted_by(&self.issuers)?;
        let sale = self.kind == Kind::Sale;
        let sealed = Sealed::from_field(credential.sealed());
        if sale && sealed == Sealed::NONE {
            return Err(ClaimError::NotSealed);
        }
        if !self.statement.program().holds(credential.cells(), today) {
            return Err(ClaimError::NotEligible);
        }
        let path = self
            .tree
            .path(position)
            .map_err(|_| ClaimError::Statement)?;
        let inputs = PublicInputs {
            requirement: self.digest,
            issuers: self.tree.root(),
            nullifier: Nullifier::from_field(secret.nullifier(self.digest.to_field())),
            sealed: if sale { sealed } else { Sealed::NONE },
            today: Day::from_number(today.number()).map_err(|_| ClaimError::Statement)?,
            context,
        };
        let (issued, expires) = credential.days();
        let assignment = Zeroizing::new(self.statement.assign(
            &inputs,
            &Witness {
                secret,
                salt: credential.salt(),
                cells: credential.cells(),
                issuer: *credential.issuer().schnorr(),
                path: &path,
                signature: credential.signature(),
                issued,
                expires,
                sealed: credential.sealed(),
                sale,
                today,
            },
        ));
        Ok(Claim { inputs, assignment })
    }
}
