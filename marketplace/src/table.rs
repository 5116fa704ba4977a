//! A sorted table whose digest is cheap to keep: each entry's is computed once and again when it changes.

use std::collections::{BTreeMap, btree_map};
use std::sync::OnceLock;

use eligo_ledger::digest::{Digest, Purpose};
use eligo_ledger::wire::{Reader, Wire, WireError, encode_count};

/// The most entries of a decoded table.
const MAX_ENTRIES: usize = 1 << 26;

#[derive(Clone, Debug)]
struct Entry<V> {
    value: V,
    digest: OnceLock<Digest>,
}

/// Entries in order of their keys.
#[derive(Clone, Debug)]
pub(crate) struct Table<K, V> {
    entries: BTreeMap<K, Entry<V>>,
    digest: OnceLock<Digest>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            digest: OnceLock::new(),
        }
    }
}

impl<K: Ord + Wire, V: Wire> Table<K, V> {
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    /// A value to be changed: its digest is computed anew.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let entry = self.entries.get_mut(key)?;
        entry.digest = OnceLock::new();
        self.digest = OnceLock::new();
        Some(&mut entry.value)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        let digest = OnceLock::new();
        self.entries.insert(key, Entry { value, digest });
        self.digest = OnceLock::new();
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let removed = self.entries.remove(key)?;
        self.digest = OnceLock::new();
        Some(removed.value)
    }

    /// The value, made if it is not there.
    pub(crate) fn entry(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.digest = OnceLock::new();
        let entry = self.entries.entry(key).or_insert_with(|| Entry {
            value: V::default(),
            digest: OnceLock::new(),
        });
        entry.digest = OnceLock::new();
        &mut entry.value
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, entry)| (key, &entry.value))
    }

    pub(crate) fn range(
        &self,
        range: impl std::ops::RangeBounds<K>,
    ) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        let range: btree_map::Range<'_, K, Entry<V>> = self.entries.range(range);
        range.map(|(key, entry)| (key, &entry.value))
    }

    /// A digest of every key and value.
    pub(crate) fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| {
            let mut digests = Vec::with_capacity(self.entries.len() * 32);
            for (key, entry) in &self.entries {
                let digest = entry.digest.get_or_init(|| {
                    let mut bytes = key.to_wire();
                    entry.value.encode(&mut bytes);
                    Purpose::Application.hash(&[b"entry", &bytes])
                });
                digests.extend_from_slice(digest.as_bytes());
            }
            Purpose::Application.hash(&[b"table", &digests])
        })
    }
}

impl<K: Ord + Wire, V: Wire> Wire for Table<K, V> {
    const MIN_SIZE: usize = 4;
    fn encode(&self, out: &mut Vec<u8>) {
        encode_count(self.entries.len(), out);
        for (key, entry) in &self.entries {
            key.encode(out);
            entry.value.encode(out);
        }
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let count = r.count("table", MAX_ENTRIES, K::MIN_SIZE + V::MIN_SIZE)?;
        let mut table = Self::default();
        for _ in 0..count {
            let key = K::decode(r)?;
            let last = table.entries.last_key_value();
            if last.is_some_and(|(last, _)| *last >= key) {
                return Err(WireError::Invalid {
                    what: "table order",
                });
            }
            let value = V::decode(r)?;
            table.insert(key, value);
        }
        Ok(table)
    }
}
