//! A market in which everything is ready for a claim.

use ark_bls12_381::{Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use eligo_ledger::block::Transaction;
use eligo_ledger::height::ReplicaId;
use eligo_marketplace::credits::Credits;
use eligo_marketplace::encoding::{Blob, List};
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::{Config, MadeClaim, Scenario, SealedRecord, Wanted};
use eligo_marketplace::solo::Solo;
use eligo_marketplace::transaction::{ArbiterLetter, Body, DisputeEvidence};
use eligo_sharing::curve::{encode_g1, encode_g2};
use eligo_sharing::domain::{hash_to_g1, lp, sha256};
use eligo_sharing::keys::RecordKey;
use eligo_sharing::tcpre::{Capsule, CheckedCapsule, Share, VerifiedShare};

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

/// The first record's key and label with another key inside: the tag fits, kc is wrong.
pub fn miskeyed(key: &RecordKey, label: [u8; 32], ciphertext: &[u8]) -> Capsule {
    let r = Fr::from(7u64);
    let (a, u) = (
        key.public().to_bytes(),
        encode_g2(&(G2Affine::generator() * r).into_affine()),
    );
    let (kc, d) = ([9; 32], sha256(ciphertext));
    let dst = b"MEDPRE-V01-CAPTAG-with-BLS12381G1_XMD:SHA-256_SSWU_RO_";
    let h: G1Affine = hash_to_g1(dst, &lp(&[&a, &label, &u, &kc, &d]));
    let w = encode_g1(&(h * r).into_affine());
    let bytes = [&a[..], &label, &u, &w, &kc, &d].concat();
    Capsule::from_bytes(&bytes).unwrap()
}

/// The shares posted for a claim, verified.
pub fn verified_shares(
    solo: &Solo,
    claim: &MadeClaim,
    capsule: &CheckedCapsule,
) -> Vec<VerifiedShare> {
    let view = solo.contract().claim_view(&claim.id).unwrap();
    let shares = view.accepted.unwrap().shares;
    let shares = shares.iter().map(|(_, bytes)| {
        let share = Share::from_bytes(&hex::decode(bytes).unwrap()).unwrap();
        claim.grant.verify_share(capsule, &share).unwrap()
    });
    shares.collect()
}
