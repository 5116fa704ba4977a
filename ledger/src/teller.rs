//! A small application for tests, simulations and benches: a counter, accounts with transfers, and
//! the three things an application can tell the ledger (a roster change, a policy, a Ready).

use crate::application::{
    AppInfo, Application, Finalized, Genesis, NextParams, Query, QueryAnswer, Reject, RequestId,
    Restoration, SnapshotInfo, Verdict, chunk_digest,
};
use crate::block::{Block, Outcome, Transaction};
use crate::certificate::CommitCert;
use crate::digest::{Digest, Purpose};
use crate::height::{Height, ReplicaId};
use crate::proposer::ProposerPolicy;
use crate::roster::Member;
use crate::wire::{Reader, Wire, WireError, encode_list, sorted_map, wire_struct};
use std::collections::{BTreeMap, VecDeque};

/// How many accounts there are, and what each holds at first.
const ACCOUNTS: u16 = 64;
const BALANCE: u64 = 1_000;
const CHUNK: usize = 2048;
/// How many snapshots are kept.
const SNAPSHOTS: usize = 3;

/// What a client can ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Adds to the counter; answers with the sum.
    Add(u64),
    /// Moves credits between two accounts; refused (code 1) without cover.
    Transfer {
        /// From this account.
        from: u16,
        /// To this one.
        to: u16,
        /// How much.
        amount: u64,
    },
    /// A member joins, or changes.
    Join(Member),
    /// A member leaves.
    Leave(ReplicaId),
    /// Another proposer policy.
    Policy(ProposerPolicy),
    /// A suspended proposer is back.
    Ready(ReplicaId),
    /// Nothing, with some bytes of ballast.
    Idle(Vec<u8>),
}

impl Wire for Order {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Order::Add(n) => {
                out.push(1);
                n.encode(out);
            }
            Order::Transfer { from, to, amount } => {
                out.push(2);
                from.encode(out);
                to.encode(out);
                amount.encode(out);
            }
            Order::Join(member) => {
                out.push(3);
                member.encode(out);
            }
            Order::Leave(id) => {
                out.push(4);
                id.encode(out);
            }
            Order::Policy(policy) => {
                out.push(5);
                policy.encode(out);
            }
            Order::Ready(id) => {
                out.push(6);
                id.encode(out);
            }
            Order::Idle(bytes) => {
                out.push(7);
                crate::wire::encode_bytes(bytes, out);
            }
        }
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::decode(r)? {
            1 => Order::Add(Wire::decode(r)?),
            2 => Order::Transfer {
                from: Wire::decode(r)?,
                to: Wire::decode(r)?,
                amount: Wire::decode(r)?,
            },
            3 => Order::Join(Wire::decode(r)?),
            4 => Order::Leave(Wire::decode(r)?),
            5 => Order::Policy(Wire::decode(r)?),
            6 => Order::Ready(Wire::decode(r)?),
            7 => Order::Idle(r.bytes("ballast", crate::block::MAX_TRANSACTION)?.to_vec()),
            tag => return Err(WireError::UnknownTag { what: "order", tag }),
        })
    }
}

/// A client's numbered order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slip {
    /// The client.
    pub client: [u8; 32],
    /// Its counter, growing.
    pub counter: u64,
    /// What it asks.
    pub order: Order,
}

wire_struct!(Slip {
    client: [u8; 32],
    counter: u64,
    order: Order
});

impl Slip {
    /// The transaction of a slip.
    ///
    /// # Errors
    /// [`WireError::TooLong`] with too much ballast.
    pub fn transaction(&self) -> Result<Transaction, WireError> {
        Transaction::new(self.to_wire())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Books {
    height: Height,
    counter: u64,
    balances: BTreeMap<u16, u64>,
    params: NextParams,
}

impl Wire for Books {
    fn encode(&self, out: &mut Vec<u8>) {
        self.height.encode(out);
        self.counter.encode(out);
        let balances: Vec<(u16, u64)> = self.balances.iter().map(|(k, v)| (*k, *v)).collect();
        encode_list(balances.iter(), out);
        self.params.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Books {
            height: Wire::decode(r)?,
            counter: Wire::decode(r)?,
            balances: sorted_map(r, "balances", usize::from(u16::MAX))?,
            params: Wire::decode(r)?,
        })
    }
}

/// How a simulated teller goes wrong on one replica.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// Miscounts from this height on.
    Miscounts(Height),
}

/// The application.
#[derive(Debug, Default)]
pub struct Teller {
    pub(crate) books: Option<Books>,
    hash: Digest,
    snapshots: VecDeque<(SnapshotInfo, Vec<u8>)>,
    restoring: Option<(SnapshotInfo, Digest, Vec<u8>)>,
    pub(crate) fault: Fault,
    /// Whether somebody saves this application after each commit.
    pub(crate) durable: bool,
}

impl Teller {
    /// An application before its chain.
    #[must_use]
    pub fn new() -> Self {
        Teller::default()
    }

    /// The counter.
    #[must_use]
    pub fn counter(&self) -> u64 {
        self.books.as_ref().map_or(0, |b| b.counter)
    }

    /// All credits together: no order changes it.
    #[must_use]
    pub fn total(&self) -> u64 {
        let books = self.books.as_ref();
        books.map_or(0, |b| b.balances.values().sum())
    }

    /// Everything, as an application with a disk of its own would keep it.
    pub(crate) fn save(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let books = self.books.as_ref().map_or(Vec::new(), Wire::to_wire);
        crate::wire::encode_bytes(&books, &mut out);
        let snapshots = self.snapshots.iter();
        crate::wire::encode_count(snapshots.len(), &mut out);
        for (info, bytes) in snapshots {
            info.encode(&mut out);
            crate::wire::encode_bytes(bytes, &mut out);
        }
        out
    }

    /// Takes up what [`Teller::save`] kept.
    ///
    /// # Errors
    /// [`WireError`] if it is something else.
    pub(crate) fn load(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let mut r = Reader::new(bytes);
        self.books = Some(Books::from_wire(r.bytes("books", 1 << 24)?)?);
        let count = r.count("snapshots", SNAPSHOTS, 16)?;
        for _ in 0..count {
            let info = SnapshotInfo::decode(&mut r)?;
            let bytes = r.bytes("snapshot", 1 << 24)?.to_vec();
            self.snapshots.push_back((info, bytes));
        }
        self.rehash();
        r.finish()
    }

    fn rehash(&mut self) {
        if let Some(books) = &self.books {
            self.hash = Purpose::Application.hash_wire(books);
        }
    }
}

impl Books {
    fn carry_out(&mut self, order: &Order, ready: &mut Vec<ReplicaId>) -> Outcome {
        let accepted = |data| Outcome { code: 0, data };
        let refused = Outcome {
            code: 1,
            data: Vec::new(),
        };
        match order {
            Order::Add(n) => {
                self.counter = self.counter.wrapping_add(*n);
                accepted(self.counter.to_be_bytes().to_vec())
            }
            Order::Transfer { from, to, amount } => {
                let held = self.balances.get(from).copied().unwrap_or(0);
                if *amount > held || !self.balances.contains_key(to) {
                    return refused;
                }
                self.balances.insert(*from, held - amount);
                *self.balances.entry(*to).or_default() += amount;
                accepted(Vec::new())
            }
            Order::Join(member) => {
                let mut members = self.params.roster.members().to_vec();
                members.retain(|m| m.id != member.id);
                members.push(member.clone());
                members.sort_by_key(|m| m.id);
                self.change(members).map_or(refused, accepted)
            }
            Order::Leave(id) => {
                let mut members = self.params.roster.members().to_vec();
                members.retain(|m| m.id != *id);
                self.change(members).map_or(refused, accepted)
            }
            Order::Policy(policy) => {
                self.params.policy = policy.clone();
                accepted(Vec::new())
            }
            Order::Ready(id) => {
                ready.push(*id);
                accepted(Vec::new())
            }
            Order::Idle(_) => accepted(Vec::new()),
        }
    }

    fn change(&mut self, members: Vec<Member>) -> Option<Vec<u8>> {
        if members == self.params.roster.members() {
            return None;
        }
        self.params.roster = self.params.roster.successor(members).ok()?;
        Some(Vec::new())
    }
}

impl Application for Teller {
    fn info(&self) -> AppInfo {
        AppInfo {
            height: self.books.as_ref().map_or(Height::default(), |b| b.height),
            app_hash: self.hash,
        }
    }

    fn init_chain(&mut self, genesis: &Genesis) -> NextParams {
        let params = NextParams {
            roster: genesis.roster.clone(),
            policy: genesis.policy.clone(),
            timeouts: genesis.timeouts,
        };
        if self.books.is_some() {
            // Loaded: the chain goes on where the saved state is.
            return params;
        }
        self.books = Some(Books {
            height: Height::default(),
            counter: 0,
            balances: (0..ACCOUNTS).map(|a| (a, BALANCE)).collect(),
            params: params.clone(),
        });
        self.rehash();
        params
    }

    fn check_tx(&self, tx: &Transaction) -> Result<(), Reject> {
        match Slip::from_wire(tx.bytes()) {
            Ok(_) => Ok(()),
            Err(_) => Err(Reject::Application(2)),
        }
    }

    fn request_id(&self, tx: &Transaction) -> RequestId {
        let mut r = Reader::new(tx.bytes());
        match (r.array(), u64::decode(&mut r)) {
            (Ok(client), Ok(counter)) => RequestId { client, counter },
            _ => RequestId {
                client: *tx.id().as_bytes(),
                counter: 1,
            },
        }
    }

    fn verify(&mut self, block: &Block) -> Verdict {
        let wrong = block
            .transactions()
            .iter()
            .zip(0u32..)
            .find(|(tx, _)| Slip::from_wire(tx.bytes()).is_err());
        wrong.map_or(Verdict::Accept, |(_, i)| Verdict::RejectTransaction(i))
    }

    fn finalize_block(&mut self, block: &Block) -> Finalized {
        let mut ready = Vec::new();
        let mut outcomes = Vec::with_capacity(block.transactions().len());
        let Some(books) = &mut self.books else {
            unreachable!("init_chain comes first");
        };
        // One roster change a block: its successor is judged against the latest.
        let before = books.params.roster.clone();
        for tx in block.transactions() {
            let outcome = match Slip::from_wire(tx.bytes()) {
                Ok(slip) => {
                    let roster = matches!(slip.order, Order::Join(_) | Order::Leave(_));
                    if roster && books.params.roster != before {
                        Outcome {
                            code: 1,
                            data: Vec::new(),
                        }
                    } else {
                        books.carry_out(&slip.order, &mut ready)
                    }
                }
                Err(_) => Outcome {
                    code: 2,
                    data: Vec::new(),
                },
            };
            outcomes.push(outcome);
        }
        books.height = block.height();
        if let Fault::Miscounts(from) = self.fault
            && block.height() >= from
        {
            books.counter += 1;
        }
        let next = books.params.clone();
        self.rehash();
        Finalized {
            outcomes,
            app_hash: self.hash,
            next,
            ready,
        }
    }

    fn commit(&mut self, _certificate: &CommitCert) -> Height {
        if self.durable {
            self.info().height
        } else {
            // Kept in memory: every block is needed again after a restart.
            Height::default()
        }
    }

    fn query(&self, query: &Query) -> QueryAnswer {
        let books = self.books.as_ref();
        let value = books.and_then(|b| match query.path.as_str() {
            "counter" => Some(b.counter.to_be_bytes().to_vec()),
            "balance" => {
                let account = u16::from_wire(&query.data).ok()?;
                Some(b.balances.get(&account)?.to_be_bytes().to_vec())
            }
            _ => None,
        });
        QueryAnswer {
            height: self.info().height,
            value,
            proof: Vec::new(),
        }
    }

    fn take_snapshot(&mut self, height: Height) -> SnapshotInfo {
        let bytes = self.books.as_ref().map_or(Vec::new(), Wire::to_wire);
        let info = SnapshotInfo {
            height,
            chunks: bytes.chunks(CHUNK).map(chunk_digest).collect(),
        };
        self.snapshots.push_back((info.clone(), bytes));
        while self.snapshots.len() > SNAPSHOTS {
            self.snapshots.pop_front();
        }
        info
    }

    fn load_chunk(&self, height: Height, index: u32) -> Option<Vec<u8>> {
        let (_, bytes) = self.snapshots.iter().find(|(i, _)| i.height == height)?;
        bytes.chunks(CHUNK).nth(index as usize).map(<[u8]>::to_vec)
    }

    fn offer(&mut self, info: &SnapshotInfo, app_hash: Digest) -> bool {
        self.restoring = Some((info.clone(), app_hash, Vec::new()));
        !info.chunks.is_empty()
    }

    fn apply_chunk(&mut self, index: u32, bytes: &[u8]) -> Restoration {
        let Some((info, app_hash, whole)) = &mut self.restoring else {
            return Restoration::Failed;
        };
        whole.extend_from_slice(bytes);
        if (index as usize) + 1 < info.chunks.len() {
            return Restoration::Continue;
        }
        match Books::from_wire(whole) {
            Ok(books) if Purpose::Application.hash_wire(&books) == *app_hash => {
                let snapshot = (info.clone(), std::mem::take(whole));
                self.books = Some(books);
                self.snapshots.push_back(snapshot);
                self.restoring = None;
                self.rehash();
                Restoration::Complete
            }
            _ => {
                self.restoring = None;
                Restoration::Failed
            }
        }
    }
}
