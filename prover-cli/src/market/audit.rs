//! A record's history, every step checked against the ledger.

use std::collections::{BTreeMap, BTreeSet};

use eligo_ledger::height::Time;
use eligo_marketplace::{
    agent::trail,
    client::{Client, Desk, ProvenStep, Standing},
    event::{Event, Subject},
    name::{AccountId, ClaimId, RecordName, RequirementName},
};
use serde_json::{Value, json};

use crate::{
    failure::{Attempt, Failure, Kind},
    moment,
};

/// What no check shows: said under every history.
pub const LEFT_OUT: &str =
    "a node can leave steps out; to be sure, compare with what another one tells";

/// A step's time, milliseconds since 1970: its block's, as the chain commits to it; the node's word for what the
/// contract did by itself.
pub fn time_ms(step: &ProvenStep) -> u64 {
    step.time.map_or(step.step.time_ms, Time::get)
}

/// A record's history, checked.
pub struct Audit {
    record: RecordName,
    steps: Vec<ProvenStep>,
    names: BTreeMap<AccountId, String>,
}

/// Collects everything that happened to a record and to the claims on it, and checks every step.
pub fn audit<D: Desk>(client: &Client<D>, record: RecordName) -> Attempt<Audit> {
    let of_record = client.history(&Subject::Record(record))?;
    if of_record.is_empty() {
        return Err(
            Failure::new(Kind::File, "there is no such record on the ledger")
                .of(record)
                .help("a record's name is `sealed`, which `eligo hospital issue` prints"),
        );
    }
    let mut steps = BTreeMap::new();
    let claims: Vec<ClaimId> = of_record
        .iter()
        .filter_map(|step| match step.event {
            Event::ClaimAccepted { claim, .. } => Some(claim),
            _ => None,
        })
        .collect();
    let mut all = of_record;
    for claim in claims {
        all.extend(client.history(&Subject::Claim(claim))?);
    }
    for step in all {
        steps.insert((step.height, step.number), step);
    }
    let steps = trail::committed(client, steps.into_values().collect())?;
    let mut names = BTreeMap::new();
    for step in &steps {
        for subject in step.step.event.subjects() {
            if let Subject::Party(id) = subject {
                let party = client.account(&id)?.and_then(|a| a.party);
                if let Some(party) = party {
                    names.insert(id, party.name);
                }
            }
        }
        if let Some(id) = institutions(client, &step.step.event)? {
            names.entry(id.0).or_insert(id.1);
        }
    }
    Ok(Audit {
        record,
        steps,
        names,
    })
}

fn institutions<D: Desk>(
    client: &Client<D>,
    event: &Event,
) -> Attempt<Option<(AccountId, String)>> {
    let Event::ClaimAccepted { requirement, .. } = event else {
        return Ok(None);
    };
    let seen = client.requirement(requirement)?;
    Ok(seen.map(|r| (r.institution, r.institution_name)))
}

impl Audit {
    /// Whether the chain shows every step that a transaction brought about, and what the contract did by itself
    /// follows from a step before it. Of a step in the last block it is only the node's word that the contract
    /// accepted it, so that is not enough.
    pub fn verified(&self) -> bool {
        let mut follows = BTreeSet::new();
        self.steps.iter().all(|s| {
            let event = &s.step.event;
            match event {
                Event::ClaimAccepted { claim, .. } => follows.insert((*claim, "accepted")),
                Event::Delivered { claim, .. } => follows.insert((*claim, "delivered")),
                Event::Disputed { claim, .. } => follows.insert((*claim, "disputed")),
                _ => true,
            };
            match (s.standing, event) {
                (Standing::Proved, _) => true,
                (Standing::Final, _) => false,
                (Standing::Told, Event::Settled { claim, .. }) => {
                    follows.contains(&(*claim, "delivered"))
                }
                (Standing::Told, Event::Upheld { claim, .. }) => {
                    follows.contains(&(*claim, "disputed"))
                }
                (
                    Standing::Told,
                    Event::Expired { claim, .. } | Event::ProxySilent { claim, .. },
                ) => {
                    follows.contains(&(*claim, "accepted"))
                        && !follows.contains(&(*claim, "delivered"))
                }
                (Standing::Told, _) => false,
            }
        })
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    fn party(&self, id: &AccountId) -> String {
        match self.names.get(id) {
            Some(name) => name.clone(),
            None => short(&id.to_string()),
        }
    }

    /// The history, a line a step: block, how far it is shown, what happened.
    pub fn brief(&self) -> Vec<String> {
        let line = |s: &ProvenStep| {
            let (height, what) = (s.step.height.get(), self.told(&s.step.event));
            format!("{height:>6}  {:7} {what}", shown(s.standing))
        };
        self.steps.iter().map(line).collect()
    }

    /// The history, a line a step, with times.
    pub fn lines(&self) -> Vec<String> {
        let line = |s: &ProvenStep| {
            let step = &s.step;
            format!(
                "{:>6}  {}  {:7} {}",
                step.height.get(),
                moment::show(time_ms(s) / 1000),
                shown(s.standing),
                self.told(&step.event)
            )
        };
        self.steps.iter().map(line).collect()
    }

    fn told(&self, event: &Event) -> String {
        let who = |id: &AccountId| self.party(id);
        match event {
            Event::RecordRegistered { hospital, .. } => format!("registered by {}", who(hospital)),
            Event::RecordWithdrawn { .. } => "taken off the market by its patient".to_owned(),
            Event::ClaimAccepted {
                claim, requirement, ..
            } => format!(
                "claim {}: proof and grant accepted for requirement {}",
                short(&claim.to_string()),
                shorter(requirement)
            ),
            Event::SharePosted { proxy, fee, .. } => {
                format!("re-encrypted by {}, paid {}", who(proxy), fee.get())
            }
            Event::FalseShare { proxy, slashed, .. } => {
                format!("FALSE share by {}, who lost {}", who(proxy), slashed.get())
            }
            Event::ProxySilent { proxy, slashed, .. } => {
                format!("{} kept silent and lost {}", who(proxy), slashed.get())
            }
            Event::Delivered { .. } => "delivered: the institution can open it".to_owned(),
            Event::Settled {
                account, reward, ..
            } => format!("settled: {} paid to {}", reward.get(), who(account)),
            Event::Expired { returned, .. } => format!("expired: {} returned", returned.get()),
            Event::Revoked { effective, .. } => {
                format!("grant revoked by the patient, from block {effective} on")
            }
            Event::Disputed {
                institution,
                hospital,
                ..
            } => format!("disputed by {} against {}", who(institution), who(hospital)),
            Event::VerdictGiven {
                arbiter, finding, ..
            } => format!("arbiter {}: {finding:?}", who(arbiter)),
            Event::Refunded {
                refund,
                compensation,
                ..
            } => format!(
                "refunded: {} to the institution, {} to the patient, from the hospital's bond",
                refund.get(),
                compensation.get()
            ),
            Event::Upheld { account, .. } => format!("upheld: {} was paid", who(account)),
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
        json!({
            "record": self.record.to_string(),
            "verified": self.verified(),
            "steps": steps,
        })
    }
}

const fn shown(standing: Standing) -> &'static str {
    match standing {
        Standing::Proved => "proved",
        Standing::Final => "final",
        Standing::Told => "told",
    }
}

/// The first digits of a name.
pub fn short(name: &str) -> String {
    name.chars().take(8).collect()
}

fn shorter(name: &RequirementName) -> String {
    short(&name.to_string())
}
