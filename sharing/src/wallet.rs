//! The patient's wallet: everything derives from one 32-byte seed.
//!
//! ```text
//! seed (32 bytes, on the device) -> PRK = HKDF-Extract("MEDID-V01", seed)
//! z    = OS2IP(Expand(PRK, "z", 48)) mod the BN254 scalar field's order      holder = Poseidon(1, z)
//! a_k  = OS2IP(Expand(PRK, LP("pre", h, k), 48)) mod r,  A_k = a_k P2        for visit k to hospital h
//! y_h  = OS2IP(Expand(PRK, LP("kw", h), 48)) mod r                           search key with hospital h
//! sk_k = Expand(PRK, LP("enc", h, k), 32)                                    Ed25519 encounter key
//! ```
//!
//! Two encounters share no byte on the ledger: each has its own A and its own signing key, whose hash is
//! the pseudonym under which the ledger knows the encounter. A lost device is no lost record: the seed is
//! twenty-four words on paper ([`BackupWords`]), and [`Wallet::recover`] finds the encounters again by
//! trying visit numbers until a gap of unused ones.
//!
//! At rest the seed is in a file encrypted under a passphrase.
//!
//! ```
//! # use rand_core::OsRng;
//! use eligo_sharing::wallet::{BackupWords, HospitalId, KdfCost, Passphrase, Visit, Wallet};
//! let wallet = Wallet::generate(&mut OsRng);
//! let passphrase = Passphrase::new("eight lazy herons".into())?;
//! let file = wallet.seal(&passphrase, KdfCost::LOWEST, &mut OsRng)?;       // KdfCost::default() outside tests
//! let again = Wallet::open(&file, &passphrase)?;
//! assert_eq!(again.holder(), wallet.holder());
//!
//! let words = wallet.backup_words();
//! let recovered = Wallet::from_words(words.expose())?;
//! let hospital = HospitalId::new("charite.example")?;
//! let first = recovered.encounter(&hospital, Visit::FIRST);
//! assert_eq!(first.public().key, wallet.encounter(&hospital, Visit::FIRST).public().key);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod envelope;
mod holder;
mod words;

use ark_ff::{PrimeField, Zero};
use ed25519_dalek::SigningKey;
use hkdf::Hkdf;
use rand_core::{CryptoRng, RngCore};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

pub use envelope::{
    ExceedsLimits, KdfCost, OpenError, Passphrase, PassphraseError, change_passphrase,
};
pub use holder::{
    EncounterCard, EncounterCardError, Holder, HolderDocument, HolderDocumentError, HolderError,
};
pub use words::{BackupWords, WordsError};

use crate::domain::{self, int, lp};
use crate::keys::RecordKey;
use crate::search::SearchKey;
use crate::wire::byte_string;

/// The 32 random bytes everything derives from. Wiped when dropped, never printed, not `Copy`.
///
/// ```compile_fail
/// fn twice(seed: eligo_sharing::wallet::Seed) { drop(seed); drop(seed); }
/// ```
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; 32]);

impl Seed {
    /// Draws a seed.
    #[must_use]
    pub fn generate(rng: &mut (impl CryptoRng + RngCore)) -> Self {
        let mut seed = Self([0; 32]);
        rng.fill_bytes(&mut seed.0);
        seed
    }

    /// Takes a seed over.
    #[must_use]
    pub fn from_bytes(mut bytes: [u8; 32]) -> Self {
        let seed = Self(bytes);
        bytes.zeroize();
        seed
    }

    /// The bytes, to be kept where only the patient reads.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl core::fmt::Debug for Seed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// The secret z behind a [`Holder`]: a non-zero element of the BN254 scalar field.
///
/// ```compile_fail
/// fn twice(z: eligo_sharing::wallet::HolderSecret) { drop(z); drop(z); }
/// ```
pub struct HolderSecret(ark_bn254::Fr);

impl HolderSecret {
    /// z, for the prover. The element is `Copy`: copy it nowhere else.
    #[must_use]
    pub fn expose(&self) -> &ark_bn254::Fr {
        &self.0
    }

    /// z, 32 bytes, big-endian.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(holder::to_be_bytes(&self.0))
    }

    /// The public value holder = Poseidon(1, z).
    #[must_use]
    pub fn holder(&self) -> Holder {
        Holder::of(self)
    }
}

impl Drop for HolderSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl core::fmt::Debug for HolderSecret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("HolderSecret(..)")
    }
}

/// A hospital's name in key derivation: 1 to 128 bytes of printable text without spaces at its ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HospitalId(String);

/// A name that is empty, too long, or holds control characters or spaces at its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hospital's id has 1 to 128 bytes, no control characters and no space at its ends")]
pub struct HospitalIdError;

impl HospitalId {
    /// Checks a name.
    ///
    /// # Errors
    /// [`HospitalIdError`] as it says.
    pub fn new(name: impl Into<String>) -> Result<Self, HospitalIdError> {
        let name = name.into();
        let bad = name.is_empty()
            || name.len() > 128
            || name.trim() != name
            || name.chars().any(char::is_control);
        if bad {
            Err(HospitalIdError)
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

impl core::fmt::Display for HospitalId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::str::FromStr for HospitalId {
    type Err = HospitalIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

crate::wire::serde_as_text!(HospitalId);

/// The number of a visit to one hospital, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Visit(u32);

impl Visit {
    /// The first visit, number 0.
    pub const FIRST: Self = Self(0);

    /// A visit's number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The visit after this one; none after number 2^32 - 1.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}

byte_string! {
    /// The name under which the ledger knows an encounter: SHA-256 of its Ed25519 public key.
    Pseudonym, 32
}

impl Pseudonym {
    /// The pseudonym that belongs to an encounter's verification key.
    #[must_use]
    pub fn of(signer: &ed25519_dalek::VerifyingKey) -> Self {
        Self(domain::sha256(signer.as_bytes()))
    }
}

/// The keys of one visit to one hospital.
///
/// ```compile_fail
/// fn twice(e: eligo_sharing::wallet::Encounter) { drop(e); drop(e); }
/// ```
pub struct Encounter {
    /// a_k, under which the hospital seals this visit's record.
    pub key: RecordKey,
    /// Signs grants, revocations and the record's registration.
    pub signer: SigningKey,
}

impl Encounter {
    /// What the hospital is given at the visit.
    #[must_use]
    pub fn public(&self) -> EncounterCard {
        EncounterCard {
            key: self.key.public(),
            proof: self.key.prove_possession(),
            signer: self.signer.verifying_key(),
        }
    }

    /// The ledger's name for this encounter.
    #[must_use]
    pub fn pseudonym(&self) -> Pseudonym {
        Pseudonym::of(&self.signer.verifying_key())
    }
}

impl core::fmt::Debug for Encounter {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Encounter")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// How many visit numbers in a row may be unknown before [`Wallet::recover`] stops. Not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GapLimit(core::num::NonZeroU32);

impl GapLimit {
    /// A limit; none for zero, with which nothing would be looked at.
    #[must_use]
    pub const fn new(visits: u32) -> Option<Self> {
        match core::num::NonZeroU32::new(visits) {
            Some(visits) => Some(Self(visits)),
            None => None,
        }
    }
}

impl Default for GapLimit {
    /// Twenty, as other deterministic wallets use.
    fn default() -> Self {
        const TWENTY: core::num::NonZeroU32 = core::num::NonZeroU32::MIN.saturating_add(19);
        Self(TWENTY)
    }
}

/// What [`Wallet::recover`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Visits the ledger knows, ascending.
    pub visits: Vec<Visit>,
    /// The first visit number after them, free for the next visit; none if all numbers are used.
    pub next: Option<Visit>,
}

/// A seed with what is derived from it.
///
/// ```compile_fail
/// fn twice(wallet: eligo_sharing::wallet::Wallet) { drop(wallet); drop(wallet); }
/// ```
pub struct Wallet {
    seed: Seed,
}

impl Wallet {
    /// A new wallet.
    #[must_use]
    pub fn generate(rng: &mut (impl CryptoRng + RngCore)) -> Self {
        Self::from_seed(Seed::generate(rng))
    }

    /// The wallet of a seed.
    #[must_use]
    pub fn from_seed(seed: Seed) -> Self {
        Self { seed }
    }

    /// The wallet of twenty-four backup words.
    ///
    /// # Errors
    /// [`WordsError`] names what is wrong, and where.
    pub fn from_words(words: &str) -> Result<Self, WordsError> {
        words::read(words).map(Self::from_seed)
    }

    /// The seed as twenty-four words to write down.
    #[must_use]
    pub fn backup_words(&self) -> BackupWords {
        BackupWords::of(&self.seed)
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> &Seed {
        &self.seed
    }

    fn expand<const N: usize>(&self, info: &[u8]) -> Zeroizing<[u8; N]> {
        domain::expand(&Hkdf::<Sha256>::new(Some(b"MEDID-V01"), &self.seed.0), info)
    }

    /// z = OS2IP(Expand(PRK, "z", 48)) mod the BN254 scalar field's order. Zero, of probability 2^-254,
    /// becomes 1.
    #[must_use]
    pub fn holder_secret(&self) -> HolderSecret {
        let z = ark_bn254::Fr::from_be_bytes_mod_order(self.expand::<48>(b"z").as_slice());
        HolderSecret(if z.is_zero() {
            ark_bn254::Fr::from(1u64)
        } else {
            z
        })
    }

    /// The public value the registrar certifies and hospitals sign.
    #[must_use]
    pub fn holder(&self) -> Holder {
        self.holder_secret().holder()
    }

    /// The keys of visit k to hospital h.
    #[must_use]
    pub fn encounter(&self, hospital: &HospitalId, visit: Visit) -> Encounter {
        let k = int(u64::from(visit.0));
        let at = |purpose: &[u8]| lp(&[purpose, hospital.0.as_bytes(), &k]);
        Encounter {
            key: RecordKey::from_wide(&self.expand(&at(b"pre"))),
            signer: SigningKey::from_bytes(&self.expand(&at(b"enc"))),
        }
    }

    /// y_h, with which the patient makes trapdoors for hospital h's index.
    #[must_use]
    pub fn search_key(&self, hospital: &HospitalId) -> SearchKey {
        SearchKey::from_wide(&self.expand(&lp(&[b"kw", hospital.0.as_bytes()])))
    }

    /// Finds the visits to a hospital that the ledger knows, trying visit numbers from 0 until `gap` in a
    /// row are unknown. `known` says whether the ledger has an entry with this encounter's pseudonym or key.
    ///
    /// # Errors
    /// Only what `known` returns.
    pub fn recover<E>(
        &self,
        hospital: &HospitalId,
        gap: GapLimit,
        mut known: impl FnMut(&EncounterCard) -> Result<bool, E>,
    ) -> Result<Recovered, E> {
        let mut found = Recovered {
            visits: Vec::new(),
            next: Some(Visit::FIRST),
        };
        let (mut visit, mut unknown) = (Some(Visit::FIRST), 0);
        while let Some(k) = visit.filter(|_| unknown < gap.0.get()) {
            if known(&self.encounter(hospital, k).public())? {
                found.visits.push(k);
                found.next = k.next();
                unknown = 0;
            } else {
                unknown += 1;
            }
            visit = k.next();
        }
        Ok(found)
    }
}

impl core::fmt::Debug for Wallet {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Wallet(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn wallet() -> Wallet {
        Wallet::from_seed(Seed::from_bytes([7; 32]))
    }

    /// Values recomputed with another language's HMAC and integers.
    #[test]
    fn derivation_is_pinned() {
        let h = HospitalId::new("charite.example").unwrap();
        let encounter = wallet().encounter(&h, Visit::FIRST);
        let z = wallet().holder_secret().to_bytes();
        assert_eq!(
            hex::encode(*z),
            "2474c1bae413ab6fb6cd7a82afa14a0ede1249c4222e5b67490258a95a866ed9"
        );
        let a = encounter.key.to_bytes();
        assert_eq!(
            hex::encode(*a),
            "4467ce60192b90f3ecfe2b3b3443e6867e219f513ca2f0a1ddbf8a13341b0b54"
        );
        let signer = encounter.signer.to_bytes();
        assert_eq!(
            hex::encode(signer),
            "58f4fb4862d635bc2b04c22a054304325c89b18d0c27e39963e274c318a495c0"
        );
        let y = wallet().search_key(&h).to_bytes();
        assert_eq!(
            hex::encode(*y),
            "2ec81bd452b9e87e5f6687abd7e446411b12ac8afd2087d4b0e27cba48ec640d"
        );
    }

    #[test]
    fn pairings_are_counted_as_documented() {
        use crate::pairing::count;
        let (w, h) = (wallet(), HospitalId::new("h").unwrap());
        let making = || w.encounter(&h, Visit::FIRST).public();
        assert_eq!(count::of(making), (0, 0));
        let card = making();
        assert_eq!(count::of(|| card.check()), (2, 1));
    }

    #[test]
    fn two_encounters_share_no_key() {
        let w = wallet();
        let (h, i) = (HospitalId::new("h").unwrap(), HospitalId::new("i").unwrap());
        let mut seen = BTreeSet::new();
        for (hospital, visit) in [(&h, 0), (&h, 1), (&h, 256), (&i, 0), (&i, 1)] {
            let card = w.encounter(hospital, Visit::new(visit)).public();
            assert!(seen.insert(card.key.to_string()));
            assert!(seen.insert(hex::encode(card.signer.as_bytes())));
        }
        assert_ne!(w.search_key(&h).to_bytes(), w.search_key(&i).to_bytes());
        assert_ne!(
            w.search_key(&h).to_bytes(),
            w.encounter(&h, Visit::FIRST).key.to_bytes()
        );
    }

    #[test]
    fn recovery_walks_over_gaps_and_stops() {
        let w = wallet();
        let h = HospitalId::new("h").unwrap();
        let known: Vec<_> = [0, 1, 5]
            .map(|k| w.encounter(&h, Visit::new(k)).public().key)
            .to_vec();
        let mut asked = 0;
        let mut ledger = |card: &EncounterCard| {
            asked += 1;
            Ok::<_, ()>(known.contains(&card.key))
        };
        let found = w
            .recover(&h, GapLimit::new(4).unwrap(), &mut ledger)
            .unwrap();
        assert_eq!(found.visits, [0, 1, 5].map(Visit::new));
        assert_eq!(found.next, Some(Visit::new(6)));
        assert_eq!(asked, 10);
        let short = w.recover(&h, GapLimit::new(3).unwrap(), |c| {
            Ok::<_, ()>(known.contains(&c.key))
        });
        assert_eq!(short.unwrap().visits.len(), 2);
        assert_eq!(w.recover(&h, GapLimit::default(), |_| Err(3)), Err(3));
        assert_eq!(GapLimit::default().0.get(), 20);
    }

    #[test]
    fn hospital_ids_are_checked() {
        for bad in ["", " h", "h ", "a\nb", &"x".repeat(129)] {
            assert!(HospitalId::new(bad).is_err(), "{bad:?}");
        }
        assert!(HospitalId::new("Universitätsklinikum Köln").is_ok());
    }

    #[test]
    fn secrets_do_not_print() {
        let w = wallet();
        let h = HospitalId::new("h").unwrap();
        let shown = format!(
            "{w:?} {:?} {:?} {:?} {:?}",
            w.seed(),
            w.holder_secret(),
            w.encounter(&h, Visit::FIRST),
            w.backup_words()
        );
        assert_eq!(
            shown,
            "Wallet(..) Seed(..) HolderSecret(..) Encounter { key: RecordKey(..), .. } BackupWords(..)"
        );
    }
}
