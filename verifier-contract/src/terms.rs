//! A requirement's terms, as they enter its hash.
//!
//! Equal texts from two institutions are two requirements; so is a republication with other issuers;
//! and a count never consumes a sale's nullifier.

use crate::{digest::sha256_lp, statement::IssuersRoot};

/// What a claim is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The patient is counted; no record changes hands and `sealed` is 0.
    Count,
    /// The record named by `sealed` is offered.
    Sale,
}

/// The terms of a requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms<'a> {
    /// The ledger.
    pub chain: &'a str,
    /// The marketplace contract on it.
    pub contract: &'a str,
    /// Who publishes.
    pub institution: &'a str,
    /// Sets this publication apart from every other.
    pub nonce: &'a [u8],
    /// What a claim is for.
    pub kind: Kind,
    /// Root of the accepted issuers' tree.
    pub issuers: IssuersRoot,
    /// Key to which records are re-encrypted, compressed; empty in a count.
    pub receiving_key: &'a [u8],
    /// Shares needed.
    pub threshold: u16,
    /// Proxies.
    pub proxies: u16,
    /// Credits for each record.
    pub reward: u64,
    /// Digest of the licence.
    pub licence: [u8; 32],
    /// Last day of the offer, as a civil number.
    pub deadline: u32,
}

impl Terms<'_> {
    /// SHA-256 of `LP("ELIGO-TERMS-V01", fields..)`, integers as eight big-endian bytes.
    pub fn digest(&self) -> [u8; 32] {
        let integer = |n: u64| n.to_be_bytes();
        let kind = match self.kind {
            Kind::Count => 0,
            Kind::Sale => 1,
        };
        sha256_lp(&[
            b"ELIGO-TERMS-V01",
            self.chain.as_bytes(),
            self.contract.as_bytes(),
            self.institution.as_bytes(),
            self.nonce,
            &integer(kind),
            &self.issuers.to_bytes(),
            self.receiving_key,
            &integer(self.threshold.into()),
            &integer(self.proxies.into()),
            &integer(self.reward),
            &self.licence,
            &integer(self.deadline.into()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::Fr;

    #[test]
    fn every_field_counts() {
        let terms = Terms {
            chain: "a",
            contract: "b",
            institution: "c",
            nonce: b"d",
            kind: Kind::Count,
            issuers: IssuersRoot::from_field(Fr::from(1)),
            receiving_key: b"e",
            threshold: 3,
            proxies: 5,
            reward: 7,
            licence: [1; 32],
            deadline: 9,
        };
        let root = IssuersRoot::from_field(Fr::from(2));
        let changes: [&dyn Fn(&mut Terms<'_>); 12] = [
            &|t| t.chain = "x",
            &|t| t.contract = "x",
            &|t| t.institution = "x",
            &|t| t.nonce = b"x",
            &|t| t.kind = Kind::Sale,
            &|t| t.issuers = root,
            &|t| t.receiving_key = b"x",
            &|t| t.threshold = 4,
            &|t| t.proxies = 6,
            &|t| t.reward = 8,
            &|t| t.licence = [2; 32],
            &|t| t.deadline = 10,
        ];
        let mut digests = alloc::vec![terms.digest()];
        for change in changes {
            let mut changed = terms.clone();
            change(&mut changed);
            digests.push(changed.digest());
        }
        let count = digests.len();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), count);
    }
}
