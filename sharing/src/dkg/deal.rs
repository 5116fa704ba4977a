//! Round 1: each participant deals a random polynomial.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use ark_bls12_381::{Fr, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Zero;
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::qualification::{Checker, Complaint};
use super::{Ceremony, CeremonyId, MAX_PARTICIPANTS, Participant};
use crate::bfkem;
use crate::curve::{self, G2_BYTES, SCALAR_BYTES};
use crate::domain::{self, dst, int, lp};
use crate::letter::{LETTER_OVERHEAD, Letter, LetterKey};
use crate::scalar::SecretScalar;
use crate::wire::{Fields, WireError};

/// Hp, the second base of commitments: nobody knows its logarithm.
pub(super) fn pedersen_base() -> &'static G2Affine {
    static BASE: OnceLock<G2Affine> = OnceLock::new();
    BASE.get_or_init(|| domain::hash_to_g2(dst::PEDERSEN, b""))
}

/// sum over k of x^k points_k, by Horner's rule with a short x.
pub(super) fn evaluate_points(points: &[G2Affine], x: u64) -> G2Affine {
    let sum = points
        .iter()
        .rev()
        .fold(G2Projective::zero(), |sum, point| {
            let mut scaled = G2Projective::zero();
            for bit in (0..u64::BITS - x.leading_zeros()).rev() {
                scaled += scaled;
                if x >> bit & 1 == 1 {
                    scaled += sum;
                }
            }
            scaled + point
        });
    sum.into_affine()
}

/// f(j) and f'(j) of one dealer. Wiped when dropped.
pub(super) struct SharePair {
    pub(super) s: Zeroizing<Fr>,
    pub(super) blind: Zeroizing<Fr>,
}

impl SharePair {
    /// s P2 + s' Hp = sum over k of j^k C_k.
    pub(super) fn fits(&self, commitments: &[G2Affine], holder: Participant) -> bool {
        #[cfg(any(test, feature = "test-util"))]
        super::count::record();
        let left = curve::mul_g2(&G2Affine::generator(), &self.s)
            + curve::mul_g2(pedersen_base(), &self.blind);
        left.into_affine() == evaluate_points(commitments, holder.x())
    }

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let (s, blind) = (
            curve::encode_scalar(&self.s),
            curve::encode_scalar(&self.blind),
        );
        Zeroizing::new([s, blind].concat())
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (s, blind) = bytes.split_at_checked(SCALAR_BYTES)?;
        Some(Self {
            s: Zeroizing::new(curve::decode_scalar(s).ok()?),
            blind: Zeroizing::new(curve::decode_scalar(blind).ok()?),
        })
    }
}

/// What a dealer's letter says, decoded and encoded again; for fuzzing.
#[cfg(feature = "test-util")]
pub(crate) fn recode_dealt_share(plain: &[u8]) -> Option<Vec<u8>> {
    SharePair::decode(plain).map(|share| share.encode().to_vec())
}

/// The two polynomials of a dealer, lowest coefficient first.
pub(super) struct Polynomials {
    f: Zeroizing<Vec<Fr>>,
    blind: Zeroizing<Vec<Fr>>,
}

impl Polynomials {
    fn random(threshold: usize, rng: &mut (impl CryptoRng + RngCore)) -> Self {
        let mut draw = || {
            let mut coefficients = Zeroizing::new(Vec::with_capacity(threshold));
            for _ in 0..threshold {
                coefficients.push(*SecretScalar::random(rng).expose());
            }
            coefficients
        };
        Self {
            f: draw(),
            blind: draw(),
        }
    }

    pub(super) fn at(&self, holder: Participant) -> SharePair {
        SharePair {
            s: Zeroizing::new(bfkem::evaluate(&self.f, holder.x())),
            blind: Zeroizing::new(bfkem::evaluate(&self.blind, holder.x())),
        }
    }

    /// A_k = a_k P2.
    pub(super) fn exposed(&self) -> Vec<G2Affine> {
        self.f
            .iter()
            .map(|a| curve::mul_g2(&G2Affine::generator(), a))
            .collect()
    }

    /// C_k = a_k P2 + b_k Hp.
    fn committed(&self) -> Vec<G2Affine> {
        let blinds = self.blind.iter().map(|b| curve::mul_g2(pedersen_base(), b));
        self.exposed()
            .into_iter()
            .zip(blinds)
            .map(|(a, b)| (a + b).into_affine())
            .collect()
    }
}

/// A dealer's broadcast: t commitments, and a letter to each participant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deal {
    ceremony: CeremonyId,
    pub(super) dealer: Participant,
    pub(super) commitments: Vec<G2Affine>,
    letters: Vec<Letter>,
}

/// Who deals has no key in the ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this key is no participant's")]
pub struct NotParticipant;

/// A participant that has dealt.
///
/// ```compile_fail
/// fn twice(d: eligo_sharing::dkg::Dealer<'_>) { drop(d); drop(d); }
/// ```
pub struct Dealer<'a> {
    ceremony: &'a Ceremony,
    me: Participant,
    key: &'a LetterKey,
    polynomials: Polynomials,
}

fn info(ceremony: &CeremonyId) -> Vec<u8> {
    lp(&[b"MEDDKG-V01-SHARE", ceremony.as_bytes()])
}

fn aad(dealer: Participant, holder: Participant) -> Vec<u8> {
    lp(&[&int(dealer.x()), &int(holder.x())])
}

/// Round 1: deals a random polynomial. 4t products in G2, n letters.
///
/// # Errors
/// [`NotParticipant`] if the key is not in the ceremony.
pub fn deal<'a>(
    ceremony: &'a Ceremony,
    key: &'a LetterKey,
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<(Dealer<'a>, Deal), NotParticipant> {
    let me = ceremony.position(&key.public()).ok_or(NotParticipant)?;
    let polynomials = Polynomials::random(ceremony.threshold(), rng);
    let info = info(&ceremony.id());
    let letters = ceremony.participants().map(|(holder, to)| {
        to.write(
            &polynomials.at(holder).encode(),
            &info,
            &aad(me, holder),
            rng,
        )
    });
    // a participant with an unusable key harms only itself, but has no place here
    let letters = letters
        .collect::<Result<_, _>>()
        .map_err(|_| NotParticipant)?;
    let commitments = polynomials.committed();
    let deal = Deal {
        ceremony: ceremony.id(),
        dealer: me,
        commitments,
        letters,
    };
    Ok((
        Dealer {
            ceremony,
            me,
            key,
            polynomials,
        },
        deal,
    ))
}

/// The deals that were made in time, in public: at most one a participant, each well formed.
#[derive(Clone, Debug)]
pub struct Deals {
    pub(super) ceremony: Ceremony,
    pub(super) deals: BTreeMap<Participant, Deal>,
}

impl Deals {
    /// Collects broadcasts in their order: the first well-formed deal of each participant counts. Whoever
    /// carries them has checked that each is by its dealer.
    #[must_use]
    pub fn collect(ceremony: &Ceremony, deals: impl IntoIterator<Item = Deal>) -> Self {
        let mut collected = BTreeMap::new();
        for deal in deals {
            let well_formed = deal.ceremony == ceremony.id()
                && ceremony.contains(deal.dealer)
                && deal.commitments.len() == ceremony.threshold()
                && deal.letters.len() == ceremony.size();
            if well_formed {
                collected.entry(deal.dealer).or_insert(deal);
            }
        }
        Self {
            ceremony: ceremony.clone(),
            deals: collected,
        }
    }
}

impl<'a> Dealer<'a> {
    /// Which participant it is.
    #[must_use]
    pub fn participant(&self) -> Participant {
        self.me
    }

    /// Round 2: reads the letters of all deals and complains about each that is missing or does not fit its
    /// commitments: s_ij P2 + s'_ij Hp = sum over k of j^k C_ik. Two products in G2 a dealer.
    #[must_use]
    pub fn check(self, deals: &Deals) -> (Checker<'a>, Vec<Complaint>) {
        let info = info(&self.ceremony.id());
        let mut shares = BTreeMap::new();
        let mut complaints = Vec::new();
        for (&dealer, deal) in &deals.deals {
            let share = deal
                .letters
                .get(self.me.at())
                .and_then(|letter| self.key.open(letter, &info, &aad(dealer, self.me)).ok())
                .and_then(|plain| SharePair::decode(&plain))
                .filter(|share| share.fits(&deal.commitments, self.me));
            match share {
                Some(share) => {
                    shares.insert(dealer, share);
                }
                None => complaints.push(Complaint::new(self.ceremony.id(), dealer, self.me)),
            }
        }
        (
            Checker::new(self.ceremony, self.me, self.polynomials, shares),
            complaints,
        )
    }
}

impl core::fmt::Debug for Dealer<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Dealer")
            .field("me", &self.me)
            .finish_non_exhaustive()
    }
}

impl Deal {
    /// Who dealt it.
    #[must_use]
    pub fn dealer(&self) -> Participant {
        self.dealer
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let commitments: Vec<_> = self.commitments.iter().map(curve::encode_g2).collect();
        let letters: Vec<_> = self.letters.iter().map(Letter::to_bytes).collect();
        lp(&[
            FORMAT,
            self.ceremony.as_bytes(),
            &int(self.dealer.x()),
            &lp(&commitments
                .iter()
                .map(<[u8; G2_BYTES]>::as_slice)
                .collect::<Vec<_>>()),
            &lp(&letters.iter().map(Vec::as_slice).collect::<Vec<_>>()),
        ])
    }

    /// Decodes a deal. Commitments must be points of the subgroup, not the identity.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        const PLAIN: usize = 2 * SCALAR_BYTES;
        let mut fields = Fields::new(bytes);
        fields.literal("format", FORMAT)?;
        let ceremony = CeremonyId::new(fields.array("ceremony")?);
        let dealer = read_participant(&mut fields, "dealer")?;
        let commitments = fields.list("C", MAX_PARTICIPANTS, G2_BYTES, |f| {
            f.point("C", G2_BYTES, curve::decode_g2)
        })?;
        let size = PLAIN + LETTER_OVERHEAD + 8;
        let letters = fields.list("letters", MAX_PARTICIPANTS, size, |f| {
            let mut inner = Fields::new(f.bytes("letter", size)?);
            let letter = Letter::read(&mut inner, PLAIN)?;
            inner.end()?;
            Ok(letter)
        })?;
        fields.end()?;
        Ok(Self {
            ceremony,
            dealer,
            commitments,
            letters,
        })
    }
}

const FORMAT: &[u8] = b"MEDDKG-V01-DEAL";

pub(super) fn read_participant(
    fields: &mut Fields<'_>,
    field: &'static str,
) -> Result<Participant, WireError> {
    Participant::new(fields.int(field)?).ok_or(WireError::Value { field })
}

#[cfg(test)]
impl Deal {
    pub(super) fn spoil_letter(&mut self, holder: usize) {
        let other = self.letters[(holder + 1) % self.letters.len()].clone();
        self.letters[holder] = other;
    }
}
