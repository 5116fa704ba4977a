//! Nodes that lie about care: what a patient's history says, and whom authorities answer.

use std::time::Duration;

use eligo_ledger::wire::Wire;
use eligo_marketplace::{
    care::{Act, CareEvent},
    client::{Client, Desk as _, HttpDesk},
    event::{Event, Subject},
    name::{AccountId, AskId, RecordName},
    transaction::{Body, SignedTransaction},
};
use serde_json::Value;

use super::Ward;
use crate::liar::{Liar, Lies};

/// The care event of a step.
fn care_event(step: &Value) -> Option<CareEvent> {
    match serde_json::from_value(step["event"].clone()).unwrap() {
        Event::Care(event) => Some(event),
        _ => None,
    }
}

/// A node that lies about a record's history is caught, or what it says is not called verified; what it leaves out
/// entirely is not noticed, and that is said.
pub fn no_node_makes_a_history_up(ward: &Ward) {
    let honest = ward.did("care history --record {R}");
    assert_eq!(
        (&honest["verified"], &honest["reads"]),
        (&true.into(), &1.into())
    );
    let steps = honest["steps"].as_array().unwrap().clone();
    let mut events = steps.iter().filter_map(care_event);
    let read = events.find(|e| matches!(e, CareEvent::RecordRead { .. }));
    let Some(CareEvent::RecordRead {
        ask,
        encounter,
        record,
        doctor,
    }) = read
    else {
        panic!("no read in {honest}");
    };
    let shown = |lies: Lies| {
        let liar = Liar::start(&ward.node.url, lies);
        let record = &ward.names["R"];
        ward.desk.run(&format!(
            "care history --record {record} --json --node {}",
            liar.url
        ))
    };
    let is_read = |step: &Value| matches!(care_event(step), Some(CareEvent::RecordRead { .. }));
    // It passes on what is true.
    let passed = shown(Lies::telling(|_| ())).code(0).json();
    assert_eq!(passed, honest);

    // One is altered: another doctor read.
    let other: AccountId = ward.names["T"].parse().unwrap();
    shown(Lies::telling(move |steps| {
        for step in steps.iter_mut().filter(|s| is_read(s)) {
            let doctor = other;
            let event = CareEvent::RecordRead {
                ask,
                encounter,
                record,
                doctor,
            };
            step["event"] = serde_json::to_value(Event::from(event)).unwrap();
        }
    }))
    .code(8)
    .says("did not bring about");
    // One is at another time: the chain's is shown.
    let moved = shown(Lies::telling(|steps| {
        for step in steps {
            if step["transaction"].is_number() {
                step["time_ms"] = 1.into();
            }
        }
    }));
    assert_eq!(moved.code(0).json()["steps"], honest["steps"]);
    // One of another record.
    shown(Lies::telling(move |steps| {
        for step in steps.iter_mut().filter(|s| is_read(s)) {
            let event = CareEvent::RecordRead {
                ask: AskId::new([1; 32]),
                encounter,
                record: RecordName::new([2; 32]),
                doctor,
            };
            step["event"] = serde_json::to_value(Event::from(event)).unwrap();
        }
    }))
    .code(8)
    .says("something else");

    // The read alone is left out: what came of it has nothing to follow from.
    let without = shown(Lies::telling(move |steps| steps.retain(|s| !is_read(s))));
    let without = without.code(0).json();
    assert_eq!(
        (&without["verified"], &without["reads"]),
        (&false.into(), &0.into())
    );

    // A read that was refused is shown as one that happened, and the block that tells is hidden.
    ward.run("care read {R} --key farah.doctor --ask-keys second.keys")
        .code(7);
    let refused = height(&ward.node.url);
    let event = Event::from(CareEvent::RecordRead {
        ask,
        encounter,
        record,
        doctor,
    });
    let told_so = shown(Lies::accepting(refused, event)).code(0).json();
    assert_eq!(told_so["verified"], false);
    let standing = told_so["steps"].as_array().unwrap().last().unwrap();
    assert_eq!(standing["standing"], "final");
    // The honest node shows, by the next block, that it was not.
    let honest = ward.did("care history --record {R}");
    assert_eq!(
        (&honest["verified"], &honest["reads"]),
        (&true.into(), &1.into())
    );

    // All that came of an ask is left out: nobody can tell from this node alone.
    let silent = shown(Lies::telling(move |steps| {
        steps.retain(|s| {
            let event = care_event(s);
            event.is_none_or(|e| !e.subjects().contains(&Subject::Ask(ask)))
        });
    }));
    let silent = silent.code(0).json();
    assert_eq!(
        (&silent["verified"], &silent["reads"]),
        (&true.into(), &0.into())
    );
    let record = &ward.names["R"];
    let said = ward.desk.run(&format!(
        "care history --record {record} --node {}",
        ward.node.url
    ));
    assert!(said.code(0).out.contains("a node can leave steps out"));
}

/// The last block of a node.
fn height(url: &str) -> u64 {
    let mut status = ureq::get(format!("{url}/v1/status")).call().unwrap();
    let status = status.body_mut().read_to_string().unwrap();
    let status: Value = serde_json::from_str(&status).unwrap();
    status["height"].as_u64().unwrap()
}

/// A doctor of another hospital calls and is refused; a node shows the call as accepted. No authority's share leaves.
pub fn no_authority_answers_a_refused_call(ward: &Ward) {
    ward.run("care emergency ask --record {R} --key chen.doctor --hospital {T} --reason Curious")
        .code(6);
    let client = Client::trusting(HttpDesk::new(&ward.node.url, Duration::from_secs(60))).unwrap();
    let at = client.desk().height().unwrap();
    let acts = |height| {
        let block = client.desk().block(height).unwrap().unwrap();
        let transactions = block.decision.block.transactions().to_vec();
        let signed = transactions
            .iter()
            .map(|t| SignedTransaction::from_wire(t.bytes()).unwrap());
        let acts = signed.filter_map(|s| match s.body() {
            Body::Care(act) => Some((s.sender(), act.clone())),
            _ => None,
        });
        acts.collect::<Vec<_>>()
    };
    let [(doctor, Act::AskEmergency(terms))] = &acts(at)[..] else {
        panic!("not the call");
    };
    let emergency = terms.name(&client.chain().into(), doctor);
    let lie = CareEvent::EmergencyAsked {
        emergency,
        record: terms.record,
        doctor: *doctor,
        hospital: terms.hospital,
    };
    let liar = Liar::start(&ward.node.url, Lies::accepting(at.get(), lie.into()));
    let line = format!(
        "care emergency answer {emergency} --record {} --key ministry.key --journal ministry-journal --node {}",
        ward.names["R"], liar.url
    );
    ward.desk.run(&line).code(8).says("does not show yet");
    let mut later = Vec::new();
    let mut next = at.next();
    while next <= client.desk().height().unwrap() {
        later.extend(acts(next));
        next = next.next();
    }
    assert!(later.is_empty(), "{later:?}");
}
