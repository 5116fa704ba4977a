//! The eligibility statement: what a patient proves.
//!
//! Public: `requirement, issuers, nullifier, sealed, today, context`, in the order of
//! [`PublicInputs`]. Witness: `z, salt, cells, A` and its path, `(c, s), issued, expires`, and the
//! credential's `sealed`.

#[cfg(any(test, feature = "test-util"))]
pub mod scenario;

use ark_bn254::Fr;
use ark_ff::{Field, One};
use eligo_records::{
    cell::{Cells, Layout},
    civil::{CIVIL_BITS, CivilDay},
    program::Program,
    schema::SchemaId,
};
use eligo_verifier_contract::{
    IssuerPath, PublicInputs,
    hash::{Domain, poseidon as native},
    issuers::{ARITY, issuer_leaf},
};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    bits,
    jubjub::Point,
    poseidon,
    predicate::{Facts, Plan, Predicate},
    r1cs::R1cs,
    record::{Record, schema_element},
    schnorr::{
        MESSAGE, Signature,
        gadget::{Key, WitnessKey, verify},
    },
    system::{Mode, Num, Parts, System},
};

/// Whose signatures count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcceptedIssuers {
    /// One hospital, its key fixed in the circuit: about 520 constraints fewer.
    One(Point),
    /// Any leaf of a tree of this depth, from 1 on.
    Tree {
        /// Levels above the leaves.
        depth: usize,
    },
}

/// The patient's secret `z`; wiped on drop, never printed.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct HolderSecret(Fr);

impl core::fmt::Debug for HolderSecret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("HolderSecret(redacted)")
    }
}

impl HolderSecret {
    /// Takes the secret over.
    pub const fn new(z: Fr) -> Self {
        Self(z)
    }

    /// `holder = P(1, z)`: what a hospital signs.
    pub fn holder(&self) -> Fr {
        native(Domain::Holder, [self.0])
    }

    /// `nullifier = P(5, z, requirement)`.
    pub fn nullifier(&self, requirement: Fr) -> Fr {
        native(Domain::Nullifier, [self.0, requirement])
    }
}

/// What the prover knows.
pub struct Witness<'a> {
    /// `z`.
    pub secret: &'a HolderSecret,
    /// The record's salt.
    pub salt: Fr,
    /// The record.
    pub cells: &'a Cells,
    /// `A`.
    pub issuer: Point,
    /// The issuer's path; without levels when the issuer is fixed.
    pub path: &'a IssuerPath,
    /// The credential's signature.
    pub signature: &'a Signature,
    /// First day of the credential.
    pub issued: CivilDay,
    /// Last day of the credential.
    pub expires: CivilDay,
    /// The credential's `sealed`.
    pub sealed: Fr,
    /// Whether the record is for sale (its `sealed` becomes public) or only counted.
    pub sale: bool,
    /// The day of the claim.
    pub today: CivilDay,
}

/// The statement for one program and one way of accepting issuers.
#[derive(Clone, Debug)]
pub struct Statement {
    layout: Layout,
    program: Program,
    issuers: AcceptedIssuers,
    plan: Plan,
}

impl Statement {
    /// A statement; the program must read the layout's schema.
    pub fn new(layout: Layout, program: Program, issuers: AcceptedIssuers) -> Option<Self> {
        let plan = Plan::of(&layout, program.formula());
        (program.schema() == layout.schema()).then_some(Self {
            layout,
            program,
            issuers,
            plan,
        })
    }

    /// Where cells lie.
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The program.
    pub const fn program(&self) -> &Program {
        &self.program
    }

    /// Whose signatures count.
    pub const fn issuers(&self) -> &AcceptedIssuers {
        &self.issuers
    }

    /// The matrices, and constraints by part.
    pub fn shape(&self) -> (R1cs, Parts) {
        let system = self.synthesize(Mode::Shape, None);
        let parts = system.parts().clone();
        (system.r1cs(), parts)
    }

    /// The full assignment: the constant one, the public inputs, the witness. It satisfies the system
    /// exactly if the statement is true of them.
    pub fn assign(&self, inputs: &PublicInputs, witness: &Witness<'_>) -> Vec<Fr> {
        self.synthesize(Mode::Witness, Some((inputs, witness)))
            .into_assignment()
    }

    /// One pass over the statement.
    pub fn synthesize(&self, mode: Mode, known: Option<(&PublicInputs, &Witness<'_>)>) -> System {
        let public = match known {
            Some((inputs, _)) => inputs.to_field_elements().map(Some),
            None => [None; 6],
        };
        let w = known.map(|(_, w)| w);
        let (mut owned, public) = System::new(mode, &public);
        let system = &mut owned;
        let [
            requirement,
            issuers,
            nullifier,
            sealed_public,
            today,
            context,
        ] = public.as_slice()
        else {
            unreachable!("six public inputs");
        };

        // Holder: the record is about whoever knows z.
        system.part("holder");
        let z = system.alloc(w.map(|w| w.secret.0));
        let holder = poseidon::hash(system, &[tag(Domain::Holder), z.clone()]);

        // Record: the cells, committed to under the salt.
        system.part("cells");
        let cells = w.map(|w| w.cells);
        let record = Record::alloc(system, &self.layout, self.plan.open(), cells);
        system.part("record");
        let salt = system.alloc(w.map(|w| w.salt));
        let commitment = record.commit(system, self.layout.schema(), &salt);

        // Validity: issued <= today <= expires, all of 18 bits.
        system.part("validity");
        let day = |d: CivilDay| Fr::from(d.number());
        let elapsed = w.map(|w| day(w.today) - day(w.issued));
        let left = w.map(|w| day(w.expires) - day(w.today));
        let validity = validity(system, today, elapsed, left);

        // Issuer: one of the accepted.
        system.part("issuer");
        let key = self.issuer(system, issuers, w);

        // Signature: the issuer's, over holder, record, sealed and validity.
        system.part("signature");
        let sealed = system.alloc(w.map(|w| w.sealed));
        let schema = Num::fixed(schema_element(self.layout.schema()));
        let message = [schema, holder, commitment, sealed.clone(), validity];
        verify(system, &key, &message, w.map(|w| w.signature));

        // Predicate: the requirement's formula holds of the cells today.
        system.part("predicate");
        let predicate = Predicate {
            layout: &self.layout,
            plan: &self.plan,
            record: &record,
            today,
            facts: w.map(|w| Facts {
                cells: w.cells,
                today: w.today,
            }),
        };
        predicate.enforce(system, self.program.formula());

        // Nullifier: one claim per person per requirement.
        system.part("nullifier");
        let expected = poseidon::hash(system, &[tag(Domain::Nullifier), z, requirement.clone()]);
        system.enforce_equal(&expected, nullifier);

        // Sealed: the record on the ledger when it is for sale, 0 when it is only counted.
        system.part("sealed");
        let sale = system.alloc_bit(w.map(|w| w.sale));
        system.enforce(sale.num(), &sealed, sealed_public);

        // Context: bound by being an input; copied so that it also stands in a constraint.
        system.part("context");
        let copy = system.alloc(context.value());
        system.enforce_equal(context, &copy);

        owned
    }

    /// The issuer's key, shown to be accepted.
    fn issuer(&self, system: &mut System, root: &Num, w: Option<&Witness<'_>>) -> Key {
        let depth = match self.issuers {
            AcceptedIssuers::One(point) => {
                let (x, y) = point.coordinates();
                system.enforce_equal(root, &Num::fixed(issuer_leaf(x, y)));
                return Key::Fixed(point);
            }
            AcceptedIssuers::Tree { depth } => depth,
        };
        let key = Key::Witness(Box::new(WitnessKey::alloc(system, w.map(|w| w.issuer))));
        let (x, y) = key.coordinates();
        let mut node = poseidon::hash(system, &[tag(Domain::IssuerLeaf), x, y]);
        for level in 0..depth {
            let children = w.and_then(|w| w.path.children.get(level));
            let position = w.and_then(|w| w.path.positions.get(level).copied());
            node = self.climb(system, &node, children, position);
        }
        system.enforce_equal(&node, root);
        key
    }

    /// The parent of a node that is one of eight children.
    fn climb(
        &self,
        system: &mut System,
        node: &Num,
        children: Option<&[Fr; ARITY]>,
        position: Option<u8>,
    ) -> Num {
        let children: Vec<Num> = (0..ARITY)
            .map(|i| system.alloc(children.and_then(|c| c.get(i).copied())))
            .collect();
        // Pointers that sum to 1: where one is not zero, the child there is the node.
        let pointers: Vec<Num> = (0..ARITY)
            .map(|i| system.alloc(position.map(|p| Fr::from(usize::from(p) == i))))
            .collect();
        for (pointer, child) in pointers.iter().zip(&children) {
            system.enforce(pointer, &node.minus(child), &Num::fixed(0u64));
        }
        let sum = Num::combine(pointers.iter().map(|p| (Fr::one(), p)));
        system.enforce_equal(&sum, &Num::fixed(1u64));
        let inputs: Vec<Num> = core::iter::once(tag(Domain::IssuerNode))
            .chain(children)
            .collect();
        poseidon::hash(system, &inputs)
    }
}

/// What an issuer signs: schema, holder, record, sealed, and `issued * 2^18 + expires`.
pub fn message(
    schema: SchemaId,
    holder: Fr,
    record: Fr,
    sealed: Fr,
    (issued, expires): (CivilDay, CivilDay),
) -> [Fr; MESSAGE] {
    let validity = (u64::from(issued.number()) << CIVIL_BITS) + u64::from(expires.number());
    [
        schema_element(schema),
        holder,
        record,
        sealed,
        Fr::from(validity),
    ]
}

fn tag(domain: Domain) -> Num {
    Num::fixed(domain.element())
}

/// `issued * 2^18 + expires`, from `today - issued` and `expires - today`. With `expires` of 18 bits,
/// and both differences of 18 bits, no other pair has the same value.
fn validity(system: &mut System, today: &Num, elapsed: Option<Fr>, left: Option<Fr>) -> Num {
    let n = CIVIL_BITS as usize;
    let elapsed = Num::from_bits(&bits::alloc(system, elapsed, n));
    let left = Num::from_bits(&bits::alloc(system, left, n));
    let expires = today.plus(&left);
    bits::decompose(system, &expires, n);
    let issued = today.minus(&elapsed);
    issued
        .times(Fr::from(2u64).pow([u64::from(CIVIL_BITS)]))
        .plus(&expires)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validity_has_one_reading() {
        const TODAY: u64 = 45_000;
        let signed = |issued: u64, expires: u64| Fr::from((issued << CIVIL_BITS) + expires);
        let read = |elapsed: u64, left: u64| {
            let (mut system, inputs) = System::new(Mode::Check, &[Some(Fr::from(TODAY))]);
            let (elapsed, left) = (Fr::from(elapsed), Fr::from(left));
            let value = validity(&mut system, &inputs[0], Some(elapsed), Some(left)).value();
            let z = system.assignment().to_vec();
            (value, system.r1cs().violated(&z).is_none())
        };
        assert_eq!(read(372, 31), (Some(signed(TODAY - 372, TODAY + 31)), true));
        assert_eq!(read(0, 0), (Some(signed(TODAY, TODAY)), true));
        // An expired credential, read as issued one unit earlier and expiring 2^18 later, is the same
        // signed number; only the range of `expires` gives it away.
        let (issued, expires) = (TODAY - 372, TODAY - 31);
        let forged = read(372 + 1, (1 << CIVIL_BITS) - 31);
        assert_eq!(forged, (Some(signed(issued, expires)), false));
    }
}
