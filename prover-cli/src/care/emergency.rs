//! Emergencies: a short summary that authorities open together for a patient who cannot answer.

use ed25519_dalek::SigningKey;
use eligo_marketplace::{
    agent::{Account, trail},
    care::{
        Act, CALL_MS, CareEvent,
        act::{EmergencyTerms, emergency_letter_info, emergency_name},
    },
    client::{Client, Desk, ProvenStep, Standing},
    convene::act::KeyPurpose,
    encoding::{Blob, Text},
    event::Subject,
    name::{AccountId, CeremonyName, ChainId, EmergencyId, RecordName},
    transaction::Body,
};
use eligo_sharing::{
    dkg::{GroupKey, KeyShare},
    domain::{lp, sha256},
    ibe::{self, Authority, CheckedSealed, DecryptionShare, Sealed},
    letter::{Letter, LetterKey, LetterPublicKey},
};
use rand_core::{OsRng, RngCore};
use zeroize::Zeroizing;

use crate::{
    failure::{Attempt, Failure, Kind},
    moment,
};

/// The longest summary, in bytes.
const MAX_SUMMARY: usize = 4096;

/// Seals a summary to a record's name in the emergencies of a region and epoch.
pub fn entry(
    key: &GroupKey,
    record: RecordName,
    (region, epoch): (&str, u64),
    summary: &str,
) -> Attempt<Act> {
    if summary.trim().is_empty() || summary.len() > MAX_SUMMARY {
        return Err(Failure::usage(format!(
            "a summary for emergencies has 1 to {MAX_SUMMARY} bytes"
        )));
    }
    let identity = emergency_name(region, epoch, &record);
    let sealed = ibe::seal(key, &identity, summary.as_bytes(), &mut OsRng);
    let sealed = sealed.map_err(|e| Failure::new(Kind::File, e))?;
    Ok(Act::EnterEmergency {
        record,
        region: Text::new(region).map_err(Failure::usage)?,
        epoch,
        sealed: Blob::new(sealed.to_bytes()).map_err(Failure::usage)?,
    })
}

/// Every identity key that a node says authorities made, the one in force last: to find which of them something is
/// sealed under. What is sealed is sealed under [`identity_key`].
pub fn identity_keys<D: Desk>(client: &Client<D>) -> Attempt<Vec<(CeremonyName, GroupKey)>> {
    let mut ceremonies = client.ceremonies()?;
    ceremonies.sort_by_key(|c| (c.in_force, c.serial));
    let keys = ceremonies.into_iter().filter_map(|c| {
        let key = c.key.filter(|_| c.purpose == KeyPurpose::Identity)?;
        let key = hex::decode(key).ok()?;
        Some((c.ceremony, GroupKey::from_bytes(&key).ok()?))
    });
    Ok(keys.collect())
}

/// The identity key in force, as it follows from what the ledger shows the authorities to have said: to a key of a
/// node's own making, nothing is sealed.
pub fn identity_key<D: Desk>(client: &Client<D>) -> Attempt<(CeremonyName, GroupKey)> {
    let none = || {
        Failure::new(Kind::Closed, "no authorities have made an identity key yet")
            .help("the registrar begins: eligo care emergency convene")
    };
    let ceremony = client.identity_ceremony()?.ok_or_else(none)?;
    if ceremony.purpose != KeyPurpose::Identity {
        return Err(Failure::new(Kind::ProofInvalid, "a key for something else")
            .of(ceremony.ceremony)
            .help("do not trust this node; use another one"));
    }
    let key = client.settled_key(&ceremony)?.ok_or_else(none)?;
    Ok((ceremony.ceremony, key))
}

/// A call to the authorities, by a doctor's letter key and account; its name, once it is on the ledger.
pub fn call<D: Desk>(
    client: &Client<D>,
    (account, letters): (&SigningKey, &LetterKey),
    hospital: AccountId,
    record: RecordName,
    reason: &str,
) -> Attempt<EmergencyId> {
    let mut salt = [0; 32];
    let mut nonce = [0; 32];
    OsRng.fill_bytes(&mut salt);
    OsRng.fill_bytes(&mut nonce);
    let terms = EmergencyTerms {
        record,
        hospital,
        letters: *letters.public().as_bytes(),
        reason: sha256(&lp(&[&salt, reason.as_bytes()])),
        nonce,
    };
    let me = AccountId::of(&account.verifying_key());
    let name = terms.name(&ChainId::from(client.chain()), &me);
    let act = Act::AskEmergency(terms);
    Account::new(client, account)
        .send(Body::Care(act))?
        .accepted()?;
    Ok(name)
}

/// A call that the contract accepted, as the chain shows it.
pub struct Call {
    /// Its name.
    pub emergency: EmergencyId,
    /// What was asked.
    pub terms: EmergencyTerms,
    /// When, by the block's time in milliseconds since 1970.
    called_ms: u64,
    sealed: Sealed,
    /// The authorities' letters.
    letters: Vec<Letter>,
}

/// A call on a record. Nothing here is the node's word: of a call, a summary or a letter in the last block it is
/// the next one that shows the contract to have accepted it, and nobody answers a call before that.
pub fn find<D: Desk>(
    client: &Client<D>,
    record: &RecordName,
    emergency: &EmergencyId,
) -> Attempt<Call> {
    let steps = trail::proved(client, &Subject::Record(*record))?;
    let (mut sealed, mut called, mut letters) = (None, None, Vec::new());
    let proved = steps.iter().filter(|s| s.standing == Standing::Proved);
    for step in proved {
        let by = |account: &AccountId| trail::sender(step).as_ref() == Some(account);
        match (trail::event(step), trail::act(step)) {
            // The call is for the capsule that was there when it was made.
            (
                Some(CareEvent::EmergencyEntered {
                    record: r,
                    hospital,
                }),
                Some(Act::EnterEmergency {
                    region,
                    epoch,
                    sealed: s,
                    ..
                }),
            ) if called.is_none() && r == record && by(hospital) => {
                let read = Sealed::from_bytes(s.as_slice());
                let read = read.map_err(|e| Failure::new(Kind::File, e))?;
                // No authority answers, no doctor opens, what is sealed for another record.
                if *read.identity() != emergency_name(region.as_str(), *epoch, record) {
                    let what = "the summary is sealed to another record's name";
                    return Err(Failure::new(Kind::ProofInvalid, what).of(record));
                }
                sealed = Some(read);
            }
            (
                Some(CareEvent::EmergencyAsked { emergency: e, .. }),
                Some(Act::AskEmergency(terms)),
            ) if e == emergency && is_call(client, step, terms, emergency, record) => {
                called = step.time.map(|time| (terms.clone(), time.get()));
            }
            (
                Some(CareEvent::EmergencyShared {
                    emergency: e,
                    authority,
                    ..
                }),
                Some(Act::EmergencyShare { letter, .. }),
            ) if e == emergency && by(authority) => {
                letters.extend(Letter::from_bytes(letter.as_slice()).ok());
            }
            _ => {}
        }
    }
    let missing = |what: &str| Failure::new(Kind::File, what).of(record);
    let (terms, called_ms) = called.ok_or_else(|| missing("there is no such call"))?;
    Ok(Call {
        emergency: *emergency,
        terms,
        called_ms,
        sealed: sealed.ok_or_else(|| missing("the record has no summary for emergencies"))?,
        letters,
    })
}

/// Whether these are the terms that the call is named for, by their sender: no others' letter key will do.
fn is_call<D: Desk>(
    client: &Client<D>,
    step: &ProvenStep,
    terms: &EmergencyTerms,
    emergency: &EmergencyId,
    record: &RecordName,
) -> bool {
    let chain = ChainId::from(client.chain());
    let by = trail::sender(step);
    terms.record == *record && by.is_some_and(|doctor| terms.name(&chain, &doctor) == *emergency)
}

impl Call {
    /// Which of several keys the summary is sealed under.
    pub fn under<'k>(
        &self,
        keys: &'k [(CeremonyName, GroupKey)],
    ) -> Attempt<&'k (CeremonyName, GroupKey)> {
        let fits = |(_, key): &&(CeremonyName, GroupKey)| self.sealed.clone().check(key).is_ok();
        keys.iter().find(fits).ok_or_else(|| {
            let what = "the summary is sealed under no key of the authorities";
            Failure::new(Kind::ProofInvalid, what)
        })
    }

    fn sealed(&self, key: &GroupKey) -> Attempt<CheckedSealed> {
        let checked = self.sealed.clone().check(key);
        checked.map_err(|e| Failure::new(Kind::ProofInvalid, e))
    }

    /// An authority's answer, as long as the call stands.
    pub fn answer(&self, chain: &ChainId, key: &GroupKey, share: KeyShare) -> Attempt<Act> {
        if moment::now()? > self.called_ms.saturating_add(CALL_MS) / 1000 {
            let what = "the call is too long ago";
            return Err(Failure::new(Kind::Closed, what).of(self.emergency));
        }
        let authority = Authority::new(share).map_err(|e| Failure::new(Kind::File, e))?;
        let sealed = self.sealed(key)?;
        let share = authority.decrypt(key, &sealed, &mut OsRng);
        let share = share.map_err(|e| Failure::new(Kind::File, e))?;
        let to = LetterPublicKey::new(self.terms.letters);
        let info = emergency_letter_info(chain, &self.emergency);
        let letter = to.write(&share.to_bytes(), &info, &[], &mut OsRng);
        let letter = letter.map_err(|e| Failure::new(Kind::File, e))?;
        Ok(Act::EmergencyShare {
            emergency: self.emergency,
            letter: Blob::new(letter.to_bytes()).map_err(Failure::unexpected)?,
        })
    }

    /// How many authorities answered.
    pub fn answers(&self) -> usize {
        self.letters.len()
    }

    /// Opens the summary with t right answers; wrong ones are left out.
    pub fn open(
        &self,
        chain: &ChainId,
        key: &GroupKey,
        letters: &LetterKey,
    ) -> Attempt<Zeroizing<Vec<u8>>> {
        let sealed = self.sealed(key)?;
        let info = emergency_letter_info(chain, &self.emergency);
        let shares: Vec<_> = self
            .letters
            .iter()
            .filter_map(|letter| {
                let bytes = letters.open(letter, &info, &[]).ok()?;
                let share = DecryptionShare::from_bytes(&bytes).ok()?;
                share.verify(key, &sealed).ok()
            })
            .collect();
        sealed.open_jointly(key, &shares).map_err(|e| {
            Failure::new(Kind::Closed, e).help("try again when more authorities have answered")
        })
    }
}
