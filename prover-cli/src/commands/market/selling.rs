//! What a patient does: sign entries, claim, revoke, withdraw.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Args;
use eligo_ledger::wire::Wire;
use eligo_marketplace::{
    agent::{Account, claim_account, patient_entry, revocation},
    client::{Client, HttpDesk},
    entry::sign_withdrawal,
    name::{AccountId, ChainId, ClaimId, RecordName, RequirementName},
    transaction::Body,
};
use eligo_sharing::tcpre::SignedGrant;
use eligo_verifier_contract::field;
use serde_json::json;

use crate::{
    console::Console,
    day, document,
    encounter::VisitArgs,
    failure::{Attempt, Failure, Kind},
    file::{Access, Source, Target},
    held::{self, Held},
    keyring::KeyFolder,
    ledger_key::LedgerKeyCard,
    market::{
        self,
        claiming::{self, Claimant, check_offer},
        connection::NodeArgs,
        refusal::rejected,
    },
    progress::Progress,
    publisher::Publisher,
    schemas::SchemaArgs,
};

pub const CLAIM_EXAMPLE: &str = "Example:\n  eligo market claim 5d..  --wallet wallet.json --hospital charite.example --credential credential.json \\\n    \
--keys keys --journal claims\n\n\
Checks on this device that the record meets the offer and that the offer is what its name stands for, proves,\n\
grants the record to the institution through the proxies drawn, and hands all of it in from an account of its\n\
own. Run again after a crash it hands in the same claim. Exit codes: 4 not eligible, 7 closed or claimed already.";

/// Sign a record's entry for the ledger; the hospital countersigns and registers it
#[derive(Args, Debug)]
pub struct Entry {
    #[command(flatten)]
    visit: VisitArgs,
    /// The sealed record's capsule
    #[arg(long, value_name = "FILE")]
    capsule: Source,
    /// The hospital's card (eligo hospital ledger-key)
    #[arg(long, value_name = "CARD")]
    hospital_card: Source,
    /// Where the ciphertext will be; the node's own storage if not given
    #[arg(long, value_name = "URI")]
    uri: Option<String>,
    /// The record on the ledger that this one is a new version of
    #[arg(long, value_name = "NAME")]
    supersedes: Option<RecordName>,
    /// The entry to write
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn entry(args: &Entry, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    let capsule = document::read_capsule(&args.capsule)?;
    let card = LedgerKeyCard::read(&args.hospital_card)?;
    let client = args.node.connect(console)?;
    let encounter = args.visit.open(console)?;
    if *capsule.key() != encounter.key.public() {
        return Err(args.visit.other_visit(&args.capsule));
    }
    let digest = hex::encode(capsule.ciphertext_digest());
    let uri = args.uri.clone().unwrap_or(format!("eligo-object:{digest}"));
    let chain = ChainId::from(client.chain());
    let hospital = AccountId::of(&card.key()?);
    let entry = patient_entry(
        &chain,
        &capsule,
        &uri,
        &encounter,
        hospital,
        args.supersedes,
    )?;
    if args.output.is_stdout() {
        console.leave_stdout();
    }
    args.output
        .write(&entry.to_wire(), Access::Public, args.force)?;
    let record = entry.entry.name();
    console.say(format!("{}: entry of record {record}", args.output));
    console.object(json!({ "entry": args.output.to_string(), "record": record.to_string() }));
    Ok(0)
}

/// Claim on an offer: prove, grant the record to the institution, and be paid
#[derive(Args, Debug)]
pub struct Claim {
    /// The requirement's name: 64 hexadecimal digits
    requirement: RequirementName,
    #[command(flatten)]
    visit: VisitArgs,
    /// The credential
    #[arg(long, value_name = "FILE")]
    credential: Source,
    #[command(flatten)]
    schemas: SchemaArgs,
    /// Folder of the requirement's keys
    #[arg(long, value_name = "DIR")]
    keys: PathBuf,
    /// Folder in which claims are remembered
    #[arg(long, value_name = "DIR")]
    journal: PathBuf,
    /// Wait until it is settled, at most so many seconds
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn claim(args: &Claim, console: &Console) -> Attempt<u8> {
    let schemas = args.schemas.read()?;
    let held = Held::read(&args.credential, &schemas, console)?;
    let today = day::today()?;
    let client = args.node.connect(console)?;
    let seen = client.requirement(&args.requirement)?.ok_or_else(|| {
        Failure::new(Kind::File, "the ledger has no such requirement").of(args.requirement)
    })?;
    let (wallet, encounter) = args.visit.open_wallet(console)?;
    let journal = market::journal(&args.journal)?;
    let account = claim_account(&wallet, &ChainId::from(client.chain()), &args.requirement);
    let account = AccountId::of(&account.verifying_key());
    let resumed = journal.has(&claiming::entry_name(&args.requirement, &account));
    if seen.status != "open" && !resumed.map_err(Failure::unexpected)? {
        return Err(
            Failure::new(Kind::Closed, format!("the offer is {}", seen.status))
                .of(args.requirement),
        );
    }
    let offer = check_offer(seen, &args.schemas)?;
    offer.publication.open_on(today)?;
    let folder = KeyFolder::find(&args.keys, offer.publication.id())?;
    folder.matches(&offer.publication, &offer.statement, Kind::File)?;
    held.usable(&held::secret(&wallet), today)?;
    let claimant = Claimant {
        wallet: &wallet,
        encounter: &encounter,
        held: &held,
        today,
    };
    let proving = || folder.proving_key();
    let handed = claiming::claim(&client, &offer, &claimant, &proving, &journal)?;
    if let Err(reason) = &handed.sent.result {
        return Err(rejected(*reason).of(handed.claim));
    }
    let status = match args.wait {
        Some(seconds) => settled(&client, &handed.claim, seconds, console)?,
        None => client.claim(&handed.claim)?.map(|c| c.status),
    };
    let status = status.unwrap_or_else(|| "accepted".to_owned());
    let proved = handed.proved.as_ref();
    console.say(format!(
        "claim {}: {status}, accepted in block {}\npaid to {}, {} credits once it is settled",
        handed.claim,
        handed.sent.height,
        handed.account,
        offer.seen.reward.get()
    ));
    console.object(json!({
        "claim": handed.claim.to_string(),
        "status": status,
        "height": handed.sent.height.get(),
        "account": handed.account.to_string(),
        "record": claiming::record_of(&held)?.to_string(),
        "reward": offer.seen.reward.get(),
        "prove_ms": proved.map(|p| p.elapsed_ms),
        "nullifier": proved.map(|p| field::to_decimal(&p.inputs.nullifier.to_field())),
    }));
    Ok(0)
}

/// Waits until a claim is over, or the time is.
fn settled(
    client: &Client<HttpDesk>,
    claim: &ClaimId,
    seconds: u64,
    console: &Console,
) -> Attempt<Option<String>> {
    let until = Instant::now() + Duration::from_secs(seconds);
    let progress = Progress::start(console, "Waiting", 3);
    let mut last = String::new();
    loop {
        let status = client.claim(claim)?.map(|c| c.status).unwrap_or_default();
        if status != last {
            progress.working_on(&status);
            progress.advance();
            last.clone_from(&status);
        }
        let over = matches!(
            status.as_str(),
            "settled" | "refunded" | "upheld" | "expired"
        );
        if over || Instant::now() >= until {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Take back what a claim granted; effective some blocks later
#[derive(Args, Debug)]
pub struct Revoke {
    /// The claim
    #[arg(long, value_name = "NAME")]
    claim: ClaimId,
    #[command(flatten)]
    visit: VisitArgs,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn revoke(args: &Revoke, console: &Console) -> Attempt<u8> {
    let client = args.node.connect(console)?;
    let (wallet, encounter) = args.visit.open_wallet(console)?;
    let seen = client.claim(&args.claim)?.and_then(|c| c.accepted);
    let seen = seen.ok_or_else(|| {
        Failure::new(Kind::File, "the ledger has no accepted claim of this name").of(args.claim)
    })?;
    let grant = hex::decode(&seen.grant).ok();
    let grant = grant.and_then(|bytes| SignedGrant::from_bytes(&bytes).ok());
    let grant = grant.filter(|g| *g.signer() == encounter.signer.verifying_key());
    let grant = grant.ok_or_else(|| {
        Failure::new(
            Kind::File,
            "granted from another visit, or with another wallet",
        )
        .of(args.claim)
    })?;
    let chain = ChainId::from(client.chain());
    let key = claim_account(&wallet, &chain, &seen.requirement);
    let body = revocation(args.claim, &grant, &encounter)?;
    // Asked again after it was cut short, it finds what it did.
    let revoked = || {
        Ok(client
            .claim(&args.claim)?
            .and_then(|c| c.accepted?.revoked)
            .is_some())
    };
    Account::new(&client, &key).send_unless(body, revoked)?;
    let effective = client.claim(&args.claim)?.and_then(|c| c.accepted?.revoked);
    console.say(format!(
        "claim {}: revoked, from block {} on no share is taken",
        args.claim,
        effective.unwrap_or_default()
    ));
    console.object(json!({ "claim": args.claim.to_string(), "effective": effective }));
    Ok(0)
}

/// Take a record off the market, or end a requirement; what was accepted goes on
#[derive(Args, Debug)]
pub struct Withdraw {
    /// A requirement, by its institution
    #[arg(
        long,
        value_name = "NAME",
        requires = "key",
        required_unless_present = "record"
    )]
    requirement: Option<RequirementName>,
    /// The institution's signing key
    #[arg(long, value_name = "FILE")]
    key: Option<Source>,
    /// A record, by its patient
    #[arg(long, value_name = "NAME", requires_all = ["wallet", "hospital"], conflicts_with = "requirement")]
    record: Option<RecordName>,
    /// The patient's wallet
    #[arg(long, value_name = "FILE")]
    wallet: Option<Source>,
    #[command(flatten)]
    passphrase: crate::passphrase::PassphraseArgs,
    /// The hospital visited, as the wallet knows it
    #[arg(long, value_name = "ID")]
    hospital: Option<eligo_sharing::wallet::HospitalId>,
    /// Number of the visit, from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    visit: u32,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn withdraw(args: &Withdraw, console: &Console) -> Attempt<u8> {
    let client = args.node.connect(console)?;
    let chain = ChainId::from(client.chain());
    let (name, key, body) = match (args.requirement, &args.key, args.record) {
        (Some(requirement), Some(key), _) => {
            let publisher = Publisher::read(key, console)?;
            let body = Body::WithdrawRequirement { requirement };
            (
                requirement.to_string(),
                publisher.signing_key().clone(),
                body,
            )
        }
        (_, _, Some(record)) => {
            let (Some(wallet), Some(hospital)) = (&args.wallet, &args.hospital) else {
                return Err(Failure::usage("whose record?").help("give --wallet and --hospital"));
            };
            let passphrase = args.passphrase.clone();
            let wallet = super::super::wallet::WalletArgs::new(wallet.clone(), passphrase);
            let visit = VisitArgs::new(wallet, hospital.clone(), args.visit);
            let (wallet, encounter) = visit.open_wallet(console)?;
            let signature = sign_withdrawal(&chain, &record, &encounter.signer);
            // From an account that nothing else links to the patient.
            let purpose = RequirementName::new(*record.as_bytes());
            let key = claim_account(&wallet, &chain, &purpose);
            (
                record.to_string(),
                key,
                Body::WithdrawRecord { record, signature },
            )
        }
        _ => return Err(Failure::usage("what?").help("give --requirement or --record")),
    };
    // Asked again after it was cut short, it finds what it did.
    let gone = || match (args.requirement, args.record) {
        (Some(name), _) => {
            let seen = client.requirement(&name)?;
            Ok(seen.is_some_and(|r| r.status == "withdrawn"))
        }
        (_, Some(name)) => Ok(client.record(&name)?.is_some_and(|r| r.withdrawn)),
        _ => Ok(false),
    };
    let sent = Account::new(&client, &key).send_unless(body, gone)?;
    let height = sent.map(|sent| sent.height.get());
    console.say(match height {
        Some(height) => format!("{name}: withdrawn in block {height}"),
        None => format!("{name}: was withdrawn already"),
    });
    console.object(json!({ "name": name, "height": height }));
    Ok(0)
}
