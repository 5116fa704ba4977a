//! A growing diagnosis: each signer adds an opinion, and signs all that came before.

use std::collections::BTreeMap;

use ark_bls12_381::G1Affine;
use ark_ec::AffineRepr;
use rand_core::{CryptoRng, RngCore};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::signer::order_key;
use super::{MultiSigner, RegisteredSigner, SignerId};
use crate::curve::{self, G1_BYTES};
use crate::domain::{self, dst, int, lp, sha256};
use crate::pairing;
use crate::wallet::Pseudonym;
use crate::wire::{Fields, WireError, byte_string};
use ark_bls12_381::G2Affine;

/// The most signers of one diagnosis.
pub const MAX_SIGNERS: usize = 64;

byte_string! {
    /// A salted commitment to an opinion: never the opinion itself, nor a hash that can be guessed.
    Opinion, 32
}
/// What opens an [`Opinion`], kept with the record: who has it can guess the opinion. Wiped when dropped,
/// never printed.
///
/// ```compile_fail
/// fn twice(s: eligo_sharing::oms::OpinionSalt) { drop(s); drop(s); }
/// ```
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct OpinionSalt([u8; 32]);

impl OpinionSalt {
    /// Takes back what [`expose`](Self::expose) gave.
    #[must_use]
    pub fn new(mut bytes: [u8; 32]) -> Self {
        let salt = Self(bytes);
        bytes.zeroize();
        salt
    }

    /// The bytes, to be kept with the record.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl core::fmt::Debug for OpinionSalt {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("OpinionSalt(..)")
    }
}

impl Opinion {
    /// c = SHA256(LP("OMS-V01-OPINION", salt, text)) with a fresh salt.
    #[must_use]
    pub fn commit(text: &[u8], rng: &mut (impl CryptoRng + RngCore)) -> (Self, OpinionSalt) {
        let mut salt = OpinionSalt::new([0; 32]);
        rng.fill_bytes(&mut salt.0);
        (Self::of(text, &salt), salt)
    }

    fn of(text: &[u8], salt: &OpinionSalt) -> Self {
        Self(sha256(&lp(&[b"OMS-V01-OPINION", &salt.0, text])))
    }

    /// Whether it is a commitment to this text.
    #[must_use]
    pub fn is_of(&self, text: &[u8], salt: &OpinionSalt) -> bool {
        *self == Self::of(text, salt)
    }
}

/// What is signed about: a record's header and the patient's pseudonym. A signature fits no other case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// SHA-256 of the record's header.
    pub header: [u8; 32],
    /// The encounter's pseudonym.
    pub pseudonym: Pseudonym,
}

/// Registered signers by name.
pub type Roster = BTreeMap<SignerId, RegisteredSigner>;

/// (Q, R) with the signers and opinions in order, not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    case: Case,
    steps: Vec<(SignerId, Opinion)>,
    q: G1Affine,
    r: G1Affine,
}

/// A diagnosis whose signatures were all verified; or one nobody has signed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedChain {
    chain: Chain,
    signers: Vec<RegisteredSigner>,
}

/// Why signatures are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A signer nobody registered.
    #[error("signer {0} is not registered")]
    Unregistered(SignerId),
    /// A signer signs twice.
    #[error("signer {0} signs twice")]
    Twice(SignerId),
    /// Nobody signed, or more than 64 did.
    #[error("{0} signers")]
    Count(usize),
    /// The case is another one.
    #[error("the signature is about another case")]
    OtherCase,
    /// R is the identity, under which the order would not be signed.
    #[error("the signature does not sign the order")]
    Order,
    /// The equation fails: someone's part is missing, exchanged or wrong.
    #[error("the signature does not verify")]
    Equation,
}

/// M_k = LP("OMS-V01", header, nym, k, SHA256(LP(pk_1..pk_k)), c_1..c_k).
fn message(case: &Case, signers: &[RegisteredSigner], opinions: &[(SignerId, Opinion)]) -> Vec<u8> {
    let keys: Vec<_> = signers.iter().map(|s| s.key().to_bytes()).collect();
    let digest = sha256(&lp(&keys.iter().map(Vec::as_slice).collect::<Vec<_>>()));
    let k = int(signers.len() as u64);
    let mut parts: Vec<&[u8]> = vec![
        b"OMS-V01",
        &case.header,
        case.pseudonym.as_bytes(),
        &k,
        &digest,
    ];
    parts.extend(
        opinions
            .iter()
            .map(|(_, opinion)| opinion.as_bytes().as_slice()),
    );
    lp(&parts)
}

impl VerifiedChain {
    /// A case nobody has signed yet.
    #[must_use]
    pub fn begin(case: Case) -> Self {
        let (q, r) = (G1Affine::identity(), G1Affine::identity());
        Self {
            chain: Chain {
                case,
                steps: Vec::new(),
                q,
                r,
            },
            signers: Vec::new(),
        }
    }

    /// Signs as the next, adding an opinion. Five products in G1.
    ///
    /// # Errors
    /// [`SignatureError`] if the signer signed before, is not the registered one, or there are too many.
    pub fn sign(
        self,
        signer: &MultiSigner,
        registered: &RegisteredSigner,
        opinion: Opinion,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Chain, SignatureError> {
        let Self {
            mut chain,
            mut signers,
        } = self;
        let id = registered.id();
        if registered.key() != signer.public() {
            return Err(SignatureError::Unregistered(signer.public().id()));
        }
        if chain.steps.iter().any(|(before, _)| *before == id) {
            return Err(SignatureError::Twice(id));
        }
        if signers.len() == MAX_SIGNERS {
            return Err(SignatureError::Count(MAX_SIGNERS + 1));
        }
        let before = signers.clone();
        chain.steps.push((id, opinion));
        signers.push(*registered);
        let message = message(&chain.case, &signers, &chain.steps);
        let k = signers.len() as u64;
        (chain.q, chain.r) = signer.add(&message, k, &before, (chain.q, chain.r), rng);
        Ok(chain)
    }

    /// Who signed, in order.
    #[must_use]
    pub fn signers(&self) -> &[RegisteredSigner] {
        &self.signers
    }

    /// The diagnosis as it travels.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.chain
    }
}

impl Chain {
    /// What it is about.
    #[must_use]
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// The signers it names, with their opinions, in order.
    #[must_use]
    pub fn steps(&self) -> &[(SignerId, Opinion)] {
        &self.steps
    }

    /// e(Q, P2) = product of e(H1\[MSG\](M_i), S_i) * e(R, sum of (T2_i + i U2_i)). n + 2 pairings, one final
    /// exponentiation.
    ///
    /// # Errors
    /// [`SignatureError`] says what is wrong, with the signer where it is one's.
    pub fn verify(self, case: &Case, roster: &Roster) -> Result<VerifiedChain, SignatureError> {
        if self.case != *case {
            return Err(SignatureError::OtherCase);
        }
        let n = self.steps.len();
        if n == 0 || n > MAX_SIGNERS {
            return Err(SignatureError::Count(n));
        }
        if self.r.is_zero() {
            return Err(SignatureError::Order);
        }
        let ids: Vec<_> = self.steps.iter().map(|(id, _)| *id).collect();
        let signers = registered(roster, &ids)?;
        let mut pairs = vec![
            (-self.q, G2Affine::generator()),
            (self.r, order_key(&signers)),
        ];
        for (k, signer) in (1..).zip(&signers) {
            let (upto, opinions) = (signers.get(..k), self.steps.get(..k));
            let message = message(case, upto.unwrap_or_default(), opinions.unwrap_or_default());
            pairs.push((
                domain::hash_to_g1(dst::OMS_MESSAGE, &message),
                signer.key().s,
            ));
        }
        if pairing::is_one(&pairs) {
            Ok(VerifiedChain {
                chain: self,
                signers,
            })
        } else {
            Err(SignatureError::Equation)
        }
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let steps: Vec<_> = self
            .steps
            .iter()
            .map(|(id, c)| [*id.as_bytes(), *c.as_bytes()].concat())
            .collect();
        lp(&[
            FORMAT,
            &self.case.header,
            self.case.pseudonym.as_bytes(),
            &lp(&steps.iter().map(Vec::as_slice).collect::<Vec<_>>()),
            &curve::encode_g1(&self.q),
            &curve::encode_g1(&self.r),
        ])
    }

    /// Decodes a diagnosis that someone has signed.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        fields.literal("format", FORMAT)?;
        let header = fields.array("header")?;
        let pseudonym = Pseudonym::new(fields.array("pseudonym")?);
        let steps = fields.list("steps", MAX_SIGNERS, 64, |f| {
            let step: [u8; 64] = f.array("step")?;
            let (id, opinion) = step.split_at(32);
            let array = |half: &[u8]| {
                half.try_into()
                    .map_err(|_| WireError::Value { field: "step" })
            };
            Ok((SignerId::new(array(id)?), Opinion::new(array(opinion)?)))
        })?;
        let q = fields.point("Q", G1_BYTES, curve::decode_g1)?;
        let r = fields.point("R", G1_BYTES, curve::decode_g1)?;
        fields.end()?;
        Ok(Self {
            case: Case { header, pseudonym },
            steps,
            q,
            r,
        })
    }

    #[cfg(test)]
    pub(super) fn parts_mut(
        &mut self,
    ) -> (&mut Vec<(SignerId, Opinion)>, &mut G1Affine, &mut G1Affine) {
        (&mut self.steps, &mut self.q, &mut self.r)
    }
}

const FORMAT: &[u8] = b"OMS-V01-CHAIN";

/// The registered signers of these names, all different.
pub(super) fn registered(
    roster: &Roster,
    ids: &[SignerId],
) -> Result<Vec<RegisteredSigner>, SignatureError> {
    let mut seen = std::collections::BTreeSet::new();
    ids.iter()
        .map(|id| {
            if !seen.insert(*id) {
                return Err(SignatureError::Twice(*id));
            }
            let found = roster.get(id).filter(|signer| signer.id() == *id);
            found.copied().ok_or(SignatureError::Unregistered(*id))
        })
        .collect()
}
