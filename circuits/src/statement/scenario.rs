//! A made-up hospital, patient and claim around any record and program: what tests and benches prove.

mod record;

use ark_bn254::Fr;
use ark_ff::PrimeField;
use eligo_records::{
    cell::{Cells, Layout},
    civil::CivilDay,
    program::Program,
};
use eligo_verifier_contract::{
    Context, Day, IssuerPath, IssuerTree, Nullifier, PublicInputs, Requirement, Sealed,
    issuers::issuer_leaf,
};
use rand_core::{CryptoRng, RngCore};

use super::{AcceptedIssuers, HolderSecret, Statement, Witness};
use crate::{
    jubjub::Point,
    record as commitment,
    schnorr::{SecretKey, Signature},
};

pub use record::meeting;

/// Everything a claim is made of; every field may be changed before [`Scenario::assign`].
pub struct Scenario {
    /// The statement.
    pub statement: Statement,
    /// The patient's secret.
    pub secret: HolderSecret,
    /// The record's salt.
    pub salt: Fr,
    /// The record.
    pub cells: Cells,
    /// The hospital's signing key.
    pub issuer_key: SecretKey,
    /// The hospital's public key.
    pub issuer: Point,
    /// Where it stands among the accepted.
    pub path: IssuerPath,
    /// Its signature.
    pub signature: Signature,
    /// First day.
    pub issued: CivilDay,
    /// Last day.
    pub expires: CivilDay,
    /// What the credential seals.
    pub sealed: Fr,
    /// Whether the record is for sale.
    pub sale: bool,
    /// The day of the claim.
    pub today: CivilDay,
    /// The public inputs.
    pub inputs: PublicInputs,
}

impl Scenario {
    /// A claim over a record, accepting one hospital or any of `issuers` of them. `None` where the
    /// program, the record and the layout are not of one schema.
    pub fn new(
        layout: Layout,
        program: Program,
        cells: Cells,
        today: CivilDay,
        issuers: usize,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Option<Self> {
        let keys: Vec<SecretKey> = (0..issuers).map(|_| SecretKey::generate(rng)).collect();
        let leaves: Vec<Fr> = keys
            .iter()
            .map(|k| k.public().coordinates())
            .map(|(x, y)| issuer_leaf(x, y))
            .collect();
        let depth = IssuerTree::depth_for(issuers);
        let tree = IssuerTree::new(&leaves, depth).ok()?;
        let position = issuers / 2;
        let path = tree.path(position).ok()?;
        let issuer_key = keys.into_iter().nth(position)?;
        let issuer = issuer_key.public();
        let accepted = if depth == 0 {
            AcceptedIssuers::One(issuer)
        } else {
            AcceptedIssuers::Tree { depth }
        };

        let mut random = || {
            let mut bytes = [0u8; 31];
            rng.fill_bytes(&mut bytes);
            Fr::from_le_bytes_mod_order(&bytes)
        };
        let (secret, salt, sealed) = (HolderSecret::new(random()), random(), random());
        let requirement = random();
        let inputs = PublicInputs {
            requirement: Requirement::from_field(requirement),
            issuers: tree.root(),
            nullifier: Nullifier::from_field(secret.nullifier(requirement)),
            sealed: Sealed::from_field(sealed),
            today: Day::from_number(today.number()).ok()?,
            context: Context::from_field(random()),
        };
        let issued = CivilDay::from_number(today.number().checked_sub(372)?).ok()?;
        let expires = CivilDay::from_number(today.number().checked_add(372)?).ok()?;
        let mut scenario = Self {
            statement: Statement::new(layout, program, accepted)?,
            secret,
            salt,
            cells,
            issuer,
            path,
            signature: Signature::new(0, &[0; 32]).ok()?,
            issuer_key,
            issued,
            expires,
            sealed,
            sale: true,
            today,
            inputs,
        };
        scenario.sign(rng);
        Some(scenario)
    }

    /// Signs the credential again, after a change to what it says.
    pub fn sign(&mut self, rng: &mut (impl RngCore + CryptoRng)) {
        let message = super::message(
            self.statement.layout.schema(),
            self.secret.holder(),
            commitment::commit(&self.statement.layout, self.salt, &self.cells),
            self.sealed,
            (self.issued, self.expires),
        );
        self.signature = self.issuer_key.sign(&message, rng);
    }

    /// What the prover knows.
    pub fn witness(&self) -> Witness<'_> {
        Witness {
            secret: &self.secret,
            salt: self.salt,
            cells: &self.cells,
            issuer: self.issuer,
            path: &self.path,
            signature: &self.signature,
            issued: self.issued,
            expires: self.expires,
            sealed: self.sealed,
            sale: self.sale,
            today: self.today,
        }
    }

    /// The full assignment.
    pub fn assign(&self) -> Vec<Fr> {
        self.statement.assign(&self.inputs, &self.witness())
    }
}
