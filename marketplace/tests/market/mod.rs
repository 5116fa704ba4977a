//! A market in which everything is ready for a claim.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use eligo_ledger::block::Transaction;
use eligo_ledger::height::ReplicaId;
use eligo_marketplace::credits::Credits;
use eligo_marketplace::encoding::{Blob, List};
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::{Config, MadeClaim, Scenario, SealedRecord, Wanted};
use eligo_marketplace::solo::Solo;
use eligo_marketplace::transaction::{ArbiterLetter, Body, DisputeEvidence};

use crate::support::Toy;

/// Two hospitals with bonds, a record of the first, a requirement for two records, drawn proxies.
pub struct Fair {
    pub market: Scenario<Toy>,
    pub solo: Solo,
    pub record: SealedRecord,
    pub wanted: Wanted,
    pub round: u64,
}

impl Fair {
    pub fn open() -> Self {
        Self::with(&Config::default(), false)
    }

    pub fn with(config: &Config, exclusive: bool) -> Self {
        let mut market = Scenario::new(Toy::new(2), config).unwrap();
        let mut solo = Solo::new(&market.genesis);
        for hospital in 0..2 {
            let amount = Credits::new(2_000);
            let bond = market.by_hospital(hospital, Body::DepositBond { amount });
            solo.submit(bond).unwrap();
        }
        let record = market.seal(0, None);
        let registration = market.register(0, &record);
        solo.submit(registration).unwrap();
        let wanted = market.want(2, exclusive);
        let mut fair = Self {
            market,
            solo,
            record,
            wanted,
            round: 0,
        };
        fair.publish_wanted(0);
        fair
    }

    fn publish_wanted(&mut self, institution: usize) {
        let publish = self.market.publish(institution, &mut self.wanted);
        self.solo.submit(publish).unwrap();
        self.two_rounds();
    }

    /// Publishes another requirement and draws its proxies.
    pub fn publish(&mut self, institution: usize, mut wanted: Wanted) -> Wanted {
        let publish = self.market.publish(institution, &mut wanted);
        self.solo.submit(publish).unwrap();
        self.two_rounds();
        wanted
    }

    pub fn two_rounds(&mut self) {
        for _ in 0..2 {
            self.round += 1;
            let round = self.market.round(self.round);
            self.solo.submit(round).unwrap();
        }
    }

    /// Registers another record of a hospital.
    pub fn register(&mut self, hospital: usize) -> SealedRecord {
        let record = self.market.seal(hospital, None);
        let registration = self.market.register(hospital, &record);
        self.solo.submit(registration).unwrap();
        record
    }

    /// A valid claim of a person on the first requirement with the first record.
    pub fn claim(&mut self, person: u64) -> MadeClaim {
        let (drawn, now) = (self.solo.drawn(&self.wanted.name), self.solo.time_ms);
        self.market
            .claim(person, &self.wanted, &self.record, &drawn, now)
            .unwrap()
    }

    pub fn claim_on(&mut self, person: u64, wanted: &Wanted, record: &SealedRecord) -> MadeClaim {
        let (drawn, now) = (self.solo.drawn(&wanted.name), self.solo.time_ms);
        self.market
            .claim(person, wanted, record, &drawn, now)
            .unwrap()
    }

    /// The same, submitted and accepted.
    pub fn claimed(&mut self, person: u64) -> MadeClaim {
        let claim = self.claim(person);
        self.solo.submit(claim.transaction.clone()).unwrap();
        claim
    }

    /// An honest share by the proxy drawn at this place.
    pub fn share_by(&mut self, place: usize, claim: &MadeClaim) -> Result<(), Rejection> {
        let account = self.solo.drawn(&claim.request.requirement)[place].0;
        let now = self.solo.time_ms;
        let share = self
            .market
            .share(&account, claim, &self.record, now)
            .unwrap();
        self.solo.submit(share)
    }
}

/// A dispute over the content, with a letter to each of these arbiters.
pub fn letters(to: impl IntoIterator<Item = u16>) -> DisputeEvidence {
    let letter = |arbiter| ArbiterLetter {
        arbiter: ReplicaId::new(arbiter),
        letter: Blob::new(vec![1; 64]).unwrap(),
    };
    DisputeEvidence::Content(List::new(to.into_iter().map(letter).collect()).unwrap())
}

/// Submits; it must be refused for this reason, with no money moved, no licence taken and nothing else new.
pub fn refused(fair: &mut Fair, transaction: Transaction, reason: Rejection) {
    let before = Ledgered::of(fair);
    assert_eq!(fair.solo.submit(transaction), Err(reason));
    assert_eq!(Ledgered::of(fair), before, "{reason:?} changed something");
}

/// Everything a refusal must leave alone.
#[derive(Debug, PartialEq)]
pub struct Ledgered(Vec<serde_json::Value>);

impl Ledgered {
    pub fn of(fair: &Fair) -> Self {
        let lists = ["parties", "records", "requirements", "claims", "proxies"];
        let mut all: Vec<serde_json::Value> = lists
            .iter()
            .map(|path| {
                let bytes = eligo_marketplace::query::answer(fair.solo.contract(), path).unwrap();
                serde_json::from_slice(&bytes).unwrap()
            })
            .collect();
        // Counters change; nothing else of a party does.
        for account in all[0].as_array_mut().unwrap() {
            account.as_object_mut().unwrap().remove("counter");
        }
        fair.solo.contract().check_books().unwrap();
        Self(all)
    }
}
