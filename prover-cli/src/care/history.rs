//! What happened to a patient's encounters and records, every step checked against the validators' keys: a node
//! can neither make a step up, nor show a refused one as accepted, nor another's, nor alter one. What it can do is
//! leave one out.

use std::collections::{BTreeMap, BTreeSet};

use eligo_marketplace::{
    agent::trail,
    care::CareEvent,
    client::{Client, Desk, ProvenStep, Standing},
    convene::event::Convened,
    event::{Event, Subject},
    name::{AccountId, AskId, EncounterName, RecordName},
};
use serde_json::{Value, json};

use crate::{
    console::count,
    failure::{Attempt, Failure, Kind},
    market::audit::{short, time_ms},
    moment,
};

/// A history, checked.
pub struct History {
    steps: Vec<ProvenStep>,
    names: BTreeMap<AccountId, String>,
}

/// Collects what happened to encounters, records and the asks that were about them.
pub fn history<D: Desk>(client: &Client<D>, subjects: &[Subject]) -> Attempt<History> {
    let mut steps = BTreeMap::new();
    let mut asks = BTreeSet::new();
    for subject in subjects {
        for step in client.history(subject)? {
            if let Event::Care(event) = &step.event {
                asks.extend(event.subjects().into_iter().filter_map(|s| match s {
                    Subject::Ask(ask) => Some(ask),
                    _ => None,
                }));
            }
            steps.insert((step.height, step.number), step);
        }
    }
    for ask in asks {
        for step in client.history(&Subject::Ask(ask))? {
            steps.insert((step.height, step.number), step);
        }
    }
    if steps.is_empty() {
        return Err(Failure::new(
            Kind::File,
            "the ledger has nothing of this name",
        ));
    }
    let steps = trail::committed(client, steps.into_values().collect())?;
    let mut names = BTreeMap::new();
    for step in &steps {
        for subject in step.step.event.subjects() {
            let Subject::Party(id) = subject else {
                continue;
            };
            if names.contains_key(&id) {
                continue;
            }
            if let Some(party) = client.account(&id)?.and_then(|a| a.party) {
                names.insert(id, party.name);
            }
        }
    }
    Ok(History { steps, names })
}

/// The subjects of encounters and records.
pub fn subjects(encounters: &[EncounterName], records: &[RecordName]) -> Vec<Subject> {
    let encounters = encounters.iter().map(|e| Subject::Encounter(*e));
    encounters
        .chain(records.iter().map(|r| Subject::Record(*r)))
        .collect()
}

impl History {
    /// Whether the chain shows every step that a transaction brought about, and what the contract did by itself
    /// follows from an ask before it. Of a step in the last block it is only the node's word that the contract
    /// accepted it, so that is not enough; nor is a share, or an opened record, of a read that is not here.
    pub fn verified(&self) -> bool {
        let mut asked: BTreeSet<AskId> = BTreeSet::new();
        let mut read: BTreeSet<(AskId, RecordName)> = BTreeSet::new();
        self.steps.iter().all(|s| {
            let Event::Care(event) = &s.step.event else {
                return s.standing == Standing::Proved;
            };
            let follows = match event {
                CareEvent::Asked { ask, .. } => {
                    asked.insert(*ask);
                    true
                }
                CareEvent::RecordRead { ask, record, .. } => {
                    read.insert((*ask, *record));
                    true
                }
                CareEvent::CareShared { ask, record, .. }
                | CareEvent::FalseCareShare { ask, record, .. }
                | CareEvent::Readable { ask, record, .. }
                | CareEvent::RecordOpened { ask, record, .. } => read.contains(&(*ask, *record)),
                CareEvent::AskDrawn { ask, .. } | CareEvent::AskEnded { ask, .. } => {
                    asked.contains(ask)
                }
                _ => true,
            };
            let by_itself = event.happens_by_itself();
            follows && (s.standing == Standing::Proved || s.standing == Standing::Told && by_itself)
        })
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Records that were read, with who read them.
    pub fn reads(&self) -> Vec<(RecordName, AccountId)> {
        let reads = self.steps.iter().filter_map(|s| match &s.step.event {
            Event::Care(CareEvent::RecordRead { record, doctor, .. }) => Some((*record, *doctor)),
            _ => None,
        });
        reads.collect()
    }

    /// Whether an emergency left its trace.
    pub fn has_emergency(&self) -> bool {
        self.steps.iter().any(|s| {
            matches!(
                &s.step.event,
                Event::Care(CareEvent::EmergencyOpenable { .. })
            )
        })
    }

    fn who(&self, id: &AccountId) -> String {
        let name = self.names.get(id).cloned();
        name.unwrap_or_else(|| short(&id.to_string()))
    }

    /// The history, a line a step.
    pub fn lines(&self) -> Vec<String> {
        let line = |s: &ProvenStep| {
            format!(
                "{:>6}  {}  {:7} {}",
                s.step.height.get(),
                moment::show(time_ms(s) / 1000),
                shown(s.standing),
                self.told(&s.step.event)
            )
        };
        self.steps.iter().map(line).collect()
    }

    /// The same without times.
    pub fn brief(&self) -> Vec<String> {
        let line = |s: &ProvenStep| {
            let height = s.step.height.get();
            format!(
                "{height:>6}  {:7} {}",
                shown(s.standing),
                self.told(&s.step.event)
            )
        };
        self.steps.iter().map(line).collect()
    }

    fn told(&self, event: &Event) -> String {
        match event {
            Event::RecordRegistered {
                record, hospital, ..
            } => {
                format!(
                    "record {} registered by {}",
                    name(record),
                    self.who(hospital)
                )
            }
            Event::Care(event) => self.told_of_care(event),
            Event::Convened(Convened::DrawWitnessed { proxies, .. }) => {
                format!("the contract bears witness to who the {proxies} proxies are")
            }
            other => format!("{other:?}"),
        }
    }

    fn told_of_care(&self, event: &CareEvent) -> String {
        use CareEvent as E;
        let who = |id: &AccountId| self.who(id);
        let until = |ms: &u64| moment::show(ms / 1000);
        let hand = |d: &Option<AccountId>| match d {
            Some(id) => format!("{} for the patient", self.who(id)),
            None => "the patient".to_owned(),
        };
        match event {
            E::TeamAssigned {
                hospital,
                epoch,
                doctors,
                ..
            } => format!(
                "{} assigns a team of {} (epoch {epoch})",
                who(hospital),
                doctors.as_slice().len()
            ),
            E::TeamConfirmed { doctor, .. } => format!("{} confirms the team's key", who(doctor)),
            E::OpinionSigned { doctor, place, .. } => {
                format!("{} signs an opinion, number {place}", who(doctor))
            }
            E::DiagnosisCompleted { hospital, .. } => {
                format!("the diagnosis of {} is complete", who(hospital))
            }
            E::AskedAgain { doctor, times, .. } => {
                format!("{} is asked again, time {times}", who(doctor))
            }
            E::Asked {
                doctor,
                hospital,
                until_ms,
                ..
            } => format!(
                "{} of {} asks, until {}",
                who(doctor),
                who(hospital),
                until(until_ms)
            ),
            E::AskDrawn { proxies, .. } => {
                format!("{} proxies drawn for the ask", proxies.as_slice().len())
            }
            E::AskWithdrawn { .. } => "the ask was taken back".to_owned(),
            E::Permitted {
                records,
                delegate,
                until_ms,
                ..
            } => format!(
                "{} grants {} until {}",
                hand(delegate),
                count(records.as_slice().len(), "record"),
                until(until_ms)
            ),
            E::PermitRevoked { delegate, .. } => format!("{} revokes", hand(delegate)),
            E::AskEnded { .. } => "the period asked for is over".to_owned(),
            E::RecordRead { record, doctor, .. } => {
                format!("{} READS record {}", who(doctor), name(record))
            }
            E::CareShared { record, proxy, .. } => {
                format!("{} re-encrypts record {}", who(proxy), name(record))
            }
            E::FalseCareShare { proxy, slashed, .. } => {
                format!("FALSE share by {}, who lost {}", who(proxy), slashed.get())
            }
            E::Readable { record, .. } => format!("record {} can be opened", name(record)),
            E::RecordOpened { record, right, .. } => {
                let right = if *right { "as signed" } else { "NOT as signed" };
                format!("record {} was opened: {right}", name(record))
            }
            E::Delegated {
                delegate, until_ms, ..
            } => format!(
                "{} may act for the patient until {}",
                who(delegate),
                until(until_ms)
            ),
            E::DelegationRevoked { delegate, .. } => {
                format!("{} may no longer act for the patient", who(delegate))
            }
            E::EmergencyEntered { hospital, .. } => {
                format!("{} enters a summary for emergencies", who(hospital))
            }
            E::EmergencyAsked {
                doctor, hospital, ..
            } => {
                format!(
                    "EMERGENCY: {} of {} calls the authorities",
                    who(doctor),
                    who(hospital)
                )
            }
            E::EmergencyShared { authority, .. } => {
                format!("EMERGENCY: authority {} answers", who(authority))
            }
            E::EmergencyOpenable { doctor, .. } => {
                format!("EMERGENCY: {} can open the summary", who(doctor))
            }
            other => format!("{other:?}"),
        }
    }

    /// The history as JSON.
    pub fn to_json(&self) -> Value {
        let steps: Vec<Value> = self
            .steps
            .iter()
            .map(|s| {
                json!({
                    "height": s.step.height.get(),
                    "index": s.step.transaction,
                    "time": moment::show(time_ms(s) / 1000),
                    "standing": shown(s.standing),
                    "what": self.told(&s.step.event),
                    "event": serde_json::to_value(&s.step.event).unwrap_or_default(),
                })
            })
            .collect();
        json!({ "verified": self.verified(), "steps": steps })
    }
}

fn name(record: &RecordName) -> String {
    short(&record.to_string())
}

const fn shown(standing: Standing) -> &'static str {
    match standing {
        Standing::Proved => "proved",
        Standing::Final => "final",
        Standing::Told => "told",
    }
}
