//! The last request of each client that was executed, inside the replicated state.
//!
//! A request counts once: a client's counters grow strictly, and a block that repeats one is
//! invalid, whoever proposes it and in whatever view.

use crate::application::RequestId;
use crate::height::Height;
use crate::wire::{Reader, Wire, WireError, encode_count};
use std::collections::BTreeMap;

/// The most clients in an encoded table.
const MAX_CLIENTS: usize = 1 << 26;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Last {
    counter: u64,
    height: Height,
    index: u32,
}

/// Client by client: the last counter and where it was executed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sessions(BTreeMap<[u8; 32], Last>);

impl Sessions {
    /// Where the client's last request was executed, if `request` is not after it.
    pub(crate) fn stale(&self, request: &RequestId) -> Option<(Height, u32)> {
        let last = self.0.get(&request.client)?;
        (request.counter <= last.counter).then_some((last.height, last.index))
    }

    /// The client's last counter.
    #[cfg(feature = "malachite")]
    pub(crate) fn last(&self, client: &[u8; 32]) -> Option<u64> {
        self.0.get(client).map(|last| last.counter)
    }

    /// A request was executed.
    pub(crate) fn executed(&mut self, request: &RequestId, height: Height, index: u32) {
        let last = Last {
            counter: request.counter,
            height,
            index,
        };
        self.0.insert(request.client, last);
    }
}

impl Wire for Sessions {
    const MIN_SIZE: usize = 4;
    fn encode(&self, out: &mut Vec<u8>) {
        encode_count(self.0.len(), out);
        for (client, last) in &self.0 {
            client.encode(out);
            last.counter.encode(out);
            last.height.encode(out);
            last.index.encode(out);
        }
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let count = r.count("clients", MAX_CLIENTS, 52)?;
        let mut table = BTreeMap::new();
        for _ in 0..count {
            let client: [u8; 32] = Wire::decode(r)?;
            let last = Last {
                counter: Wire::decode(r)?,
                height: Wire::decode(r)?,
                index: Wire::decode(r)?,
            };
            let sorted = table.last_key_value().is_none_or(|(c, _)| *c < client);
            if !sorted {
                return Err(WireError::Invalid { what: "clients" });
            }
            table.insert(client, last);
        }
        Ok(Sessions(table))
    }
}
