//! What an institution does: publish, open, dispute.

use std::path::PathBuf;

use clap::Args;
use eligo_marketplace::{
    agent::{Account, Agent, AgentError},
    name::{AccountId, ChainId, ClaimId},
    rejection::Rejection,
    transaction::Body,
};
use eligo_records::requirement::Requirement;
use eligo_sharing::keys::ReceivingKey;
use rand_core::OsRng;
use serde_json::json;

use crate::{
    commands::{
        agent::{Buyer, with_buyer},
        keys,
    },
    console::Console,
    document,
    failure::{Attempt, Failure, Kind},
    file::{Access, Source, Target},
    keyring::KeyFolder,
    market::{
        connection::NodeArgs,
        offering::{self, OfferTerms},
    },
    publication::Publication,
    publisher::Publisher,
    schemas::SchemaArgs,
};

pub const PUBLISH_EXAMPLE: &str = "Example:\n  eligo market publish --requirement stroke.toml --key institute.key --reward 300 --number 10 \\\n    \
--deadline 2027-06-30 --keys keys --receiving institute.receiving.key -o stroke.offer.toml\n\n\
Completes the requirement for this chain, makes its keys and a receiving key, locks number * (reward + fees), and\n\
writes what was published. Give patients stroke.offer.toml's name and the keys. If it is cut short, run it again\n\
with --requirement stroke.offer.toml.";

/// Publish a requirement with its reward, and lock the money
#[derive(Args, Debug)]
pub struct Publish {
    /// The requirement; or, to publish again what was cut short, its completed form
    #[arg(long, value_name = "FILE")]
    requirement: Source,
    #[command(flatten)]
    schemas: SchemaArgs,
    /// The institution's signing key
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// Credits for each record
    #[arg(long, value_name = "N")]
    reward: Option<u64>,
    /// How many records are wanted
    #[arg(long, value_name = "N")]
    number: Option<u32>,
    /// Last day for claims, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    deadline: Option<String>,
    /// Credits for each proxy's share
    #[arg(long, value_name = "N", default_value_t = 5)]
    proxy_fee: u64,
    /// Shares that suffice: f + 1
    #[arg(long, value_name = "N", default_value_t = 3)]
    threshold: u16,
    /// Proxies: 2f + 1
    #[arg(long, value_name = "N", default_value_t = 5)]
    proxies: u16,
    /// Folder of proving and verifying keys; made if the requirement's are not there
    #[arg(long, value_name = "DIR")]
    keys: PathBuf,
    /// The receiving key: written for a new offer, read for a completed one
    #[arg(long, value_name = "FILE")]
    receiving: PathBuf,
    /// The completed requirement to write
    #[arg(short, long, value_name = "FILE")]
    output: Option<Target>,
    /// Overwrite
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn publish(args: &Publish, console: &Console) -> Attempt<u8> {
    let publisher = Publisher::read(&args.key, console)?;
    let schemas = args.schemas.read()?;
    let mut publication = Publication::read(&args.requirement, &schemas)?;
    let client = args.node.connect(console)?;
    let account = Account::new(&client, publisher.signing_key());
    let chain = ChainId::from(client.chain());
    let institution = name_of(&client, account.id())?;
    let complete = publication.document().document().nonce.is_some();
    let receiving = if complete {
        document::read_receiving_key(&Source::File(args.receiving.clone()), console)?
    } else {
        let (requirement, key) = finish(args, &publication, &chain, &institution)?;
        let target = args.output.as_ref().map(ToString::to_string);
        let source = Source::File(target.unwrap_or_default().into());
        publication = Publication::parse(&source, &requirement.to_toml(), &schemas)?;
        key
    };
    if KeyFolder::find(&args.keys, publication.id()).is_err() {
        let one = std::slice::from_ref(&publication);
        keys::generate(one, &args.keys, None, args.force, &Console::silent())?;
    }
    let folder = KeyFolder::find(&args.keys, publication.id())?;
    folder.matches(&publication, &publication.statement()?, Kind::File)?;
    let verifying = folder.verifying_key()?;
    let offer = offering::offer(&publication, &verifying, &receiving, args.proxy_fee)?;
    let name = offering::agree(&offer, &publication, &chain, &institution)?;
    let height = match account.send(Body::Publish(offer)) {
        Ok(sent) => {
            let height = sent.height.get();
            match sent.accepted() {
                Err(AgentError::Refused(Rejection::RequirementTwice)) => None,
                done => {
                    done?;
                    Some(height)
                }
            }
        }
        Err(error) => return Err(error.into()),
    };
    console.say(match height {
        Some(height) => format!("requirement {name}: published in block {height}"),
        None => format!("requirement {name}: was published already"),
    });
    console.object(json!({ "requirement": name.to_string(), "height": height }));
    Ok(0)
}

fn name_of(
    client: &eligo_marketplace::client::Client<eligo_marketplace::client::HttpDesk>,
    id: AccountId,
) -> Attempt<String> {
    let party = client.account(&id)?.and_then(|a| a.party);
    let party = party.filter(|p| p.role == "institution" && p.admitted);
    party.map(|p| p.name).ok_or_else(|| {
        Failure::new(Kind::File, "the chain knows no institution of this key")
            .of(id)
            .help("ask the registrar; on a development chain: eligo node admit --institution FILE --credits N")
    })
}

/// Completes the requirement and writes it with its receiving key, before anything is on the ledger.
fn finish(
    args: &Publish,
    publication: &Publication,
    chain: &ChainId,
    institution: &str,
) -> Attempt<(Requirement, ReceivingKey)> {
    let output = args.output.as_ref().ok_or_else(|| {
        Failure::usage("where does the completed requirement go?").help("give -o FILE")
    })?;
    let secret = Target::File(args.receiving.clone());
    output.check(args.force)?;
    secret.check(args.force)?;
    let mut document = publication.document().document().clone();
    // Files beside the requirement would not be beside the offer.
    let issuers = publication.issuers().iter().map(|p| p.to_hex());
    document.issuers = issuers.collect();
    let terms = OfferTerms {
        reward: args.reward,
        number: args.number,
        delivery: (args.threshold, args.proxies),
        deadline: args.deadline.clone(),
    };
    let key = ReceivingKey::generate(&mut OsRng);
    let requirement = offering::complete(document, chain, institution, &key.public(), &terms)?;
    secret.write(key.to_secret_json().as_bytes(), Access::Secret, args.force)?;
    output.write(requirement.to_toml().as_bytes(), Access::Public, args.force)?;
    Ok((requirement, key))
}

/// A delivered claim of an institution's
#[derive(Args, Debug)]
pub struct Open {
    #[command(flatten)]
    buyer: Buyer,
    /// The claim
    #[arg(long, value_name = "NAME")]
    claim: ClaimId,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn open(args: &Open, console: &Console) -> Attempt<u8> {
    let client = args.node.connect(console)?;
    with_buyer(&client, &args.buyer, console, |agent| {
        let subject = args.claim.to_string();
        let deeds = agent.step()?;
        let told = deeds.iter().find(|d| d.subject == subject);
        let kept = args.buyer.kept(&args.claim);
        if let Some(wrong) = told.filter(|d| d.what.contains("dispute")) {
            return Err(Failure::new(Kind::ProofInvalid, &wrong.what)
                .of(args.claim)
                .help("the hospital is at fault; follow the dispute with `eligo market status`"));
        }
        if !std::path::Path::new(&kept).is_file() {
            return Err(Failure::new(Kind::Closed, "not delivered yet")
                .of(args.claim)
                .help("try again when enough proxies have answered: eligo market status"));
        }
        console.say(format!("{kept}: the record that was proved"));
        console.object(json!({
            "claim": subject,
            "opened": kept,
            "opened_matches_proof": true,
        }));
        Ok(0)
    })
}

pub fn dispute(args: &Open, console: &Console) -> Attempt<u8> {
    let client = args.node.connect(console)?;
    with_buyer(&client, &args.buyer, console, |agent| {
        agent.dispute_claim(args.claim)?;
        let status = client.claim(&args.claim)?.map(|c| c.status);
        let status = status.unwrap_or_default();
        console.say(format!("claim {}: {status}", args.claim));
        console.object(json!({ "claim": args.claim.to_string(), "status": status }));
        Ok(0)
    })
}
