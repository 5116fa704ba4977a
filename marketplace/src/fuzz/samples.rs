//! What is on the chains of `fixtures/golden`, as bytes: inputs to begin with.

use std::path::{Path, PathBuf};

use eligo_ledger::application::{Application, Genesis};
use eligo_ledger::fuzz::Samples;
use eligo_ledger::pbft::effect::Delivery;
use eligo_ledger::wire::Wire;

use super::IssuerBytes;
use crate::application::Market;
use crate::care::Act;
use crate::certificate::{Certificate, Role};
use crate::convene::act::Act as Convening;
use crate::credits::Credits;
use crate::encoding::Blob;
use crate::event::Event;
use crate::genesis::MarketGenesis;
use crate::offer::Draft;
use crate::transaction::{Body, DisputeEvidence, SignedTransaction};

/// Keeps a hospital's key.
fn party(samples: &mut Samples, certificate: &Certificate) {
    if let Role::Hospital { issuer_key, .. } = &certificate.role {
        samples.keep::<IssuerBytes>(0, issuer_key.to_vec());
    }
}

/// Keeps a transaction and its parts.
fn transaction(samples: &mut Samples, signed: &SignedTransaction) {
    let body = signed.body();
    // The transactions' own tag is behind a header.
    let tag = body.to_wire().first().copied().unwrap_or_default();
    samples.keep::<SignedTransaction>(tag, signed.to_wire());
    samples.variant(body);
    match body {
        Body::Certify(signed) => {
            samples.add(signed);
            party(samples, &signed.certificate);
        }
        Body::Register(entry) => samples.add(entry),
        Body::Publish(offer) => {
            samples.add(offer);
            samples.add(&Draft {
                question: offer.question.clone(),
                fee: Credits::new(1),
            });
        }
        Body::Claim(claim) => samples.add(claim),
        Body::Care(act) => {
            samples.variant(act);
            match act {
                Act::Ask(terms) => samples.add(terms),
                Act::Permit(permit) => samples.add(permit),
                Act::Delegate(delegation) => samples.add(delegation),
                _ => {}
            }
        }
        Body::Convene(act) => {
            samples.variant(act);
            if let Convening::Say { message, .. } = act {
                samples.variant(message);
            }
        }
        _ => {}
    }
}

/// Runs a chain and keeps what it is made of.
fn chain(samples: &mut Samples, folder: &Path) -> Option<()> {
    let genesis = Genesis::from_wire(&std::fs::read(folder.join("genesis")).ok()?).ok()?;
    let own = MarketGenesis::from_wire(&genesis.app_state).ok()?;
    for certificate in own.parties.as_slice() {
        party(samples, certificate);
    }
    samples.add(&own);
    let mut market = Market::new();
    market.init_chain(&genesis);
    samples.add(market.contract()?);
    let blocks = std::fs::read_dir(folder.join("blocks")).ok()?;
    let mut blocks: Vec<PathBuf> = blocks.flatten().map(|entry| entry.path()).collect();
    blocks.sort();
    for path in blocks {
        let block = Delivery::from_wire(&std::fs::read(path).ok()?)
            .ok()?
            .decision
            .block;
        for tx in block.transactions() {
            transaction(samples, &SignedTransaction::from_wire(tx.bytes()).ok()?);
        }
        market.finalize_block(&block);
    }
    let contract = market.contract()?;
    samples.add(contract);
    for (_, logged) in contract.events.iter() {
        let tag = logged.event.to_wire().first().copied().unwrap_or_default();
        samples.keep::<crate::event::Logged>(tag, logged.to_wire());
        samples.variant(&logged.event);
        match &logged.event {
            Event::Care(event) => samples.variant(event),
            Event::Convened(event) => samples.variant(event),
            _ => {}
        }
    }
    Some(())
}

/// Valid encodings of everything that is decoded.
#[must_use]
pub fn samples() -> Vec<Vec<u8>> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/golden");
    let mut samples = Samples::default();
    for name in ["market-v1", "referral-v1"] {
        if chain(&mut samples, &golden.join(name)).is_none() {
            eprintln!("{name}: not read whole; fuzzing begins with less");
        }
    }
    let transcript = Blob::new(vec![7; 99]).map(DisputeEvidence::KeyCommitment);
    transcript
        .iter()
        .for_each(|evidence| samples.variant(evidence));
    samples.into_bytes()
}
