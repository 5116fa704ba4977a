//! What happened, checked against the ledger: every event is looked up in the results of a transaction
//! whose inclusion is proved. What the contract does by itself at the end of a block is in no
//! transaction's result; it is marked as such.

use eligo_ledger::height::{Height, Time};
use eligo_ledger::wire::Wire;
use serde::Deserialize;

use super::{Client, ClientError, Committed, Desk, DeskError};
use crate::care::{Act, CareEvent};
use crate::event::{Event, Subject, read_outcome};
use crate::name::ClaimId;
use crate::rejection::Rejection;
use crate::transaction::{Body, SignedTransaction};

/// How many events are asked for at once.
const PAGE: usize = 500;

/// How far an event is shown by the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its transaction is final, and the chain commits to its result.
    Proved,
    /// Its transaction is final; no later block commits to its result yet.
    Final,
    /// The contract did it by itself at the end of a block: f+1 replicas told the node.
    Told,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Step {
    /// What.
    pub event: Event,
    /// The block.
    pub height: Height,
    /// Its number among the block's events.
    pub number: u32,
    /// The block's time, milliseconds since 1970.
    pub time_ms: u64,
    /// The transaction's position in the block; none for what the contract did by itself.
    pub transaction: Option<u32>,
}

/// A step that was checked.
#[derive(Clone, Debug)]
pub struct ProvenStep {
    /// The step.
    pub step: Step,
    /// How far it is shown.
    pub standing: Standing,
    /// The transaction that brought it about.
    pub signed: Option<SignedTransaction>,
    /// The time of its block as the chain commits to it; none for what is only told.
    pub time: Option<Time>,
}

#[derive(Deserialize)]
struct SeenEvent {
    height: u64,
    number: u32,
    time_ms: u64,
    transaction: Option<u32>,
    event: Event,
}

/// What the contract does at the end of a block, or in the genesis document: no transaction's result shows it.
const fn happens_by_itself(event: &Event) -> bool {
    if let Event::Care(event) = event {
        return event.happens_by_itself();
    }
    if let Event::Convened(convened) = event {
        return convened.happens_by_itself();
    }
    matches!(
        event,
        Event::PartyCertified { .. }
            | Event::ProxyRegistered { .. }
            | Event::ProxiesDrawn { .. }
            | Event::RequirementClosed { .. }
            | Event::ProxySilent { .. }
            | Event::Settled { .. }
            | Event::Expired { .. }
            | Event::Upheld { .. }
    )
}

/// Whether a refused transaction shows an event that its refusal brought about: a rejected claim, or a false
/// share, which is evidence against the proxy that signed it and nobody else.
fn refusal_shows(event: &Event, committed: &Committed, signed: &SignedTransaction) -> bool {
    let code = committed.outcome.code;
    match (event, signed.body()) {
        (Event::ClaimRejected { claim, reason }, Body::Claim(_) | Body::Count(_)) => {
            *claim == ClaimId::from(committed.transaction.id()) && *reason == code && code != 0
        }
        (
            Event::FalseShare {
                claim,
                proxy,
                share,
                ..
            },
            Body::PostShare {
                claim: about,
                share: posted,
            },
        ) => {
            code == Rejection::FalseShare.code()
                && claim == about
                && *proxy == signed.sender()
                && *share == eligo_sharing::domain::sha256(posted.as_slice())
        }
        (
            Event::Care(CareEvent::FalseCareShare {
                ask,
                record,
                proxy,
                share,
                ..
            }),
            Body::Care(Act::Share {
                ask: about,
                record: of,
                share: posted,
            }),
        ) => {
            code == Rejection::FalseShare.code()
                && (ask, record) == (about, of)
                && *proxy == signed.sender()
                && *share == eligo_sharing::domain::sha256(posted.as_slice())
        }
        _ => false,
    }
}

pub(super) fn nonsense(what: &'static str) -> ClientError {
    DeskError::Malformed(what).into()
}

impl<D: Desk> Client<D> {
    /// Everything a node tells about a subject, oldest first; unchecked, but that it is about that.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn history(&self, subject: &Subject) -> Result<Vec<Step>, ClientError> {
        let (kind, name) = match subject {
            Subject::Record(name) => ("record", name.to_string()),
            Subject::Requirement(name) => ("requirement", name.to_string()),
            Subject::Claim(name) => ("claim", name.to_string()),
            Subject::Party(name) => ("party", name.to_string()),
            Subject::Encounter(name) => ("encounter", name.to_string()),
            Subject::Ask(name) => ("ask", name.to_string()),
            Subject::Ceremony(name) => ("ceremony", name.to_string()),
            Subject::Round(round) => ("round", round.to_string()),
        };
        let mut steps = Vec::new();
        loop {
            let after = steps.len();
            let path = format!("events/{kind}/{name}?after={after}&limit={PAGE}");
            let (page, full): (Vec<SeenEvent>, bool) = self.page(&path, PAGE)?;
            steps.extend(page.into_iter().map(|seen| Step {
                event: seen.event,
                height: Height::new(seen.height),
                number: seen.number,
                time_ms: seen.time_ms,
                transaction: seen.transaction,
            }));
            if !full {
                break;
            }
        }
        // Else a true event of something else could stand for one of this.
        let about = |step: &Step| step.event.subjects().contains(subject);
        if steps.iter().all(about) {
            Ok(steps)
        } else {
            Err(nonsense("an event of something else"))
        }
    }

    /// Checks every step against the ledger.
    ///
    /// # Errors
    /// [`ClientError`] if a proof does not hold, or a result does not contain what the node told.
    pub fn prove(&self, steps: Vec<Step>) -> Result<Vec<ProvenStep>, ClientError> {
        steps
            .into_iter()
            .map(|step| self.prove_step(step))
            .collect()
    }

    pub(super) fn prove_step(&self, step: Step) -> Result<ProvenStep, ClientError> {
        let Some(index) = step.transaction else {
            if !happens_by_itself(&step.event) {
                return Err(nonsense("an event without the transaction it takes"));
            }
            return Ok(ProvenStep {
                step,
                standing: Standing::Told,
                signed: None,
                time: None,
            });
        };
        let committed = self.transaction(step.height, index)?;
        let signed = SignedTransaction::from_wire(committed.transaction.bytes());
        let signed = signed.map_err(|_| nonsense("a transaction"))?;
        let events = match committed.outcome.code {
            0 => read_outcome(&committed.outcome.data).map_err(|_| nonsense("a result"))?,
            _ => Vec::new(),
        };
        let refused = refusal_shows(&step.event, &committed, &signed);
        if !refused && !events.contains(&step.event) {
            return Err(nonsense(
                "an event that its transaction did not bring about",
            ));
        }
        let standing = match committed.outcome_proved {
            true => Standing::Proved,
            false => Standing::Final,
        };
        Ok(ProvenStep {
            step,
            standing,
            signed: Some(signed),
            time: Some(committed.time),
        })
    }
}
