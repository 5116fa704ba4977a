//! A proving key.

use std::{fmt, sync::OnceLock};

use ark_bn254::{Bn254, G1Affine, G2Affine, g1, g2};
use ark_groth16::VerifyingKey;

use super::{
    consistency::CheckElements, domain::Domain, kernel::Engine, msm::Table, parallel,
    prove::Weighted,
};
use crate::r1cs::R1cs;

/// Group elements of some of the columns: those whose element is not the point at infinity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query<G> {
    /// Columns with an element, ascending.
    pub(crate) columns: Vec<u32>,
    /// Their elements, never infinity.
    pub(crate) points: Vec<G>,
}

/// Everything a prover needs: the circuit's matrices and the group elements of its set-up.
///
/// The element of a column in G1's B query is absent on purpose: the prover blinds by
/// re-randomisation, which does not use it.
#[derive(Clone)]
pub struct ProvingKey {
    pub(crate) system: R1cs,
    pub(crate) domain: Domain,
    pub(crate) vk: VerifyingKey<Bn254>,
    /// `A_k(tau)` in G1, over all columns.
    pub(crate) a: Query<G1Affine>,
    /// `B_k(tau)` in G2, over all columns.
    pub(crate) b: Query<G2Affine>,
    /// `(beta A_k + alpha B_k + C_k)(tau) / delta` in G1, over the witness columns.
    pub(crate) l: Query<G1Affine>,
    /// The coset's Lagrange polynomials at tau over delta, in G1: one for each element of the domain.
    pub(crate) h: Vec<G1Affine>,
    /// What the key can be checked by; absent from keys of other tools.
    pub(crate) check: Option<CheckElements>,
    pub(crate) metadata: Vec<u8>,
    pub(crate) prepared: OnceLock<Prepared>,
}

/// The points as the multi-scalar products take them, and the domain's tables.
#[derive(Clone)]
pub(crate) struct Prepared {
    pub(crate) a: Table<g1::Config>,
    pub(crate) b: Table<g2::Config>,
    pub(crate) l: Table<g1::Config>,
    pub(crate) h: Table<g1::Config>,
    pub(crate) domain: Domain,
    pub(crate) weighted: OnceLock<Weighted>,
}

impl ProvingKey {
    /// The key with which `ark_groth16` (and snarkjs, and the contract) verifies this key's proofs.
    pub fn verifying_key(&self) -> VerifyingKey<Bn254> {
        self.vk.clone()
    }

    /// The constraint system this key proves.
    pub fn system(&self) -> &R1cs {
        &self.system
    }

    /// Number of evaluation points, a power of two not below constraints plus instance columns.
    pub fn domain_size(&self) -> usize {
        self.domain.size()
    }

    /// Points of the A, B and L queries, infinity left out.
    pub fn query_lengths(&self) -> (usize, usize, usize) {
        (
            self.a.points.len(),
            self.b.points.len(),
            self.l.points.len(),
        )
    }

    /// The circuit's description, as given to [`with_metadata`](Self::with_metadata); empty by default.
    pub fn metadata(&self) -> &[u8] {
        &self.metadata
    }

    /// Readies the points for proving, which the first proof otherwise does: some milliseconds for a key of 2^14
    /// rows, and 128 bytes for each point of G1, 256 for each of G2.
    pub fn prepare(&self) {
        self.prepared();
    }

    pub(crate) fn prepared(&self) -> &Prepared {
        self.prepared.get_or_init(|| {
            let engine = Engine::detect();
            let ((a, b), (l, h)) = parallel::join(
                || {
                    (
                        Table::new(engine, &self.a.points),
                        Table::new(engine, &self.b.points),
                    )
                },
                || {
                    (
                        Table::new(engine, &self.l.points),
                        Table::new(engine, &self.h),
                    )
                },
            );
            let mut domain = self.domain.clone();
            domain.prepare(engine);
            Prepared {
                a,
                b,
                l,
                h,
                domain,
                weighted: OnceLock::new(),
            }
        })
    }

    /// Attaches a description of the circuit (opaque bytes); it is part of the file and of its digest.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Vec<u8>) -> Self {
        self.metadata = metadata;
        self
    }
}

impl fmt::Debug for ProvingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvingKey")
            .field("constraints", &self.system.constraints())
            .field("instance", &self.system.instance)
            .field("witness", &self.system.witness)
            .field("domain", &self.domain.size())
            .finish_non_exhaustive()
    }
}
