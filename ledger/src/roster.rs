//! Who votes: the members of an epoch, and the two quorums.
//!
//! With n voters of equal power, f = floor((n-1)/3) may lie. A quorum is q = floor((n+f)/2) + 1: two
//! quorums share f+1 replicas, hence an honest one, for every n from 4 on (2f+1 does so only when
//! n = 3f+1). A weak quorum, f+1, contains an honest replica.

use crate::digest::{Digest, Purpose};
use crate::height::{Epoch, ReplicaId};
use crate::identity::PublicKey;
use crate::wire::{Reader, Wire, WireError, encode_bytes, encode_list};

/// The most members a roster may have.
pub const MAX_MEMBERS: usize = 256;
/// The fewest voters: below four, no liar is tolerated.
pub const MIN_VOTERS: usize = 4;
/// The longest name of a region, in bytes.
pub const MAX_REGION: usize = 32;

/// A hospital's level, as the papers distinguish accounting and verifying nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A tertiary hospital: proposes in rotation.
    Tertiary,
    /// A secondary hospital: proposes in rotation.
    Secondary,
    /// A community hospital: verifies.
    Community,
}

impl Wire for Class {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Class::Tertiary => 1,
            Class::Secondary => 2,
            Class::Community => 3,
        });
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::decode(r)? {
            1 => Class::Tertiary,
            2 => Class::Secondary,
            3 => Class::Community,
            tag => return Err(WireError::UnknownTag { what: "class", tag }),
        })
    }
}

/// One institution's replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its number, unique in the roster.
    pub id: ReplicaId,
    /// Its signing key, unique in the roster.
    pub key: PublicKey,
    /// Its weight in stake-weighted proposing. Votes are always equal.
    pub power: u64,
    /// Its level.
    pub class: Class,
    /// Whether it may be a proposer.
    pub may_propose: bool,
    /// Whether it votes; otherwise it observes.
    pub votes: bool,
    /// Its region, at most [`MAX_REGION`] bytes.
    pub region: String,
}

impl Wire for Member {
    const MIN_SIZE: usize = 49;
    fn encode(&self, out: &mut Vec<u8>) {
        self.id.encode(out);
        self.key.encode(out);
        self.power.encode(out);
        self.class.encode(out);
        self.may_propose.encode(out);
        self.votes.encode(out);
        encode_bytes(self.region.as_bytes(), out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Member {
            id: Wire::decode(r)?,
            key: Wire::decode(r)?,
            power: Wire::decode(r)?,
            class: Wire::decode(r)?,
            may_propose: Wire::decode(r)?,
            votes: Wire::decode(r)?,
            region: String::from_utf8(r.bytes("region", MAX_REGION)?.to_vec())
                .map_err(|_| WireError::Invalid { what: "region" })?,
        })
    }
}

/// Why members are not a roster, or not the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    /// Too many members.
    #[error("{0} members; at most {MAX_MEMBERS}")]
    TooMany(usize),
    /// Too few voters.
    #[error("{0} voters; at least {MIN_VOTERS}")]
    TooFewVoters(usize),
    /// Members not in order of their numbers, or one number twice.
    #[error("members are not in order at {0}")]
    NotSorted(ReplicaId),
    /// One key for two members.
    #[error("{0} and {1} share a key")]
    SharedKey(ReplicaId, ReplicaId),
    /// Nobody may propose.
    #[error("no voter may propose")]
    NoProposer,
    /// A region's name is too long.
    #[error("the region of {0} is longer than {MAX_REGION} bytes")]
    RegionTooLong(ReplicaId),
    /// More than one member differs from the roster before.
    #[error("{0} members change at once; one at a time")]
    SeveralChanges(usize),
}

/// The members of one epoch, ordered by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    epoch: Epoch,
    members: Vec<Member>,
    voters: usize,
    digest: Digest,
}

impl Roster {
    /// The roster of the first epoch. Members must be in order of their numbers.
    ///
    /// # Errors
    /// [`RosterError`], naming the member.
    pub fn first(members: Vec<Member>) -> Result<Self, RosterError> {
        Self::of_epoch(Epoch::default(), members)
    }

    fn of_epoch(epoch: Epoch, members: Vec<Member>) -> Result<Self, RosterError> {
        if members.len() > MAX_MEMBERS {
            return Err(RosterError::TooMany(members.len()));
        }
        for pair in members.windows(2) {
            if let [a, b] = pair
                && a.id >= b.id
            {
                return Err(RosterError::NotSorted(b.id));
            }
        }
        for (i, m) in members.iter().enumerate() {
            if m.region.len() > MAX_REGION {
                return Err(RosterError::RegionTooLong(m.id));
            }
            if let Some(other) = members.iter().skip(i + 1).find(|o| o.key == m.key) {
                return Err(RosterError::SharedKey(m.id, other.id));
            }
        }
        let voters = members.iter().filter(|m| m.votes).count();
        if voters < MIN_VOTERS {
            return Err(RosterError::TooFewVoters(voters));
        }
        if !members.iter().any(|m| m.votes && m.may_propose) {
            return Err(RosterError::NoProposer);
        }
        let mut bytes = Vec::new();
        epoch.encode(&mut bytes);
        encode_list(members.iter(), &mut bytes);
        let digest = Purpose::Roster.hash(&[&bytes]);
        Ok(Roster {
            epoch,
            members,
            voters,
            digest,
        })
    }

    /// The roster of the next epoch, with at most one member added, removed or changed.
    ///
    /// # Errors
    /// [`RosterError`].
    pub fn successor(&self, members: Vec<Member>) -> Result<Self, RosterError> {
        let next = Self::of_epoch(self.epoch.next(), members)?;
        let gone_or_changed = self
            .members
            .iter()
            .filter(|m| next.member(m.id) != Some(m))
            .count();
        let added = next
            .members
            .iter()
            .filter(|m| self.member(m.id).is_none())
            .count();
        match gone_or_changed + added {
            0 | 1 => Ok(next),
            several => Err(RosterError::SeveralChanges(several)),
        }
    }

    /// The epoch.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }
    /// The digest, which headers carry.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }
    /// All members in order.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }
    /// The member with this number.
    #[must_use]
    pub fn member(&self, id: ReplicaId) -> Option<&Member> {
        let at = self.members.binary_search_by_key(&id, |m| m.id).ok()?;
        self.members.get(at)
    }
    /// The member with this number, if it votes.
    #[must_use]
    pub fn voter(&self, id: ReplicaId) -> Option<&Member> {
        self.member(id).filter(|m| m.votes)
    }
    /// n: how many vote.
    #[must_use]
    pub const fn voters(&self) -> usize {
        self.voters
    }
    /// f: how many of them may lie, floor((n-1)/3).
    #[must_use]
    pub const fn faults(&self) -> usize {
        (self.voters - 1) / 3
    }
    /// q: floor((n+f)/2) + 1.
    #[must_use]
    pub const fn quorum(&self) -> usize {
        (self.voters + self.faults()) / 2 + 1
    }
    /// f+1: one of them is honest.
    #[must_use]
    pub const fn weak_quorum(&self) -> usize {
        self.faults() + 1
    }
}

impl Wire for Roster {
    const MIN_SIZE: usize = 12;
    fn encode(&self, out: &mut Vec<u8>) {
        self.epoch.encode(out);
        encode_list(self.members.iter(), out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let epoch = Epoch::decode(r)?;
        let members = r.list("members", MAX_MEMBERS)?;
        Roster::of_epoch(epoch, members).map_err(|_| WireError::Invalid { what: "roster" })
    }
}

/// `n` equal voters of the simulator, numbered from 0, classes and regions in turn.
pub(crate) fn simulated_members(n: u16) -> Vec<Member> {
    let classes = [Class::Tertiary, Class::Secondary, Class::Community];
    crate::identity::simulated_keys()
        .iter()
        .zip(0..n)
        .map(|((_, key), i)| Member {
            id: ReplicaId::new(i),
            key: *key,
            power: 1 + u64::from(i % 3),
            class: classes[usize::from(i % 3)],
            may_propose: true,
            votes: true,
            region: format!("region-{}", i % 4),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_quorums_always_share_an_honest_replica() {
        for n in 4..=100u16 {
            let r = Roster::first(simulated_members(n)).unwrap();
            let (n, f, q) = (r.voters(), r.faults(), r.quorum());
            assert!(2 * q > n + f, "n {n}: intersection has more than f");
            assert!(q <= n - f, "n {n}: the honest alone are a quorum");
            assert!(n > 3 * f);
        }
    }

    #[test]
    fn one_member_changes_at_a_time() {
        let r = Roster::first(simulated_members(5)).unwrap();
        let mut fewer = r.members().to_vec();
        fewer.remove(4);
        let next = r.successor(fewer.clone()).unwrap();
        assert_eq!(next.epoch(), Epoch::new(1));
        let swapped = {
            let mut m = simulated_members(6);
            m.remove(4);
            m
        };
        assert_eq!(r.successor(swapped), Err(RosterError::SeveralChanges(2)));
        fewer.remove(3);
        assert_eq!(r.successor(fewer), Err(RosterError::TooFewVoters(3)));
    }

    #[test]
    fn a_roster_decodes_to_itself_and_only_sorted() {
        let r = Roster::first(simulated_members(4)).unwrap();
        assert_eq!(Roster::from_wire(&r.to_wire()), Ok(r.clone()));
        let mut members = simulated_members(4);
        members.swap(0, 1);
        let mut bytes = Vec::new();
        Epoch::default().encode(&mut bytes);
        encode_list(members.iter(), &mut bytes);
        assert!(Roster::from_wire(&bytes).is_err());
    }
}
