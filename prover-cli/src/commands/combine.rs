//! `eligo combine`: an institution makes a record's key of the proxies' shares.

use clap::Args;
use eligo_sharing::{
    document::Document,
    keys::ReceivingKey,
    tcpre::{
        CheckedCapsule, CombineError, ContentKey, Dispute, Share, ShareError, VerifiedGrant,
        VerifiedShare, combine,
    },
};
use rand_core::OsRng;
use serde_json::{Value, json};

use super::grant::read_verified;
use crate::{
    console::Console,
    document, encounter,
    failure::{Attempt, Failure, Kind},
    file::{Access, Source, Target},
};

/// Check the proxies' shares and make the record's key of them; proxies that lied are named
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  eligo combine --key institute.key --grant grant.json --capsule scan.sealed.capsule --encounter encounter.json \\\n    \
    --share p1.share --share p3.share --share p4.share -o content.key\n\n\
    Wrong shares are left out and their makers named; exit code 5 if too few are right. The key opens this one \
    record: it is for the institution alone (mode 0600)."
)]
pub struct Combine {
    /// The institution's receiving key
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// The grant
    #[arg(long, value_name = "FILE")]
    grant: Source,
    /// The record's capsule
    #[arg(long, value_name = "FILE")]
    capsule: Source,
    /// The card of the patient's visit, whose key must have signed the grant
    #[arg(long, value_name = "CARD")]
    encounter: Source,
    /// A proxy's share; repeated
    #[arg(long, value_name = "FILE", required = true)]
    share: Vec<Source>,
    /// Also write a transcript from which anyone can tell whether the record's key is the one committed to
    #[arg(long, value_name = "FILE")]
    transcript: Option<Target>,
    /// The record's key to write
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

/// Shares, and who was caught.
struct Sorted {
    verified: Vec<VerifiedShare>,
    refused: Vec<(Source, ShareError)>,
}

pub fn run(args: &Combine, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    args.transcript
        .iter()
        .try_for_each(|t| t.check(args.force))?;
    let key = document::read_receiving_key(&args.key, console)?;
    let capsule = document::read_capsule(&args.capsule)?;
    let card = encounter::read_card(&args.encounter)?;
    let granted = read_verified(&args.grant, &capsule, &card)?;
    let sorted = sort(args, &granted, &capsule)?;
    for (source, error) in &sorted.refused {
        console.warn(format!("{source}: {error}"));
    }
    let combined = combine(&key, &granted, &capsule, &sorted.verified);
    if let Some(target) = &args.transcript
        && matches!(combined, Ok(_) | Err(CombineError::KeyCommitment))
    {
        write_transcript(args, target, (&key, &granted, &capsule), &sorted)?;
    }
    let content = combined.map_err(|e| uncombined(e, args, &sorted))?;
    write_key(args, &content, console)?;
    let liars = liars(&sorted, &granted);
    let used = sorted
        .verified
        .len()
        .min(granted.terms().proxies.threshold());
    console.say(format!(
        "{}: the key of record {}, from {used} shares",
        args.output,
        content.label()
    ));
    console.object(json!({
        "key": args.output.to_string(),
        "label": content.label().to_string(),
        "digest": hex::encode(content.ciphertext_digest()),
        "id": granted.id().to_string(),
        "verified": sorted.verified.iter().map(|s| s.proxy().number()).collect::<Vec<_>>(),
        "liars": liars,
    }));
    Ok(0)
}

fn sort(args: &Combine, granted: &VerifiedGrant, capsule: &CheckedCapsule) -> Attempt<Sorted> {
    let mut sorted = Sorted {
        verified: Vec::new(),
        refused: Vec::new(),
    };
    let read = |source: &Source| document::read::<Share>(source, "reencrypt");
    let shares = args.share.iter().map(read).collect::<Attempt<Vec<_>>>()?;
    let checked = granted.verify_shares(capsule, &shares);
    for (source, outcome) in args.share.iter().zip(checked) {
        match outcome {
            Ok(share) => sorted.verified.push(share),
            Err(error) => sorted.refused.push((source.clone(), error)),
        }
    }
    Ok(sorted)
}

/// Who gave a wrong share: number, key, file.
fn liars(sorted: &Sorted, granted: &VerifiedGrant) -> Vec<Value> {
    let named = sorted.refused.iter().filter_map(|(source, error)| {
        let proxy = error.culprit()?;
        let proxies = &granted.terms().proxies;
        let key = proxies
            .iter()
            .find(|(id, _)| *id == proxy)
            .map(|(_, key)| key.to_string());
        Some(json!({ "proxy": proxy.number(), "key": key, "share": source.to_string() }))
    });
    named.collect()
}

fn uncombined(error: CombineError, args: &Combine, sorted: &Sorted) -> Failure {
    match error {
        CombineError::NotEnough { have, need } => {
            let reasons: Vec<String> = sorted
                .refused
                .iter()
                .map(|(source, e)| format!("  {source}: {e}"))
                .collect();
            let what = format!("{have} right shares, and {need} are needed");
            let kind = if reasons.is_empty() { Kind::Usage } else { Kind::ProofInvalid };
            let failure = Failure::new(kind, what).help("ask more proxies for their shares");
            match reasons.as_slice() {
                [] => failure,
                reasons => failure.showing(reasons.join("\n")),
            }
        }
        CombineError::OtherKey => Failure::file(&args.key, error)
            .help("give the key whose card the patient granted to"),
        CombineError::KeyCommitment => Failure::file(&args.capsule, error)
            .help("--transcript FILE writes what shows it to anyone, without giving the institution's key away"),
        CombineError::Mixed | CombineError::OtherRecord => Failure::file(&args.capsule, error),
    }
}

fn write_key(args: &Combine, content: &ContentKey, console: &Console) -> Attempt<()> {
    if args.output.is_stdout() {
        console.leave_stdout();
    }
    let text = content.to_secret_json();
    args.output
        .write(text.as_bytes(), Access::Secret, args.force)
}

/// The transcript reveals the record's key to whoever has the shares: it is for arbiters.
fn write_transcript(
    args: &Combine,
    target: &Target,
    (key, granted, capsule): (&ReceivingKey, &VerifiedGrant, &CheckedCapsule),
    sorted: &Sorted,
) -> Attempt<()> {
    let dispute = Dispute::raise(key, granted, capsule, &sorted.verified, &mut OsRng);
    let text = match dispute.map_err(|e| Failure::file(&args.grant, e))? {
        Dispute::KeyCommitment(dispute) => dispute.0.to_json(),
        Dispute::Content(transcript) => transcript.to_json(),
    };
    target.write(text.as_bytes(), Access::Secret, args.force)
}
