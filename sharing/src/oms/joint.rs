//! A joint sign-off: a team fixed in advance signs one and the same message in order.

use ark_bls12_381::{G1Affine, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup};
use rand_core::{CryptoRng, RngCore};

use super::MAX_SIGNERS;
use super::chain::registered;
use super::signer::order_key;
use super::{Case, MultiSigner, Opinion, RegisteredSigner, Roster, SignatureError, SignerId};
use crate::curve::{self, G1_BYTES};
use crate::domain::{self, dst, lp, sha256};
use crate::pairing;
use crate::wallet::Pseudonym;
use crate::wire::{Fields, WireError};

/// A sign-off some or all of the team have signed, not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joint {
    case: Case,
    conclusion: Opinion,
    team: Vec<SignerId>,
    signed: usize,
    q: G1Affine,
    r: G1Affine,
}

/// A sign-off in which all that signed so far were verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedJoint {
    joint: Joint,
    signers: Vec<RegisteredSigner>,
}

/// Why a sign-off is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JointError {
    /// As for a growing diagnosis.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It is another's turn.
    #[error("it is the turn of signer {0}")]
    NotYourTurn(SignerId),
    /// All have signed.
    #[error("all of the team have signed")]
    Complete,
    /// Not all have signed.
    #[error("{signed} of {team} have signed")]
    Incomplete {
        /// How many have.
        signed: usize,
        /// How many are to.
        team: usize,
    },
}

impl Joint {
    /// LP("OMS-V01-JOINT", header, nym, LP(ids), conclusion): every signer signs just this.
    fn message(&self) -> Vec<u8> {
        let team: Vec<&[u8]> = self
            .team
            .iter()
            .map(|id| id.as_bytes().as_slice())
            .collect();
        let Case { header, pseudonym } = &self.case;
        let team = sha256(&lp(&team));
        lp(&[
            b"OMS-V01-JOINT",
            header,
            pseudonym.as_bytes(),
            &team,
            self.conclusion.as_bytes(),
        ])
    }

    /// e(Q, P2) = e(H1\[MSG\](M), sum of S_i) * e(R, sum of (T2_i + i U2_i)). Three pairings, one final
    /// exponentiation.
    ///
    /// # Errors
    /// [`SignatureError`] says what is wrong.
    pub fn verify(self, case: &Case, roster: &Roster) -> Result<VerifiedJoint, SignatureError> {
        if self.case != *case {
            return Err(SignatureError::OtherCase);
        }
        if self.signed == 0 {
            return Err(SignatureError::Count(0));
        }
        if self.r.is_zero() {
            return Err(SignatureError::Order);
        }
        let signers = registered(roster, &self.team)?;
        let done = signers
            .get(..self.signed)
            .ok_or(SignatureError::Count(self.signed))?;
        let keys: G2Projective = done.iter().map(|s| s.key().s.into_group()).sum();
        let hash = domain::hash_to_g1(dst::OMS_MESSAGE, &self.message());
        let holds = pairing::is_one(&[
            (-self.q, G2Affine::generator()),
            (hash, keys.into_affine()),
            (self.r, order_key(done)),
        ]);
        if holds {
            Ok(VerifiedJoint {
                joint: self,
                signers,
            })
        } else {
            Err(SignatureError::Equation)
        }
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let team: Vec<&[u8]> = self
            .team
            .iter()
            .map(|id| id.as_bytes().as_slice())
            .collect();
        lp(&[
            FORMAT,
            &self.case.header,
            self.case.pseudonym.as_bytes(),
            self.conclusion.as_bytes(),
            &lp(&team),
            &domain::int(self.signed as u64),
            &curve::encode_g1(&self.q),
            &curve::encode_g1(&self.r),
        ])
    }

    /// Decodes a sign-off that someone has signed.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        fields.literal("format", FORMAT)?;
        let header = fields.array("header")?;
        let pseudonym = Pseudonym::new(fields.array("pseudonym")?);
        let conclusion = Opinion::new(fields.array("conclusion")?);
        let team = fields.list("team", MAX_SIGNERS, 32, |f| {
            f.array("id").map(SignerId::new)
        })?;
        let signed = usize::try_from(fields.int("signed")?)
            .ok()
            .filter(|&n| n <= team.len());
        let signed = signed.ok_or(WireError::Value { field: "signed" })?;
        let q = fields.point("Q", G1_BYTES, curve::decode_g1)?;
        let r = fields.point("R", G1_BYTES, curve::decode_g1)?;
        fields.end()?;
        Ok(Self {
            case: Case { header, pseudonym },
            conclusion,
            team,
            signed,
            q,
            r,
        })
    }
}

const FORMAT: &[u8] = b"OMS-V01-JOINT-SIGNATURE";

impl VerifiedJoint {
    /// A conclusion that this team, in this order, is to sign.
    ///
    /// # Errors
    /// [`SignatureError`] if there is nobody, there are too many, or one is there twice.
    pub fn begin(
        case: Case,
        conclusion: Opinion,
        team: &[RegisteredSigner],
    ) -> Result<Self, SignatureError> {
        if team.is_empty() || team.len() > MAX_SIGNERS {
            return Err(SignatureError::Count(team.len()));
        }
        let ids: Vec<_> = team.iter().map(RegisteredSigner::id).collect();
        let roster: Roster = team.iter().map(|signer| (signer.id(), *signer)).collect();
        let signers = registered(&roster, &ids)?;
        let (q, r) = (G1Affine::identity(), G1Affine::identity());
        Ok(Self {
            joint: Joint {
                case,
                conclusion,
                team: ids,
                signed: 0,
                q,
                r,
            },
            signers,
        })
    }

    /// Signs, if it is one's turn. Five products in G1.
    ///
    /// # Errors
    /// [`JointError`] if it is not.
    pub fn sign(
        self,
        signer: &MultiSigner,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Joint, JointError> {
        let Self { mut joint, signers } = self;
        let next = *joint.team.get(joint.signed).ok_or(JointError::Complete)?;
        if signer.public().id() != next {
            return Err(JointError::NotYourTurn(next));
        }
        let before = signers.get(..joint.signed).unwrap_or_default();
        let k = joint.signed as u64 + 1;
        (joint.q, joint.r) = signer.add(&joint.message(), k, before, (joint.q, joint.r), rng);
        joint.signed += 1;
        Ok(joint)
    }

    /// All of the team signed.
    ///
    /// # Errors
    /// [`JointError::Incomplete`] says how many did.
    pub fn complete(&self) -> Result<&[RegisteredSigner], JointError> {
        let (signed, team) = (self.joint.signed, self.signers.len());
        if signed == team {
            Ok(&self.signers)
        } else {
            Err(JointError::Incomplete { signed, team })
        }
    }
}
