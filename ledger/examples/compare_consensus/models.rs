//! Models, not implementations, of the methods the papers compare with.

/// The slowest message takes this long; all methods see the same network.
pub const DELAY_MS: u64 = 20;
/// A block with a handful of requests, in bytes.
const BLOCK_BYTES: f64 = 1_000.0;
/// An announcement of a block, in bytes.
const ANNOUNCEMENT_BYTES: f64 = 40.0;
/// Delegates take turns in slots of this length.
const SLOT_MS: f64 = 500.0;
/// At most this many delegates.
const DELEGATES: u16 = 21;
/// Bitcoin's interval and the customary depth.
const WORK_INTERVAL_MS: f64 = 600_000.0;
const CONFIRMATIONS: f64 = 6.0;
/// Neighbours in the gossip network.
const NEIGHBOURS: f64 = 8.0;

/// What one block costs the whole network.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Messages.
    pub messages: f64,
    /// Bytes.
    pub bytes: f64,
    /// CPU time of all nodes together.
    pub cpu_ms: f64,
    /// From submitting a request to its finality, on average.
    pub finality_ms: f64,
}

fn mean_delay_ms() -> f64 {
    DELAY_MS as f64 / 2.0
}

/// Delegates sign blocks in turn; a block is irreversible when more than two thirds of them have
/// built on it. Each block goes to all others and costs each one signature check.
pub fn delegated_stake(n: u16, verify_us: f64) -> Cost {
    let others = f64::from(n - 1);
    let delegates = n.min(DELEGATES);
    let builders = f64::from(delegates * 2 / 3 + 1);
    Cost {
        messages: others,
        bytes: others * BLOCK_BYTES,
        cpu_ms: others * verify_us / 1e3,
        finality_ms: SLOT_MS / 2.0 + (builders - 1.0) * SLOT_MS + mean_delay_ms(),
    }
}

/// Every node hashes all the time; a block is announced to every neighbour and fetched once; it
/// counts as final, never certainly, after some confirmations.
pub fn proof_of_work(n: u16, verify_us: f64) -> Cost {
    let nodes = f64::from(n);
    let neighbours = NEIGHBOURS.min(nodes - 1.0);
    let announcements = nodes * neighbours;
    let hashing = nodes * WORK_INTERVAL_MS;
    Cost {
        messages: announcements + (nodes - 1.0),
        bytes: announcements * ANNOUNCEMENT_BYTES + (nodes - 1.0) * BLOCK_BYTES,
        cpu_ms: hashing + nodes * verify_us / 1e3,
        finality_ms: WORK_INTERVAL_MS * CONFIRMATIONS + mean_delay_ms(),
    }
}
