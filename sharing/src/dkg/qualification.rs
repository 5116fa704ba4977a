//! Rounds 2 and 3: complaints, answers, and who is qualified.

use std::collections::{BTreeMap, BTreeSet};

use ark_bls12_381::Fr;
use zeroize::Zeroizing;

use super::deal::{Polynomials, SharePair, read_participant};
use super::exposure::{Exposer, Exposure};
use super::{Ceremony, CeremonyId, Deal, Deals, Participant};
use crate::curve::{self, SCALAR_BYTES};
use crate::domain::{int, lp};
use crate::wire::{Fields, WireError};

/// A participant's word that a dealer gave it no valid share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    ceremony: CeremonyId,
    /// Who is complained about.
    pub dealer: Participant,
    /// Who complains. Whoever carries the complaint has checked that it is.
    pub holder: Participant,
}

/// A dealer's share for one participant, opened in public: by the dealer to answer a complaint, or by the
/// participant to object to an exposure or to reconstruct.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenedShare {
    pub(super) ceremony: CeremonyId,
    /// Whose polynomial it is of.
    pub dealer: Participant,
    /// Whose share it is.
    pub holder: Participant,
    pub(super) s: Fr,
    pub(super) blind: Fr,
}

impl core::fmt::Debug for OpenedShare {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "OpenedShare(dealer {}, holder {})",
            self.dealer, self.holder
        )
    }
}

/// Why a dealer is not qualified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It made no well-formed deal in time.
    NoDeal,
    /// It did not answer this participant's complaint with a share that fits.
    Unanswered(Participant),
    /// At least t participants complain, so at least one honest one does.
    ManyComplaints,
}

/// The dealers whose polynomials make the key, in public.
#[derive(Clone, Debug)]
pub struct Qualified {
    pub(super) ceremony: Ceremony,
    pub(super) deals: BTreeMap<Participant, Deal>,
    answers: BTreeMap<(Participant, Participant), OpenedShare>,
    faults: BTreeMap<Participant, Fault>,
}

/// Fewer than t dealers are qualified: more than t - 1 participants are corrupt or absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("only {qualified} dealers are qualified, {threshold} are needed")]
pub struct QualifyError {
    /// How many are.
    pub qualified: usize,
    /// t.
    pub threshold: usize,
}

/// A participant that has checked the deals.
///
/// ```compile_fail
/// fn twice(c: eligo_sharing::dkg::Checker<'_>) { drop(c); drop(c); }
/// ```
pub struct Checker<'a> {
    ceremony: &'a Ceremony,
    me: Participant,
    polynomials: Polynomials,
    shares: BTreeMap<Participant, SharePair>,
}

impl Complaint {
    pub(super) fn new(ceremony: CeremonyId, dealer: Participant, holder: Participant) -> Self {
        Self {
            ceremony,
            dealer,
            holder,
        }
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (dealer, holder) = (int(self.dealer.x()), int(self.holder.x()));
        lp(&[
            b"MEDDKG-V01-COMPLAINT",
            self.ceremony.as_bytes(),
            &dealer,
            &holder,
        ])
    }

    /// Decodes a complaint.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        fields.literal("format", b"MEDDKG-V01-COMPLAINT")?;
        let ceremony = CeremonyId::new(fields.array("ceremony")?);
        let dealer = read_participant(&mut fields, "dealer")?;
        let holder = read_participant(&mut fields, "holder")?;
        fields.end()?;
        Ok(Self {
            ceremony,
            dealer,
            holder,
        })
    }
}

impl OpenedShare {
    pub(super) fn of(
        ceremony: CeremonyId,
        dealer: Participant,
        holder: Participant,
        share: &SharePair,
    ) -> Self {
        Self {
            ceremony,
            dealer,
            holder,
            s: *share.s,
            blind: *share.blind,
        }
    }

    pub(super) fn pair(&self) -> SharePair {
        SharePair {
            s: Zeroizing::new(self.s),
            blind: Zeroizing::new(self.blind),
        }
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        lp(&[
            b"MEDDKG-V01-OPENED",
            self.ceremony.as_bytes(),
            &int(self.dealer.x()),
            &int(self.holder.x()),
            &curve::encode_scalar(&self.s),
            &curve::encode_scalar(&self.blind),
        ])
    }

    /// Decodes an opened share.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        fields.literal("format", b"MEDDKG-V01-OPENED")?;
        let ceremony = CeremonyId::new(fields.array("ceremony")?);
        let dealer = read_participant(&mut fields, "dealer")?;
        let holder = read_participant(&mut fields, "holder")?;
        let s = fields.point("s", SCALAR_BYTES, curve::decode_scalar)?;
        let blind = fields.point("s'", SCALAR_BYTES, curve::decode_scalar)?;
        fields.end()?;
        Ok(Self {
            ceremony,
            dealer,
            holder,
            s,
            blind,
        })
    }
}

impl Deals {
    /// Settles who is qualified, from the complaints and answers that came in time. A dealer is not if it
    /// leaves a complaint without a share that fits, or if t participants complain.
    ///
    /// # Errors
    /// [`QualifyError`] if fewer than t are, which fewer than t corrupt participants cannot bring about.
    pub fn qualify(
        self,
        complaints: &[Complaint],
        answers: &[OpenedShare],
    ) -> Result<Qualified, QualifyError> {
        let Self { ceremony, deals } = self;
        let mut against: BTreeMap<Participant, BTreeSet<Participant>> = BTreeMap::new();
        for c in complaints {
            if c.ceremony == ceremony.id() && ceremony.contains(c.holder) {
                against.entry(c.dealer).or_default().insert(c.holder);
            }
        }
        let mut fitting = BTreeMap::new();
        for answer in answers {
            let asked = against
                .get(&answer.dealer)
                .is_some_and(|by| by.contains(&answer.holder));
            let deal = deals.get(&answer.dealer);
            let deal = deal.filter(|_| asked && answer.ceremony == ceremony.id());
            if let Some(deal) = deal.filter(|d| answer.pair().fits(&d.commitments, answer.holder)) {
                fitting
                    .entry((deal.dealer, answer.holder))
                    .or_insert_with(|| answer.clone());
            }
        }
        let fault = |dealer: Participant| {
            if !deals.contains_key(&dealer) {
                return Some(Fault::NoDeal);
            }
            let by = against.get(&dealer)?;
            if by.len() >= ceremony.threshold() {
                return Some(Fault::ManyComplaints);
            }
            by.iter()
                .find(|j| !fitting.contains_key(&(dealer, **j)))
                .map(|j| Fault::Unanswered(*j))
        };
        let faults: BTreeMap<_, _> = ceremony
            .participants()
            .filter_map(|(dealer, _)| fault(dealer).map(|fault| (dealer, fault)))
            .collect();
        let threshold = ceremony.threshold();
        let deals: BTreeMap<_, _> = deals
            .into_iter()
            .filter(|(dealer, _)| !faults.contains_key(dealer))
            .collect();
        if deals.len() < threshold {
            return Err(QualifyError {
                qualified: deals.len(),
                threshold,
            });
        }
        Ok(Qualified {
            ceremony,
            deals,
            answers: fitting,
            faults,
        })
    }
}

impl Qualified {
    /// QUAL, ascending.
    pub fn dealers(&self) -> impl Iterator<Item = Participant> {
        self.deals.keys().copied()
    }

    /// Who is not in it, and why.
    #[must_use]
    pub fn faults(&self) -> &BTreeMap<Participant, Fault> {
        &self.faults
    }
}

impl<'a> Checker<'a> {
    pub(super) fn new(
        ceremony: &'a Ceremony,
        me: Participant,
        polynomials: Polynomials,
        shares: BTreeMap<Participant, SharePair>,
    ) -> Self {
        Self {
            ceremony,
            me,
            polynomials,
            shares,
        }
    }

    /// Which participant it is.
    #[must_use]
    pub fn participant(&self) -> Participant {
        self.me
    }

    /// Round 3: answers the complaints about oneself by opening the shares in question.
    #[must_use]
    pub fn answer(&self, complaints: &[Complaint]) -> Vec<OpenedShare> {
        let id = self.ceremony.id();
        complaints
            .iter()
            .filter(|c| c.ceremony == id && c.dealer == self.me && self.ceremony.contains(c.holder))
            .map(|c| OpenedShare::of(id, self.me, c.holder, &self.polynomials.at(c.holder)))
            .collect()
    }

    /// Round 4: takes over the shares opened for oneself, and exposes A_ik = a_ik P2 if qualified.
    #[must_use]
    pub fn expose(self, qualified: &Qualified) -> (Exposer<'a>, Option<Exposure>) {
        let Self {
            ceremony,
            me,
            polynomials,
            mut shares,
        } = self;
        shares.retain(|dealer, _| qualified.deals.contains_key(dealer));
        for dealer in qualified.dealers() {
            if let Some(opened) = qualified.answers.get(&(dealer, me)) {
                shares.insert(dealer, opened.pair());
            }
        }
        let exposure = qualified
            .deals
            .contains_key(&me)
            .then(|| Exposure::new(ceremony.id(), me, polynomials.exposed()));
        (Exposer::new(ceremony, me, shares), exposure)
    }
}

impl core::fmt::Debug for Checker<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Checker")
            .field("me", &self.me)
            .finish_non_exhaustive()
    }
}
