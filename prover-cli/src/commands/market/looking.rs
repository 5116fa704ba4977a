//! What anyone can see: offers, states, histories.

use clap::Args;
use eligo_marketplace::{
    client::{Client, HttpDesk, seen::SeenRequirement},
    name::{AccountId, ClaimId, RecordName, RequirementName},
};
use eligo_records::{civil::CivilDay, requirement::explain};
use serde_json::{Value, json};

use crate::{
    commands::wallet::WalletArgs,
    console::{Console, count},
    day,
    failure::{Attempt, Failure, Kind},
    file::Source,
    held::{self, Held},
    market::{audit, claiming::check_offer, connection::NodeArgs},
    names,
    passphrase::PassphraseArgs,
    schemas::SchemaArgs,
};

/// Open offers; with --for, which of them a record meets, decided on this device
#[derive(Args, Debug)]
pub struct Offers {
    /// A credential: say which offers it meets; nothing about it leaves this device
    #[arg(long = "for", value_name = "CREDENTIAL", requires = "wallet")]
    credential: Option<Source>,
    /// The credential's wallet
    #[arg(long, value_name = "FILE")]
    wallet: Option<Source>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    #[command(flatten)]
    schemas: SchemaArgs,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn offers(args: &Offers, console: &Console) -> Attempt<u8> {
    let client = args.node.connect(console)?;
    let offers = client.offers()?;
    let mut shown = Vec::new();
    if offers.is_empty() {
        console.say("no open offers");
    }
    let held = match (&args.credential, &args.wallet) {
        (Some(credential), Some(wallet)) => {
            let wallet = WalletArgs::new(wallet.clone(), args.passphrase.clone());
            let wallet = wallet.open(console)?;
            let held = Held::read(credential, &args.schemas.read()?, console)?;
            held.usable(&held::secret(&wallet), day::today()?)?;
            Some(held)
        }
        _ => None,
    };
    for offer in offers {
        let verdict = held
            .as_ref()
            .map(|held| qualifies(&offer, held, &args.schemas))
            .transpose()?;
        let mut object = offer_json(&offer);
        let mut line = format!(
            "{}  {} credits  {} of {} left, until {}  {}",
            offer.requirement,
            offer.reward.get(),
            offer.left,
            offer.wanted,
            CivilDay::from_number(offer.deadline)
                .map_or_else(|_| "?".to_owned(), |d| d.to_string()),
            offer.institution_name,
        );
        if let Some((qualifies, why)) = verdict {
            line = format!(
                "{}  {line}\n     {why}",
                if qualifies { "yes" } else { "NO " }
            );
            if let Value::Object(fields) = &mut object {
                fields.insert("qualifies".to_owned(), qualifies.into());
                fields.insert("why".to_owned(), why.into());
            }
        }
        console.say(line);
        shown.push(object);
    }
    console.object(json!({ "offers": shown }));
    Ok(0)
}

/// Whether a record meets an offer, and why not.
fn qualifies(
    offer: &SeenRequirement,
    held: &Held,
    schemas: &SchemaArgs,
) -> Attempt<(bool, String)> {
    let checked = match check_offer(offer.clone(), schemas) {
        Ok(checked) => checked,
        Err(failure) => return Ok((false, failure.what().to_owned())),
    };
    let credential = held.credential();
    if credential.cells().schema() != checked.publication.schema().id() {
        return Ok((
            false,
            "it reads another schema than the credential's".to_owned(),
        ));
    }
    if let Err(error) = credential.accepted_by(checked.publication.issuers()) {
        return Ok((false, error.to_string()));
    }
    let today = day::today()?;
    let told = explain(checked.publication.criteria(), credential.cells(), today);
    if told.holds {
        return Ok((true, "every criterion holds".to_owned()));
    }
    let failing: Vec<&str> = told.failing().map(|f| f.criterion.as_str()).collect();
    Ok((false, format!("what fails: {}", failing.join("; "))))
}

fn offer_json(offer: &SeenRequirement) -> Value {
    let sale = offer.sale.as_ref();
    json!({
        "requirement": offer.requirement.to_string(),
        "institution": offer.institution_name,
        "kind": offer.kind,
        "status": offer.status,
        "reward": offer.reward.get(),
        "wanted": offer.wanted,
        "left": offer.left,
        "deadline": offer.deadline,
        "exclusive": sale.map(|s| s.exclusive),
        "drawn": sale.map(|s| s.drawn.is_some()),
        "document": offer.document,
    })
}

/// Where a claim, a requirement, a record or an account is
#[derive(Args, Debug)]
pub struct Status {
    /// Its name: 64 hexadecimal digits; the marketplace itself if not given
    name: Option<String>,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn status(args: &Status, console: &Console) -> Attempt<u8> {
    let client = args.node.connect(console)?;
    let Some(name) = &args.name else {
        let status = client.market_status()?;
        console.say(format!(
            "chain {}\nblock {}, {}, {}, beacon round {}",
            client.chain(),
            status.height,
            count(status.records, "record"),
            count(status.claims, "accepted claim"),
            status.beacon_round
        ));
        console.object(json!({
            "chain": client.chain().to_string(),
            "height": status.height,
            "records": status.records,
            "claims": status.claims,
            "beacon_round": status.beacon_round,
        }));
        return Ok(0);
    };
    let (what, status) = find(&client, name)?
        .ok_or_else(|| Failure::new(Kind::File, "the ledger has nothing of this name").of(name))?;
    console.say(format!("{what} {name}: {status}"));
    console.object(json!({ "name": name, "kind": what, "status": status }));
    Ok(0)
}

fn find(client: &Client<HttpDesk>, name: &str) -> Attempt<Option<(&'static str, String)>> {
    let malformed = |e| Failure::usage(e).of(name);
    let claim: ClaimId = name.parse().map_err(malformed)?;
    if let Some(seen) = client.claim(&claim)? {
        let reason = seen
            .reason
            .map_or_else(String::new, |(_, text)| format!(": {text}"));
        return Ok(Some(("claim", seen.status + &reason)));
    }
    let requirement: RequirementName = name.parse().map_err(malformed)?;
    if let Some(seen) = client.requirement(&requirement)? {
        let text = format!(
            "{}, {} of {} left, {} credits locked",
            seen.status,
            seen.left,
            seen.wanted,
            seen.escrow.get()
        );
        return Ok(Some(("requirement", text)));
    }
    let record: RecordName = name.parse().map_err(malformed)?;
    if let Some(seen) = client.record(&record)? {
        let state = if seen.withdrawn {
            "withdrawn"
        } else {
            "on the market"
        };
        return Ok(Some((
            "record",
            format!("{state}, registered in block {}", seen.height),
        )));
    }
    let account: AccountId = name.parse().map_err(malformed)?;
    let seen = client.account(&account)?;
    let used = seen.filter(|a| a.counter > 0 || a.party.is_some() || a.credits.get() > 0);
    Ok(used.map(|a| {
        let party = a.party.map(|p| format!("{}, {}; ", p.name, p.role));
        let credits = a.credits.get();
        (
            "account",
            format!("{}{credits} credits", party.unwrap_or_default()),
        )
    }))
}

/// A record's whole history, every step checked against the ledger
#[derive(Args, Debug)]
pub struct AuditArgs {
    /// The record's name: 64 hexadecimal digits, or the number that its credential has as `sealed`
    #[arg(value_parser = names::record)]
    record: RecordName,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn audit(args: &AuditArgs, console: &Console) -> Attempt<u8> {
    let client = args.node.connect(console)?;
    let audit = audit::audit(&client, args.record)?;
    console.say(format!("record {}", args.record));
    audit.lines().iter().for_each(|line| console.say(line));
    console.say(
        "\nproved: its transaction is in a certified block, and the next block commits to its result.\n\
         final: it is, but no next block is shown: that the contract accepted it is the node's word.\n\
         told: the contract did it by itself at a block's end.",
    );
    if !audit.verified() {
        console.say("NOT every step is what the chain shows");
    }
    console.say(audit::LEFT_OUT);
    console.object(audit.to_json());
    Ok(0)
}
