//! Groth16 over BN254 for an [`R1cs`](crate::r1cs::R1cs): keys that carry their matrices, and the prover.
//!
//! Set-up uses the circom-compatible reduction: the instance-consistency rows follow the constraints, and
//! the quotient is committed to by its values on the odd coset of the domain of twice the size, so the
//! prover interpolates three vectors, moves them to the coset, and never comes back (six transforms).
//!
//! ```
//! use ark_bn254::{Bn254, Fr};
//! use ark_groth16::Groth16;
//! use ark_snark::SNARK;
//! use eligo_circuits::{groth16::ProvingKey, r1cs::{Matrix, R1cs}};
//! use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//!
//! // x * x = y, y public: columns 1, y, x.
//! let (one, mut a, mut c) = (Fr::from(1u64), Matrix::empty(), Matrix::empty());
//! a.push_row(vec![(2, one)]);
//! c.push_row(vec![(1, one)]);
//! let system = R1cs { instance: 2, witness: 1, a: a.clone(), b: a, c };
//!
//! let mut rng = ChaCha20Rng::seed_from_u64(7);
//! let key = ProvingKey::generate(system, &mut rng);
//! let proof = key.prove(&[one, Fr::from(9u64), Fr::from(3u64)], &mut rng)?;
//! let verifier = Groth16::<Bn254>::process_vk(&key.verifying_key())?;
//! assert!(Groth16::<Bn254>::verify_with_processed_vk(&verifier, &[Fr::from(9u64)], &proof)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod consistency;
mod cursor;
mod digest;
mod domain;
mod file;
mod fixed_base;
mod glv;
mod kernel;
mod key;
mod matrices;
mod msm;
mod parallel;
mod points;
mod prove;
mod setup;
pub mod snarkjs;
mod synthesizer;

pub use consistency::ConsistencyError;
pub use cursor::{ReadError, Section};
pub use digest::{KeyDigest, ParseDigestError};
pub use file::MAX_METADATA;
pub use key::ProvingKey;
pub use prove::{Phases, ProveError, Work};
pub use synthesizer::Synthesizer;
