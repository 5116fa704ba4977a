//! What parties entered: records, keys, diagnoses. Each is taken from a transaction that the chain shows the
//! contract to have accepted, by the account it speaks for.

use eligo_sharing::oms::{Chain, RegisteredSigner, Roster, SignerKey, SignerProof};
use eligo_sharing::search::{WriterKeyProof, WriterPublicKey};

use super::{act, all_proved, event, is_done_by, nonsense, proved};
use crate::agent::AgentError;
use crate::care::act::TeamName;
use crate::care::{Act, CareEvent, case};
use crate::client::{Client, Desk, ProvenStep, Standing};
use crate::entry::RecordEntry;
use crate::event::{Event, Subject};
use crate::name::{AccountId, ChainId, DiagnosisName, EncounterName, RecordName, SignerName};
use crate::signature::verify;
use crate::transaction::{Body, SignedTransaction};

/// A record's entry as it was registered: by a transaction that the contract accepted, with its hospital's
/// signature. Anyone may hand it in: patient and hospital have signed it.
///
/// # Errors
/// [`AgentError`] if there is none; [`AgentError::Unproved`] before the chain commits to it.
pub fn registered<D: Desk>(
    client: &Client<D>,
    name: &RecordName,
) -> Result<RecordEntry, AgentError> {
    let steps = client.history(&Subject::Record(*name))?;
    let registered = steps
        .into_iter()
        .find(|s| matches!(s.event, Event::RecordRegistered { record, .. } if record == *name));
    let proven = all_proved(client, registered.into_iter().collect())?;
    let chain = ChainId::from(client.chain());
    let step = proven.first().ok_or(nonsense("a record"))?;
    let Event::RecordRegistered { hospital, .. } = &step.step.event else {
        return Err(nonsense("a record"));
    };
    match step.signed.as_ref().map(SignedTransaction::body) {
        Some(Body::Register(signed))
            if step.standing == Standing::Proved
                && signed.entry.name() == *name
                && signed.entry.hospital == *hospital
                && verify(
                    hospital.as_bytes(),
                    &signed.entry.signed_bytes(&chain),
                    &signed.hospital,
                ) =>
        {
            Ok(signed.entry.clone())
        }
        _ => Err(nonsense("a record")),
    }
}

/// The key a hospital writes its index with now; none if it entered none.
///
/// # Errors
/// [`AgentError`]; [`AgentError::Unproved`] before the chain commits to the last entry.
pub fn writer<D: Desk>(
    client: &Client<D>,
    hospital: &AccountId,
) -> Result<Option<WriterPublicKey>, AgentError> {
    let steps = client.history(&Subject::Party(*hospital))?;
    let entered = steps.into_iter().filter(|step| {
        matches!(&step.event, Event::Care(CareEvent::WriterEntered { hospital: h }) if h == hospital)
    });
    let proven = all_proved(client, entered.collect())?;
    let Some(last) = last_of(&proven) else {
        return Ok(None);
    };
    let Some(Act::EnterWriter { key, possession }) =
        act(last).filter(|_| is_done_by(last, hospital))
    else {
        return Err(nonsense("a writer key"));
    };
    let key = WriterPublicKey::from_bytes(key).map_err(|_| nonsense("a writer key"))?;
    let proof = WriterKeyProof::from_bytes(possession).map_err(|_| nonsense("a writer key"))?;
    key.check_possession(&proof)
        .map_err(|_| nonsense("a writer key"))?;
    Ok(Some(key))
}

/// The last of steps in the chain's order, whatever order the node tells them in.
fn last_of(steps: &[ProvenStep]) -> Option<&ProvenStep> {
    let place = |s: &&ProvenStep| (s.step.height, s.step.transaction);
    steps.iter().max_by_key(place)
}

/// Every signing key a doctor entered, newest last, with the prekey of the last entry or renewal.
///
/// # Errors
/// [`AgentError`]; [`AgentError::Unproved`] before the chain commits to the last entry.
pub fn signers<D: Desk>(
    client: &Client<D>,
    doctor: &AccountId,
) -> Result<(Vec<RegisteredSigner>, Option<Vec<u8>>), AgentError> {
    let steps = client.history(&Subject::Party(*doctor))?;
    let entered = steps.into_iter().filter(|step| {
        matches!(
            &step.event,
            Event::Care(CareEvent::SignerEntered { doctor: d, .. } | CareEvent::PrekeyRenewed { doctor: d })
                if d == doctor
        )
    });
    let mut proven = all_proved(client, entered.collect())?;
    proven.sort_by_key(|s| (s.step.height, s.step.transaction));
    let (mut keys, mut prekey) = (Vec::new(), None);
    for step in &proven {
        let bad = || nonsense("a signing key");
        if !is_done_by(step, doctor) {
            return Err(bad());
        }
        match act(step) {
            Some(Act::EnterSigner(entry)) => {
                let key = SignerKey::from_bytes(entry.key.as_slice()).map_err(|_| bad())?;
                let proof =
                    SignerProof::from_bytes(entry.possession.as_slice()).map_err(|_| bad())?;
                keys.push(key.register(&proof).map_err(|_| bad())?);
                prekey = Some(entry.prekey.as_slice().to_vec());
            }
            Some(Act::RenewPrekey { prekey: renewed }) => {
                prekey = Some(renewed.as_slice().to_vec());
            }
            _ => return Err(bad()),
        }
    }
    Ok((keys, prekey))
}

/// A diagnosis as its team signed it.
#[derive(Clone, Debug)]
pub struct SignedDiagnosis {
    /// The hospital.
    pub hospital: AccountId,
    /// The epoch.
    pub epoch: u64,
    /// Who signed, in order.
    pub doctors: Vec<AccountId>,
    /// All signatures.
    pub chain: Chain,
}

/// The completed diagnosis of this name at an encounter, of the team that its hospital assigned, each signature
/// verified here; none if the ledger has no such diagnosis.
///
/// # Errors
/// [`AgentError`].
pub fn diagnosis<D: Desk>(
    client: &Client<D>,
    encounter: &EncounterName,
    name: &DiagnosisName,
) -> Result<Option<SignedDiagnosis>, AgentError> {
    let steps = proved(client, &Subject::Encounter(*encounter))?;
    let completed = steps.iter().find_map(|step| match event(step)? {
        CareEvent::DiagnosisCompleted {
            hospital,
            epoch,
            diagnosis,
            ..
        } if diagnosis == name => Some((step, *hospital, *epoch)),
        _ => None,
    });
    let Some((step, hospital, epoch)) = completed else {
        return Ok(None);
    };
    let Some(Act::SignOpinion { chain, .. }) = act(step) else {
        return Err(nonsense("a diagnosis"));
    };
    if eligo_sharing::domain::sha256(chain.as_slice()) != *name.as_bytes() {
        return Err(nonsense("another diagnosis"));
    }
    let doctors = steps.iter().find_map(|step| match event(step)? {
        CareEvent::TeamAssigned {
            hospital: h,
            epoch: e,
            doctors,
            ..
        } if (*h, *e) == (hospital, epoch) && is_done_by(step, &hospital) => {
            Some(doctors.as_slice().to_vec())
        }
        _ => None,
    });
    let doctors: Vec<AccountId> = doctors.ok_or(nonsense("a team"))?;
    if doctors.last().is_none_or(|last| !is_done_by(step, last)) {
        return Err(nonsense("a diagnosis"));
    }
    let chain = Chain::from_bytes(chain.as_slice()).map_err(|_| nonsense("a diagnosis"))?;
    let wrong = || nonsense("a diagnosis's signatures");
    if chain.steps().len() != doctors.len() {
        return Err(wrong());
    }
    // Each signature by the doctor whose place it is, with a key that this doctor entered.
    let mut roster = Roster::new();
    for (doctor, (signer, _)) in doctors.iter().zip(chain.steps()) {
        let keys = signers(client, doctor)?.0;
        let key = keys.into_iter().find(|key| key.id() == *signer);
        roster.insert(*signer, key.ok_or_else(wrong)?);
    }
    let order = chain.steps().iter();
    let order: Vec<_> = order
        .map(|(id, _)| SignerName::new(*id.as_bytes()))
        .collect();
    let team = TeamName {
        hospital,
        encounter: *encounter,
    };
    let case = case(&ChainId::from(client.chain()), &team, epoch, &order);
    let verified = chain.clone().verify(&case, &roster);
    verified.map_err(|_| wrong())?;
    Ok(Some(SignedDiagnosis {
        hospital,
        epoch,
        doctors,
        chain,
    }))
}
