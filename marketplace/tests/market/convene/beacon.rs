//! A key that authorities made together takes the beacon over: from the next round on it alone verifies, and
//! its authorities make rounds over the ledger.

use eligo_ledger::block::Transaction;
use eligo_ledger::wire::Wire;
use eligo_marketplace::contract::Contract;
use eligo_marketplace::convene::act::{Act, KeyPurpose, Office};
use eligo_marketplace::convene::transcript::Stage;
use eligo_marketplace::encoding::Blob;
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::transaction::Body;
use eligo_sharing::beacon::{BeaconSigner, Round, combine};

use super::ceremony::{Hall, honest};

impl Hall {
    fn signer(&self, at: usize) -> BeaconSigner {
        BeaconSigner::new(self.share(at)).unwrap()
    }

    /// One authority's part of a round, posted by another's account or its own.
    fn part(&mut self, at: usize, by: usize, (round, of): (u64, u64)) -> Transaction {
        let part = self.signer(at).sign(Round::new(of)).to_bytes();
        let part = Blob::new(part).unwrap();
        let act = Body::Convene(Act::SignRound { round, part });
        self.market.by_institution(by, act)
    }

    /// A whole round by the new key, whoever brings it.
    fn whole(&mut self, round: u64) -> Transaction {
        let parts = (1..4).map(|at| {
            let part = self.signer(at).sign(Round::new(round));
            part.verify(&self.key()).unwrap()
        });
        let parts: Vec<_> = parts.collect();
        let output = combine(&self.key(), Round::new(round), &parts).unwrap();
        let signature = output.signature().to_bytes();
        self.market
            .by_registrar(Body::BeaconRound { round, signature })
    }

    fn reached(&self) -> u64 {
        self.solo.contract().beacon_view().round
    }
}

#[test]
fn a_key_that_was_made_takes_the_beacon_over_from_the_next_round_on() {
    let mut hall = Hall::open_for(KeyPurpose::Beacon);
    for round in 1..=2 {
        let round = hall.market.round(round);
        hall.solo.submit(round).unwrap();
    }
    // Nobody has parts to give while the genesis document's key verifies.
    let early = Blob::new(vec![1]).unwrap();
    let early = Body::Convene(Act::SignRound {
        round: 3,
        part: early,
    });
    let early = hall.market.by_institution(0, early);
    assert_eq!(hall.solo.submit(early), Err(Rejection::NoAuthorities));
    // Called before there is another key, drawn after: by rounds 3 and 4 of the new one.
    let elect = Body::Convene(Act::Elect(Office::Proxies { count: 3 }));
    let elect = hall.market.by_registrar(elect);
    hall.solo.submit(elect).unwrap();
    assert_eq!(hall.run(&honest).stage, Stage::Settled);
    let view = hall.solo.contract().beacon_view();
    let stands = (view.round, view.ceremony, view.since);
    assert_eq!(stands, (2, Some(hall.name()), 3));
    // The old signers make no more rounds.
    let old = hall.market.round(3);
    let refused = hall.solo.submit(old);
    assert_eq!(refused, Err(Rejection::BeaconSignature));
    let whole = hall.whole(3);
    hall.solo.submit(whole).unwrap();
    assert_eq!(hall.reached(), 3);
    let whole = hall.whole(4);
    hall.solo.submit(whole).unwrap();
    let elected = hall.solo.contract().election_view(0).unwrap().elected;
    assert_eq!(elected.unwrap().len(), 3);
}

#[test]
fn authorities_make_rounds_part_by_part() {
    let mut hall = Hall::open_for(KeyPurpose::Beacon);
    hall.run(&honest);
    let first = hall.part(4, 4, (1, 1));
    hall.solo.submit(first).unwrap();
    for (at, by, rounds, refused) in [
        // Twice; another's part; of another round; not the next one; by nobody of the ceremony.
        (4, 4, (1, 1), Rejection::SpokenAlready),
        (1, 2, (1, 1), Rejection::BeaconSignature),
        (1, 1, (1, 2), Rejection::BeaconSignature),
        (1, 1, (2, 2), Rejection::BeaconRound),
        (1, 5, (1, 1), Rejection::NotParticipant),
    ] {
        let part = hall.part(at, by, rounds);
        assert_eq!(hall.solo.submit(part), Err(refused), "{at} {by} {rounds:?}");
    }
    assert_eq!(hall.solo.contract().beacon_view().signed, [5]);
    let second = hall.part(1, 1, (1, 1));
    hall.solo.submit(second).unwrap();
    assert_eq!(hall.reached(), 0);
    // What was given so far is in a snapshot.
    let contract = hall.solo.contract();
    let restored = Contract::from_wire(&contract.to_wire()).unwrap();
    assert_eq!(restored.digest(), contract.digest());
    assert_eq!(restored.beacon_view().signed, [2, 5]);
    // Two more in one block: the third makes the round, the fourth comes too late.
    let block = vec![hall.part(0, 0, (1, 1)), hall.part(3, 3, (1, 1))];
    let codes: Vec<u32> = hall.solo.block(block).iter().map(|o| o.code).collect();
    assert_eq!(codes, [0, Rejection::BeaconRound.code()]);
    let view = hall.solo.contract().beacon_view();
    assert_eq!((view.round, view.signed), (1, Vec::new()));
    // The next round, by others; and in between somebody brings it whole.
    let part = hall.part(2, 2, (2, 2));
    hall.solo.submit(part).unwrap();
    let whole = hall.whole(2);
    hall.solo.submit(whole).unwrap();
    let view = hall.solo.contract().beacon_view();
    assert_eq!((view.round, view.signed), (2, Vec::new()));
}
