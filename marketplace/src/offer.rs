//! What an institution publishes: a requirement for sale, or a draft to be counted.

use ark_bn254::Fr;
use eligo_sharing::domain::lp;
use eligo_verifier_contract::digest::{element, field_digest, sha256_lp};
use eligo_verifier_contract::issuers::issuer_leaf;
use eligo_verifier_contract::{Day, IssuerTree, IssuersRoot, Kind, Requirement, Terms};

use crate::credits::Credits;
use crate::encoding::{Blob, List, Text, wire_struct};
use crate::issuer::IssuerKey;
use crate::name::{ChainId, RequirementName};
use crate::rejection::Rejection;

/// This contract's name on its chain: enters every requirement's terms and every proof's context.
pub const CONTRACT: &str = "eligo-market-v1";
/// The longest requirement document, in bytes.
pub const MAX_DOCUMENT: usize = 64 << 10;
/// The longest verifying key, in bytes.
pub const MAX_VERIFYING_KEY: usize = 4 << 10;
/// The most issuers a requirement accepts.
pub const MAX_ISSUERS: usize = 512;
/// The most keywords of a requirement.
pub const MAX_KEYWORDS: usize = 16;

wire_struct! {
    /// What is asked, whatever it is asked for.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Question {
        /// Sets this publication apart from every other.
        pub nonce: [u8; 32],
        /// The schema's field element, 31 bytes, big-endian.
        pub schema: [u8; 31],
        /// The program's field element: `F("program", schema, encoding)`.
        pub program: [u8; 31],
        /// The requirement as people and their wallets read it. A wallet compiles it and compares the
        /// program before it proves anything: the contract knows no attributes.
        pub document: Blob<MAX_DOCUMENT>,
        /// The accepted hospitals' issuer keys, in the order of the issuers' tree.
        pub issuers: List<[u8; 32], MAX_ISSUERS>,
        /// For finding it.
        pub keywords: List<Text<64>, MAX_KEYWORDS>,
        /// How many records are wanted, or claims counted.
        pub wanted: u32,
        /// Last day of the offer, a civil number.
        pub deadline: u32,
        /// The key that checks proofs, in its canonical bytes.
        pub verifying_key: Blob<MAX_VERIFYING_KEY>,
    }
}

wire_struct! {
    /// What a buyer may do with a record.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Licence {
        /// Whether nobody else may hold one meanwhile.
        pub exclusive: bool,
        /// Its last day, a civil number; none if it never ends.
        pub until: Option<u32>,
        /// GA4GH Data Use Ontology codes, such as `DUO:0000007`.
        pub duo: List<Text<16>, 32>,
        /// SHA-256 of the agreement's text.
        pub text: Option<[u8; 32]>,
    }
}

wire_struct! {
    /// Records wanted, and what is given for them.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Offer {
        /// What is asked.
        pub question: Question,
        /// B, to which records are re-encrypted: made for this requirement alone.
        pub receiving_key: [u8; 48],
        /// Proof that the institution has b.
        pub possession: [u8; 96],
        /// t = f + 1, shares needed.
        pub threshold: u16,
        /// n = 2f + 1, proxies.
        pub proxies: u16,
        /// Credits for each record.
        pub reward: Credits,
        /// Credits for each verified share.
        pub proxy_fee: Credits,
        /// What is bought.
        pub licence: Licence,
    }
}

wire_struct! {
    /// A question of how many there are, before anything is disclosed.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Draft {
        /// What is asked.
        pub question: Question,
        /// Credits for each who is counted; may be zero.
        pub fee: Credits,
    }
}

impl Licence {
    /// SHA-256 of `LP("ELIGO-LICENCE-V01", exclusive, until, text digest, codes..)`: `exclusive` one
    /// byte, `until` as `YYYY-MM-DD` or empty, the text's digest or empty.
    ///
    /// # Errors
    /// [`Rejection::LicenceTerms`] if `until` is no day.
    pub fn digest(&self) -> Result<[u8; 32], Rejection> {
        let until = match self.until {
            None => String::new(),
            Some(day) => Day::from_number(day)
                .map_err(|_| Rejection::LicenceTerms)?
                .to_string(),
        };
        let exclusive = [u8::from(self.exclusive)];
        let text = self.text.as_ref().map_or(&[][..], |text| text.as_slice());
        let mut parts: Vec<&[u8]> = vec![b"ELIGO-LICENCE-V01", &exclusive, until.as_bytes(), text];
        parts.extend(
            self.duo
                .as_slice()
                .iter()
                .map(|code| code.as_str().as_bytes()),
        );
        Ok(sha256_lp(&parts))
    }
}

impl Question {
    /// The root of the tree of accepted issuers, of the least depth with room for them.
    ///
    /// # Errors
    /// [`Rejection::IssuerKey`] or [`Rejection::Issuers`].
    pub fn issuers_root(&self) -> Result<IssuersRoot, Rejection> {
        let leaves = self.issuers.as_slice().iter().map(|key| {
            let key = IssuerKey::from_bytes(key)?;
            let (x, y) = key.coordinates();
            Ok(issuer_leaf(x, y))
        });
        let leaves = leaves.collect::<Result<Vec<Fr>, Rejection>>()?;
        let depth = IssuerTree::depth_for(leaves.len());
        let tree = IssuerTree::new(&leaves, depth).map_err(|_| Rejection::Issuers)?;
        Ok(tree.root())
    }

    fn name(&self, terms: &Terms<'_>) -> RequirementName {
        let (schema, program) = (element(&self.schema), element(&self.program));
        Requirement::of(schema, program, &terms.digest()).into()
    }
}

impl Offer {
    /// The requirement's name: `P(7, schema, program, terms_hi, terms_lo)` with the terms of
    /// [`Terms`] for this chain and [`CONTRACT`]; `institution` is the certified name of who publishes.
    ///
    /// # Errors
    /// [`Rejection`] if issuers or licence are malformed.
    pub fn requirement(
        &self,
        chain: &ChainId,
        institution: &str,
    ) -> Result<RequirementName, Rejection> {
        let question = &self.question;
        Ok(question.name(&Terms {
            chain: &chain.to_string(),
            contract: CONTRACT,
            institution,
            nonce: &question.nonce,
            kind: Kind::Sale,
            issuers: question.issuers_root()?,
            receiving_key: &self.receiving_key,
            threshold: self.threshold,
            proxies: self.proxies,
            reward: self.reward.get(),
            licence: self.licence.digest()?,
            deadline: question.deadline,
        }))
    }

    /// Reward and all proxies' fees for one record.
    ///
    /// # Errors
    /// [`Rejection::Overflow`].
    pub fn price(&self) -> Result<Credits, Rejection> {
        let fees = self.proxy_fee.times(u64::from(self.proxies))?;
        self.reward.plus(fees)
    }
}

impl Draft {
    /// The requirement's name, as [`Offer::requirement`] with no delivery and an all-zero licence.
    ///
    /// # Errors
    /// [`Rejection`] if the issuers are malformed.
    pub fn requirement(
        &self,
        chain: &ChainId,
        institution: &str,
    ) -> Result<RequirementName, Rejection> {
        let question = &self.question;
        Ok(question.name(&Terms {
            chain: &chain.to_string(),
            contract: CONTRACT,
            institution,
            nonce: &question.nonce,
            kind: Kind::Count,
            issuers: question.issuers_root()?,
            receiving_key: &[],
            threshold: 0,
            proxies: 0,
            reward: self.fee.get(),
            licence: [0; 32],
            deadline: question.deadline,
        }))
    }
}

/// The program's field element from its canonical encoding.
#[must_use]
pub fn program_element(schema: &[u8; 31], encoding: &[u8]) -> Fr {
    field_digest("program", &[schema, encoding])
}

/// What a signature over a record's withdrawal says.
pub(crate) fn withdrawal_bytes(chain: &ChainId, record: &crate::name::RecordName) -> Vec<u8> {
    lp(&[
        b"ELIGO-MARKET-V01-WITHDRAW-RECORD",
        chain.as_bytes(),
        record.as_bytes(),
    ])
}
