//! Chains written by an earlier version: their blocks are read, shown by their certificates, and give the same
//! results and the same state ever after.
//!
//! `fixtures/golden/market-v1` and `referral-v1` are `node/` of `eligo demo --out DIR` and of `eligo demo
//! referral --out DIR`. Only a chain that no version can go on with is a reason to replace one.

use std::path::{Path, PathBuf};

use eligo_ledger::application::{Application, Genesis};
use eligo_ledger::light::LightClient;
use eligo_ledger::pbft::effect::Delivery;
use eligo_ledger::wire::Wire;
use eligo_marketplace::application::Market;

/// How many blocks and transactions replay.
fn replay(name: &str) -> (usize, usize) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/golden");
    let folder = golden.join(name);
    let genesis = std::fs::read(folder.join("genesis")).unwrap();
    let genesis = Genesis::from_wire(&genesis).unwrap();
    let mut market = Market::new();
    market.init_chain(&genesis);
    let client = LightClient::new(&genesis);
    let mut blocks: Vec<PathBuf> = std::fs::read_dir(folder.join("blocks"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    blocks.sort();
    let mut transactions = 0;
    for path in &blocks {
        let bytes = std::fs::read(path).unwrap();
        let delivery = Delivery::from_wire(&bytes).unwrap();
        assert_eq!(delivery.to_wire(), bytes);
        let decision = &delivery.decision;
        client
            .check(decision.block.header(), &decision.certificate)
            .unwrap();
        assert_eq!(
            market.finalize_block(&decision.block),
            delivery.done,
            "{path:?}"
        );
        market.commit(&decision.certificate);
        transactions += decision.block.transactions().len();
    }
    (blocks.len(), transactions)
}

#[test]
fn a_sale_of_version_1_replays() {
    assert_eq!(replay("market-v1"), (17, 17));
}

#[test]
fn a_referral_of_version_1_replays() {
    assert_eq!(replay("referral-v1"), (141, 141));
}
