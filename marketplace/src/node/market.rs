//! The marketplace as a node serves it.

use eligo_ledger::application::Finalized;
use eligo_ledger::block::Block;
use serde_json::Value;

use super::{Notice, Served};
use crate::application::Market;
use crate::event::{Subject, read_outcome};
use crate::rejection::Rejection;

impl Served for Market {
    fn refusal(code: u32) -> Option<(&'static str, String)> {
        let reason = Rejection::from_code(code)?;
        Some((reason.name(), reason.to_string()))
    }

    fn notices(block: &Block, done: &Finalized) -> Vec<Notice> {
        let results = (0u32..).zip(block.transactions()).zip(&done.outcomes);
        let mut notices = Vec::new();
        for ((index, _), outcome) in results {
            // A refusal brings about no events; its reason is in the outcome.
            let events = match outcome.code {
                0 => read_outcome(&outcome.data).unwrap_or_default(),
                _ => Vec::new(),
            };
            for event in events {
                let mut notice = Notice {
                    index,
                    record: None,
                    requirement: None,
                    parties: Vec::new(),
                    value: serde_json::to_value(&event).unwrap_or(Value::Null),
                };
                for subject in event.subjects() {
                    match subject {
                        Subject::Record(name) => notice.record = Some(name.to_string()),
                        Subject::Requirement(name) => notice.requirement = Some(name.to_string()),
                        Subject::Party(name) => notice.parties.push(name.to_string()),
                        Subject::Claim(_)
                        | Subject::Ceremony(_)
                        | Subject::Round(_)
                        | Subject::Encounter(_)
                        | Subject::Ask(_) => {}
                    }
                }
                notices.push(notice);
            }
        }
        notices
    }
}
