//! Silent proposers: counted from the certificates inside blocks, suspended for a while.
//!
//! If block n was committed in view w and the one before in view v < w of the same epoch, the
//! proposers of views v .. w-1 at height n said nothing in time. After `suspend_after` such misses a
//! member is passed over for 2^misses heights and until its own Ready statement is on the ledger.

use crate::height::{Height, ReplicaId, View};
use crate::proposer::ProposerOrder;
use crate::wire::{Reader, Wire, WireError, encode_list, wire_struct};
use std::collections::BTreeMap;

/// The longest suspension is 2^this heights.
const MAX_DOUBLINGS: u32 = 12;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Silence {
    misses: u32,
    /// Suspended below this height; 0 when not suspended.
    until: Height,
    /// Whether a Ready statement came since it was suspended.
    ready: bool,
}

wire_struct!(Silence {
    misses: u32,
    until: Height,
    ready: bool
});

/// The counters, part of the replicated state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Silences(BTreeMap<ReplicaId, Silence>);

impl Silences {
    /// Counts what the certificate of a height shows: proposers of views `from .. committed` were
    /// silent, that of `committed` was not.
    pub(crate) fn count(
        &mut self,
        order: &ProposerOrder,
        from: View,
        committed: View,
        now: Height,
        suspend_after: u32,
    ) {
        let proposer = order.primary(committed);
        let silent = (from.get()..committed.get())
            .take(crate::roster::MAX_MEMBERS)
            .map(|v| order.primary(View::new(v)));
        let mut silent: Vec<ReplicaId> = silent.filter(|id| *id != proposer).collect();
        silent.sort_unstable();
        silent.dedup();
        for id in silent {
            let s = self.0.entry(id).or_default();
            s.misses = s.misses.saturating_add(1);
            if suspend_after > 0 && s.misses >= suspend_after {
                s.until = now.plus(1 << s.misses.min(MAX_DOUBLINGS));
                s.ready = false;
            }
        }
        self.0.remove(&proposer);
    }

    /// A member's Ready statement was on the ledger.
    pub(crate) fn ready(&mut self, id: ReplicaId) {
        if let Some(s) = self.0.get_mut(&id) {
            s.ready = true;
        }
    }

    /// Who is passed over at `height`.
    pub(crate) fn suspended(&self, height: Height) -> Vec<ReplicaId> {
        let out = |s: &Silence| s.until > Height::default() && (height < s.until || !s.ready);
        let suspended = self.0.iter().filter(|(_, s)| out(s));
        suspended.map(|(id, _)| *id).collect()
    }

    /// Forgets members who left.
    pub(crate) fn retain(&mut self, keep: impl Fn(ReplicaId) -> bool) {
        self.0.retain(|id, _| keep(*id));
    }
}

impl Wire for Silences {
    const MIN_SIZE: usize = 4;
    fn encode(&self, out: &mut Vec<u8>) {
        let pairs: Vec<(ReplicaId, Silence)> = self.0.iter().map(|(k, v)| (*k, *v)).collect();
        encode_list(pairs.iter(), out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let pairs: Vec<(ReplicaId, Silence)> = r.list("silences", crate::roster::MAX_MEMBERS)?;
        if pairs.windows(2).any(|w| matches!(w, [a, b] if a.0 >= b.0)) {
            return Err(WireError::Invalid { what: "silences" });
        }
        Ok(Silences(pairs.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::proposer::ProposerPolicy;
    use crate::roster::{Roster, simulated_members};

    #[test]
    fn a_silent_proposer_is_suspended_and_comes_back_when_ready() {
        let roster = Roster::first(simulated_members(4)).unwrap();
        let order = ProposerOrder::new(
            &ProposerPolicy::Sticky,
            &roster,
            Digest::ZERO,
            Height::new(1),
            &[],
        );
        let mut s = Silences::default();
        let (zero, h) = (ReplicaId::new(0), Height::new(10));
        s.count(&order, View::new(0), View::new(1), h, 2);
        assert!(s.suspended(h).is_empty(), "one miss is forgiven");
        s.count(&order, View::new(4), View::new(5), h, 2);
        assert_eq!(s.suspended(h), [zero]);
        assert_eq!(s.suspended(Height::new(99)), [zero], "not without Ready");
        s.ready(zero);
        assert_eq!(
            s.suspended(Height::new(13)),
            [zero],
            "not before 2^2 heights"
        );
        assert!(s.suspended(Height::new(14)).is_empty());
        s.count(&order, View::new(8), View::new(8), h, 2);
        assert!(s.0.is_empty(), "a block of its own clears the record");
    }
}
