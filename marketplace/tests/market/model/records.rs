//! Records, honest and not.

use crate::fair::miskeyed;
use eligo_marketplace::entry::{SignedEntry, sign_withdrawal};
use eligo_marketplace::scenario::SealedRecord;
use eligo_marketplace::transaction::Body;
use eligo_sharing::tcpre::Capsule;

use super::step::{EntryFault, Step};
use super::world::{Model, PlainRecord};

/// Puts another capsule into a record that is not registered yet.
fn recapsule(record: &mut SealedRecord, capsule: Capsule) {
    record.entry.capsule = capsule.to_bytes();
    record.entry.ciphertext = *capsule.ciphertext_digest();
    record.capsule = capsule;
}

impl Model {
    fn sealed(&mut self, step: &Step) -> SealedRecord {
        let Step::Register {
            hospital,
            supersedes,
            fault,
            miskeyed: wrong_key,
        } = *step
        else {
            unreachable!("a registration")
        };
        let earlier = supersedes.map(|at| &self.records[at % self.records.len()]);
        let earlier = earlier.map(|record| record.sealed.name());
        let mut record = self.fair.market.seal(hospital, earlier);
        if wrong_key {
            let label = *record.capsule.label().as_bytes();
            let capsule = miskeyed(&record.key, label, b"content");
            recapsule(&mut record, capsule);
        }
        let old = &self.records[0].sealed;
        match fault {
            EntryFault::LabelTwice => {
                // The first record's key and label around another content.
                let label = *old.capsule.label().as_bytes();
                let content = record.entry.encounter;
                recapsule(&mut record, miskeyed(&old.key, label, &content));
                record.entry.possession = old.entry.possession;
            }
            EntryFault::Twice => {
                record.entry = old.entry.clone();
                record.signer = old.signer.clone();
            }
            EntryFault::None | EntryFault::Unsigned => {}
        }
        record
    }

    pub fn register(&mut self, step: &Step) {
        let Step::Register {
            hospital,
            supersedes,
            fault,
            miskeyed,
        } = *step
        else {
            return;
        };
        let record = self.sealed(step);
        // The first record again is the first hospital's, whoever hands it in.
        let signs = if fault == EntryFault::Twice {
            0
        } else {
            hospital
        };
        let chain = self.fair.market.chain;
        let key = self.people[signs].clone();
        let mut signed = SignedEntry {
            patient: record.entry.sign(&chain, &record.signer),
            hospital: record.entry.sign(&chain, &key),
            entry: record.entry.clone(),
        };
        if fault == EntryFault::Unsigned {
            signed.patient[7] ^= 1;
        }
        let earlier = supersedes.map(|at| at % self.records.len());
        let fits = earlier.is_none_or(|at| self.records[at].hospital == hospital);
        let works = fault == EntryFault::None && self.admitted(hospital).is_some() && fits;
        self.submit_by(hospital, Body::Register(signed), works, step);
        if works {
            let lineage = earlier.map_or(self.records.len(), |at| self.records[at].lineage);
            self.records.push(PlainRecord {
                sealed: record,
                hospital,
                lineage,
                withdrawn: false,
                miskeyed,
            });
        }
    }

    pub fn withdraw_record(&mut self, step: &Step, at: usize, forged: bool) {
        let record = &self.records[at];
        let works = !record.withdrawn && !forged;
        let name = record.sealed.name();
        let signer = if forged {
            &self.people[0]
        } else {
            &record.sealed.signer
        };
        let signature = sign_withdrawal(&self.fair.market.chain, &name, signer);
        let body = Body::WithdrawRecord {
            record: name,
            signature,
        };
        self.submit_by(3, body, works, step);
        if works {
            self.records[at].withdrawn = true;
        }
    }
}
