//! A requirement as an offer on the ledger.

use eligo_marketplace::{
    credits::Credits,
    encoding::{Blob, List, Text},
    name::{ChainId, RequirementName},
    offer::{CONTRACT, Licence, Offer, Question},
};
use eligo_records::requirement::{
    Purpose, Requirement,
    document::{Bytes32, Delivery, Document, Licence as DocumentLicence},
};
use eligo_sharing::keys::{ReceivingKey, ReceivingPublicKey};
use eligo_verifier_contract::{VerifyingKey, field};
use rand_core::{OsRng, RngCore};

use crate::{
    failure::{Attempt, Failure},
    publication::Publication,
};

/// What an offer adds to a requirement.
#[derive(Clone, Debug)]
pub struct OfferTerms {
    /// Credits for each record; the document's if not given.
    pub reward: Option<u64>,
    /// How many records are wanted; the document's if not given.
    pub number: Option<u32>,
    /// Shares needed, and proxies drawn.
    pub delivery: (u16, u16),
    /// Last day for claims; the document's if not given.
    pub deadline: Option<String>,
}

/// The document with everything that the ledger's hash covers: chain, contract, certified name, a nonce, a
/// receiving key of its own.
pub fn complete(
    mut document: Document,
    chain: &ChainId,
    institution: &str,
    receiving: &ReceivingPublicKey,
    terms: &OfferTerms,
) -> Attempt<Requirement> {
    let mut nonce = [0; 32];
    OsRng.fill_bytes(&mut nonce);
    document.kind = Some(Purpose::Sale);
    document.publisher = institution.to_owned();
    document.chain = Some(chain.to_string());
    document.contract = Some(CONTRACT.to_owned());
    document.nonce = Some(Bytes32(nonce));
    document.delivery = Some(Delivery {
        threshold: terms.delivery.0,
        proxies: terms.delivery.1,
        receiving_key: Some(hex::encode(receiving.to_bytes())),
    });
    document.reward = terms.reward.or(document.reward);
    document.number_wanted = terms.number.map(u64::from).or(document.number_wanted);
    document.deadline = terms.deadline.clone().or(document.deadline);
    document.licence = document.licence.or(Some(DocumentLicence {
        exclusive: false,
        until: None,
        duo: Vec::new(),
        text_sha256: None,
        text: None,
    }));
    Requirement::try_from(document).map_err(Failure::usage)
}

/// The name of a requirement on the ledger: its public input.
pub fn name(publication: &Publication) -> Attempt<RequirementName> {
    Ok(publication.statement()?.digest().into())
}

/// The offer of a completed requirement.
pub fn offer(
    publication: &Publication,
    key: &VerifyingKey,
    receiving: &ReceivingKey,
    proxy_fee: u64,
) -> Attempt<Offer> {
    let document = publication.document();
    let missing = |what: &'static str, help: &'static str| {
        Failure::file(publication.source(), "not an offer yet")
            .at(what)
            .help(help)
    };
    let statement = publication.statement()?;
    let terms = document.terms();
    let deadline = document.deadline();
    let deadline = deadline.ok_or_else(|| missing("deadline", "give --deadline"))?;
    let number = document.number_wanted();
    let number = number.and_then(|n| u32::try_from(n).ok());
    let delivery = terms
        .delivery
        .ok_or_else(|| missing("delivery", "complete it"))?;
    let nonce = terms.nonce.ok_or_else(|| missing("nonce", "complete it"))?;
    let issuers = statement.issuers().iter().map(|point| point.to_bytes());
    let long = |e| Failure::file(publication.source(), e);
    let question = Question {
        nonce,
        schema: publication.schema().id().0,
        program: publication.criteria().program().digest(),
        document: Blob::new(document.to_toml().into_bytes()).map_err(long)?,
        issuers: List::new(issuers.collect()).map_err(long)?,
        keywords: List::new(keywords(document).map_err(long)?).map_err(long)?,
        wanted: number.ok_or_else(|| missing("number_wanted", "give --number"))?,
        deadline: deadline.number(),
        verifying_key: Blob::new(key.to_bytes()).map_err(long)?,
    };
    let licence = terms
        .licence
        .ok_or_else(|| missing("licence", "complete it"))?;
    Ok(Offer {
        question,
        receiving_key: receiving.public().to_bytes(),
        possession: receiving.prove_possession().to_bytes(),
        threshold: delivery.threshold,
        proxies: delivery.proxies,
        reward: Credits::new(terms.reward),
        proxy_fee: Credits::new(proxy_fee),
        licence: licence_of(licence).map_err(long)?,
    })
}

fn keywords(document: &Requirement) -> Result<Vec<Text<64>>, eligo_ledger::wire::WireError> {
    document.keywords().iter().map(Text::new).collect()
}

fn licence_of(licence: &DocumentLicence) -> Result<Licence, eligo_ledger::wire::WireError> {
    use sha2::{Digest, Sha256};
    let text = match (&licence.text, licence.text_sha256) {
        (Some(text), _) => Some(Sha256::digest(text.as_bytes()).into()),
        (None, digest) => digest.map(|d| d.0),
    };
    let duo = licence.duo.iter().map(|code| Text::new(code.to_string()));
    Ok(Licence {
        exclusive: licence.exclusive,
        until: licence.until.map(|day| day.number()),
        duo: List::new(duo.collect::<Result<_, _>>()?)?,
        text,
    })
}

/// Refuses an offer that the ledger would give another name than the proofs: its document and its fields
/// would disagree.
pub fn agree(
    offer: &Offer,
    publication: &Publication,
    chain: &ChainId,
    institution: &str,
) -> Attempt<RequirementName> {
    let (ledger, proofs) = (offer.requirement(chain, institution), name(publication)?);
    match ledger {
        Ok(ledger) if ledger == proofs => Ok(proofs),
        Ok(_) => Err(Failure::file(
            publication.source(),
            "the ledger would name it otherwise than the proofs",
        )
        .help("`publisher` must be the institution's certified name, `chain` this chain")),
        Err(reason) => Err(super::rejected(reason).of(publication.source())),
    }
}

/// A field element's 32 bytes, as the ledger writes names.
pub fn element_name(element: &eligo_verifier_contract::Fr) -> [u8; 32] {
    field::to_be_bytes(element)
}
