//! `eligo explain`: which criteria a record meets, and which value decided; on this device only.

use clap::Args;
use eligo_records::{
    civil::CivilDay,
    requirement::{
        Explanation, explain,
        explanation::{Combination, Finding, Reading},
    },
};
use serde_json::{Value, json};

use super::{requirement::signature, wallet::WalletArgs};
use crate::{
    console::Console,
    day,
    failure::{Attempt, Failure, Kind},
    file::Source,
    held::{self, Held},
    publication::Publication,
    schemas::SchemaArgs,
};

/// Say which criteria a record meets, and which value decided; nothing leaves this device
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  eligo explain --wallet wallet.json --credential credential.json --requirement stroke.toml\n\n\
    Exit code 0 if all criteria hold, 4 if not. Absent means: not in the signed record."
)]
pub struct Explain {
    #[command(flatten)]
    pub wallet: WalletArgs,
    /// The credential
    #[arg(long, value_name = "FILE")]
    pub credential: Source,
    /// The requirement
    #[arg(long, value_name = "FILE")]
    pub requirement: Source,
    #[command(flatten)]
    pub schemas: SchemaArgs,
    /// The day to explain for, YYYY-MM-DD; today (UTC) if not given
    #[arg(long, value_name = "DATE", value_parser = CivilDay::parse)]
    pub today: Option<CivilDay>,
}

pub fn run(args: &Explain, console: &Console) -> Attempt<u8> {
    let today = day::or_today(args.today)?;
    let schemas = args.schemas.read()?;
    let publication = Publication::read(&args.requirement, &schemas)?;
    signature(&publication, None)?;
    let held = Held::read(&args.credential, &schemas, console)?;
    let wallet = args.wallet.open(console)?;
    held.usable(&held::secret(&wallet), today)?;
    publication.open_on(today)?;
    same_schema(&held, &publication)?;
    accept_issuer(&held, &publication, console)?;
    let explanation = explain(publication.criteria(), held.credential().cells(), today);
    print(&explanation, &held, &publication, console);
    Ok(if explanation.holds {
        0
    } else {
        Kind::NotEligible.code()
    })
}

/// Refuses a credential over another schema than the requirement's.
pub fn same_schema(held: &Held, publication: &Publication) -> Attempt<()> {
    if held.credential().cells().schema() == publication.schema().id() {
        return Ok(());
    }
    Err(Failure::file(
        held.source(),
        format!(
            "the credential follows another schema than the requirement, which reads `{}` version {}",
            publication.schema().name(),
            publication.schema().version()
        ),
    )
    .help(format!(
        "ask the hospital to issue it under that schema: eligo hospital issue --schema {}",
        publication.schema().name()
    )))
}

fn accept_issuer(held: &Held, publication: &Publication, console: &Console) -> Attempt<()> {
    if publication.is_draft() {
        console.warn(format!(
            "{}: a draft, which names no issuers; whether the hospital is accepted was not checked",
            publication.source()
        ));
        return Ok(());
    }
    let accepted = held.credential().accepted_by(publication.issuers());
    accepted.map(|_| ()).map_err(|e| held.unusable(&e))
}

fn print(explanation: &Explanation, held: &Held, publication: &Publication, console: &Console) {
    let issuer = held.credential().issuer();
    console.say(format!(
        "{}: {}\non {}, with the record signed by {}\n",
        publication.id(),
        publication.document().title(),
        explanation.today,
        issuer.name()
    ));
    for finding in &explanation.criteria {
        say_finding(finding, 0, console);
    }
    for later in publication.document().screened_later() {
        console.say(format!("  later  {later}"));
    }
    console.say(
        match (
            explanation.holds,
            explanation.criteria.iter().filter(|c| !c.holds).count(),
        ) {
            (true, _) => "\nEligible: every criterion holds.".to_owned(),
            (false, 1) => "\nNot eligible: one criterion fails.".to_owned(),
            (false, n) => format!("\nNot eligible: {n} criteria fail."),
        },
    );
    for warning in &explanation.warnings {
        console.warn(warning);
    }
    let accepted = if publication.is_draft() {
        Value::Null
    } else {
        json!(true)
    };
    console.object(json!({
        "eligible": explanation.holds,
        "requirement": publication.id(),
        "today": explanation.today,
        "criteria": explanation.criteria.iter().map(to_json).collect::<Vec<_>>(),
        "issuer": {
            "name": issuer.name(),
            "key": issuer.schnorr().to_hex(),
            "accepted": accepted,
            "skipped": publication.is_draft(),
        },
        "screened_later": publication.document().screened_later(),
        "warnings": explanation.warnings,
    }));
}

fn say_finding(finding: &Finding, depth: usize, console: &Console) {
    let mark = if finding.holds { "yes" } else { "NO " };
    let indent = "  ".repeat(depth + 1);
    let implied = if finding.implied {
        " (goes without saying)"
    } else {
        ""
    };
    console.say(format!("{indent}{mark}  {}{implied}", finding.criterion));
    for reading in &finding.readings {
        console.say(format!("{indent}       {}", told(reading)));
    }
    for part in &finding.parts {
        say_finding(part, depth + 1, console);
    }
}

/// The text, whether it holds, and which values decided.
pub fn to_json(finding: &Finding) -> Value {
    let values: Vec<String> = finding.readings.iter().map(told).collect();
    let mut object = json!({
        "text": finding.criterion,
        "holds": finding.holds,
        "implied": finding.implied,
        "value": if values.is_empty() { Value::Null } else { json!(values.join("; ")) },
        "readings": finding.readings,
    });
    if let (Some(combination), Some(object)) = (finding.combination, object.as_object_mut()) {
        let combination = match combination {
            Combination::All => "all",
            Combination::Any => "any",
        };
        object.insert("combination".to_owned(), json!(combination));
        let parts: Vec<Value> = finding.parts.iter().map(to_json).collect();
        object.insert("parts".to_owned(), json!(parts));
    }
    object
}

/// A value of the record in words.
fn told(reading: &Reading) -> String {
    let mut text = format!("{}: ", reading.attribute);
    match (&reading.value, &reading.codes) {
        (_, Some(codes)) if codes.is_empty() => text.push_str("none of the codes asked for"),
        (_, Some(codes)) => text.push_str(&codes.join(", ")),
        (Some(value), None) => text.push_str(value),
        (None, None) => text.push_str("absent"),
    }
    if let Some(unit) = &reading.unit {
        text.push(' ');
        text.push_str(unit);
    }
    if let Some(date) = &reading.date {
        text.push_str(&format!(" on {date}"));
    }
    if reading.recorded == Some(false) {
        text.push_str(" (the hospital does not say that the list is complete)");
    }
    text
}
