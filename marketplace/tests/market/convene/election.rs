//! Who proposes and who re-encrypts: by region, by level, by stake; and that none of it decides finality.

use std::collections::BTreeSet;

use eligo_ledger::certificate::{CertificateError, CommitCert, EngineTag};
use eligo_ledger::digest::Digest;
use eligo_ledger::height::{Height, ReplicaId, View};
use eligo_ledger::identity::{Domain, Kind, Statement};
use eligo_ledger::proposer::{ProposerOrder, ProposerPolicy};
use eligo_ledger::roster::Class;
use eligo_ledger::wire::Wire;
use eligo_marketplace::certificate::{Certificate, Level, Role};
use eligo_marketplace::contract::Contract;
use eligo_marketplace::convene::act::{Act, Office};
use eligo_marketplace::encoding::Text;
use eligo_marketplace::name::AccountId;
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::{Config, Prover, Scenario};
use eligo_marketplace::solo::Solo;
use eligo_marketplace::transaction::Body;
use eligo_sharing::keys::ProxyKey;

use crate::support::Toy;

/// Hospitals, each with a replica.
const HOSPITALS: u16 = 7;
const REGIONS: [&str; 7] = ["north", "north", "north", "south", "south", "east", "east"];

struct Polls {
    market: Scenario<Toy>,
    solo: Solo,
    serial: u64,
}

impl Polls {
    fn open() -> Self {
        let config = Config {
            replicas: HOSPITALS,
            proxies: 6,
            ..Config::default()
        };
        let market = Scenario::new(Toy::new(HOSPITALS.into()), &config).unwrap();
        let solo = Solo::new(&market.genesis);
        let mut polls = Self {
            market,
            solo,
            serial: 1,
        };
        for at in 0..HOSPITALS {
            let hospital = polls.hospital(at);
            let replica = ReplicaId::new(at);
            polls.registrar(Act::Host { hospital, replica }).unwrap();
            let region = Text::new(REGIONS[usize::from(at)]).unwrap();
            polls.registrar(Act::Place { hospital, region }).unwrap();
        }
        // The roster follows, one member a block.
        for _ in 0..HOSPITALS {
            polls.solo.pass(0);
        }
        polls
    }

    fn hospital(&self, at: u16) -> AccountId {
        self.market.hospitals[usize::from(at)].account()
    }

    fn registrar(&mut self, act: Act) -> Result<(), Rejection> {
        let transaction = self.market.by_registrar(Body::Convene(act));
        self.solo.submit(transaction)
    }

    fn vote(&mut self, from: u16, to: u16) -> Result<(), Rejection> {
        let candidate = self.hospital(to);
        let vote = Body::Convene(Act::Vote { candidate });
        let vote = self.market.by_hospital(from.into(), vote);
        self.solo.submit(vote)
    }

    fn certificate(&mut self, at: u16, level: Level) -> Body {
        self.serial += 1;
        let certificate = Certificate {
            subject: self.hospital(at),
            name: Text::new(format!("Hospital {at}")).unwrap(),
            role: Role::Hospital {
                level,
                issuer_key: self.market.prover.issuers()[usize::from(at)],
            },
            serial: self.serial,
        };
        let key = &self.market.registrar.key;
        Body::Certify(certificate.sign(&self.market.chain, key))
    }

    fn rounds(&mut self, rounds: std::ops::RangeInclusive<u64>) {
        for round in rounds {
            let round = self.market.round(round);
            self.solo.submit(round).unwrap();
        }
    }

    fn class(&self, at: u16) -> Class {
        let member = self
            .solo
            .contract()
            .next()
            .roster
            .member(ReplicaId::new(at));
        member.unwrap().class
    }

    /// Who proposes at many heights.
    fn proposers(&self) -> BTreeSet<u16> {
        let next = self.solo.contract().next();
        let chain = Digest::new(*self.market.chain.as_bytes());
        let primary = |h| {
            let height = Height::new(h);
            let order = ProposerOrder::new(&next.policy, &next.roster, chain, height, &[]);
            order.primary(View::FIRST).get()
        };
        (1_000..1_100).map(primary).collect()
    }

    fn elected(&self, election: u64) -> Vec<AccountId> {
        let view = self.solo.contract().election_view(election).unwrap();
        view.elected.unwrap()
    }
}

#[test]
fn a_level_that_changes_changes_the_rotation_and_no_vote() {
    let mut polls = Polls::open();
    polls.registrar(Act::Elect(Office::Primaries)).unwrap();
    assert_eq!(
        polls.solo.contract().next().policy,
        ProposerPolicy::Rotation
    );
    assert_eq!(polls.proposers().len(), 7);
    let quorum = polls.solo.contract().next().roster.quorum();
    // Two certificates in one block: the roster takes one change a block.
    let bodies = [
        polls.certificate(2, Level::Community),
        polls.certificate(4, Level::Secondary),
    ];
    let block = bodies.map(|body| polls.market.by_registrar(body));
    polls.solo.block(block.into());
    assert_eq!(
        (polls.class(2), polls.class(4)),
        (Class::Community, Class::Tertiary)
    );
    polls.solo.pass(0);
    assert_eq!(
        (polls.class(2), polls.class(4)),
        (Class::Community, Class::Secondary)
    );
    assert_eq!(polls.proposers(), [0, 1, 3, 4, 5, 6].into());
    let roster = &polls.solo.contract().next().roster;
    assert_eq!((roster.quorum(), roster.voters()), (quorum, 7));
    // And back.
    let renewed = polls.certificate(2, Level::Tertiary);
    let renewed = polls.market.by_registrar(renewed);
    polls.solo.submit(renewed).unwrap();
    assert!(polls.proposers().contains(&2));
    // A hospital that is dismissed proposes no more; its replica votes until the registrar says it leaves.
    let party = polls.hospital(6);
    let dismissed = polls.market.by_registrar(Body::Dismiss { party });
    polls.solo.submit(dismissed).unwrap();
    assert!(!polls.proposers().contains(&6));
    assert_eq!(polls.solo.contract().next().roster.voters(), 7);
}

#[test]
fn endorsers_are_elected_by_region_and_take_turns() {
    let mut polls = Polls::open();
    let community = polls.certificate(5, Level::Community);
    let community = polls.market.by_registrar(community);
    polls.solo.submit(community).unwrap();
    // All of the north is for hospital 1: the others have no vote left.
    polls.vote(0, 1).unwrap();
    polls.vote(2, 1).unwrap();
    assert_eq!(polls.vote(0, 3), Err(Rejection::Region));
    let office = Office::Endorsers {
        per_region: 1,
        blocks_per_turn: 2,
    };
    polls.registrar(Act::Elect(office.clone())).unwrap();
    assert_eq!(
        polls.solo.contract().election_view(0).unwrap().round,
        Some(2)
    );
    // Votes after the call change nothing.
    polls.vote(2, 0).unwrap();
    polls.vote(1, 0).unwrap();
    polls.rounds(1..=1);
    assert!(
        polls
            .solo
            .contract()
            .election_view(0)
            .unwrap()
            .elected
            .is_none()
    );
    polls.rounds(2..=2);
    let elected = polls.elected(0);
    assert_eq!(elected.len(), 3);
    assert!(elected.contains(&polls.hospital(1)));
    let south = [3, 4].map(|at| polls.hospital(at));
    assert_eq!(elected.iter().filter(|e| south.contains(e)).count(), 1);
    // A community hospital endorses nothing.
    assert!(elected.contains(&polls.hospital(6)));
    let next = polls.solo.contract().next();
    let ProposerPolicy::Endorsers { order, since, .. } = &next.policy else {
        panic!("{:?}", next.policy);
    };
    let hospitals: Vec<_> = order.iter().map(|id| polls.hospital(id.get())).collect();
    assert_eq!(hospitals, elected);
    assert_eq!(*since, polls.solo.contract().height().next());
    let proposers: BTreeSet<u16> = order.iter().map(|id| id.get()).collect();
    assert_eq!(polls.proposers(), proposers);
    // Everyone who follows the blocks has the same result, and so has who restores a snapshot.
    let mut other = Solo::new(&polls.market.genesis);
    for block in &polls.solo.blocks {
        other.time_ms = block.header().time.get();
        other.block(block.transactions().to_vec());
    }
    assert_eq!(other.contract().digest(), polls.solo.contract().digest());
    let restored = Contract::from_wire(&other.contract().to_wire()).unwrap();
    assert_eq!(restored.digest(), other.contract().digest());
}

/// A sampled committee never decides: the endorsers' signatures make no block final, all voters' quorum does.
#[test]
fn endorsers_do_not_decide_finality() {
    let mut polls = Polls::open();
    let office = Office::Endorsers {
        per_region: 1,
        blocks_per_turn: 1,
    };
    polls.registrar(Act::Elect(office)).unwrap();
    polls.rounds(1..=2);
    let elected = polls.elected(0);
    let next = polls.solo.contract().next();
    let domain = Domain::new(Digest::new(*polls.market.chain.as_bytes()));
    let certified = |signers: &[u16]| {
        let statement = Statement {
            epoch: next.roster.epoch(),
            kind: Kind::Commit,
            view: View::FIRST,
            height: Height::new(90),
            digest: Digest::new([9; 32]),
        };
        let sign = |at: &u16| {
            let key = &polls.market.replicas[usize::from(*at)];
            (ReplicaId::new(*at), domain.sign(key, &statement))
        };
        let certificate = CommitCert {
            engine: EngineTag::Pbft,
            height: statement.height,
            view: statement.view,
            block: statement.digest,
            signatures: signers.iter().map(sign).collect(),
        };
        certificate.verify(&domain, &next.roster)
    };
    let endorsers: Vec<u16> = (0..HOSPITALS)
        .filter(|at| elected.contains(&polls.hospital(*at)))
        .collect();
    let (found, quorum) = (3, 5);
    assert_eq!(
        certified(&endorsers),
        Err(CertificateError::TooFew { found, quorum })
    );
    // Five of the seven, whoever they are, and be not one of them an endorser more than it must.
    assert_eq!(certified(&[0, 1, 2, 3, 4]), Ok(()));
    assert_eq!(certified(&[2, 3, 4, 5, 6]), Ok(()));
}

#[test]
fn proxies_are_elected_by_stake_and_bound_while_in_office() {
    let mut polls = Polls::open();
    let office = Office::Proxies { count: 3 };
    polls.registrar(Act::Elect(office.clone())).unwrap();
    polls.rounds(1..=2);
    let elected = polls.elected(0);
    let committee = polls.solo.contract().convene().committee().unwrap();
    let accounts: Vec<_> = committee.iter().map(|(account, _)| *account).collect();
    assert_eq!((accounts.len(), &accounts), (3, &elected));
    let place = |polls: &Polls, id: &AccountId| {
        let mut proxies = polls.market.proxies.iter();
        proxies.position(|p| p.actor.account() == *id).unwrap()
    };
    let key = ProxyKey::generate(&mut polls.market.rng);
    let renew = |key: &ProxyKey| {
        Body::Convene(Act::RenewProxyKey {
            key: key.public().to_bytes(),
            possession: key.prove_possession().to_bytes(),
        })
    };
    // In office: neither leaves nor takes another key.
    let busy = place(&polls, &elected[0]);
    for body in [Body::WithdrawProxy, renew(&key)] {
        let transaction = polls.market.by_proxy(busy, body);
        assert_eq!(polls.solo.submit(transaction), Err(Rejection::ProxyBusy));
    }
    let free = (0..6).find(|at| {
        let id = polls.market.proxies[*at].actor.account();
        !elected.contains(&id)
    });
    let free = free.unwrap();
    let mut forged = renew(&key);
    if let Body::Convene(Act::RenewProxyKey { possession, .. }) = &mut forged {
        *possession = ProxyKey::generate(&mut polls.market.rng)
            .prove_possession()
            .to_bytes();
    }
    let forged = polls.market.by_proxy(free, forged);
    assert_eq!(polls.solo.submit(forged), Err(Rejection::ProxyPossession));
    let renewed = polls.market.by_proxy(free, renew(&key));
    polls.solo.submit(renewed).unwrap();
    let id = polls.market.proxies[free].actor.account();
    let view = polls.solo.contract().proxy_view(&id).unwrap();
    assert_eq!(view.key, hex::encode(key.public().to_bytes()));
    // The next committee relieves this one.
    polls.registrar(Act::Elect(office)).unwrap();
    polls.rounds(3..=4);
    let duties: u32 = polls
        .market
        .proxies
        .iter()
        .map(|p| p.actor.account())
        .map(|id| polls.solo.contract().proxy_view(&id).unwrap().duties)
        .sum();
    assert_eq!(duties, 3);
}

#[test]
fn orderers_are_shuffled_by_the_beacon() {
    let mut polls = Polls::open();
    polls.registrar(Act::Elect(Office::Orderers)).unwrap();
    polls.rounds(1..=2);
    let next = polls.solo.contract().next();
    assert!(matches!(next.policy, ProposerPolicy::Beacon { .. }));
    assert_eq!(polls.proposers().len(), 7);
}

#[test]
fn offices_are_the_registrars_to_fill() {
    let mut polls = Polls::open();
    let (hospital, replica) = (polls.hospital(0), ReplicaId::new(1));
    let endorsers = |per_region| {
        Act::Elect(Office::Endorsers {
            per_region,
            blocks_per_turn: 1,
        })
    };
    for act in [
        Act::Elect(Office::Orderers),
        Act::Host { hospital, replica },
        Act::Place {
            hospital,
            region: Text::new("west").unwrap(),
        },
    ] {
        let transaction = polls.market.by_hospital(0, Body::Convene(act));
        assert_eq!(polls.solo.submit(transaction), Err(Rejection::NotPermitted));
    }
    // One replica a hospital, and one that there is.
    let taken = polls.registrar(Act::Host { hospital, replica });
    assert_eq!(taken, Err(Rejection::ReplicaHost));
    assert_eq!(polls.registrar(endorsers(0)), Err(Rejection::Electorate));
    let many = Act::Elect(Office::Proxies { count: 7 });
    assert_eq!(polls.registrar(many), Err(Rejection::Electorate));
    // Fewer than three candidates: one of them would have more than a third.
    for at in 2..HOSPITALS {
        let hospital = polls.hospital(at);
        let region = Text::default();
        polls.registrar(Act::Place { hospital, region }).unwrap();
    }
    assert_eq!(polls.registrar(endorsers(1)), Err(Rejection::Electorate));
}
