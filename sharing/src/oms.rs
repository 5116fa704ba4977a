//! Ordered multisignatures: a team signs a diagnosis one after the other, in two curve points.
//!
//! Boldyreva, Gentry, O'Neill and Yum (CCS 2007) with asymmetric pairings and registered keys. Whoever
//! verifies sees who signed, in which order, and that nobody was dropped or exchanged.
//!
//! ```text
//! key     s, t, u;  S = sP2, T1 = tP1, T2 = tP2, U1 = uP1, U2 = uP2
//! sign k  rho random, R' = R + rho P1,
//!         Q' = Q + s_k H1[MSG](M_k) + (t_k + k u_k) R' + rho * sum over i < k of (T1_i + i U1_i)
//! verify  e(Q, P2) = product of e(H1[MSG](M_i), S_i) * e(R, sum of (T2_i + i U2_i))
//! ```
//!
//! Two forms. In a **growing diagnosis** ([`Chain`]) each signer adds a committed opinion, and M_k names the
//! case, the pseudonym, the position, all signers so far and all opinions so far; n + 2 pairings. In a **joint
//! sign-off** ([`Joint`]) all sign one message; 3 pairings. Registering a key takes 4, each with one final
//! exponentiation.
//!
//! A key is registered with three proofs of possession: without them S' = xP2 - S_v forges v's part. The
//! scalars are for signing only; nothing is ever decrypted with them.

mod chain;
mod joint;
mod signer;
#[cfg(test)]
mod tests;

pub use chain::{
    Case, Chain, MAX_SIGNERS, Opinion, OpinionSalt, Roster, SignatureError, VerifiedChain,
};
pub use joint::{Joint, JointError, VerifiedJoint};
pub use signer::{MultiSigner, RegisteredSigner, SignerId, SignerKey, SignerProof};
