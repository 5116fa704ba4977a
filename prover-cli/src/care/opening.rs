//! A doctor opens a record: shares, ciphertext, the hospital's signature, the team's.

use ed25519_dalek::VerifyingKey;
use eligo_marketplace::{
    agent::trail::{self, AskTrail, SignedDiagnosis},
    client::{Client, Desk},
    name::{AskId, DiagnosisName, EncounterName, RecordName},
};
use eligo_records::schema::Schema;
use eligo_sharing::tcpre::combine;
use zeroize::Zeroizing;

use super::{
    asking::AskKeys,
    opinion::{self, Note},
    summary::Summary,
};
use crate::{
    failure::{Attempt, Failure, Kind},
    sealing::{OpenedRecord, check_opened, open_record},
};

/// A record that was opened and checked.
pub struct OpenedReferral {
    /// The record's name.
    pub record: RecordName,
    /// Its content.
    pub opened: OpenedRecord,
    /// What it says.
    pub summary: Summary,
    /// The hospital's certified name.
    pub hospital_name: String,
    /// The team's signatures, if a team made the diagnosis, with each opinion.
    pub diagnosis: Option<(SignedDiagnosis, Vec<Note>)>,
}

fn no_ask(ask: &AskId) -> Failure {
    Failure::new(Kind::File, "the ledger has no such ask").of(ask)
}

/// The trail of an ask, to look at; refused if the ledger has none.
pub fn trail_of<D: Desk>(client: &Client<D>, ask: &AskId) -> Attempt<AskTrail> {
    AskTrail::of(client, ask)?.ok_or_else(|| no_ask(ask))
}

/// The trail of an ask, the chain's word for every step; refused if the ledger has none.
pub fn proved_trail_of<D: Desk>(client: &Client<D>, ask: &AskId) -> Attempt<AskTrail> {
    AskTrail::proved(client, ask)?.ok_or_else(|| no_ask(ask))
}

/// Opens a record that was read under an ask, and checks whose it is.
pub fn open<D: Desk>(
    client: &Client<D>,
    keys: &AskKeys,
    record: &RecordName,
    schemas: &[Schema],
) -> Attempt<OpenedReferral> {
    let trail = proved_trail_of(client, &keys.ask())?;
    if !trail.read().contains(record) {
        return Err(
            Failure::new(Kind::Closed, "nobody reads this record in this ask")
                .of(record)
                .help("begin with `eligo care read`; every read is on the ledger first"),
        );
    }
    let granted = trail.granted_record(client, record)?;
    let shares = trail.shares(&granted);
    let key = combine(keys.receiving(), &granted.grant, &granted.capsule, &shares);
    let key = key.map_err(|e| {
        Failure::new(Kind::Closed, e)
            .of(record)
            .help("try again when enough proxies have answered")
    })?;
    let mut stored = Zeroizing::new(Vec::new());
    let fetched = client.desk().get(granted.ciphertext, &mut *stored);
    fetched.map_err(Failure::from)?;
    let opened = open_record(&key, stored.as_slice(), schemas);
    let wrong = |e: &dyn core::fmt::Display| Failure::new(Kind::ProofInvalid, e).of(record);
    let opened = opened.map_err(|e| wrong(&e))?;
    // A hospital's account is the key with which it signs what it seals.
    let hospital = granted.entry.hospital;
    let signer = VerifyingKey::from_bytes(hospital.as_bytes()).map_err(|e| wrong(&e))?;
    check_opened(&opened, &signer).map_err(|e| wrong(&e))?;
    let party = client.account(&hospital)?.and_then(|a| a.party);
    let party = party.filter(|p| p.role == "hospital" && p.admitted);
    let hospital_name = party.map(|p| p.name).ok_or_else(|| {
        let what = "the hospital that signed it is not certified";
        Failure::new(Kind::UntrustedIssuer, what).of(record)
    })?;
    let diagnosis = match granted.entry.team {
        Some(team) => Some(signed_by_team(
            client,
            &granted,
            DiagnosisName::new(team),
            &opened,
        )?),
        None => None,
    };
    Ok(OpenedReferral {
        record: *record,
        summary: Summary::of(&opened)?,
        opened,
        hospital_name,
        diagnosis,
    })
}

/// The team's signatures over the opinions that are in the record: each must be the one that was signed.
fn signed_by_team<D: Desk>(
    client: &Client<D>,
    granted: &trail::GrantedRecord,
    name: DiagnosisName,
    opened: &OpenedRecord,
) -> Attempt<(SignedDiagnosis, Vec<Note>)> {
    let wrong = |what: &str| Failure::new(Kind::ProofInvalid, what).of(granted.record);
    let encounter = EncounterName::of(&granted.entry.encounter);
    let signed = trail::diagnosis(client, &encounter, &name)?
        .filter(|d| d.hospital == granted.entry.hospital)
        .ok_or_else(|| wrong("the ledger has no such diagnosis of this encounter"))?;
    let notes = opinion::attached(&opened.bundle)?;
    let steps = signed.chain.steps();
    let same = notes.len() == steps.len()
        && steps
            .iter()
            .zip(&signed.doctors)
            .zip(&notes)
            .all(|(((_, opinion), doctor), note)| note.doctor == *doctor && note.is(opinion));
    if same {
        Ok((signed, notes))
    } else {
        Err(wrong(
            "the opinions in the record are not those the team signed",
        ))
    }
}
