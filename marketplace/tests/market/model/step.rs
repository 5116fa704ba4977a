//! What somebody does next.

use proptest::prelude::*;

/// Numbers pick among what there is: people, offers, records, claims.
#[derive(Clone, Debug)]
pub enum Step {
    // Parties
    Transfer {
        from: usize,
        to: usize,
        amount: u64,
    },
    Certify {
        who: usize,
        role: usize,
        renewal: Renewal,
        by_registrar: bool,
        forged: bool,
    },
    Dismiss {
        who: usize,
        by_registrar: bool,
    },
    /// Dismissed, refused everywhere, and taken back.
    Suspension {
        who: usize,
        person: u64,
        record: usize,
    },
    /// The registrar takes back whom it dismissed.
    Readmit {
        who: usize,
    },
    Bond {
        who: usize,
        amount: u64,
        back: bool,
    },
    RegisterProxy {
        who: usize,
        key: usize,
        stake: u64,
        borrowed: bool,
    },
    WithdrawProxy {
        who: usize,
    },
    // Records
    Register {
        hospital: usize,
        supersedes: Option<usize>,
        fault: EntryFault,
        miskeyed: bool,
    },
    WithdrawRecord {
        record: usize,
        forged: bool,
    },
    // Requirements
    Publish(PublishStep),
    /// Published, and two rounds of the beacon.
    Offer(PublishStep),
    Round(RoundFault),
    Draft {
        who: usize,
        wanted: u32,
        fee: u64,
    },
    Count {
        person: u64,
        draft: usize,
        fault: CountFault,
    },
    Withdraw {
        who: usize,
        draft: bool,
        at: usize,
    },
    // Claims
    Claim {
        person: u64,
        offer: usize,
        record: usize,
        fault: ClaimFault,
    },
    Share {
        claim: usize,
        place: usize,
    },
    /// By a proxy that was not drawn.
    UndrawnShare {
        claim: usize,
    },
    FalseShare {
        claim: usize,
        place: usize,
    },
    /// Three shares, one after the other.
    Deliver {
        claim: usize,
    },
    Revoke {
        claim: usize,
        forged: bool,
    },
    Settle {
        claim: usize,
    },
    Expire {
        claim: usize,
    },
    /// A claim on the last offer, delivered and brought to an end.
    Sale {
        person: u64,
        record: usize,
        ending: Ending,
    },
    /// The time for delivery passes, and somebody says so.
    Late {
        claim: usize,
    },
    // Disputes
    Dispute {
        claim: usize,
        by_owner: bool,
        evidence: Shown,
    },
    Verdict {
        claim: usize,
        arbiter: usize,
        against: bool,
    },
    /// A dispute and four verdicts, one of them given twice.
    Judge {
        claim: usize,
        against: bool,
    },
    // The ledger
    Govern {
        change: RosterChange,
        by_registrar: bool,
    },
    /// Two members join in one block.
    JoinTwice,
    /// One joins, then another leaves.
    Replace {
        out: u16,
    },
    Ready {
        replica: usize,
        arbiter: usize,
    },
    /// An empty block, so much later.
    Pass {
        ms: u64,
    },
    /// So much later, and no block yet.
    Wait {
        ms: u64,
    },
    Replay {
        back: usize,
    },
}

/// How a sale ends.
#[derive(Clone, Copy, Debug)]
pub enum Ending {
    Settled,
    Disputed(Shown),
    Judged(bool),
}

/// An offer to be.
#[derive(Clone, Debug)]
pub struct PublishStep {
    pub who: usize,
    pub wanted: u32,
    pub exclusive: bool,
    /// The licence ends with the offer.
    pub ends: bool,
    /// 1 for the first hospital, 2 for the second, 3 for both.
    pub issuers: u8,
}

/// What a certificate has that the last one had not.
#[derive(Clone, Copy, Debug)]
pub enum Renewal {
    Next,
    OldSerial,
    /// The next number, and a new name of its own.
    Renamed,
    /// The next number, and somebody else's name.
    NameOf(usize),
    /// The next number, and a role and key of somebody else's.
    RoleOf(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryFault {
    None,
    Unsigned,
    Twice,
    LabelTwice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoundFault {
    None,
    Skipped,
    Old,
    Forged,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountFault {
    None,
    OtherProof,
    UsedAccount,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimFault {
    None,
    OtherProof,
    /// Handed in by somebody who saw it.
    Stolen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Content,
    FewLetters,
    Transcript,
    ForgedTranscript,
}

#[derive(Clone, Copy, Debug)]
pub enum RosterChange {
    Policy,
    Join(u16),
    Leave(u16),
}

fn arb_publish() -> impl Strategy<Value = PublishStep> {
    let who = prop_oneof![12 => 2..4usize, 1 => 0..13usize];
    let issuers = prop_oneof![4 => Just(3u8), 1 => 1..3u8];
    let (exclusive, ends) = (prop::bool::weighted(0.3), prop::bool::weighted(0.4));
    (who, 1..4u32, exclusive, ends, issuers).prop_map(|(who, wanted, exclusive, ends, issuers)| {
        PublishStep {
            who,
            wanted,
            exclusive,
            ends,
            issuers,
        }
    })
}

fn arb_renewal() -> impl Strategy<Value = Renewal> {
    prop_oneof![
        4 => Just(Renewal::Next),
        2 => Just(Renewal::OldSerial),
        2 => Just(Renewal::Renamed),
        2 => (0..13usize).prop_map(Renewal::NameOf),
        2 => (0..13usize).prop_map(Renewal::RoleOf),
    ]
}

fn arb_party_step() -> impl Strategy<Value = Step> {
    let who = || 0..13usize;
    let rarely = || prop::bool::weighted(0.15);
    prop_oneof![
        2 => (who(), who(), 0..400_000u64)
            .prop_map(|(from, to, amount)| Step::Transfer { from, to, amount }),
        5 => (who(), 0..4usize, arb_renewal(), any::<bool>(), rarely()).prop_map(
            |(who, role, renewal, by_registrar, forged)| Step::Certify {
                who, role, renewal, by_registrar, forged
            }
        ),
        2 => (who(), prop::bool::weighted(0.6))
            .prop_map(|(who, by_registrar)| Step::Dismiss { who, by_registrar }),
        2 => (11..13usize, 0..2usize).prop_map(|(who, other)| Step::Certify {
            who,
            role: 0,
            renewal: Renewal::RoleOf(other),
            by_registrar: true,
            forged: false,
        }),
        3 => (0..4usize, 1..5u64, 0..8usize)
            .prop_map(|(who, person, record)| Step::Suspension { who, person, record }),
        4 => who().prop_map(|who| Step::Readmit { who }),
        3 => (prop_oneof![4 => 0..2usize, 1 => who()], 1..1_500u64, any::<bool>())
            .prop_map(|(who, amount, back)| Step::Bond { who, amount, back }),
        3 => (prop_oneof![4 => 4..11usize, 1 => who()], 0..9usize, 90..1_200u64, rarely()).prop_map(
            |(who, key, stake, borrowed)| Step::RegisterProxy { who, key, stake, borrowed }
        ),
        3 => (4..11usize).prop_map(|who| Step::WithdrawProxy { who }),
    ]
}

fn arb_record_step() -> impl Strategy<Value = Step> {
    let fault = prop_oneof![
        6 => Just(EntryFault::None),
        1 => Just(EntryFault::Unsigned),
        1 => Just(EntryFault::Twice),
        1 => Just(EntryFault::LabelTwice),
    ];
    let supersedes = prop::option::weighted(0.6, 0..8usize);
    prop_oneof![
        4 => (0..2usize, supersedes, fault, prop::bool::weighted(0.3)).prop_map(
            |(hospital, supersedes, fault, miskeyed)| Step::Register {
                hospital, supersedes, fault, miskeyed
            }
        ),
        1 => (0..8usize, prop::bool::weighted(0.5))
            .prop_map(|(record, forged)| Step::WithdrawRecord { record, forged }),
    ]
}

fn arb_requirement_step() -> impl Strategy<Value = Step> {
    let round = prop_oneof![
        4 => Just(RoundFault::None),
        1 => Just(RoundFault::Skipped),
        1 => Just(RoundFault::Old),
        1 => Just(RoundFault::Forged),
    ];
    let count = prop_oneof![
        4 => Just(CountFault::None),
        2 => Just(CountFault::OtherProof),
        1 => Just(CountFault::UsedAccount),
    ];
    let institution = || prop_oneof![6 => 2..4usize, 1 => 0..13usize];
    prop_oneof![
        1 => arb_publish().prop_map(Step::Publish),
        5 => arb_publish().prop_map(Step::Offer),
        2 => round.prop_map(Step::Round),
        2 => (institution(), 1..4u32, 0..4u64)
            .prop_map(|(who, wanted, fee)| Step::Draft { who, wanted, fee }),
        7 => (1..4u64, 0..3usize, count)
            .prop_map(|(person, draft, fault)| Step::Count { person, draft, fault }),
        3 => (institution(), prop::bool::weighted(0.3), 0..12usize)
            .prop_map(|(who, draft, at)| Step::Withdraw { who, draft, at }),
    ]
}

fn arb_claim_step() -> impl Strategy<Value = Step> {
    let claim = || 0..12usize;
    let fault = prop_oneof![
        12 => Just(ClaimFault::None),
        1 => Just(ClaimFault::OtherProof),
        1 => Just(ClaimFault::Stolen),
    ];
    prop_oneof![
        8 => (1..5u64, 0..12usize, 0..8usize, fault)
            .prop_map(|(person, offer, record, fault)| Step::Claim { person, offer, record, fault }),
        3 => (claim(), 0..5usize).prop_map(|(claim, place)| Step::Share { claim, place }),
        1 => claim().prop_map(|claim| Step::UndrawnShare { claim }),
        6 => claim().prop_map(|claim| Step::Deliver { claim }),
        1 => (claim(), 0..5usize).prop_map(|(claim, place)| Step::FalseShare { claim, place }),
        2 => (claim(), prop::bool::weighted(0.3))
            .prop_map(|(claim, forged)| Step::Revoke { claim, forged }),
        2 => claim().prop_map(|claim| Step::Settle { claim }),
        2 => claim().prop_map(|claim| Step::Expire { claim }),
        9 => (1..5u64, 0..8usize, arb_ending())
            .prop_map(|(person, record, ending)| Step::Sale { person, record, ending }),
        3 => claim().prop_map(|claim| Step::Late { claim }),
    ]
}

fn arb_shown() -> impl Strategy<Value = Shown> {
    prop_oneof![
        1 => Just(Shown::Content),
        1 => Just(Shown::FewLetters),
        2 => Just(Shown::Transcript),
        1 => Just(Shown::ForgedTranscript),
    ]
}

fn arb_ending() -> impl Strategy<Value = Ending> {
    prop_oneof![
        2 => Just(Ending::Settled),
        3 => arb_shown().prop_map(Ending::Disputed),
        2 => any::<bool>().prop_map(Ending::Judged),
    ]
}

fn arb_dispute_step() -> impl Strategy<Value = Step> {
    let claim = || 0..12usize;
    prop_oneof![
        3 => (claim(), prop::bool::weighted(0.8), arb_shown())
            .prop_map(|(claim, by_owner, evidence)| Step::Dispute { claim, by_owner, evidence }),
        2 => (claim(), any::<bool>()).prop_map(|(claim, against)| Step::Judge { claim, against }),
        2 => (claim(), 0..5usize, any::<bool>())
            .prop_map(|(claim, arbiter, against)| Step::Verdict { claim, arbiter, against }),
    ]
}

fn arb_ledger_step() -> impl Strategy<Value = Step> {
    let change = prop_oneof![
        1 => Just(RosterChange::Policy),
        4 => (0..7u16).prop_map(RosterChange::Join),
        3 => (0..8u16).prop_map(RosterChange::Leave),
    ];
    prop_oneof![
        4 => (change, prop::bool::weighted(0.8))
            .prop_map(|(change, by_registrar)| Step::Govern { change, by_registrar }),
        1 => Just(Step::JoinTwice),
        2 => (0..4u16).prop_map(|out| Step::Replace { out }),
        1 => (0..4usize, 0..4usize)
            .prop_map(|(replica, arbiter)| Step::Ready { replica, arbiter }),
    ]
}

fn arb_time_step() -> impl Strategy<Value = Step> {
    let month = 32 * 86_400_000;
    prop_oneof![
        6 => prop_oneof![8 => Just(500), 6 => Just(31_000), 3 => Just(61_000), 3 => Just(91_000),
            1 => Just(month)].prop_map(|ms| Step::Pass { ms }),
        5 => prop_oneof![Just(31_000u64), Just(61_000), Just(91_000)]
            .prop_map(|ms| Step::Wait { ms }),
        2 => (0..20usize).prop_map(|back| Step::Replay { back }),
    ]
}

pub fn arb_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => arb_party_step(),
        3 => arb_record_step(),
        6 => arb_requirement_step(),
        14 => arb_claim_step(),
        4 => arb_dispute_step(),
        2 => arb_ledger_step(),
        3 => arb_time_step(),
    ]
}

/// What chance brings too seldom: one history in which everybody tries what is not theirs to do.
pub fn errands() -> Vec<Step> {
    let offer = PublishStep {
        who: 2,
        wanted: 3,
        exclusive: false,
        ends: false,
        issuers: 3,
    };
    let claim = |person| Step::Claim {
        person,
        offer: 0,
        record: 0,
        fault: ClaimFault::None,
    };
    let bond = |who, back| Step::Bond {
        who,
        amount: 5,
        back,
    };
    let count = |fault| Step::Count {
        person: 1,
        draft: 0,
        fault,
    };
    let proxy = |key, borrowed| Step::RegisterProxy {
        who: 4,
        key,
        stake: 500,
        borrowed,
    };
    let withdrawn = |forged| Step::WithdrawRecord { record: 0, forged };
    let (draft, fee) = (true, 3);
    vec![
        Step::Offer(offer),
        claim(1),
        Step::Expire { claim: 0 },
        bond(0, true),
        bond(0, false),
        bond(3, false),
        Step::UndrawnShare { claim: 0 },
        Step::Revoke {
            claim: 0,
            forged: true,
        },
        Step::Deliver { claim: 0 },
        Step::Settle { claim: 0 },
        Step::Wait { ms: 31_000 },
        Step::Settle { claim: 0 },
        claim(2),
        Step::Revoke {
            claim: 0,
            forged: false,
        },
        claim(3),
        Step::FalseShare { claim: 0, place: 1 },
        Step::Late { claim: 0 },
        proxy(8, true),
        proxy(8, false),
        Step::WithdrawProxy { who: 4 },
        Step::WithdrawProxy { who: 12 },
        Step::Round(RoundFault::Forged),
        Step::Round(RoundFault::Old),
        Step::Round(RoundFault::Skipped),
        Step::Draft {
            who: 3,
            wanted: 3,
            fee,
        },
        count(CountFault::OtherProof),
        count(CountFault::None),
        count(CountFault::None),
        count(CountFault::UsedAccount),
        Step::Withdraw {
            who: 2,
            draft,
            at: 0,
        },
        Step::Withdraw {
            who: 3,
            draft,
            at: 0,
        },
        withdrawn(true),
        withdrawn(false),
        withdrawn(false),
    ]
}
