//! A patient's claim: check the offer, grant, prove, hand in.

use std::time::Instant;

use ed25519_dalek::SigningKey;
use eligo_circuits::{
    claim::{self, ClaimError},
    groth16::ProvingKey,
};
use eligo_marketplace::{
    agent::{Account, Journal, Sent, claim_account, draft_grant, trail::witnessed_offer},
    client::{
        Client, Desk,
        seen::{SeenRecord, SeenRequirement},
    },
    name::{AccountId, ChainId, ClaimId, RecordName, RequirementName},
    storage::ObjectDigest,
};
use eligo_records::civil::CivilDay;
use eligo_sharing::wallet::{Encounter, Wallet};
use eligo_verifier_contract::{PreparedKey, Proof, PublicInputs, VerifyingKey, verify};
use rand_core::OsRng;

use super::offering::element_name;
use crate::{
    commands::{keys::milliseconds, prove},
    failure::{Attempt, Failure, Kind},
    file::Source,
    held::{self, Held},
    moment,
    publication::Publication,
    schemas::SchemaArgs,
};

/// An offer as a patient's device read and checked it.
pub struct CheckedOffer {
    /// What the ledger says of it.
    pub seen: SeenRequirement,
    /// The document, compiled here.
    pub publication: Publication,
    /// What is proved.
    pub statement: claim::Requirement,
    /// The key that the ledger checks proofs with.
    pub verifying: VerifyingKey,
}

/// Compiles an offer's document and refuses one that asks for something else than it says.
pub fn check_offer(seen: SeenRequirement, schemas: &SchemaArgs) -> Attempt<CheckedOffer> {
    let source = Source::File(format!("requirement {}", seen.requirement).into());
    let text = seen.document.clone();
    let text = text.ok_or_else(|| Failure::file(&source, "its document is no text"))?;
    let publication = Publication::parse(&source, &text, &schemas.read()?)?;
    let statement = publication.statement()?;
    if RequirementName::from(statement.digest()) != seen.requirement {
        return Err(Failure::file(
            &source,
            "its document is not what its name stands for: proofs would be about something else",
        )
        .help("do not claim on it"));
    }
    // What the name stands for is in the document: what the node says beside it must be the same, above all
    // the key that records are granted to.
    let terms = publication.document().terms();
    let differs = seen.sale.as_ref().is_some_and(|sale| {
        terms.delivery.is_none_or(|delivery| {
            delivery.receiving_key.as_deref() != Some(sale.receiving_key.as_str())
                || (delivery.threshold, delivery.proxies) != (sale.threshold, sale.proxies)
        })
    });
    if differs || terms.reward != seen.reward.get() {
        return Err(
            Failure::file(&source, "the node says something else than its document")
                .help("ask another node, and do not claim on it here"),
        );
    }
    let bytes = hex::decode(&seen.verifying_key).ok();
    let verifying = bytes.and_then(|b| VerifyingKey::from_bytes(&b).ok());
    let verifying = verifying
        .ok_or_else(|| Failure::new(Kind::UnsafeKey, "its verifying key is unsafe").of(&source))?;
    Ok(CheckedOffer {
        seen,
        publication,
        statement,
        verifying,
    })
}

/// The name of a credential's record on the ledger; refused if the credential is of no sealed record.
pub fn record_of(held: &Held) -> Attempt<RecordName> {
    let sealed = held.credential().sealed();
    if sealed == 0u64.into() {
        return Err(Failure::file(
            held.source(),
            "of no sealed record, so there is nothing to sell",
        )
        .help("ask the hospital to issue it with --sealed-out"));
    }
    Ok(RecordName::new(element_name(&sealed)))
}

/// What a claim needs from the patient.
pub struct Claimant<'a> {
    /// The wallet.
    pub wallet: &'a Wallet,
    /// The visit whose record it is.
    pub encounter: &'a Encounter,
    /// The credential.
    pub held: &'a Held,
    /// The day of the claim.
    pub today: CivilDay,
}

/// A proof with what it shows.
pub struct ProvedClaim {
    /// The proof.
    pub proof: Proof,
    /// Its public inputs.
    pub inputs: PublicInputs,
    /// How long it took, the witness included, in milliseconds.
    pub elapsed_ms: f64,
}

/// A claim that was handed in.
pub struct HandedIn {
    /// Its name.
    pub claim: ClaimId,
    /// The account that claims and is paid.
    pub account: AccountId,
    /// Where it was executed, and with what result.
    pub sent: Sent,
    /// The proof; none if it was made before a crash and only handed in again.
    pub proved: Option<ProvedClaim>,
}

/// Whether a record can be bought at all: registered, and its ciphertext can be had.
pub fn check_record<D: Desk>(client: &Client<D>, held: &Held) -> Attempt<SeenRecord> {
    let name = record_of(held)?;
    let record = client.record(&name)?.ok_or_else(|| {
        Failure::file(
            held.source(),
            format!("its record {name} is not on the ledger"),
        )
        .help("the hospital registers it: eligo agent hospital")
    })?;
    let mut digest = [0; 32];
    let read = hex::decode_to_slice(&record.ciphertext, &mut digest);
    read.map_err(|_| Failure::file(held.source(), "the ledger's entry is malformed"))?;
    if client.desk().size(ObjectDigest::new(digest))?.is_none() {
        return Err(
            Failure::file(held.source(), "its ciphertext is not in the node's storage")
                .help("no one could open it: ask the hospital to store it again"),
        );
    }
    Ok(record)
}

/// What a claim is remembered under.
pub fn entry_name(requirement: &RequirementName, account: &AccountId) -> String {
    format!("claim-{requirement}-{account}")
}

/// Claims once: what was handed in before is handed in again as it was.
pub fn claim<D: Desk>(
    client: &Client<D>,
    offer: &CheckedOffer,
    claimant: &Claimant<'_>,
    proving: &dyn Fn() -> Attempt<ProvingKey>,
    journal: &Journal,
) -> Attempt<HandedIn> {
    let chain = ChainId::from(client.chain());
    let name = offer.seen.requirement;
    let account = claim_account(claimant.wallet, &chain, &name);
    claim_as(client, offer, claimant, proving, journal, &account)
}

/// Claims from a given account.
pub fn claim_as<D: Desk>(
    client: &Client<D>,
    offer: &CheckedOffer,
    claimant: &Claimant<'_>,
    proving: &dyn Fn() -> Attempt<ProvingKey>,
    journal: &Journal,
    account: &SigningKey,
) -> Attempt<HandedIn> {
    let name = offer.seen.requirement;
    let sender = Account::new(client, account);
    let entry = entry_name(&name, &sender.id());
    let mut failure = None;
    let mut proved = None;
    let handed = sender.send_once(journal, &entry, || {
        let made = make(client, offer, claimant, proving, &sender.id());
        let (body, made) = made.map_err(|e| {
            failure = Some(e);
            // Told in full by `failure`; this only stops.
            eligo_marketplace::agent::AgentError::Nonsense { what: "the claim" }
        })?;
        proved = Some(made);
        Ok(body)
    });
    if let Some(failure) = failure {
        return Err(failure);
    }
    let sent = handed?;
    let transaction = sent.transaction.to_transaction();
    Ok(HandedIn {
        claim: transaction.map_err(Failure::unexpected)?.id().into(),
        account: sender.id(),
        sent,
        proved,
    })
}

fn make<D: Desk>(
    client: &Client<D>,
    offer: &CheckedOffer,
    claimant: &Claimant<'_>,
    proving: &dyn Fn() -> Attempt<ProvingKey>,
    account: &AccountId,
) -> Attempt<(eligo_marketplace::transaction::Body, ProvedClaim)> {
    let chain = ChainId::from(client.chain());
    let record = check_record(client, claimant.held)?;
    let drawn = offer.seen.sale.as_ref().and_then(|s| s.drawn.as_deref());
    if let Some(drawn) = drawn {
        witnessed_offer(client, offer.seen.requirement, drawn)?;
    }
    let status = client.market_status()?;
    let draft = draft_grant(
        &chain,
        (&status, moment::now()?),
        &offer.seen,
        &record,
        claimant.encounter,
        account,
        &mut OsRng,
    )?;
    let proved = prove_claim(offer, claimant, draft.context(), proving)?;
    let body = draft.with_proof(proved.proof.to_bytes(), proved.inputs.to_bytes())?;
    Ok((body, proved))
}

/// Proves, and checks the proof with the key on the ledger.
fn prove_claim(
    offer: &CheckedOffer,
    claimant: &Claimant<'_>,
    context: eligo_verifier_contract::Context,
    proving: &dyn Fn() -> Attempt<ProvingKey>,
) -> Attempt<ProvedClaim> {
    let start = Instant::now();
    let (held, today) = (claimant.held, claimant.today);
    let secret = held::secret(claimant.wallet);
    let claimed = offer
        .statement
        .claim(held.credential(), &secret, today, context);
    let claimed = claimed.map_err(|e| match e {
        ClaimError::Use(e) => held.unusable(&e),
        ClaimError::NotEligible => prove::not_eligible(&offer.publication, held, today),
        e => Failure::file(held.source(), e),
    })?;
    let witness_ms = milliseconds(start);
    let key = proving()?;
    let start = Instant::now();
    let proof = key.prove(&claimed.assignment, &mut OsRng);
    let proof = proof.map_err(|e| Failure::new(Kind::File, e).of(offer.publication.source()))?;
    let proof = Proof::new(proof.a, proof.b, proof.c).map_err(Failure::unexpected)?;
    let elapsed_ms = witness_ms + milliseconds(start);
    let prepared = PreparedKey::new(offer.verifying.clone());
    verify(&prepared, &proof, &claimed.inputs).map_err(|e| {
        Failure::new(Kind::ProofInvalid, e)
            .of(offer.publication.source())
            .help("the proving key is not the one that belongs to the offer on the ledger")
    })?;
    Ok(ProvedClaim {
        proof,
        inputs: claimed.inputs,
        elapsed_ms,
    })
}
