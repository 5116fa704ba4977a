//! Founding an epoch: the lead's welcome, and everyone's confirmation.

use std::collections::BTreeMap;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hmac::{Hmac, Mac};
use rand_core::{CryptoRng, RngCore};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::domain::{self, int, lp, sha256};
use crate::letter::{LETTER_OVERHEAD, Letter, LetterError, LetterKey, LetterPublicKey};
use crate::wire::{self, Fields, WireError, byte_string};

/// The most members of a team.
const MAX_MEMBERS: usize = 64;
const FORMAT: &[u8] = b"MEDGRP-V01-WELCOME";

byte_string! {
    /// An epoch of a team: a digest of encounter, epoch, roster and a nonce.
    TeamId, 32
}

/// A doctor's name in a team: 1 to 128 bytes without control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DoctorId(String);

/// A name that is empty, too long, or holds control characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a doctor's id has 1 to 128 bytes and no control characters")]
pub struct DoctorIdError;

impl DoctorId {
    /// Checks a name.
    ///
    /// # Errors
    /// [`DoctorIdError`] as it says.
    pub fn new(name: impl Into<String>) -> Result<Self, DoctorIdError> {
        let name = name.into();
        let bad = name.is_empty() || name.len() > 128 || name.chars().any(char::is_control);
        if bad {
            Err(DoctorIdError)
        } else {
            Ok(Self(name))
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl core::fmt::Display for DoctorId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The secret of a one-time prekey. Consumed by the welcome it opens.
///
/// ```compile_fail
/// fn twice(k: eligo_sharing::team::Prekey) { drop(k); drop(k); }
/// ```
#[derive(Debug)]
pub struct Prekey(LetterKey);

/// A prekey's public half, signed by its doctor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPrekey {
    doctor: DoctorId,
    key: LetterPublicKey,
    signature: Signature,
}

/// A prekey that its doctor did not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the prekey is not signed by its doctor")]
pub struct PrekeyError;

fn prekey_bytes(doctor: &DoctorId, key: &LetterPublicKey) -> Vec<u8> {
    lp(&[b"MEDGRP-V01-PREKEY", doctor.0.as_bytes(), key.as_bytes()])
}

impl Prekey {
    /// Makes a prekey for one use.
    #[must_use]
    pub fn generate(
        doctor: DoctorId,
        signer: &SigningKey,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> (Self, SignedPrekey) {
        let secret = LetterKey::generate(rng);
        let key = secret.public();
        let signature = signer.sign(&prekey_bytes(&doctor, &key));
        (
            Self(secret),
            SignedPrekey {
                doctor,
                key,
                signature,
            },
        )
    }
}

impl SignedPrekey {
    /// Checks the signature; the certified key is the caller's to know.
    ///
    /// # Errors
    /// [`PrekeyError`] if it is not this doctor's.
    pub fn verify(self, certified: &VerifyingKey) -> Result<Member, PrekeyError> {
        certified
            .verify_strict(&prekey_bytes(&self.doctor, &self.key), &self.signature)
            .map_err(|_| PrekeyError)?;
        Ok(Member {
            id: self.doctor,
            prekey: self.key,
            verifier: *certified,
        })
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        lp(&[
            self.doctor.0.as_bytes(),
            self.key.as_bytes(),
            &self.signature.to_bytes(),
        ])
    }

    /// Decodes a prekey.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        let doctor = read_doctor(&mut fields)?;
        let key = LetterPublicKey::new(fields.array("prekey")?);
        let signature = Signature::from_bytes(&fields.array("signature")?);
        fields.end()?;
        Ok(Self {
            doctor,
            key,
            signature,
        })
    }
}

pub(super) fn read_doctor(fields: &mut Fields<'_>) -> Result<DoctorId, WireError> {
    let bad = WireError::Value { field: "doctor" };
    let name = core::str::from_utf8(fields.bytes("doctor", 128)?).map_err(|_| bad)?;
    DoctorId::new(name).map_err(|_| bad)
}

/// A doctor with a prekey of its own making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    id: DoctorId,
    prekey: LetterPublicKey,
    verifier: VerifyingKey,
}

impl Member {
    /// The doctor.
    #[must_use]
    pub fn id(&self) -> &DoctorId {
        &self.id
    }
}

/// The lead's founding of an epoch, not yet accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    encounter: [u8; 32],
    epoch: u64,
    nonce: [u8; 32],
    lead: DoctorId,
    roster: Vec<Member>,
    letters: Vec<Letter>,
    signature: Signature,
}

/// Why a welcome is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WelcomeError {
    /// The roster is empty, too long, or has one twice.
    #[error("the roster is empty, has more than {MAX_MEMBERS} members, or one twice")]
    Roster,
    /// The lead is not in the roster with the certified key.
    #[error("`{0}` is not in the roster with its certified key")]
    NotMember(DoctorId),
    /// The lead did not sign it.
    #[error("the welcome is not signed by `{0}`")]
    Signature(DoctorId),
    /// It is not of a later epoch of the same encounter.
    #[error("epoch {found} does not follow epoch {last}")]
    Epoch {
        /// The last epoch.
        last: u64,
        /// The epoch it founds.
        found: u64,
    },
    /// The letter does not open: the prekey is another, or its key unusable.
    #[error("the letter with the key does not open")]
    Letter(#[from] LetterError),
}

/// A key one has but may not use yet: others may have been given another.
///
/// ```compile_fail
/// fn twice(k: eligo_sharing::team::PendingKey) { drop(k); drop(k); }
/// ```
pub struct PendingKey {
    key: Zeroizing<[u8; 32]>,
    team: TeamId,
    epoch: u64,
    me: DoctorId,
    roster: Vec<DoctorId>,
}

/// tau: a doctor's word that it has the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    doctor: DoctorId,
    tau: [u8; 32],
}

/// Why a key is not confirmed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfirmError {
    /// A doctor has not confirmed.
    #[error("`{0}` has not confirmed the key")]
    Missing(DoctorId),
    /// A doctor has another key, or somebody pretends to be it.
    #[error("`{0}` confirms another key")]
    Other(DoctorId),
}

/// The confirmed key of an epoch. Wiped when dropped.
///
/// ```compile_fail
/// fn twice(k: eligo_sharing::team::TeamKey) { drop(k); drop(k); }
/// ```
pub struct TeamKey {
    pub(super) key: Zeroizing<[u8; 32]>,
    pub(super) team: TeamId,
    pub(super) epoch: u64,
    pub(super) me: DoctorId,
    pub(super) roster: Vec<DoctorId>,
}

fn team_id(encounter: &[u8; 32], epoch: u64, roster: &[Member], nonce: &[u8; 32]) -> TeamId {
    let members: Vec<_> = roster
        .iter()
        .map(|m| {
            lp(&[
                m.id.0.as_bytes(),
                m.prekey.as_bytes(),
                m.verifier.as_bytes(),
            ])
        })
        .collect();
    let members = lp(&members.iter().map(Vec::as_slice).collect::<Vec<_>>());
    TeamId::new(sha256(&lp(&[
        b"MEDGRP-V01",
        encounter,
        &int(epoch),
        &members,
        nonce,
    ])))
}

fn info(team: &TeamId) -> Vec<u8> {
    lp(&[b"MEDGRP-V01", team.as_bytes()])
}

fn signed(team: &TeamId, letters: &[Letter]) -> Vec<u8> {
    let letters: Vec<_> = letters.iter().map(Letter::to_bytes).collect();
    let digest = sha256(&lp(&letters.iter().map(Vec::as_slice).collect::<Vec<_>>()));
    lp(&[b"MEDGRP-WELCOME", team.as_bytes(), &digest])
}

/// Founds an epoch as its lead, who is a member too. The first epoch of an encounter is any number; the next
/// must be greater. Joining and leaving mean founding anew with another roster.
///
/// # Errors
/// [`WelcomeError`] if the roster does not do, or a prekey is unusable.
pub fn found(
    encounter: [u8; 32],
    epoch: u64,
    lead: &DoctorId,
    signer: &SigningKey,
    mut roster: Vec<Member>,
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<Welcome, WelcomeError> {
    roster.sort_by(|a, b| a.id.cmp(&b.id));
    check_roster(&roster)?;
    let mut nonce = [0; 32];
    rng.fill_bytes(&mut nonce);
    let mut key = Zeroizing::new([0u8; 32]);
    rng.fill_bytes(key.as_mut_slice());
    let team = team_id(&encounter, epoch, &roster, &nonce);
    let mut letters = Vec::with_capacity(roster.len());
    for member in &roster {
        let aad = member.id.0.as_bytes();
        letters.push(
            member
                .prekey
                .write(key.as_slice(), &info(&team), aad, rng)?,
        );
    }
    let signature = signer.sign(&signed(&team, &letters));
    let welcome = Welcome {
        encounter,
        epoch,
        nonce,
        lead: lead.clone(),
        roster,
        letters,
        signature,
    };
    welcome.check_lead(&signer.verifying_key())?;
    Ok(welcome)
}

fn check_roster(roster: &[Member]) -> Result<(), WelcomeError> {
    let sorted = roster.is_sorted_by(|a, b| a.id < b.id);
    if sorted && (1..=MAX_MEMBERS).contains(&roster.len()) {
        Ok(())
    } else {
        Err(WelcomeError::Roster)
    }
}

impl Welcome {
    fn check_lead(&self, certified: &VerifyingKey) -> Result<(), WelcomeError> {
        let lead = self
            .roster
            .iter()
            .find(|m| m.id == self.lead && m.verifier == *certified);
        lead.map(|_| ())
            .ok_or_else(|| WelcomeError::NotMember(self.lead.clone()))
    }

    /// Who founded it, as it says; its certified key is the caller's to find.
    #[must_use]
    pub fn lead(&self) -> &DoctorId {
        &self.lead
    }

    /// The members it names.
    pub fn members(&self) -> impl Iterator<Item = &DoctorId> {
        self.roster.iter().map(|m| &m.id)
    }

    /// The epoch it founds.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Accepts it: checks the lead's signature and the roster, and opens one's letter with the prekey, which
    /// is gone afterwards. `last` is the encounter's epoch so far.
    ///
    /// # Errors
    /// [`WelcomeError`] says what is wrong.
    pub fn accept(
        self,
        lead: &VerifyingKey,
        me: &DoctorId,
        verifier: &VerifyingKey,
        prekey: Prekey,
        last: Option<u64>,
    ) -> Result<(PendingKey, Confirmation), WelcomeError> {
        check_roster(&self.roster)?;
        self.check_lead(lead)?;
        if let Some(last) = last.filter(|&last| self.epoch <= last) {
            return Err(WelcomeError::Epoch {
                last,
                found: self.epoch,
            });
        }
        let team = team_id(&self.encounter, self.epoch, &self.roster, &self.nonce);
        lead.verify_strict(&signed(&team, &self.letters), &self.signature)
            .map_err(|_| WelcomeError::Signature(self.lead.clone()))?;
        let mine =
            self.roster.iter().zip(&self.letters).find(|(m, _)| {
                m.id == *me && m.verifier == *verifier && m.prekey == prekey.0.public()
            });
        let (_, letter) = mine.ok_or_else(|| WelcomeError::NotMember(me.clone()))?;
        let plain = prekey.0.open(letter, &info(&team), me.0.as_bytes())?;
        let mut key = Zeroizing::new([0u8; 32]);
        if plain.len() != key.len() {
            return Err(LetterError.into());
        }
        key.copy_from_slice(&plain);
        let tau = confirm(&key, &team, me);
        let roster = self.roster.into_iter().map(|m| m.id).collect();
        let pending = PendingKey {
            key,
            team,
            epoch: self.epoch,
            me: me.clone(),
            roster,
        };
        Ok((
            pending,
            Confirmation {
                doctor: me.clone(),
                tau,
            },
        ))
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let members: Vec<_> = self
            .roster
            .iter()
            .zip(&self.letters)
            .map(|(m, letter)| {
                let [enc, ciphertext] = letter.parts();
                let id = m.id.0.as_bytes();
                lp(&[
                    id,
                    m.prekey.as_bytes(),
                    m.verifier.as_bytes(),
                    enc,
                    ciphertext,
                ])
            })
            .collect();
        lp(&[
            FORMAT,
            &self.encounter,
            &int(self.epoch),
            &self.nonce,
            self.lead.0.as_bytes(),
            &lp(&members.iter().map(Vec::as_slice).collect::<Vec<_>>()),
            &self.signature.to_bytes(),
        ])
    }

    /// Decodes a welcome.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        const MEMBER: usize = 128 + 32 + 32 + 32 + LETTER_OVERHEAD + 5 * 4;
        let mut fields = Fields::new(bytes);
        fields.literal("format", FORMAT)?;
        let encounter = fields.array("encounter")?;
        let epoch = fields.int("epoch")?;
        let nonce = fields.array("nonce")?;
        let lead = read_doctor(&mut fields)?;
        let members = fields.list("members", MAX_MEMBERS, MEMBER, |f| {
            let mut inner = Fields::new(f.bytes("member", MEMBER)?);
            let id = read_doctor(&mut inner)?;
            let prekey = LetterPublicKey::new(inner.array("prekey")?);
            let verifier = wire::verifying_key(&inner.array("verifier")?)
                .ok_or(WireError::Value { field: "verifier" })?;
            let letter = Letter::read(&mut inner, 32)?;
            inner.end()?;
            Ok((
                Member {
                    id,
                    prekey,
                    verifier,
                },
                letter,
            ))
        })?;
        let signature = Signature::from_bytes(&fields.array("signature")?);
        fields.end()?;
        let (roster, letters) = members.into_iter().unzip();
        Ok(Self {
            encounter,
            epoch,
            nonce,
            lead,
            roster,
            letters,
            signature,
        })
    }
}

/// tau = HMAC(HKDF(K, "confirm", gid), id).
fn confirm(key: &[u8; 32], team: &TeamId, doctor: &DoctorId) -> [u8; 32] {
    let mac_key = domain::kdf::<32>(b"MEDGRP-V01", key, &lp(&[b"confirm", team.as_bytes()]));
    let Ok(mut mac) = <Hmac<Sha256> as Mac>::new_from_slice(mac_key.as_slice()) else {
        return [0; 32]; // HMAC takes keys of every length
    };
    mac.update(doctor.0.as_bytes());
    mac.finalize().into_bytes().into()
}

impl PendingKey {
    /// Checks every member's confirmation: only then is the key one that all have.
    ///
    /// # Errors
    /// [`ConfirmError`] names who has not confirmed, or confirms another key.
    pub fn confirm(self, confirmations: &[Confirmation]) -> Result<TeamKey, ConfirmError> {
        let given: BTreeMap<_, _> = confirmations.iter().map(|c| (&c.doctor, &c.tau)).collect();
        for doctor in &self.roster {
            let tau = given
                .get(doctor)
                .ok_or_else(|| ConfirmError::Missing(doctor.clone()))?;
            let expected = confirm(&self.key, &self.team, doctor);
            if !bool::from(expected.as_slice().ct_eq(tau.as_slice())) {
                return Err(ConfirmError::Other(doctor.clone()));
            }
        }
        let Self {
            key,
            team,
            epoch,
            me,
            roster,
        } = self;
        Ok(TeamKey {
            key,
            team,
            epoch,
            me,
            roster,
        })
    }
}

impl TeamKey {
    /// The team and epoch it is of.
    #[must_use]
    pub fn team(&self) -> TeamId {
        self.team
    }

    /// The epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }
}

impl Confirmation {
    /// Whose it says to be.
    #[must_use]
    pub fn doctor(&self) -> &DoctorId {
        &self.doctor
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        lp(&[self.doctor.0.as_bytes(), &self.tau])
    }

    /// Decodes a confirmation.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        let doctor = read_doctor(&mut fields)?;
        let tau = fields.array("tau")?;
        fields.end()?;
        Ok(Self { doctor, tau })
    }
}

impl core::fmt::Debug for PendingKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PendingKey")
            .field("team", &self.team)
            .finish_non_exhaustive()
    }
}

impl core::fmt::Debug for TeamKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TeamKey")
            .field("team", &self.team)
            .finish_non_exhaustive()
    }
}
