//! Claims: accepted or rejected at once, in one transaction, cheap checks first.

use std::sync::{Arc, OnceLock};

use eligo_ledger::height::Height;
use eligo_ledger::wire::{Reader, Wire, WireError};
use eligo_sharing::keys::{ProxyPublicKey, ReceivingPublicKey};
use eligo_sharing::tcpre::{GrantError, GrantTerms, ProxyRoster, SignedGrant, VerifiedGrant};
use eligo_verifier_contract::{Proof, PublicInputs, verify};

use crate::contract::{Contract, Moment};
use crate::credits::Credits;
use crate::dispute::Contest;
use crate::encoding::{Blob, wire_enum, wire_struct};
use crate::event::Event;
use crate::licence;
use crate::name::{AccountId, ClaimId, Lineage, NullifierName, RecordName, RequirementName};
use crate::offer::Offer;
use crate::record::Record;
use crate::rejection::Rejection;
use crate::requirement::{self, Requirement, Status};
use crate::signature::verifying_key;
use crate::table::Table;
use crate::transaction::{ClaimRequest, CountRequest, MAX_SHARE, claim_context};

wire_enum! {
    /// Where an accepted claim stands. (`Submitted` lasts as long as its transaction; `Rejected` is kept
    /// apart, a number only.)
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Stage("stage") {
        1 => Accepted,
        2 => Delivered,
        3 => Settled,
        4 => Expired,
        5 => Disputed,
        6 => Refunded,
        7 => Upheld,
    }
}

impl Stage {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Settled => "settled",
            Self::Expired => "expired",
            Self::Disputed => "disputed",
            Self::Refunded => "refunded",
            Self::Upheld => "upheld",
        }
    }
}

wire_struct! {
    /// Who takes part in a claim, and how it was proved.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Terms {
        pub(crate) request: ClaimRequest,
        pub(crate) lineage: Lineage,
        pub(crate) account: AccountId,
        pub(crate) institution: AccountId,
        pub(crate) hospital: AccountId,
        pub(crate) height: Height,
    }
}

/// An accepted claim.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) terms: Terms,
    pub(crate) stage: Stage,
    /// Reward and fees not yet paid.
    pub(crate) reserve: Credits,
    /// When it expires, settles or is decided by itself, milliseconds since 1970.
    pub(crate) due_ms: u64,
    /// From this height on no share is taken.
    pub(crate) revoked: Option<Height>,
    /// By the proxies' numbers.
    pub(crate) shares: Table<u8, Blob<MAX_SHARE>>,
    pub(crate) contest: Option<Contest>,
    /// The grant, verified when the claim was accepted, or again when it is first used after a restart.
    verified: OnceLock<Arc<VerifiedGrant>>,
}

impl Wire for Claim {
    const MIN_SIZE: usize = 64;
    fn encode(&self, out: &mut Vec<u8>) {
        self.terms.encode(out);
        self.stage.encode(out);
        self.reserve.encode(out);
        self.due_ms.encode(out);
        self.revoked.encode(out);
        self.shares.encode(out);
        self.contest.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            terms: Wire::decode(r)?,
            stage: Wire::decode(r)?,
            reserve: Wire::decode(r)?,
            due_ms: Wire::decode(r)?,
            revoked: Wire::decode(r)?,
            shares: Wire::decode(r)?,
            contest: Wire::decode(r)?,
            verified: OnceLock::new(),
        })
    }
}

impl Claim {
    /// Whether money is still reserved and a licence may still be released.
    pub(crate) const fn is_open(&self) -> bool {
        matches!(
            self.stage,
            Stage::Accepted | Stage::Delivered | Stage::Disputed
        )
    }

    /// The grant as it was accepted.
    pub(crate) fn grant(&self, contract: &Contract) -> Option<Arc<VerifiedGrant>> {
        if let Some(grant) = self.verified.get() {
            return Some(Arc::clone(grant));
        }
        let request = &self.terms.request;
        let requirement = contract.requirements.get(&request.requirement)?;
        let record = contract.records.get(&request.record)?;
        let signed = SignedGrant::from_bytes(request.grant.as_slice()).ok()?;
        let grant = verify_grant(record, requirement, &request.requirement, signed).ok()?;
        Some(Arc::clone(self.verified.get_or_init(|| Arc::new(grant))))
    }
}

/// A claim's bytes as values.
#[derive(Clone, Debug)]
pub(crate) struct ParsedClaim {
    pub(crate) inputs: PublicInputs,
    pub(crate) proof: Proof,
    pub(crate) grant: SignedGrant,
}

/// The stateless part: every number canonical, every point on its curve and in its subgroup.
pub(crate) fn parse_claim(request: &ClaimRequest) -> Result<ParsedClaim, Rejection> {
    let inputs = PublicInputs::from_bytes(&request.inputs).map_err(|_| Rejection::Inputs)?;
    let proof = Proof::from_bytes(&request.proof).map_err(|_| Rejection::ProofMalformed)?;
    let grant =
        SignedGrant::from_bytes(request.grant.as_slice()).map_err(|_| Rejection::GrantMalformed)?;
    Ok(ParsedClaim {
        inputs,
        proof,
        grant,
    })
}

/// A count claim's bytes as values.
#[derive(Clone, Debug)]
pub(crate) struct ParsedCount {
    pub(crate) inputs: PublicInputs,
    pub(crate) proof: Proof,
}

pub(crate) fn parse_count(request: &CountRequest) -> Result<ParsedCount, Rejection> {
    let inputs = PublicInputs::from_bytes(&request.inputs).map_err(|_| Rejection::Inputs)?;
    let proof = Proof::from_bytes(&request.proof).map_err(|_| Rejection::ProofMalformed)?;
    Ok(ParsedCount { inputs, proof })
}

/// What claim and state say together, before any pairing.
struct Merits<'a> {
    requirement: &'a Requirement,
    offer: &'a Offer,
    record: &'a Record,
}

/// Checks 1 to 10: everything but pairings, in this order.
fn check_merits<'a>(
    contract: &'a Contract,
    sender: &AccountId,
    request: &ClaimRequest,
    parsed: &ParsedClaim,
    now: &Moment,
) -> Result<Merits<'a>, Rejection> {
    // 1. requirement open and funded
    let requirement = contract
        .requirements
        .get(&request.requirement)
        .ok_or(Rejection::UnknownRequirement)?;
    check_open(contract, requirement, now)?;
    // 2. kind
    let offer = requirement.offer().ok_or(Rejection::Kind)?;
    requirement.drawn().ok_or(Rejection::DrawPending)?;
    if requirement.escrow < offer.price()? {
        return Err(Rejection::OfferFull);
    }
    // 3. requirement, issuers and context of the proof
    let inputs = &parsed.inputs;
    check_inputs(requirement, &request.requirement, inputs)?;
    if inputs.context != claim_context(&contract.chain, sender, Some(&parsed.grant)) {
        return Err(Rejection::Context);
    }
    // 4. today
    if !inputs.today.is_current(now.seconds()) {
        return Err(Rejection::Today);
    }
    // 5. record registered and of an accepted hospital
    let record = contract
        .records
        .get(&request.record)
        .ok_or(Rejection::UnknownRecord)?;
    if RecordName::from(inputs.sealed) != request.record {
        return Err(Rejection::OtherRecord);
    }
    if record.withdrawn {
        return Err(Rejection::RecordWithdrawn);
    }
    check_hospital(contract, requirement, record)?;
    // 6. no live exclusive licence on its lineage
    licence::check(contract, &record.lineage, &offer.licence, now.today()?)?;
    // 7. nullifier unused
    let nullifier = NullifierName::new(inputs.nullifier.to_bytes());
    if contract
        .nullifiers
        .contains(&(request.requirement, nullifier))
    {
        return Err(Rejection::NullifierUsed);
    }
    // 8. grant in time; the rest of it with the pairings
    check_window(contract, &parsed.grant, now)?;
    Ok(Merits {
        requirement,
        offer,
        record,
    })
}

fn check_open(
    contract: &Contract,
    requirement: &Requirement,
    now: &Moment,
) -> Result<(), Rejection> {
    match requirement.status {
        Status::Complete => return Err(Rejection::OfferFull),
        Status::Withdrawn | Status::Past => return Err(Rejection::RequirementClosed),
        Status::Open => {}
    }
    if requirement.question().deadline < now.today()? {
        return Err(Rejection::DeadlinePassed);
    }
    if requirement.left == 0 {
        return Err(Rejection::OfferFull);
    }
    // Whoever the registrar dismissed buys nothing more.
    contract
        .admitted(&requirement.institution)
        .map(|_| ())
        .map_err(|_| Rejection::InstitutionDismissed)
}

fn check_inputs(
    requirement: &Requirement,
    name: &RequirementName,
    inputs: &PublicInputs,
) -> Result<(), Rejection> {
    if RequirementName::from(inputs.requirement) != *name {
        return Err(Rejection::OtherRequirement);
    }
    if inputs.issuers.to_bytes() != requirement.issuers_root {
        return Err(Rejection::OtherIssuers);
    }
    Ok(())
}

fn check_hospital(
    contract: &Contract,
    requirement: &Requirement,
    record: &Record,
) -> Result<(), Rejection> {
    let hospital = contract
        .parties
        .get(&record.entry.hospital)
        .ok_or(Rejection::UnknownParty)?;
    if !hospital.admitted {
        return Err(Rejection::HospitalDismissed);
    }
    let issuers = requirement.question().issuers.as_slice();
    if !hospital
        .issuer_key()
        .is_some_and(|key| issuers.contains(key))
    {
        return Err(Rejection::HospitalNotAccepted);
    }
    if hospital.bond < contract.parameters.minimum_bond {
        return Err(Rejection::HospitalBond);
    }
    Ok(())
}

/// The grant holds now and until delivery is due.
fn check_window(contract: &Contract, grant: &SignedGrant, now: &Moment) -> Result<(), Rejection> {
    let window = grant.grant().terms().window;
    let due_ms = now.time_ms.saturating_add(contract.parameters.delivery_ms);
    if window.holds(now.seconds()) && window.not_after() >= due_ms / 1000 {
        Ok(())
    } else {
        Err(Rejection::GrantWindow)
    }
}

/// What the grant has to be about: from record, requirement, draw and policy, never from the grant itself,
/// but for the window, which is the patient's choice and was checked.
fn grant_terms(
    record: &Record,
    requirement: &Requirement,
    name: &RequirementName,
    grant: &SignedGrant,
) -> Option<GrantTerms> {
    let capsule = record.capsule()?;
    let offer = requirement.offer()?;
    let keys = requirement.drawn()?.iter();
    let keys = keys.map(|proxy| ProxyPublicKey::from_bytes(&proxy.key).ok());
    let keys = keys.collect::<Option<Vec<_>>>()?;
    Some(GrantTerms {
        key: *capsule.key(),
        label: *capsule.label(),
        receiver: ReceivingPublicKey::from_bytes(&offer.receiving_key).ok()?,
        proxies: ProxyRoster::new(u64::from(offer.threshold), keys).ok()?,
        window: grant.grant().terms().window,
        requirement: (*name).into(),
    })
}

/// Check 9: the grant is for this record's A and label, this requirement's key and the drawn proxies, the
/// encounter key signed it, and every encrypted share is right. Four pairings.
fn verify_grant(
    record: &Record,
    requirement: &Requirement,
    name: &RequirementName,
    grant: SignedGrant,
) -> Result<VerifiedGrant, Rejection> {
    let terms = grant_terms(record, requirement, name, &grant).ok_or(Rejection::GrantMalformed)?;
    let signer = verifying_key(&record.entry.encounter).ok_or(Rejection::GrantSignature)?;
    grant.verify(&terms, &signer).map_err(refuse_grant)
}

/// Which reason a grant is refused for.
pub(crate) fn refuse_grant(error: GrantError) -> Rejection {
    match error {
        GrantError::Terms { field } => match field {
            "record key" | "label" => Rejection::GrantRecord,
            "recipient" => Rejection::GrantRecipient,
            "threshold" | "proxies" => Rejection::GrantProxies,
            "window" => Rejection::GrantWindow,
            _ => Rejection::GrantRequirement,
        },
        GrantError::Signature => Rejection::GrantSignature,
        GrantError::Blinding | GrantError::Share { .. } => Rejection::GrantShares,
        GrantError::NoShare => Rejection::GrantProxies,
    }
}

/// What a claim's pairings gave, computed beside those of the block's other claims. They depend on nothing
/// that a block could change: requirements, draws and records are final once they are there.
#[derive(Clone, Debug)]
pub(crate) struct Pairings {
    pub(crate) grant: Result<Arc<VerifiedGrant>, Rejection>,
    pub(crate) proof: Result<(), Rejection>,
}

/// Whether a claim gets as far as its pairings now, and then its grant's.
pub(crate) fn examine_grant(
    contract: &Contract,
    sender: &AccountId,
    request: &ClaimRequest,
    parsed: &ParsedClaim,
    now: &Moment,
) -> Option<Result<Arc<VerifiedGrant>, Rejection>> {
    let merits = check_merits(contract, sender, request, parsed, now).ok()?;
    let Merits {
        requirement,
        record,
        ..
    } = merits;
    let grant = parsed.grant.clone();
    Some(verify_grant(record, requirement, &request.requirement, grant).map(Arc::new))
}

/// Everything to be written for a claim.
#[derive(Debug)]
pub(crate) struct Acceptance {
    claim: Claim,
    nullifier: NullifierName,
    price: Credits,
}

/// The read-only phase of a claim, in the order of the specification; pairings last.
pub(crate) fn check_claim(
    contract: &Contract,
    sender: &AccountId,
    request: &ClaimRequest,
    parsed: &ParsedClaim,
    pairings: Option<&Pairings>,
    now: &Moment,
) -> Result<Acceptance, Rejection> {
    let merits = check_merits(contract, sender, request, parsed, now)?;
    let Merits {
        requirement,
        offer,
        record,
    } = merits;
    // 9. grant and every encrypted share
    let grant = match pairings {
        Some(known) => known.grant.clone()?,
        None => {
            let grant = parsed.grant.clone();
            Arc::new(verify_grant(
                record,
                requirement,
                &request.requirement,
                grant,
            )?)
        }
    };
    // 10. proof
    match pairings {
        Some(known) => known.proof?,
        None => check_proof(contract, &parsed.proof, &parsed.inputs)?,
    }
    let terms = Terms {
        request: request.clone(),
        lineage: record.lineage,
        account: *sender,
        institution: requirement.institution,
        hospital: record.entry.hospital,
        height: now.height,
    };
    let price = offer.price()?;
    let claim = Claim {
        terms,
        stage: Stage::Accepted,
        reserve: price,
        due_ms: now.time_ms.saturating_add(contract.parameters.delivery_ms),
        revoked: None,
        shares: Table::default(),
        contest: None,
        verified: OnceLock::from(grant),
    };
    let nullifier = NullifierName::new(parsed.inputs.nullifier.to_bytes());
    Ok(Acceptance {
        claim,
        nullifier,
        price,
    })
}

fn check_proof(contract: &Contract, proof: &Proof, inputs: &PublicInputs) -> Result<(), Rejection> {
    let key = contract
        .registry
        .key(inputs.requirement)
        .ok_or(Rejection::UnknownRequirement)?;
    verify(key, proof, inputs).map_err(|_| Rejection::Proof)
}

/// Nullifier, slot, reward and licence are reserved; the escrow for them is irrevocable.
pub(crate) fn write_claim(
    contract: &mut Contract,
    id: ClaimId,
    acceptance: Acceptance,
    events: &mut Vec<Event>,
) {
    let Acceptance {
        mut claim,
        nullifier,
        price,
    } = acceptance;
    let Terms {
        request,
        lineage,
        account,
        hospital,
        ..
    } = &claim.terms;
    let (name, record) = (request.requirement, request.record);
    let (lineage, account, hospital) = (*lineage, *account, *hospital);
    let mut complete = false;
    if let Some(requirement) = contract.requirements.get_mut(&name) {
        claim.reserve = requirement.escrow.take_up_to(price);
        requirement.left = requirement.left.saturating_sub(1);
        requirement.open_claims = requirement.open_claims.saturating_add(1);
        complete = requirement.left == 0;
        let of = requirement.offer().map(|offer| offer.licence.clone());
        if let Some(of) = of {
            licence::reserve(contract, lineage, id, &of);
        }
    }
    if let Some(party) = contract.parties.get_mut(&hospital) {
        party.open_claims = party.open_claims.saturating_add(1);
    }
    contract.nullifiers.insert((name, nullifier), id);
    contract.index.due.insert((claim.due_ms, id));
    contract.index.claims.insert((name, id));
    contract.claims.insert(id, claim);
    events.push(Event::ClaimAccepted {
        claim: id,
        requirement: name,
        record,
        account,
    });
    if complete {
        requirement::close(contract, name, Status::Complete, events);
    }
}

/// The read-only phase of a count claim.
pub(crate) fn check_count(
    contract: &Contract,
    sender: &AccountId,
    request: &CountRequest,
    parsed: &ParsedCount,
    first: bool,
    now: &Moment,
) -> Result<NullifierName, Rejection> {
    let requirement = contract
        .requirements
        .get(&request.requirement)
        .ok_or(Rejection::UnknownRequirement)?;
    check_open(contract, requirement, now)?;
    requirement.draft().ok_or(Rejection::Kind)?;
    if !first || contract.parties.contains(sender) {
        return Err(Rejection::NotOneTime);
    }
    let inputs = &parsed.inputs;
    check_inputs(requirement, &request.requirement, inputs)?;
    if inputs.context != claim_context(&contract.chain, sender, None) {
        return Err(Rejection::Context);
    }
    if !inputs.today.is_current(now.seconds()) {
        return Err(Rejection::Today);
    }
    if !inputs.sealed.is_none() {
        return Err(Rejection::OtherRecord);
    }
    let nullifier = NullifierName::new(inputs.nullifier.to_bytes());
    if contract
        .nullifiers
        .contains(&(request.requirement, nullifier))
    {
        return Err(Rejection::NullifierUsed);
    }
    check_proof(contract, &parsed.proof, inputs)?;
    Ok(nullifier)
}

pub(crate) fn write_count(
    contract: &mut Contract,
    id: ClaimId,
    (sender, name): (AccountId, RequirementName),
    nullifier: NullifierName,
    events: &mut Vec<Event>,
) {
    contract.nullifiers.insert((name, nullifier), id);
    let Some(requirement) = contract.requirements.get_mut(&name) else {
        return;
    };
    let fee = requirement.draft().map_or(Credits::ZERO, |draft| draft.fee);
    let paid = requirement.escrow.take_up_to(fee);
    requirement.left = requirement.left.saturating_sub(1);
    requirement.counted = requirement.counted.saturating_add(1);
    let (count, complete) = (requirement.counted, requirement.left == 0);
    if !paid.is_zero() {
        contract.credit(sender, paid);
    }
    events.push(Event::Counted {
        requirement: name,
        count,
    });
    if complete {
        requirement::close(contract, name, Status::Complete, events);
    }
}
