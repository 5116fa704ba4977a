//! Keys and signatures of replicas, and the one statement form they sign.
//!
//! Ed25519 with `verify_strict`: small-order keys and non-canonical signatures are refused, so two
//! verifiers never disagree. Every signature is over a [`Statement`] of fixed length that names the
//! chain, the epoch, the type, the view, the height and a digest; none can be read as another.

use crate::digest::{Digest, sha256};
use crate::height::{Epoch, Height, View};
use crate::verified::Verified;
use crate::wire::{Reader, Wire, WireError};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A replica's public key, known to be a point of large order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads a key.
    ///
    /// # Errors
    /// [`WireError::Invalid`] for a non-canonical encoding, a non-point or a point of small order.
    pub fn new(bytes: [u8; 32]) -> Result<Self, WireError> {
        let what = "public key";
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| WireError::Invalid { what })?;
        if key.is_weak() || key.to_edwards().compress().as_bytes() != &bytes {
            return Err(WireError::Invalid { what });
        }
        Ok(PublicKey(key))
    }

    /// The 32-byte encoding.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// True if `signature` is this key's over bytes that are no [`Statement`].
    #[cfg(feature = "malachite")]
    pub(crate) fn verify_bytes(&self, bytes: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.0.verify_strict(bytes, &signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.as_bytes()))
    }
}

impl Wire for PublicKey {
    const MIN_SIZE: usize = 32;
    fn encode(&self, out: &mut Vec<u8>) {
        self.as_bytes().encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        PublicKey::new(r.array()?)
    }
}

/// An Ed25519 signature of 64 bytes, not yet checked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature([u8; 64]);

impl Signature {
    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
    /// A signature made elsewhere.
    #[must_use]
    pub const fn new(bytes: [u8; 64]) -> Self {
        Signature(bytes)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "sig:{a:02x}{b:02x}{c:02x}{d:02x}")
    }
}

impl Wire for Signature {
    const MIN_SIZE: usize = 64;
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Signature(r.array()?))
    }
}

/// A replica's signing key. Not `Copy`, never printed, wiped when dropped.
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// The key with this 32-byte seed; the seed is consumed and wiped.
    #[must_use]
    pub fn from_seed(seed: Zeroizing<[u8; 32]>) -> Self {
        SecretKey(SigningKey::from_bytes(&seed))
    }

    /// The seed, to be written to a file of mode 0600.
    #[must_use]
    pub fn to_seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The matching public key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// The key this replica shows its peers on the network, derived from its signing key: what a
    /// transport signs is never what consensus signs.
    #[must_use]
    pub fn network(&self) -> SecretKey {
        let seed = sha256(&[b"ELIGO-V1-NETWORK-KEY", self.0.as_bytes()]);
        SecretKey::from_seed(Zeroizing::new(seed))
    }

    /// Signs bytes that are no [`Statement`], and cannot be taken for one.
    #[cfg(feature = "malachite")]
    pub(crate) fn sign_bytes(&self, bytes: &[u8]) -> Signature {
        Signature(self.0.sign(bytes).to_bytes())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// Which of a replica's statements a signature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The proposer's PRE-PREPARE.
    PrePrepare,
    /// A backup's PREPARE.
    Prepare,
    /// A COMMIT; q of them certify a block.
    Commit,
    /// A CHECKPOINT.
    Checkpoint,
    /// A VIEW-CHANGE; the height is the sender's last certified one, the digest its content's.
    ViewChange,
    /// A NEW-VIEW; the height is the highest certified one in V, the digest its content's.
    NewView,
    /// A replica's own statement, on the ledger, that it is up and may propose again.
    Ready,
    /// Malachite: a proposal; the digest covers the block and the round it was locked in.
    Propose,
    /// Malachite: a prevote; the zero digest for nil.
    Prevote,
    /// Malachite: a precommit; the zero digest for nil. A quorum of them certifies a block.
    Precommit,
}

impl Kind {
    /// The byte that stands for the kind.
    #[must_use]
    pub const fn tag(self) -> u8 {
        match self {
            Kind::PrePrepare => 1,
            Kind::Prepare => 2,
            Kind::Commit => 3,
            Kind::Checkpoint => 4,
            Kind::ViewChange => 5,
            Kind::NewView => 6,
            Kind::Ready => 7,
            Kind::Propose => 8,
            Kind::Prevote => 9,
            Kind::Precommit => 10,
        }
    }
}

impl Wire for Kind {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.tag());
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::decode(r)? {
            1 => Kind::PrePrepare,
            2 => Kind::Prepare,
            3 => Kind::Commit,
            4 => Kind::Checkpoint,
            5 => Kind::ViewChange,
            6 => Kind::NewView,
            7 => Kind::Ready,
            8 => Kind::Propose,
            9 => Kind::Prevote,
            10 => Kind::Precommit,
            tag => return Err(WireError::UnknownTag { what: "kind", tag }),
        })
    }
}

/// What one signature says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The roster's epoch.
    pub epoch: Epoch,
    /// The type of statement.
    pub kind: Kind,
    /// The view.
    pub view: View,
    /// The height.
    pub height: Height,
    /// The digest voted for.
    pub digest: Digest,
}

/// One chain, as a signing domain: the digest of its genesis document.
///
/// All signing and verifying goes through it, so a statement of one chain is worthless in another.
#[derive(Clone, Debug)]
pub struct Domain {
    chain: Digest,
    scheme: Scheme,
    kinds: KindSeparation,
    /// What other replicas of this process found right.
    verified: Option<Arc<Verified>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Ed25519,
    /// SHA-256 tags that anyone can make: only the simulator builds such a domain, to run a hundred
    /// thousand schedules; its adversary never makes a tag for a replica it does not own.
    Simulated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KindSeparation {
    Separate,
    /// PREPARE and COMMIT share a tag: the mistake one of the rule tests demonstrates.
    VotesMerged,
}

impl Domain {
    /// The domain of the chain with this genesis digest.
    #[must_use]
    pub const fn new(chain: Digest) -> Self {
        Domain {
            chain,
            scheme: Scheme::Ed25519,
            kinds: KindSeparation::Separate,
            verified: None,
        }
    }

    /// The same domain, in which a signature that was found right is not checked again.
    pub(crate) fn remembering(self, verified: Arc<Verified>) -> Self {
        Domain {
            verified: Some(verified),
            ..self
        }
    }

    pub(crate) const fn simulated(chain: Digest, votes_separate: bool) -> Self {
        let kinds = if votes_separate {
            KindSeparation::Separate
        } else {
            KindSeparation::VotesMerged
        };
        Domain {
            chain,
            scheme: Scheme::Simulated,
            kinds,
            verified: None,
        }
    }

    /// The genesis digest.
    #[must_use]
    pub const fn chain(&self) -> Digest {
        self.chain
    }

    /// The 102 signed bytes: `"ELIGO-PBFT-V1" || chain || epoch || kind || view || height || digest`.
    fn bytes(&self, s: &Statement) -> [u8; 102] {
        let kind = match (self.kinds, s.kind) {
            (KindSeparation::VotesMerged, Kind::Commit) => Kind::Prepare.tag(),
            (_, kind) => kind.tag(),
        };
        let mut out = [0u8; 102];
        let fields: [&[u8]; 7] = [
            b"ELIGO-PBFT-V1",
            self.chain.as_bytes(),
            &s.epoch.get().to_be_bytes(),
            &[kind],
            &s.view.get().to_be_bytes(),
            &s.height.get().to_be_bytes(),
            s.digest.as_bytes(),
        ];
        let mut rest = out.as_mut_slice();
        for field in fields {
            let (head, tail) = rest.split_at_mut(field.len());
            head.copy_from_slice(field);
            rest = tail;
        }
        out
    }

    /// Signs a statement.
    #[must_use]
    pub fn sign(&self, key: &SecretKey, statement: &Statement) -> Signature {
        let bytes = self.bytes(statement);
        match self.scheme {
            Scheme::Ed25519 => Signature(key.0.sign(&bytes).to_bytes()),
            Scheme::Simulated => simulated_tag(key.0.as_bytes(), &bytes),
        }
    }

    /// True if `signature` is `key`'s over `statement`.
    #[must_use]
    pub fn verify(&self, key: &PublicKey, statement: &Statement, signature: &Signature) -> bool {
        let bytes = self.bytes(statement);
        match self.scheme {
            Scheme::Ed25519 => {
                let mark = |_: &Arc<Verified>| sha256(&[key.as_bytes(), &bytes, &signature.0]);
                let mark = self.verified.as_ref().map(mark);
                let known = self.verified.as_ref().zip(mark);
                if known.is_some_and(|(verified, mark)| verified.has(&mark)) {
                    return true;
                }
                let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
                let right = key.0.verify_strict(&bytes, &signature).is_ok();
                if let (true, Some((verified, mark))) = (right, known) {
                    verified.add(mark);
                }
                right
            }
            Scheme::Simulated => simulated_key(key)
                .is_some_and(|secret| simulated_tag(&secret, &bytes) == *signature),
        }
    }
}

fn simulated_tag(secret: &[u8; 32], bytes: &[u8]) -> Signature {
    let mut out = [0u8; 64];
    out[..32].copy_from_slice(&sha256(&[b"simulated", secret, bytes]));
    Signature(out)
}

/// How many replicas a simulation can have.
pub(crate) const SIMULATED_KEYS: usize = 128;

/// The fixed keys of simulated replicas, made once per process.
pub(crate) fn simulated_keys() -> &'static [([u8; 32], PublicKey)] {
    static KEYS: std::sync::OnceLock<Vec<([u8; 32], PublicKey)>> = std::sync::OnceLock::new();
    KEYS.get_or_init(|| {
        (0..SIMULATED_KEYS as u64)
            .map(|i| {
                let seed = sha256(&[b"simulated replica", &i.to_be_bytes()]);
                (seed, SecretKey::from_seed(Zeroizing::new(seed)).public())
            })
            .collect()
    })
}

fn simulated_key(key: &PublicKey) -> Option<[u8; 32]> {
    static INDEX: std::sync::OnceLock<std::collections::BTreeMap<[u8; 32], [u8; 32]>> =
        std::sync::OnceLock::new();
    INDEX
        .get_or_init(|| {
            simulated_keys()
                .iter()
                .map(|(secret, public)| (*public.as_bytes(), *secret))
                .collect()
        })
        .get(key.as_bytes())
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(kind: Kind) -> Statement {
        Statement {
            epoch: Epoch::new(1),
            kind,
            view: View::new(2),
            height: Height::new(3),
            digest: Digest::new([4; 32]),
        }
    }

    #[test]
    fn a_signature_holds_for_its_statement_alone() {
        let key = SecretKey::from_seed(Zeroizing::new([7; 32]));
        let domain = Domain::new(Digest::new([1; 32]));
        let s = statement(Kind::Prepare);
        let sig = domain.sign(&key, &s);
        assert!(domain.verify(&key.public(), &s, &sig));
        let others = [
            statement(Kind::Commit),
            Statement {
                epoch: Epoch::new(2),
                ..s
            },
            Statement {
                view: View::new(3),
                ..s
            },
            Statement {
                height: Height::new(2),
                ..s
            },
            Statement {
                digest: Digest::ZERO,
                ..s
            },
        ];
        for other in others {
            assert!(!domain.verify(&key.public(), &other, &sig), "{other:?}");
        }
        assert!(!Domain::new(Digest::ZERO).verify(&key.public(), &s, &sig));
    }

    #[test]
    fn weak_and_non_canonical_keys_are_refused() {
        let mut one = [0u8; 32];
        one[0] = 1;
        assert!(PublicKey::new(one).is_err(), "the identity");
        let mut minus = [0xff; 32];
        minus[0] = 0xee;
        minus[31] = 0x7f;
        assert!(PublicKey::new(minus).is_err(), "p + 1");
    }

    #[test]
    fn a_secret_key_does_not_print() {
        let key = SecretKey::from_seed(Zeroizing::new([7; 32]));
        assert_eq!(format!("{key:?}"), "SecretKey(..)");
    }
}
