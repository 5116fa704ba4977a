//! Relatives: a card, a delegation, its end.

use clap::Args;
use ed25519_dalek::SigningKey;
use eligo_marketplace::{
    agent::Account,
    name::{AccountId, AskId, ChainId, DelegationId, EncounterName},
    transaction::Body,
};
use eligo_sharing::{
    domain::lp,
    letter::{Letter, LetterKey, LetterPublicKey},
    wallet::{HospitalId, Visit, Wallet},
};
use rand_core::OsRng;
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    care::{
        crumbs::Crumbs,
        form::{self, Form},
        mandate::{self, Entrusting, Mandate},
        permitting,
    },
    commands::wallet::WalletArgs,
    console::Console,
    encounter::VisitArgs,
    failure::{Attempt, Failure},
    file::{Access, Source, Target},
    market::connection::NodeArgs,
    moment,
};

/// What a mandate's letter is for.
const OCCASION: &[u8] = b"mandate";

/// The account with which a relative acts, derived from the relative's own wallet.
pub fn relative_key(wallet: &Wallet, chain: &ChainId) -> SigningKey {
    let purpose = eligo_sharing::domain::sha256(b"ELIGO-RELATIVE-ACCOUNT-V01");
    permitting::account_for(wallet, chain, &AskId::new(purpose))
}

fn letters(wallet: &Wallet) -> LetterKey {
    let ikm = Zeroizing::new(lp(&[b"ELIGO-RELATIVE-LETTERS-V01", wallet.seed().expose()]));
    LetterKey::derive(&ikm)
}

/// What a patient needs of a relative.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RelativeCard {
    account: AccountId,
    letters: String,
}

impl Form for RelativeCard {
    const NAME: &'static str = "eligo relative card";
    const MADE_BY: &'static str = "care relative";
}

/// A mandate as a file: a letter to the relative.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MandateLetter {
    letter: String,
}

impl Form for MandateLetter {
    const NAME: &'static str = "eligo mandate letter";
    const MADE_BY: &'static str = "care delegate";
    const LIMIT: usize = 256 << 10;
}

/// Reads a mandate with the relative's wallet.
pub fn read_mandate(source: &Source, wallet: &Wallet) -> Attempt<Mandate> {
    let of = |e: Failure| e.of(source);
    let letter = MandateLetter::read(source)?.letter;
    let letter = form::message(&letter, "letter", Letter::from_bytes).map_err(of)?;
    Mandate::open(&letter, &letters(wallet), OCCASION).map_err(of)
}

/// Print a relative's card
#[derive(Args, Debug)]
pub struct Relative {
    #[command(flatten)]
    wallet: WalletArgs,
    /// Write to a file instead
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn relative(args: &Relative, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    let wallet = args.wallet.open(console)?;
    let client = args.node.connect(console)?;
    let key = relative_key(&wallet, &ChainId::from(client.chain()));
    let card = RelativeCard {
        account: AccountId::of(&key.verifying_key()),
        letters: hex::encode(letters(&wallet).public().as_bytes()),
    };
    if args.output.is_stdout() {
        console.leave_stdout();
    }
    args.output
        .write(card.text()?.as_bytes(), Access::Public, args.force)?;
    console.say(format!("{}: account {}", args.output, card.account));
    console.object(json!({
        "card": args.output.to_string(),
        "account": card.account.to_string(),
    }));
    Ok(0)
}

/// A visit, `HOSPITAL` or `HOSPITAL:NUMBER`.
#[derive(Clone, Debug)]
struct VisitName(HospitalId, Visit);

impl core::str::FromStr for VisitName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (hospital, number) = match text.rsplit_once(':') {
            Some((hospital, number)) => match number.parse() {
                Ok(number) => (hospital, number),
                Err(_) => (text, 0),
            },
            None => (text, 0),
        };
        let hospital = HospitalId::new(hospital).map_err(|e| e.to_string())?;
        Ok(Self(hospital, Visit::new(number)))
    }
}

/// Let a relative act for encounters
#[derive(Args, Debug)]
pub struct Delegate {
    #[command(flatten)]
    wallet: WalletArgs,
    /// The relative's card (eligo care relative)
    #[arg(long, value_name = "CARD")]
    to: Source,
    /// A visit, HOSPITAL:NUMBER; may be repeated: those whose records may be granted, and the one asked at
    #[arg(long, value_name = "VISIT", required = true)]
    encounter: Vec<VisitName>,
    /// The device's index: the records of those visits
    #[arg(long, value_name = "FILE")]
    crumbs: Source,
    /// Until when: YYYY-MM-DD, or YYYY-MM-DDThh:mm:ssZ
    #[arg(long, value_name = "TIME", value_parser = moment::parse_end)]
    until: u64,
    /// The mandate to write, which only the relative can read
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn delegate(args: &Delegate, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    let card = RelativeCard::read(&args.to)?;
    let to =
        LetterPublicKey::new(form::bytes(&card.letters, "letters").map_err(|e| e.of(&args.to))?);
    let wallet = args.wallet.open(console)?;
    let crumbs = Crumbs::read(&args.crumbs, &wallet)?;
    let client = args.node.connect(console)?;
    let chain = ChainId::from(client.chain());
    let entrusting: Vec<Entrusting> = args
        .encounter
        .iter()
        .map(|VisitName(hospital, visit)| Entrusting {
            hospital: hospital.clone(),
            encounter: wallet.encounter(hospital, *visit),
            records: crumbs
                .all()
                .iter()
                .filter(|c| c.hospital == *hospital && c.visit == visit.number())
                .map(|c| c.receipt.record)
                .collect(),
        })
        .collect();
    let (act, mandate) = mandate::delegate(&chain, card.account, &entrusting, args.until)?;
    let letter = mandate.write_to(&to, OCCASION, &mut OsRng)?;
    let letter = MandateLetter {
        letter: hex::encode(letter.to_bytes()),
    };
    args.output
        .write(letter.text()?.as_bytes(), Access::Public, args.force)?;
    // From an account that nothing else links to the patient.
    let purpose = AskId::new(*mandate.delegation.as_bytes());
    let account = permitting::account_for(&wallet, &chain, &purpose);
    let sent = Account::new(&client, &account).send(Body::Care(act))?;
    let height = sent.height.get();
    sent.accepted()?;
    let records: usize = entrusting.iter().map(|e| e.records.len()).sum();
    console.say(format!(
        "delegation {}: {} encounters, {records} records, until {}, in block {height}\n\
         give the relative {}",
        mandate.delegation,
        entrusting.len(),
        moment::show(args.until),
        args.output
    ));
    console.object(json!({
        "delegation": mandate.delegation.to_string(),
        "encounters": entrusting
            .iter()
            .map(|e| EncounterName::of(e.encounter.signer.verifying_key().as_bytes()).to_string())
            .collect::<Vec<_>>(),
        "records": records,
        "height": height,
        "mandate": args.output.to_string(),
    }));
    Ok(0)
}

/// End a delegation
#[derive(Args, Debug)]
pub struct Undelegate {
    /// The delegation
    delegation: DelegationId,
    /// One of its visits
    #[command(flatten)]
    visit: VisitArgs,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn undelegate(args: &Undelegate, console: &Console) -> Attempt<u8> {
    let (wallet, encounter) = args.visit.open_wallet(console)?;
    let client = args.node.connect(console)?;
    let chain = ChainId::from(client.chain());
    let act = mandate::end(&chain, args.delegation, &encounter);
    let purpose = AskId::new(*args.delegation.as_bytes());
    let account = permitting::account_for(&wallet, &chain, &purpose);
    let sent = Account::new(&client, &account).send(Body::Care(act))?;
    let height = sent.height.get();
    sent.accepted()?;
    console.say(format!(
        "delegation {}: ended in block {height}",
        args.delegation
    ));
    console.object(json!({ "delegation": args.delegation.to_string(), "height": height }));
    Ok(0)
}
