//! Proof that a replica said two things where one is allowed.
//!
//! Honest replicas write their vote to disk before they send it, so two different signed digests of
//! one (epoch, type, view, height) are a lie, not an accident. The proof is data: it travels in
//! blocks and the application decides what it costs.

use crate::certificate::Ballot;
use crate::digest::Digest;
use crate::height::{Epoch, Height, ReplicaId, View};
use crate::identity::{Domain, Kind, Signature, Statement};
use crate::roster::Roster;
use crate::wire::{Reader, Wire, WireError};

/// Two conflicting statements of one replica, the smaller digest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Who lied.
    offender: ReplicaId,
    epoch: Epoch,
    kind: Kind,
    view: View,
    height: Height,
    first: (Digest, Signature),
    second: (Digest, Signature),
}

/// Whether an honest replica makes at most one statement of this kind in a view.
fn once(kind: Kind) -> bool {
    match kind {
        Kind::PrePrepare | Kind::Prepare | Kind::Commit => true,
        Kind::Propose | Kind::Prevote | Kind::Precommit => true,
        Kind::Checkpoint | Kind::ViewChange | Kind::NewView | Kind::Ready => false,
    }
}

impl Evidence {
    /// The proof that two ballots make; `None` if they do not conflict. Signatures are not checked.
    #[must_use]
    pub fn new(a: &Ballot, b: &Ballot) -> Option<Evidence> {
        let same = (a.from, a.epoch, a.kind, a.view, a.height)
            == (b.from, b.epoch, b.kind, b.view, b.height);
        if !same || !once(a.kind) || a.digest == b.digest {
            return None;
        }
        let (a, b) = if a.digest < b.digest { (a, b) } else { (b, a) };
        Some(Evidence {
            offender: a.from,
            epoch: a.epoch,
            kind: a.kind,
            view: a.view,
            height: a.height,
            first: (a.digest, a.signature),
            second: (b.digest, b.signature),
        })
    }

    /// Who lied.
    #[must_use]
    pub const fn offender(&self) -> ReplicaId {
        self.offender
    }
    /// At which height.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.height
    }

    /// True if `roster` is that epoch's and both signatures are the offender's.
    #[must_use]
    pub fn verify(&self, domain: &Domain, roster: &Roster) -> bool {
        let signed = |key, (digest, signature): &(Digest, Signature)| {
            let statement = Statement {
                epoch: self.epoch,
                kind: self.kind,
                view: self.view,
                height: self.height,
                digest: *digest,
            };
            domain.verify(key, &statement, signature)
        };
        self.epoch == roster.epoch()
            && roster
                .voter(self.offender)
                .is_some_and(|m| signed(&m.key, &self.first) && signed(&m.key, &self.second))
    }
}

impl Wire for Evidence {
    const MIN_SIZE: usize = 219;
    fn encode(&self, out: &mut Vec<u8>) {
        self.offender.encode(out);
        self.epoch.encode(out);
        self.kind.encode(out);
        self.view.encode(out);
        self.height.encode(out);
        self.first.encode(out);
        self.second.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let e = Evidence {
            offender: Wire::decode(r)?,
            epoch: Wire::decode(r)?,
            kind: Wire::decode(r)?,
            view: Wire::decode(r)?,
            height: Wire::decode(r)?,
            first: Wire::decode(r)?,
            second: Wire::decode(r)?,
        };
        if e.first.0 < e.second.0 && once(e.kind) {
            Ok(e)
        } else {
            Err(WireError::Invalid { what: "evidence" })
        }
    }
}
