//! `eligo verify`: strictly, everything recomputed that can be.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args;
use eligo_circuits::{claim, jubjub::Point};
use eligo_records::civil::CivilDay;
use eligo_verifier_contract::{
    Context, Entry, Fr, InputsError, Kind as ClaimKind, PreparedKey, Proof, PublicInputs,
    VerifyError, VerifyingKey, batch::verify_batch, key::KeyDigest, snarkjs, snarkjs::SnarkjsError,
    verify_inputs,
};
use serde_json::{Value, json};

use super::keys::milliseconds;
use super::prove::{PROOF, PUBLIC, parse_context};
use crate::{
    console::Console,
    day,
    failure::{Attempt, Failure, Kind, shown},
    file::{self, Source},
    keyring::{self, KeyFolder},
    publication::{Publication, read_issuers},
    schemas::SchemaArgs,
};

/// Folders within folders that are looked into for proofs.
const DEPTH: usize = 3;
/// Most proofs at once.
const MOST: usize = 100_000;

/// Check a proof against a requirement
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  eligo verify --requirement stroke.toml --keys keys --proof proof\n\n\
    The requirement's digest and the issuers' root are computed from the requirement, not taken from the proof.\n\
    Without --today a proof of today or yesterday (UTC) is accepted. Whether the nullifier was used before is for\n\
    the reader to know."
)]
pub struct Verify {
    /// A requirement; may be repeated when there are proofs of several
    #[arg(long, value_name = "FILE", required = true)]
    pub requirement: Vec<Source>,
    #[command(flatten)]
    pub schemas: SchemaArgs,
    /// Folder of the requirements' keys
    #[arg(
        long,
        value_name = "DIR",
        required_unless_present = "vk",
        conflicts_with = "vk"
    )]
    pub keys: Option<PathBuf>,
    /// The verifying key itself; you vouch that it is of the requirement's circuit
    #[arg(long, value_name = "FILE")]
    pub vk: Option<Source>,
    /// Folder with proof.json and public.json (or of such folders), or a proof.json; may be repeated
    #[arg(long, value_name = "DIR|FILE", required = true)]
    pub proof: Vec<PathBuf>,
    /// Public inputs that do not lie beside the proof as public.json
    #[arg(long, value_name = "FILE")]
    pub public: Option<Source>,
    /// The issuers you trust, a public key a line; a requirement that accepts any other is refused
    #[arg(long, value_name = "FILE")]
    pub issuers: Option<Source>,
    /// The day on which the proof is presented, YYYY-MM-DD; today (UTC) if not given
    #[arg(long, value_name = "DATE", value_parser = CivilDay::parse)]
    pub today: Option<CivilDay>,
    /// What the proof's context must be, hexadecimal
    #[arg(long, value_name = "HEX", value_parser = parse_context)]
    pub context: Option<Context>,
}

/// A requirement to verify against.
struct Offer {
    publication: Publication,
    statement: claim::Requirement,
    key: KeyDigest,
}

/// A proof to verify.
struct Presented {
    name: String,
    proof: Proof,
    inputs: Vec<Fr>,
}

/// A proof accepted: on which requirement, with which public inputs.
pub struct Accepted {
    /// The requirement's own identifier.
    pub requirement: String,
    /// Its title.
    title: String,
    /// The public inputs.
    pub inputs: PublicInputs,
}

/// A proof presented, and what became of it.
pub struct Judged {
    name: String,
    /// Accepted, or why not.
    pub outcome: Attempt<Accepted>,
}

/// What was verified, and how long the proofs themselves took.
pub struct Verified {
    /// In the order given.
    pub proofs: Vec<Judged>,
    /// The proofs alone, without reading files.
    pub elapsed_ms: f64,
}

/// Verifies; prints nullifiers and contexts.
pub fn run(args: &Verify, console: &Console) -> Attempt<u8> {
    report(&verify(args)?, console)
}

/// Verifies all proofs.
pub fn verify(args: &Verify) -> Attempt<Verified> {
    let today = day::or_today(args.today)?;
    let schemas = args.schemas.read()?;
    let trusted = args.issuers.as_ref().map(read_issuers).transpose()?;
    let mut keys: BTreeMap<KeyDigest, PreparedKey> = BTreeMap::new();
    let mut offers = Vec::new();
    for source in &args.requirement {
        let publication = Publication::read(source, &schemas)?;
        let (offer, key) = offer(publication, args)?;
        keys.entry(offer.key)
            .or_insert_with(|| PreparedKey::new(key));
        offers.push(offer);
    }
    let presented = present(args)?;
    let start = Instant::now();
    let checked = check_all(&presented, &offers, &keys);
    let elapsed_ms = milliseconds(start);
    let judge = |(p, checked): (Presented, Checked<'_>)| {
        let judged = checked.and_then(|c| judge(c, trusted.as_deref(), today, args));
        Judged {
            outcome: judged
                .map_err(|e| e.of(&p.name))
                .map(|(offer, inputs)| Accepted {
                    requirement: offer.publication.id().to_owned(),
                    title: offer.publication.document().title().to_owned(),
                    inputs,
                }),
            name: p.name,
        }
    };
    Ok(Verified {
        proofs: presented.into_iter().zip(checked).map(judge).collect(),
        elapsed_ms,
    })
}

fn offer(publication: Publication, args: &Verify) -> Attempt<(Offer, VerifyingKey)> {
    let statement = publication.statement()?;
    let key = match (&args.vk, &args.keys) {
        (Some(vk), _) => keyring::read_verifying(vk)?,
        (None, Some(keys)) => {
            let folder = KeyFolder::find(keys, publication.id())?;
            folder.matches(&publication, &statement, Kind::UntrustedIssuer)?;
            folder.verifying_key()?
        }
        (None, None) => return Err(Failure::usage("give --keys or --vk")),
    };
    if !key.fits_statement() {
        let what = format!(
            "a key of {} public inputs; a requirement's has 6",
            key.inputs()
        );
        let file = args
            .vk
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        return Err(Failure::file(file, what));
    }
    let offer = Offer {
        publication,
        statement,
        key: key.digest(),
    };
    Ok((offer, key))
}

/// Reads every proof and its public inputs.
fn present(args: &Verify) -> Attempt<Vec<Presented>> {
    let mut files = Vec::new();
    for path in &args.proof {
        if path.is_dir() {
            let before = files.len();
            collect(path, DEPTH, &mut files)?;
            if files.len() == before {
                return Err(Failure::file(shown(path), "holds no proof.json")
                    .help("name the folder that `eligo prove` made"));
            }
        } else {
            files.push(path.clone());
        }
    }
    if args.public.is_some() && files.len() != 1 {
        return Err(Failure::usage("--public goes with one proof"));
    }
    files
        .iter()
        .map(|path| {
            let beside = Source::File(file::folder_of(path).join(PUBLIC));
            read(path, args.public.as_ref().unwrap_or(&beside))
        })
        .collect()
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Attempt<()> {
    let proof = folder.join(PROOF);
    if proof.is_file() {
        found.push(proof);
        return Ok(());
    }
    if depth == 0 {
        return Ok(());
    }
    let entries = std::fs::read_dir(folder).map_err(|e| file::unreadable(folder, &e))?;
    let mut inner: Vec<PathBuf> = entries
        .filter_map(|e| e.ok().map(|e| e.path()))
        .filter(|p| p.is_dir())
        .collect();
    inner.sort();
    for path in inner {
        collect(&path, depth - 1, found)?;
        if found.len() > MOST {
            return Err(Failure::usage(format!("more than {MOST} proofs")).of(shown(folder)));
        }
    }
    Ok(())
}

fn read(path: &Path, public: &Source) -> Attempt<Presented> {
    let source = Source::File(path.to_owned());
    let proof = snarkjs::read_proof(&source.read(snarkjs::PROOF_LIMIT)?)
        .map_err(|e| refused(&source, &e))?;
    let inputs = snarkjs::read_public(&public.read(snarkjs::PUBLIC_LIMIT)?)
        .map_err(|e| refused(public, &e))?;
    let name = match path.file_name() {
        Some(name) if name == PROOF => shown(&file::folder_of(path)),
        _ => shown(path),
    };
    Ok(Presented {
        name,
        proof,
        inputs,
    })
}

/// A number that is not canonical and a point outside its group are invalid; the rest is no such file.
fn refused(source: &Source, error: &SnarkjsError) -> Failure {
    let invalid = matches!(
        error,
        SnarkjsError::Number { .. } | SnarkjsError::Proof(_) | SnarkjsError::NotAffine(_)
    );
    let kind = if invalid {
        Kind::ProofInvalid
    } else {
        Kind::File
    };
    Failure::new(kind, error)
        .of(source)
        .help("expected a file made by `eligo prove` or snarkjs, unaltered")
}

type Checked<'a> = Attempt<(&'a Offer, PublicInputs)>;

/// Checks the proofs alone: in one batch when there are several.
fn check_all<'a>(
    presented: &[Presented],
    offers: &'a [Offer],
    keys: &BTreeMap<KeyDigest, PreparedKey>,
) -> Vec<Checked<'a>> {
    let mut results: Vec<Checked<'a>> = Vec::new();
    let mut entries = Vec::new();
    for (position, p) in presented.iter().enumerate() {
        let found = find(p, offers).map_err(|e| e.of(&p.name));
        if let Ok((offer, _)) = &found
            && let Some(key) = keys.get(&offer.key)
        {
            let entry = Entry {
                key,
                proof: &p.proof,
                inputs: &p.inputs,
            };
            entries.push((position, entry));
        }
        results.push(found);
    }
    let mut reject = |position: usize, error: VerifyError| {
        if let (Some(result), Some(p)) = (results.get_mut(position), presented.get(position)) {
            *result = Err(Failure::new(Kind::ProofInvalid, error)
                .of(&p.name)
                .help("ask for a new proof; an altered one never verifies"));
        }
    };
    match entries.as_slice() {
        [] => {}
        [(position, e)] => {
            if let Err(error) = verify_inputs(e.key, e.proof, e.inputs) {
                reject(*position, error);
            }
        }
        many => {
            let batch: Vec<Entry<'_>> = many.iter().map(|(_, e)| *e).collect();
            if let Err(error) = verify_batch(&batch) {
                for (index, error) in error.culprits {
                    if let Some((position, _)) = many.get(index) {
                        reject(*position, error);
                    }
                }
            }
        }
    }
    results
}

/// The requirement a proof is on: by its digest; with only one requirement, that one, so that a proof
/// altered there is checked and fails as a proof.
fn find<'a>(p: &Presented, offers: &'a [Offer]) -> Checked<'a> {
    let inputs = PublicInputs::from_field_elements(&p.inputs).map_err(|e| {
        let failure = Failure::new(Kind::ProofInvalid, e);
        match e {
            InputsError::Count(_) => {
                failure.help("expected the public.json of an eligibility proof")
            }
            _ => failure,
        }
    })?;
    let named = offers
        .iter()
        .find(|o| o.statement.digest() == inputs.requirement);
    let only = match offers {
        [one] => Some(one),
        _ => None,
    };
    named.or(only).map(|o| (o, inputs)).ok_or_else(|| {
        Failure::new(
            Kind::ProofInvalid,
            "a proof on none of the requirements given",
        )
        .help("give the requirement it is on with --requirement")
    })
}

/// Everything besides the proof itself: issuers, requirement, kind, day, context.
fn judge<'a>(
    (offer, inputs): (&'a Offer, PublicInputs),
    trusted: Option<&[Point]>,
    today: CivilDay,
    args: &Verify,
) -> Checked<'a> {
    let invalid = |what: String| Failure::new(Kind::ProofInvalid, what);
    let publication = &offer.publication;
    if inputs.issuers != offer.statement.issuers_root() {
        return Err(Failure::new(
            Kind::UntrustedIssuer,
            format!(
                "proved for other issuers than {} accepts",
                publication.source()
            ),
        )
        .help("ask for a proof on the requirement as it is"));
    }
    let stranger = trusted.and_then(|t| publication.issuers().iter().find(|i| !t.contains(i)));
    if let Some(stranger) = stranger {
        return Err(Failure::new(
            Kind::UntrustedIssuer,
            format!(
                "{} accepts the issuer {}, which is not among those you trust",
                publication.source(),
                stranger.to_hex()
            ),
        )
        .help(
            "add it to the file given with --issuers, or do not accept proofs on this requirement",
        ));
    }
    if inputs.requirement != offer.statement.digest() {
        return Err(invalid(format!(
            "a proof on another requirement than {}",
            publication.source()
        ))
        .help(
            "the text, the terms or the issuers differ; ask for a proof on this very requirement",
        ));
    }
    let sale = offer.statement.kind() == ClaimKind::Sale;
    if sale == inputs.sealed.is_none() {
        let what = if sale {
            "names no sealed record; a sale does"
        } else {
            "names a sealed record; a count does not"
        };
        return Err(invalid(what.to_owned()));
    }
    let current = [day::civil(today)?, day::civil(day::before(today)?)?];
    if !current.contains(&inputs.today) {
        return Err(Failure::new(
            Kind::Closed,
            format!(
                "proved for {}, and today is {today}: accepted are today and the day before",
                inputs.today
            ),
        )
        .help("ask for a new proof, or give the day it was presented on with --today"));
    }
    publication.open_on(today)?;
    if args.context.is_some_and(|c| c != inputs.context) {
        return Err(invalid(format!(
            "bound to the context {}, not to the one expected",
            hex::encode(inputs.context.to_bytes())
        )));
    }
    Ok((offer, inputs))
}

fn report(verified: &Verified, console: &Console) -> Attempt<u8> {
    let proofs = &verified.proofs;
    let bad: Vec<&Failure> = proofs
        .iter()
        .filter_map(|j| j.outcome.as_ref().err())
        .collect();
    for judged in proofs {
        if let Ok(accepted) = &judged.outcome {
            say(&judged.name, accepted, console);
        }
    }
    if let ([only], [_]) = (bad.as_slice(), proofs.as_slice()) {
        return Err((*only).clone());
    }
    bad.iter().for_each(|f| console.report(f));
    if proofs.len() > 1 {
        console.say(format!(
            "{} of {} valid, {} ms",
            proofs.len() - bad.len(),
            proofs.len(),
            verified.elapsed_ms
        ));
    }
    let repeated = repeated(proofs);
    for name in &repeated {
        console.warn(format!(
            "{name}: the nullifier is that of a proof before it: one person's claim, twice"
        ));
    }
    console.object(json!({
        "valid": bad.is_empty(),
        "repeated": repeated,
        "verify_ms": verified.elapsed_ms,
        "proofs": proofs.iter().map(to_json).collect::<Vec<_>>(),
    }));
    Ok(bad.first().map_or(0, |f| f.kind().code()))
}

/// The proofs whose nullifier an earlier one on the same requirement has.
fn repeated(proofs: &[Judged]) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    proofs
        .iter()
        .filter_map(|j| j.outcome.as_ref().ok().map(|a| (j, a)))
        .filter(|(_, a)| {
            let inputs = a.inputs.to_field_elements();
            !seen.insert((
                a.requirement.clone(),
                inputs.get(2).map(ToString::to_string),
            ))
        })
        .map(|(j, _)| j.name.as_str())
        .collect()
}

fn say(name: &str, accepted: &Accepted, console: &Console) {
    let inputs = &accepted.inputs;
    console.say(format!(
        "{name}: valid\n  requirement  {} ({})\n  today        {}\n  nullifier    {}\n  sealed       {}\n  context      {}",
        accepted.requirement,
        accepted.title,
        inputs.today,
        inputs.nullifier,
        if inputs.sealed.is_none() {
            "none: a count".to_owned()
        } else {
            inputs.sealed.to_string()
        },
        hex::encode(inputs.context.to_bytes()),
    ));
}

fn to_json(judged: &Judged) -> Value {
    match &judged.outcome {
        Ok(Accepted {
            requirement,
            inputs,
            ..
        }) => json!({
            "proof": judged.name,
            "valid": true,
            "requirement": requirement,
            "today": inputs.today.to_string(),
            "nullifier": inputs.nullifier.to_string(),
            "sealed": inputs.sealed.to_string(),
            "context": hex::encode(inputs.context.to_bytes()),
        }),
        Err(e) => json!({ "proof": judged.name, "valid": false, "error": e.to_json() }),
    }
}
