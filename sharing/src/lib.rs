//! How records travel: proxy re-encryption, distributed keys, encrypted search, ordered multisignatures,
//! the patient's wallet, and the beacon that chooses who serves.
//!
//! # The story
//!
//! A hospital seals a record to a patient; the patient grants it to an institution; of five proxies three
//! answer, and one of them lies and is named; a fourth helps out and the institution opens; the patient
//! revokes, and no proxy can serve the grant again.
//!
//! ```
//! use eligo_sharing::keys::{ProxyKey, ReceivingKey};
//! use eligo_sharing::tcpre::{
//!     CombineError, GrantTerms, Label, ProxyRoster, RecordId, RequirementId, Revocation, SchemaId, Share,
//!     Window, combine, grant, seal,
//! };
//! use eligo_sharing::wallet::{HospitalId, Visit, Wallet};
//! # use rand_core::OsRng;
//! # let rng = &mut OsRng;
//!
//! // The patient's wallet has a key for this visit; the hospital is given its public half.
//! let wallet = Wallet::generate(rng);
//! let encounter = wallet.encounter(&HospitalId::new("charite.example")?, Visit::FIRST);
//! let card = encounter.public();
//! card.check()?;
//!
//! // The hospital seals the record. The capsule goes on the ledger, the ciphertext into storage.
//! let record = b"HbA1c 7.1 %, 2025-03-02";
//! let label = Label::of_record(&RecordId::new([7; 32]), 1);
//! let mut stored = Vec::new();
//! let capsule = seal(&card.key, label, SchemaId::new([2; 32]), &record[..], &mut stored, rng)?;
//! let capsule = capsule.check()?; // anyone can
//!
//! // An institution has a key for one requirement; five proxies were drawn.
//! let institution = ReceivingKey::generate(rng);
//! institution.public().check_possession(&institution.prove_possession())?;
//! let proxies: Vec<_> = (0..5).map(|_| ProxyKey::generate(rng)).collect();
//! let terms = GrantTerms {
//!     key: card.key,
//!     label,
//!     receiver: institution.public(),
//!     proxies: ProxyRoster::majority(proxies.iter().map(ProxyKey::public).collect())?,
//!     window: Window::new(1_700_000_000, 1_700_086_400)?,
//!     requirement: RequirementId::NONE,
//! };
//!
//! // The patient grants. Anyone sees that every proxy was given a right share, and none was given more.
//! let signed = grant(&encounter.key, terms.clone(), &encounter.signer, rng)?;
//! let granted = signed.verify(&terms, &card.signer)?;
//!
//! // Three proxies answer, ...
//! let now = 1_700_000_100;
//! let mut answers = Vec::new();
//! for proxy in &proxies[..3] {
//!     answers.push(granted.share_key(proxy)?.reencrypt(&capsule, now, rng)?);
//! }
//! // ... the third with what is not its share, and it is named.
//! let mut lie = answers[2].to_bytes();
//! let honest = answers[1].to_bytes();
//! let rho = lie.len() - (4 + 48) - (4 + 32) - 576;
//! lie[rho..rho + 576].copy_from_slice(&honest[rho..rho + 576]);
//! answers[2] = Share::from_bytes(&lie)?;
//!
//! let (mut verified, mut liars) = (Vec::new(), Vec::new());
//! for share in &answers {
//!     match granted.verify_share(&capsule, share) {
//!         Ok(share) => verified.push(share),
//!         Err(error) => liars.extend(error.culprit()),
//!     }
//! }
//! assert_eq!(liars.iter().map(|proxy| proxy.number()).collect::<Vec<_>>(), [3]);
//!
//! // Two shares open nothing. With one more the institution opens.
//! let short = combine(&institution, &granted, &capsule, &verified).unwrap_err();
//! assert_eq!(short, CombineError::NotEnough { have: 2, need: 3 });
//! let fourth = granted.share_key(&proxies[3])?.reencrypt(&capsule, now, rng)?;
//! verified.push(granted.verify_share(&capsule, &fourth)?);
//! let content = combine(&institution, &granted, &capsule, &verified)?;
//! let mut opened = Vec::new();
//! content.open(&stored[..], &mut opened)?;
//! assert_eq!(opened, record);
//!
//! // The patient revokes; a proxy that obeys has nothing left to answer with.
//! let revocation = Revocation::new(granted.id(), &encounter.signer);
//! for proxy in &proxies {
//!     granted.share_key(proxy)?.revoke(&revocation).map_err(|refused| refused.1)?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is where
//!
//! | module | what | after |
//! | --- | --- | --- |
//! | [`tcpre`] | threshold conditional re-encryption, disputes, refresh, the expiry gate | Baek and Zheng 2004; Green and Ateniese 2007; Tang 2008 |
//! | [`dkg`] | distributed key generation with complaints and public reconstruction | Gennaro et al. 2007 |
//! | [`ibe`] | identity keys from t authorities, break-glass, identity-based re-encryption | Boneh and Franklin 2001; Green and Ateniese 2007 |
//! | [`oms`] | ordered multisignatures | Boldyreva et al. 2007 |
//! | [`team`] | a team's key | RFC 9180 |
//! | [`search`] | search over an encrypted index | Boneh et al. 2004; Huang and Li 2017 |
//! | [`beacon`], [`draw`] | randomness nobody can bias, and who serves | drand; delegated stake |
//! | [`wallet`] | everything a patient holds, from one seed | BIP-39, RFC 5869, RFC 9106 |
//! | [`document`] | messages and keys as files | |
//!
//! # What to know before relying on it
//!
//! * No clock and no hidden randomness: time and generators are arguments. Reading and writing happen only
//!   through the `Read` and `Write` a caller passes.
//! * Products of points with secret scalars are `blst`'s, in constant time; powers in the target group with
//!   secret exponents ([`tcpre::grant()`], refresh, disputes, [`ibe::encrypt`]) make the same products whatever
//!   the exponent. Scalar arithmetic and polynomial evaluation are arkworks', which is not constant-time: keep
//!   patients' and proxies' work off shared machines.
//! * The composition in [`tcpre`] has a proof sketch and no peer review. Nothing here withstands quantum
//!   computers.
//! * t colluding proxies and the institution open the one record granted; t authorities can extract any
//!   identity key; search nodes see which rows match; what was opened cannot be taken back.

#![forbid(clippy::todo)]

pub mod beacon;
mod bfkem;
pub mod curve;
pub mod dkg;
pub mod document;
pub mod domain;
pub mod draw;
#[cfg(feature = "test-util")]
pub mod fuzz;
pub mod ibe;
pub mod keys;
pub mod letter;
pub mod oms;
mod pairing;
#[cfg(test)]
mod published;
mod scalar;
pub mod search;
pub mod tcpre;
pub mod team;
#[cfg(test)]
mod threats;
pub mod wallet;
mod wire;

pub use pairing::GT_BYTES;
pub use wire::WireError;
