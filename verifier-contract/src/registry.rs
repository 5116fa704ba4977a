//! Which key checks which requirement.
//!
//! A claim names its requirement and never its key: the key is looked up here. Entries are never
//! changed or removed, so a published requirement keeps the key patients looked at.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use sha2::{Digest, Sha256};

use crate::{
    inputs::PublicInputs,
    key::{KeyBytesError, KeyDigest, PreparedKey, VerifyingKey},
    proof::Proof,
    statement::Requirement,
    verify::{VerifyError, verify},
};

/// Requirements and their keys. Cloning shares the prepared keys.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    keys: BTreeMap<KeyDigest, Arc<PreparedKey>>,
    requirements: BTreeMap<Requirement, KeyDigest>,
}

/// Why a key is not registered, or a claim not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The key is not one of the eligibility statement.
    #[error("a key for {0} public inputs; the eligibility statement has 6")]
    NotTheStatement(usize),
    /// The requirement has another key already.
    #[error("requirement {requirement} has the key {key} already")]
    Registered {
        /// The requirement.
        requirement: Requirement,
        /// Its key.
        key: KeyDigest,
    },
    /// No key is registered for the requirement.
    #[error("requirement {0} is not registered")]
    Unknown(Requirement),
    /// The proof is not accepted.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

/// Why bytes are no registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryBytesError {
    /// Ends before or after its counts say.
    #[error("the registry's bytes end in the wrong place")]
    Length,
    /// A key that cannot be read or must not be used.
    #[error("key {index}: {error}")]
    Key {
        /// Position, from 0.
        index: u32,
        /// What is wrong with it.
        error: KeyBytesError,
    },
    /// Keys or requirements out of order or twice, a requirement without its key, or a key without
    /// a requirement.
    #[error("entry {index} of the registry is out of place")]
    Order {
        /// Position among keys or requirements, from 0.
        index: u32,
    },
    /// An entry that would not have been registered.
    #[error(transparent)]
    Entry(#[from] RegistryError),
}

impl Registry {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a requirement's key; doing it again changes nothing. One key may serve many
    /// requirements.
    pub fn register(
        &mut self,
        requirement: Requirement,
        key: &VerifyingKey,
    ) -> Result<KeyDigest, RegistryError> {
        if !key.fits_statement() {
            return Err(RegistryError::NotTheStatement(key.inputs()));
        }
        let digest = key.digest();
        match self.requirements.get(&requirement) {
            Some(registered) if *registered != digest => {
                let key = *registered;
                return Err(RegistryError::Registered { requirement, key });
            }
            Some(_) => {}
            None => {
                self.requirements.insert(requirement, digest);
                self.keys
                    .entry(digest)
                    .or_insert_with(|| Arc::new(PreparedKey::new(key.clone())));
            }
        }
        Ok(digest)
    }

    /// The key of a requirement.
    pub fn key(&self, requirement: Requirement) -> Option<&Arc<PreparedKey>> {
        self.keys.get(self.requirements.get(&requirement)?)
    }

    /// Requirements with their keys' digests, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Requirement, KeyDigest)> {
        self.requirements.iter().map(|(r, k)| (*r, *k))
    }

    /// How many requirements are registered.
    pub fn len(&self) -> usize {
        self.requirements.len()
    }

    /// Whether nothing is registered.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Checks a claim's proof under the key of the requirement it names.
    pub fn verify(&self, proof: &Proof, inputs: &PublicInputs) -> Result<(), RegistryError> {
        let key = self.key(inputs.requirement);
        let key = key.ok_or(RegistryError::Unknown(inputs.requirement))?;
        Ok(verify(key, proof, inputs)?)
    }

    /// SHA-256 of the sorted pairs of requirement and key digest: the registry's part of a state.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for (requirement, key) in &self.requirements {
            hasher.update(requirement.to_bytes());
            hasher.update(key.0);
        }
        hasher.finalize().into()
    }

    /// The canonical bytes: count of keys, each behind its length; count of requirements, each with
    /// its key's digest; counts and lengths in four big-endian bytes, everything sorted.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let number = |bytes: &mut Vec<u8>, n: usize| {
            // Four billion keys do not fit in memory.
            bytes.extend_from_slice(&(n as u32).to_be_bytes());
        };
        number(&mut bytes, self.keys.len());
        for key in self.keys.values() {
            let key = key.key().to_bytes();
            number(&mut bytes, key.len());
            bytes.extend_from_slice(&key);
        }
        number(&mut bytes, self.requirements.len());
        for (requirement, key) in &self.requirements {
            bytes.extend_from_slice(&requirement.to_bytes());
            bytes.extend_from_slice(&key.0);
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; every key is linted again.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RegistryBytesError> {
        let mut registry = Self::new();
        let mut keys = BTreeMap::new();
        let (count, mut rest) = number(bytes)?;
        for index in 0..count {
            let (length, after) = number(rest)?;
            let (key, after) = after
                .split_at_checked(length as usize)
                .ok_or(RegistryBytesError::Length)?;
            let key = VerifyingKey::from_bytes(key)
                .map_err(|error| RegistryBytesError::Key { index, error })?;
            let digest = key.digest();
            if keys
                .last_key_value()
                .is_some_and(|(last, _)| *last >= digest)
            {
                return Err(RegistryBytesError::Order { index });
            }
            keys.insert(digest, key);
            rest = after;
        }
        let (count, mut rest) = number(rest)?;
        for index in 0..count {
            let (entry, after) = rest
                .split_first_chunk::<64>()
                .ok_or(RegistryBytesError::Length)?;
            registry.read_entry(entry, index, &keys)?;
            rest = after;
        }
        if !rest.is_empty() {
            return Err(RegistryBytesError::Length);
        }
        // A key that nothing uses is not written, so it is not read.
        match keys.keys().position(|key| !registry.keys.contains_key(key)) {
            Some(index) => Err(RegistryBytesError::Order {
                index: index as u32,
            }),
            None => Ok(registry),
        }
    }

    fn read_entry(
        &mut self,
        entry: &[u8; 64],
        index: u32,
        keys: &BTreeMap<KeyDigest, VerifyingKey>,
    ) -> Result<(), RegistryBytesError> {
        let misplaced = RegistryBytesError::Order { index };
        let (requirement, key) = entry.split_at(32);
        let requirement = requirement.try_into().ok().map(Requirement::from_bytes);
        let Some(Ok(requirement)) = requirement else {
            return Err(misplaced);
        };
        let key = <[u8; 32]>::try_from(key).ok().map(KeyDigest);
        let Some(key) = key.and_then(|key| keys.get(&key)) else {
            return Err(misplaced);
        };
        let last = self.requirements.last_key_value();
        if last.is_some_and(|(last, _)| *last >= requirement) {
            return Err(misplaced);
        }
        self.register(requirement, key)?;
        Ok(())
    }
}

fn number(bytes: &[u8]) -> Result<(u32, &[u8]), RegistryBytesError> {
    let (number, rest) = bytes
        .split_first_chunk()
        .ok_or(RegistryBytesError::Length)?;
    Ok((u32::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toy::{Toy, inputs};
    use ark_bn254::Fr;

    fn requirement(n: u64) -> Requirement {
        Requirement::from_field(Fr::from(n))
    }

    #[test]
    fn keys_are_looked_up_and_never_change() {
        let (mut toy, other) = (Toy::new(6, 1), Toy::new(6, 2));
        let mut registry = Registry::new();
        let mut inputs = inputs();
        inputs.requirement = requirement(5);
        let proof = toy.prove(&inputs.to_field_elements());
        let unknown = RegistryError::Unknown(requirement(5));
        assert_eq!(registry.verify(&proof, &inputs), Err(unknown));
        let key = registry.register(requirement(5), &toy.key()).unwrap();
        assert_eq!(registry.verify(&proof, &inputs), Ok(()));
        assert_eq!(registry.register(requirement(5), &toy.key()), Ok(key));
        let registered = RegistryError::Registered {
            requirement: requirement(5),
            key,
        };
        assert_eq!(
            registry.register(requirement(5), &other.key()),
            Err(registered)
        );
        assert_eq!(
            registry.register(requirement(6), &Toy::new(5, 1).key()),
            Err(RegistryError::NotTheStatement(5))
        );
        registry.register(requirement(6), &other.key()).unwrap();
        inputs.requirement = requirement(6);
        assert_eq!(
            registry.verify(&proof, &inputs),
            Err(RegistryError::Verify(VerifyError::Rejected))
        );
    }

    #[test]
    fn bytes() {
        let (one, two) = (Toy::new(6, 1).key(), Toy::new(6, 2).key());
        let mut registry = Registry::new();
        assert_eq!(Registry::from_bytes(&registry.to_bytes()).unwrap().len(), 0);
        for (n, key) in [(9, &one), (3, &two), (4, &one)] {
            registry.register(requirement(n), key).unwrap();
        }
        let bytes = registry.to_bytes();
        let again = Registry::from_bytes(&bytes).unwrap();
        assert_eq!(again.to_bytes(), bytes);
        assert_eq!(again.digest(), registry.digest());
        assert_eq!(again.iter().count(), 3);
        for cut in [0, 3, 4, 100, bytes.len() - 1] {
            assert!(Registry::from_bytes(&bytes[..cut]).is_err(), "{cut}");
        }
        let mut long = bytes.clone();
        long.push(0);
        assert!(matches!(
            Registry::from_bytes(&long),
            Err(RegistryBytesError::Length)
        ));
        // The last two requirements exchanged.
        let mut disordered = bytes.clone();
        let at = bytes.len() - 128;
        disordered[at..].rotate_left(64);
        assert!(matches!(
            Registry::from_bytes(&disordered),
            Err(RegistryBytesError::Order { index: 2 })
        ));
        let unused = {
            let mut bytes = Registry::new().to_bytes();
            let key = one.to_bytes();
            bytes[3] = 1;
            bytes.splice(
                4..4,
                (key.len() as u32).to_be_bytes().into_iter().chain(key),
            );
            bytes
        };
        assert!(matches!(
            Registry::from_bytes(&unused),
            Err(RegistryBytesError::Order { index: 0 })
        ));
    }
}
