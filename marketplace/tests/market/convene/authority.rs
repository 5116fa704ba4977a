//! Authorities' machines make a key over a running ledger; each crashes wherever it can, and one cheats.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eligo_ledger::height::ReplicaId;
use eligo_ledger::identity::SecretKey;
use eligo_ledger::pool::PoolLimits;
use eligo_marketplace::agent::{
    Account, Agent, AgentError, AuthorityAgent, AuthorityIdentity, BeaconAgent, BeaconHands, Deed,
    Journal, JournalError, read_share,
};
use eligo_marketplace::application::Market;
use eligo_marketplace::client::{Client, Standing};
use eligo_marketplace::convene::act::{Act, CeremonyTerms, KeyPurpose, Office, Windows};
use eligo_marketplace::convene::event::{AuthorityFault, Convened};
use eligo_marketplace::convene::named::{RecordAddress, open_named, seal_to_name};
use eligo_marketplace::convene::naming::Name;
use eligo_marketplace::convene::transcript::{Message, Stage};
use eligo_marketplace::convene::view::CeremonyView;
use eligo_marketplace::encoding::{Blob, List};
use eligo_marketplace::event::{Event, Subject};
use eligo_marketplace::node::{Node, NodeConfig};
use eligo_marketplace::scenario::{Config, Scenario};
use eligo_marketplace::storage::Objects;
use eligo_marketplace::transaction::Body;
use eligo_sharing::dkg::GroupKey;
use eligo_sharing::ibe::{Authority, ExtractError, Identity, IdentityKey, encrypt};
use eligo_sharing::letter::LetterKey;
use eligo_sharing::tcpre::{RecordId, SchemaId};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::ceremony::swap_letters;
use crate::support::Toy;

pub(super) type Ledger = Client<Arc<Node<Market>>>;
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) fn open(folder: &Path) -> (Scenario<Toy>, Ledger) {
    let config = Config {
        institutions: 5,
        ..Config::default()
    };
    let market = Scenario::new(Toy::new(1), &config).unwrap();
    let keys = (0u16..).zip(&market.replicas).map(|(n, key)| {
        let key = SecretKey::from_seed(key.to_seed());
        (ReplicaId::new(n), Arc::new(key))
    });
    let config = NodeConfig {
        directory: folder.join("node"),
        genesis: market.genesis.clone(),
        keys: keys.collect(),
        pool: PoolLimits::default(),
        objects: Objects::local(&folder.join("objects")).unwrap(),
        patience: Duration::from_secs(30),
    };
    let node = Arc::new(Node::start(config, |_| Market::new()).unwrap());
    let client = Client::new(market.genesis.clone(), node).unwrap();
    (market, client)
}

/// Sends participant 1 the letter of participant 2 and says nothing when it complains.
fn cheat(message: Message) -> Option<Message> {
    match message {
        Message::Deal(deal) => {
            let swapped = swap_letters(deal.as_slice(), 5, 0, 1);
            Some(Message::Deal(Blob::new(swapped).unwrap()))
        }
        Message::Answers(_) => None,
        message => Some(message),
    }
}

/// One step that crashes at its first possible place, then at its second, and so on until it comes through.
fn step(client: &Ledger, identity: &AuthorityIdentity, folder: &Path, cheats: bool) -> Vec<Deed> {
    for n in 0..50 {
        let journal = Journal::crashing(folder, n).unwrap();
        let mut agent = AuthorityAgent::new(client, identity, journal);
        if cheats {
            agent = agent.distorting(cheat);
        }
        match agent.step() {
            Err(AgentError::Journal(JournalError::Crashed)) => {}
            deeds => return deeds.unwrap(),
        }
    }
    panic!("never came to an end");
}

fn sealed_opens(key: &GroupKey, authorities: &[Authority]) {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let identity = Identity::of_emergency("north", 2, &[1; 32]);
    let sealed = encrypt(key, &identity, b"summary", &mut rng).unwrap();
    let parts = authorities.iter().map(|authority| {
        let part = authority.extract(key, &identity).unwrap();
        part.verify(key, &identity).unwrap()
    });
    let parts: Vec<_> = parts.collect();
    let opened = IdentityKey::combine(key, &parts[..3]).unwrap();
    assert_eq!(sealed.open(&opened).unwrap().as_slice(), b"summary");
    let short = IdentityKey::combine(key, &parts[..2]).unwrap_err();
    assert_eq!(short, ExtractError::NotEnough { have: 2, need: 3 });
}

#[test]
fn five_machines_of_which_one_cheats_make_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let (market, client) = open(folder.path());
    let identities: Vec<_> = (0..5)
        .map(|at| {
            let account = market.institutions[at].key.clone();
            let mut rng = ChaCha20Rng::seed_from_u64(70 + at as u64);
            let name = format!("authority {at}");
            let identity = AuthorityIdentity::generate(&name, account, &mut rng);
            // As it is read from its file.
            AuthorityIdentity::from_json(identity.to_json().as_bytes()).unwrap()
        })
        .collect();
    let cards = identities.iter().map(AuthorityIdentity::card);
    let terms = CeremonyTerms {
        purpose: KeyPurpose::Identity,
        threshold: 3,
        authorities: List::new(cards.collect()).unwrap(),
        windows: Windows {
            blocks: 8,
            ms: 8_000,
        },
    };
    let registrar = Account::new(&client, &market.registrar.key);
    let begun = registrar.send(Body::Convene(Act::Begin(terms))).unwrap();
    begun.accepted().unwrap();
    let view = || -> CeremonyView { client.ceremonies().unwrap().remove(0) };
    let journal = |at: usize| folder.path().join(format!("authority-{at}"));
    let start = Instant::now();
    loop {
        let mut quiet = true;
        for (at, identity) in identities.iter().enumerate() {
            quiet &= step(&client, identity, &journal(at), at == 4).is_empty();
        }
        if quiet && view().stage.is_over() {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{:?}", view().stage);
        std::thread::sleep(Duration::from_millis(50));
    }
    let view = view();
    assert_eq!(view.stage, Stage::Settled);
    let fault = &view.faults[0];
    assert_eq!(
        (view.faults.len(), fault.authority),
        (1, identities[4].account())
    );
    assert!(matches!(fault.fault, AuthorityFault::Unanswered { .. }));
    let mut authorities = Vec::new();
    for at in [3, 4, 0] {
        let journal = Journal::open(&journal(at)).unwrap();
        let (key, share) = read_share(&journal, &view.ceremony).unwrap().unwrap();
        assert_eq!(Some(hex::encode(key.to_bytes())), view.key);
        // What the share was made of is forgotten.
        assert!(!journal.has(&format!("seed-{}", view.ceremony)).unwrap());
        authorities.push(Authority::new(share).unwrap());
    }
    let key = GroupKey::from_bytes(&hex::decode(view.key.unwrap()).unwrap()).unwrap();
    sealed_opens(&key, &authorities);
    // Who said what is proved by the ledger.
    let steps = client.history(&Subject::Ceremony(view.ceremony)).unwrap();
    let proven = client.prove(steps).unwrap();
    let shown = proven.iter().filter(|s| s.standing != Standing::Told);
    // Begun; five deal, complain and object, four expose; the chain says three times where it is.
    assert_eq!(shown.count(), 1 + 3 * 5 + 4 + 3);
    names_keys_come_from_them(&client, &market, &identities, folder.path());
}

#[test]
fn authorities_whose_key_took_the_beacon_over_make_its_rounds_when_somebody_waits() {
    let folder = tempfile::tempdir().unwrap();
    let (mut market, client) = open(folder.path());
    let identities: Vec<_> = (0..3)
        .map(|at| {
            let account = market.institutions[at].key.clone();
            let mut rng = ChaCha20Rng::seed_from_u64(80 + at as u64);
            AuthorityIdentity::generate("authority", account, &mut rng)
        })
        .collect();
    let cards = identities.iter().map(AuthorityIdentity::card);
    let terms = CeremonyTerms {
        purpose: KeyPurpose::Beacon,
        threshold: 2,
        authorities: List::new(cards.collect()).unwrap(),
        windows: Windows {
            blocks: 8,
            ms: 8_000,
        },
    };
    let registrar = Account::new(&client, &market.registrar.key);
    let send = |act| {
        let sent = registrar.send(Body::Convene(act)).unwrap();
        sent.accepted().unwrap();
    };
    send(Act::Begin(terms));
    let journal = |at: usize| folder.path().join(format!("authority-{at}"));
    let round = || -> Vec<Deed> {
        let all = identities.iter().enumerate();
        let deeds = all.map(|(at, identity)| step(&client, identity, &journal(at), false));
        deeds.flatten().collect()
    };
    let start = Instant::now();
    while !round().is_empty() {
        assert!(start.elapsed() < PATIENCE);
    }
    let ceremony = client.ceremonies().unwrap().remove(0);
    assert_eq!(ceremony.stage, Stage::Settled);
    let beacon = client.beacon().unwrap().unwrap();
    assert_eq!(
        (beacon.ceremony, beacon.since),
        (Some(ceremony.ceremony), 1)
    );
    // Nobody waits for a round, so nobody made one.
    assert!(beacon.signed.is_empty());
    send(Act::Elect(Office::Proxies { count: 1 }));
    // The signers before them know that it is not their turn any more.
    let hands = BeaconHands::new(market.beacon.clone(), std::mem::take(&mut market.signers));
    let mut old = BeaconAgent::new(&client, &hands, &market.registrar.key);
    assert_eq!(old.step().unwrap(), []);
    let mut parts = 0;
    while client.elections().unwrap()[0].elected.is_none() {
        let deeds = round();
        parts += deeds
            .iter()
            .filter(|d| d.what == "part of it given")
            .count();
        assert!(start.elapsed() < PATIENCE);
    }
    // Two rounds of two parts each, and none that nobody waits for.
    assert_eq!((parts, round()), (4, Vec::new()));
    assert_eq!(client.beacon().unwrap().unwrap().round, 2);
    assert_eq!(client.round_standing(1).unwrap(), Standing::Proved);
}

/// A hospital asks for the key of one of its records' names, and opens what was sealed to it.
fn names_keys_come_from_them(
    client: &Ledger,
    market: &Scenario<Toy>,
    identities: &[AuthorityIdentity],
    folder: &Path,
) {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let letters = LetterKey::generate(&mut rng);
    let hospital = Account::new(client, &market.hospitals[0].key);
    let (record, version) = ([9; 32], 1);
    let ask = Body::Convene(Act::AskName {
        name: Name::Record { record, version },
        letters: *letters.public().as_bytes(),
    });
    let asked = hospital.send(ask).unwrap().accepted().unwrap();
    let party = hospital.id();
    let first = Convened::NameAsked { ask: 0, party };
    assert_eq!(asked, [Event::Convened(first)]);
    for (at, identity) in identities.iter().enumerate().take(3) {
        assert!(client.name_key(0, &letters).unwrap().is_none());
        let deeds = step(
            client,
            identity,
            &folder.join(format!("authority-{at}")),
            false,
        );
        assert_eq!(deeds.len(), 1, "{deeds:?}");
    }
    let key = client.name_key(0, &letters).unwrap().unwrap();
    // Who has another letter key reads none of the shares.
    let other = LetterKey::generate(&mut rng);
    assert!(client.name_key(0, &other).unwrap().is_none());
    let ceremony = client.identity_ceremony().unwrap().unwrap();
    let authorities = client.settled_key(&ceremony).unwrap().unwrap();
    let address = RecordAddress {
        organisation: party.to_string(),
        record: RecordId::new(record),
        version,
    };
    let (schema, mut sealed) = (SchemaId::new([2; 32]), Vec::new());
    let capsule = seal_to_name(
        &authorities,
        &address,
        schema,
        &b"a record"[..],
        &mut sealed,
        &mut rng,
    );
    let mut opened = Vec::new();
    let content = open_named(&capsule.unwrap(), &key).unwrap();
    content.open(sealed.as_slice(), &mut opened).unwrap();
    assert_eq!(opened, b"a record");
}
