//! Who proposes: the papers' policies, each a pure function of committed state, height and view.
//!
//! A policy and a roster make a list of slots and an offset; the proposer of view v is the member in
//! slot `offset + v`, or the next one that is not suspended. Everybody votes under every policy.

use crate::digest::Digest;
use crate::height::{Height, ReplicaId, View};
use crate::roster::{Class, MAX_MEMBERS, Member, Roster};
use crate::wire::{Reader, Wire, WireError, encode_list};
use sha2::{Digest as _, Sha256, Sha512};

/// How the proposer is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProposerPolicy {
    /// One proposer until it fails (Huang 2020).
    Sticky,
    /// Tertiary and secondary hospitals in turn, height by height; community hospitals verify (Qin 2021).
    Rotation,
    /// Elected endorsers in turn (MedBlock): `order[turn + (h - since) / blocks_per_turn + v]`.
    Endorsers {
        /// The endorsers, one per region, in turn.
        order: Vec<ReplicaId>,
        /// Whose turn it was at `since`.
        turn: u64,
        /// The height at which the turn was set.
        since: Height,
        /// How many blocks a turn lasts; 0 for until the application ends it.
        blocks_per_turn: u32,
    },
    /// An order drawn from a beacon value that nobody could bias; one height each.
    Beacon {
        /// The beacon's value.
        beta: Digest,
        /// The election's epoch.
        epoch: u64,
    },
    /// Turns in proportion to `power` (Qu 2022's delegated stake).
    Stake,
}

impl Wire for ProposerPolicy {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            ProposerPolicy::Sticky => out.push(1),
            ProposerPolicy::Rotation => out.push(2),
            ProposerPolicy::Endorsers {
                order,
                turn,
                since,
                blocks_per_turn,
            } => {
                out.push(3);
                encode_list(order.iter(), out);
                turn.encode(out);
                since.encode(out);
                blocks_per_turn.encode(out);
            }
            ProposerPolicy::Beacon { beta, epoch } => {
                out.push(4);
                beta.encode(out);
                epoch.encode(out);
            }
            ProposerPolicy::Stake => out.push(5),
        }
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::decode(r)? {
            1 => ProposerPolicy::Sticky,
            2 => ProposerPolicy::Rotation,
            3 => ProposerPolicy::Endorsers {
                order: r.list("endorsers", MAX_MEMBERS)?,
                turn: Wire::decode(r)?,
                since: Wire::decode(r)?,
                blocks_per_turn: Wire::decode(r)?,
            },
            4 => ProposerPolicy::Beacon {
                beta: Wire::decode(r)?,
                epoch: Wire::decode(r)?,
            },
            5 => ProposerPolicy::Stake,
            tag => {
                return Err(WireError::UnknownTag {
                    what: "proposer policy",
                    tag,
                });
            }
        })
    }
}

/// The proposers of one height, view by view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposerOrder {
    slots: Vec<ReplicaId>,
    offset: u64,
    suspended: Vec<ReplicaId>,
}

impl ProposerOrder {
    /// The order at `height`. Suspended members are passed over while at least two others are left.
    #[must_use]
    pub fn new(
        policy: &ProposerPolicy,
        roster: &Roster,
        chain: Digest,
        height: Height,
        suspended: &[ReplicaId],
    ) -> ProposerOrder {
        let eligible: Vec<&Member> = roster
            .members()
            .iter()
            .filter(|m| m.votes && m.may_propose)
            .collect();
        let everyone = || eligible.iter().map(|m| m.id).collect::<Vec<_>>();
        let h = height.get();
        let (mut slots, offset) = match policy {
            ProposerPolicy::Sticky => (everyone(), 0),
            ProposerPolicy::Rotation => {
                let accounting = eligible.iter().filter(|m| m.class != Class::Community);
                (accounting.map(|m| m.id).collect(), h)
            }
            ProposerPolicy::Endorsers {
                order,
                turn,
                since,
                blocks_per_turn,
            } => {
                let endorsers = order.iter().copied();
                let endorsers = endorsers.filter(|id| eligible.iter().any(|m| m.id == *id));
                let past = h
                    .saturating_sub(since.get())
                    .checked_div(u64::from(*blocks_per_turn))
                    .unwrap_or(0);
                (endorsers.collect(), turn.wrapping_add(past))
            }
            ProposerPolicy::Beacon { beta, epoch } => {
                (draw_order(chain, *epoch, beta, &everyone()), h)
            }
            ProposerPolicy::Stake => (stake_turns(&eligible), h),
        };
        if slots.is_empty() {
            slots = everyone();
        }
        ProposerOrder {
            suspended: bearable(&slots, suspended),
            slots,
            offset,
        }
    }

    /// The proposer of a view.
    #[must_use]
    pub fn primary(&self, view: View) -> ReplicaId {
        let n = self.slots.len().max(1) as u64;
        let start = (self.offset % n + view.get() % n) % n;
        (0..n)
            .filter_map(|step| self.slots.get(((start + step) % n) as usize))
            .find(|id| !self.suspended.contains(id))
            .or(self.slots.first())
            .copied()
            .unwrap_or_default()
    }
}

impl Wire for ProposerOrder {
    const MIN_SIZE: usize = 16;
    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(self.slots.iter(), out);
        self.offset.encode(out);
        encode_list(self.suspended.iter(), out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(ProposerOrder {
            slots: r.list("slots", MAX_MEMBERS.max(STAKE_TURNS as usize))?,
            offset: Wire::decode(r)?,
            suspended: r.list("suspended", MAX_MEMBERS)?,
        })
    }
}

/// The suspended members that can be spared: two different proposers stay.
fn bearable(slots: &[ReplicaId], suspended: &[ReplicaId]) -> Vec<ReplicaId> {
    let mut left: Vec<ReplicaId> = slots.to_vec();
    left.sort_unstable();
    left.dedup();
    let mut spared = Vec::new();
    for id in suspended {
        if left.len() > 2 && left.contains(id) {
            left.retain(|l| l != id);
            spared.push(*id);
        }
    }
    spared
}

/// How many turns the stake-weighted schedule has.
const STAKE_TURNS: u64 = 256;

/// Turns in proportion to power, spread as evenly as they go: the member with the largest credit is
/// next and pays the total. A member without power has no turn.
fn stake_turns(eligible: &[&Member]) -> Vec<ReplicaId> {
    let total: i128 = eligible.iter().map(|m| i128::from(m.power)).sum();
    if total == 0 {
        return Vec::new();
    }
    let turns = (STAKE_TURNS as i128).min(total);
    let mut credit = vec![0i128; eligible.len()];
    let mut slots = Vec::new();
    for _ in 0..turns {
        for (c, m) in credit.iter_mut().zip(eligible) {
            *c += i128::from(m.power);
        }
        let next = credit
            .iter_mut()
            .zip(eligible)
            .max_by(|(a, m), (b, n)| a.cmp(b).then(n.id.cmp(&m.id)));
        if let Some((c, m)) = next {
            *c -= total;
            slots.push(m.id);
        }
    }
    slots
}

fn lp(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for p in parts {
        crate::wire::encode_bytes(p, &mut out);
    }
    out
}

/// The draw of the selection protocol, all weights 1, for purpose "orderer":
/// `seed = SHA256(LP("MEDSEL-V01", chain, purpose, epoch, beta))`, pick k at
/// `SHA512(LP(seed, I2OSP(k, 4))) mod remaining`, candidates in order of their numbers.
fn draw_order(
    chain: Digest,
    epoch: u64,
    beta: &Digest,
    candidates: &[ReplicaId],
) -> Vec<ReplicaId> {
    let seed = Sha256::digest(lp(&[
        b"MEDSEL-V01",
        chain.as_bytes(),
        b"orderer",
        &epoch.to_be_bytes(),
        beta.as_bytes(),
    ]));
    let mut left = candidates.to_vec();
    let mut order = Vec::with_capacity(left.len());
    let mut k = 0u32;
    while !left.is_empty() {
        let x = Sha512::digest(lp(&[&seed, &k.to_be_bytes()]));
        let n = left.len() as u64;
        let at = x
            .iter()
            .fold(0u64, |acc, b| (acc * 256 + u64::from(*b)) % n);
        order.push(left.remove(at as usize));
        k += 1;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roster::simulated_members;

    fn order(policy: &ProposerPolicy, h: u64, suspended: &[u16]) -> ProposerOrder {
        let roster = Roster::first(simulated_members(7)).unwrap();
        let suspended: Vec<_> = suspended.iter().map(|i| ReplicaId::new(*i)).collect();
        ProposerOrder::new(policy, &roster, Digest::ZERO, Height::new(h), &suspended)
    }

    fn over_heights(policy: &ProposerPolicy, n: u64) -> Vec<u16> {
        (0..n)
            .map(|h| order(policy, h, &[]).primary(View::FIRST).get())
            .collect()
    }

    #[test]
    fn a_sticky_proposer_stays_until_the_view_changes() {
        assert_eq!(over_heights(&ProposerPolicy::Sticky, 3), [0, 0, 0]);
        assert_eq!(
            order(&ProposerPolicy::Sticky, 5, &[])
                .primary(View::new(8))
                .get(),
            1
        );
    }

    #[test]
    fn rotation_leaves_community_hospitals_out() {
        assert_eq!(
            over_heights(&ProposerPolicy::Rotation, 6),
            [0, 1, 3, 4, 6, 0]
        );
    }

    #[test]
    fn endorsers_take_turns_of_some_blocks() {
        let policy = ProposerPolicy::Endorsers {
            order: [5, 2, 9, 4].map(ReplicaId::new).to_vec(),
            turn: 1,
            since: Height::new(2),
            blocks_per_turn: 2,
        };
        assert_eq!(over_heights(&policy, 8), [2, 2, 2, 2, 4, 4, 5, 5]);
    }

    #[test]
    fn stake_gives_turns_in_proportion() {
        let turns = over_heights(&ProposerPolicy::Stake, 13);
        let count = |i| turns.iter().filter(|t| **t == i).count();
        assert_eq!([0, 1, 2, 3, 4, 5, 6].map(count), [1, 2, 3, 1, 2, 3, 1]);
    }

    #[test]
    fn a_beacon_shuffles_all_and_each_value_differently() {
        let of = |b| {
            let beta = Digest::new([b; 32]);
            over_heights(&ProposerPolicy::Beacon { beta, epoch: 3 }, 7)
        };
        let mut sorted = of(1);
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4, 5, 6]);
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn suspension_passes_over_but_never_leaves_fewer_than_two() {
        assert_eq!(
            order(&ProposerPolicy::Sticky, 0, &[0, 1])
                .primary(View::FIRST)
                .get(),
            2
        );
        let most = order(&ProposerPolicy::Sticky, 0, &[0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(most.primary(View::FIRST).get(), 5);
        assert_eq!(most.primary(View::new(6)).get(), 6);
    }
}
