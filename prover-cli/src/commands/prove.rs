//! `eligo prove`: proofs of eligibility, many at once.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args;
use eligo_circuits::{
    claim::{self, Claim, ClaimError},
    groth16::{ProvingKey, Work},
    statement::HolderSecret,
};
use eligo_records::{civil::CivilDay, requirement::explain};
use eligo_verifier_contract::{
    Context, PreparedKey, Proof, VerifyingKey, digest, field, snarkjs, verify_inputs,
};
use rand_core::OsRng;
use rayon::prelude::*;
use serde_json::{Value, json};

use super::{
    explain::same_schema, explain::to_json, keys::milliseconds, requirement::signature,
    wallet::WalletArgs,
};
use crate::{
    console::Console,
    day,
    failure::{Attempt, Failure, Kind, shown},
    file::Source,
    folder,
    held::{self, Held},
    keyring::KeyFolder,
    progress::Progress,
    publication::Publication,
    schemas::SchemaArgs,
};

/// The proof.
pub const PROOF: &str = "proof.json";
/// Its public inputs.
pub const PUBLIC: &str = "public.json";
/// The key that verifies it.
pub const VERIFYING: &str = "verification_key.json";
const NAMES: [&str; 3] = [PROOF, PUBLIC, VERIFYING];

/// Prove that a record meets a requirement, without showing the record
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  eligo prove --wallet wallet.json --credential credential.json --requirement stroke.toml --keys keys -o proof\n\n\
    With several credentials or requirements, every pair is proved, over all processors, and DIR holds a folder\n\
    for each, named REQUIREMENT or REQUIREMENT--CREDENTIAL. Nothing is written for a record that is not eligible\n\
    (exit code 4)."
)]
pub struct Prove {
    #[command(flatten)]
    pub wallet: WalletArgs,
    /// A credential; may be repeated
    #[arg(long, value_name = "FILE", required = true)]
    pub credential: Vec<Source>,
    /// A requirement; may be repeated
    #[arg(long, value_name = "FILE", required = true)]
    pub requirement: Vec<Source>,
    #[command(flatten)]
    pub schemas: SchemaArgs,
    /// Folder of the requirements' keys
    #[arg(long, value_name = "DIR")]
    pub keys: PathBuf,
    /// Before using a key, rebuild its circuit and check every element of the key against it: do so once with
    /// keys that somebody else made
    #[arg(long)]
    pub check_keys: bool,
    /// Take the same time whatever the record holds, up to three times longer
    #[arg(long)]
    pub constant_work: bool,
    /// The day of the claim, YYYY-MM-DD; today (UTC) if not given
    #[arg(long, value_name = "DATE", value_parser = CivilDay::parse)]
    pub today: Option<CivilDay>,
    /// Whom and what the proof is for, at most 31 bytes (or a field element of 32) in hexadecimal; 0 if not given
    #[arg(long, value_name = "HEX", value_parser = parse_context, default_value = "00", hide_default_value = true)]
    pub context: Context,
    /// Folder for proof.json, public.json and verification_key.json
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Overwrite
    #[arg(long)]
    pub force: bool,
}

/// At most 31 bytes as a big-endian number, or 32 bytes below the field's modulus.
pub fn parse_context(text: &str) -> Result<Context, String> {
    let text = text.strip_prefix("0x").unwrap_or(text);
    let bytes =
        hex::decode(text).map_err(|_| "expected hexadecimal digits, two a byte".to_owned())?;
    if let Ok(whole) = <[u8; 32]>::try_from(bytes.as_slice()) {
        return Context::from_bytes(&whole).map_err(|e| e.to_string());
    }
    let start = 31usize
        .checked_sub(bytes.len())
        .ok_or_else(|| format!("{} bytes; expected at most 32", bytes.len()))?;
    let mut padded = [0; 31];
    for (to, from) in padded.iter_mut().skip(start).zip(&bytes) {
        *to = *from;
    }
    Ok(Context::from_field(digest::element(&padded)))
}

/// A requirement ready to be proved.
struct Offer {
    publication: Publication,
    statement: claim::Requirement,
    keys: KeyFolder,
}

/// A credential and a requirement, and where their proof goes.
struct Pair<'a> {
    held: &'a Held,
    offer: usize,
    folder: PathBuf,
}

/// A proof written.
pub struct Proved {
    /// Its folder.
    pub folder: PathBuf,
    /// The requirement's own identifier.
    pub requirement: String,
    /// Public input 2.
    pub nullifier: String,
    /// Bytes of the proof, compressed.
    pub proof_bytes: usize,
    /// How long it took, the witness included.
    pub elapsed_ms: f64,
}

/// Proves; the exit code, and what was proved.
pub fn run(args: &Prove, console: &Console) -> Attempt<u8> {
    let outcomes = prove(args, console)?;
    let results: Vec<Value> = outcomes.iter().map(outcome_json).collect();
    let failures: Vec<&Failure> = outcomes.iter().filter_map(|o| o.1.as_ref().err()).collect();
    for (_, outcome) in &outcomes {
        if let Ok(proved) = outcome {
            console.say(format!(
                "{}: proof of {}, {} bytes, {:.0} ms\nnullifier {}",
                shown(&proved.folder),
                proved.requirement,
                proved.proof_bytes,
                proved.elapsed_ms,
                proved.nullifier
            ));
        }
    }
    match failures.as_slice() {
        [] => {
            console.object(json!({ "proofs": results }));
            Ok(0)
        }
        [only] if outcomes.len() == 1 => Err((*only).clone()),
        many => {
            many.iter().for_each(|f| console.report(f));
            console.say(format!(
                "{} of {} proved",
                outcomes.len() - many.len(),
                outcomes.len()
            ));
            console.object(json!({ "proofs": results }));
            let worst = many
                .iter()
                .find(|f| f.kind() != Kind::NotEligible)
                .or(many.first());
            Ok(worst.map_or(0, |f| f.kind().code()))
        }
    }
}

/// A folder, and the proof in it or why there is none.
pub type Outcome = (PathBuf, Attempt<Proved>);

fn outcome_json((folder, outcome): &Outcome) -> Value {
    match outcome {
        Ok(p) => json!({
            "folder": shown(folder),
            "requirement": p.requirement,
            "nullifier": p.nullifier,
            "proof_bytes": p.proof_bytes,
            "prove_ms": p.elapsed_ms,
        }),
        Err(e) => json!({ "folder": shown(folder), "error": e.to_json() }),
    }
}

/// Proves every pair of a credential and a requirement.
pub fn prove(args: &Prove, console: &Console) -> Attempt<Vec<Outcome>> {
    let today = day::or_today(args.today)?;
    let schemas = args.schemas.read()?;
    let read = |r: &Source| offer(r, args, &schemas, today);
    let offers = args
        .requirement
        .iter()
        .map(read)
        .collect::<Attempt<Vec<Offer>>>()?;
    let read = |c: &Source| Held::read(c, &schemas, console);
    let held = args
        .credential
        .iter()
        .map(read)
        .collect::<Attempt<Vec<Held>>>()?;
    let pairs = pairs(args, &offers, &held)?;
    let wallet = args.wallet.open(console)?;
    let secret = held::secret(&wallet);

    // What cannot be claimed is known before any key is read.
    let claims: Vec<(Pair<'_>, Attempt<Stated>)> = pairs
        .into_par_iter()
        .map(|pair| {
            let claimed = offers
                .get(pair.offer)
                .ok_or_else(|| Failure::unexpected("a requirement went missing"))
                .and_then(|o| {
                    let start = Instant::now();
                    let (publication, statement) = (&o.publication, &o.statement);
                    claim(
                        publication,
                        statement,
                        pair.held,
                        &secret,
                        today,
                        args.context,
                    )
                    .map(|c| Stated(c, milliseconds(start)))
                });
            (pair, claimed)
        })
        .collect();
    let wanted: BTreeSet<usize> = claims
        .iter()
        .filter(|(_, c)| c.is_ok())
        .map(|(p, _)| p.offer)
        .collect();
    let keys: Vec<Option<Loaded>> = offers
        .par_iter()
        .enumerate()
        .map(|(i, o)| {
            wanted
                .contains(&i)
                .then(|| Loaded::read(o, args.check_keys))
                .transpose()
        })
        .collect::<Attempt<_>>()?;

    let progress = Progress::start(console, "Proving", claims.len());
    let one = |(pair, claimed): (Pair<'_>, Attempt<Stated>)| {
        progress.working_on(&shown(&pair.folder));
        let key = keys.get(pair.offer).and_then(Option::as_ref);
        let proved = claimed.and_then(|claim| match (key, offers.get(pair.offer)) {
            (Some(key), Some(offer)) => write_proof(offer, key, &claim, &pair.folder, args),
            _ => Err(Failure::unexpected("a key went missing")),
        });
        progress.advance();
        (pair.folder, proved)
    };
    Ok(claims.into_par_iter().map(one).collect())
}

/// A claim, and the milliseconds its witness took.
struct Stated(Claim, f64);

fn offer(
    source: &Source,
    args: &Prove,
    schemas: &[eligo_records::schema::Schema],
    today: CivilDay,
) -> Attempt<Offer> {
    let publication = Publication::read(source, schemas)?;
    let statement = publication.statement()?;
    // A signature beside it that is not over it: the requirement was altered.
    signature(&publication, None)?;
    publication.open_on(today)?;
    let keys = KeyFolder::find(&args.keys, publication.id())?;
    keys.matches(&publication, &statement, Kind::File)?;
    Ok(Offer {
        publication,
        statement,
        keys,
    })
}

fn pairs<'a>(args: &Prove, offers: &[Offer], held: &'a [Held]) -> Attempt<Vec<Pair<'a>>> {
    let mut pairs = Vec::new();
    let mut folders = BTreeSet::new();
    for (offer, o) in offers.iter().enumerate() {
        for h in held {
            let folder = match (offers.len(), held.len()) {
                (1, 1) => args.output.clone(),
                (_, 1) => args.output.join(o.publication.id()),
                _ => args
                    .output
                    .join(format!("{}--{}", o.publication.id(), stem(h.source()))),
            };
            folder::check(&folder, &NAMES, args.force)?;
            if !folders.insert(folder.clone()) {
                return Err(Failure::usage("two proofs would go into this folder")
                    .of(shown(&folder))
                    .help("give credentials with different file names, and requirements with different ids"));
            }
            pairs.push(Pair {
                held: h,
                offer,
                folder,
            });
        }
    }
    Ok(pairs)
}

fn stem(source: &Source) -> String {
    match source {
        Source::Stdin => "stdin".to_owned(),
        Source::File(path) => Path::file_stem(path)
            .map(|s| s.to_string_lossy().into_owned())
            .unwrap_or_else(|| "credential".to_owned()),
    }
}

/// The claim of a record's holder on a requirement, its witness with it.
///
/// # Errors
///
/// 4 if the record is not eligible, naming what fails; otherwise what is wrong with the credential.
pub fn claim(
    publication: &Publication,
    statement: &claim::Requirement,
    held: &Held,
    secret: &HolderSecret,
    today: CivilDay,
    context: Context,
) -> Attempt<Claim> {
    same_schema(held, publication)?;
    let claimed = statement.claim(held.credential(), secret, today, context);
    claimed.map_err(|e| match e {
        ClaimError::Use(e) => held.unusable(&e),
        ClaimError::NotEligible => not_eligible(publication, held, today),
        ClaimError::NotSealed => Failure::file(held.source(), e)
            .help("ask the hospital for a credential of a sealed record, or claim on a requirement of kind `count`"),
        ClaimError::Schema => Failure::file(held.source(), e),
        ClaimError::Statement => Failure::unexpected(e).of(publication.source()),
    })
}

/// Why a record does not meet a requirement.
pub fn not_eligible(publication: &Publication, held: &Held, today: CivilDay) -> Failure {
    let explanation = explain(publication.criteria(), held.credential().cells(), today);
    let failing: Vec<&str> = explanation
        .failing()
        .map(|f| f.criterion.as_str())
        .collect();
    let values: Vec<Value> = explanation.failing().map(to_json).collect();
    let detail: Vec<String> = values
        .iter()
        .map(|v| {
            let value = v
                .get("value")
                .and_then(Value::as_str)
                .unwrap_or("see `eligo explain`");
            let text = v.get("text").and_then(Value::as_str).unwrap_or_default();
            format!("  NO  {text}\n        {value}")
        })
        .collect();
    Failure::new(
        Kind::NotEligible,
        format!(
            "the record does not meet `{}` on {today}; what fails: {}",
            publication.id(),
            failing.join("; ")
        ),
    )
    .of(held.source())
    .showing(detail.join("\n"))
    .help("`eligo explain` shows every criterion; no proof was written")
}

/// The keys of an offer, in memory.
struct Loaded {
    proving: ProvingKey,
    verifying: VerifyingKey,
    prepared: PreparedKey,
}

impl Loaded {
    fn read(offer: &Offer, check: bool) -> Attempt<Self> {
        let proving = if check {
            super::keys::checked_whole(&offer.publication, &offer.statement, &offer.keys)?
        } else {
            offer.keys.proving_key()?
        };
        let verifying = offer.keys.verifying_key()?;
        Ok(Self {
            proving,
            prepared: PreparedKey::new(verifying.clone()),
            verifying,
        })
    }
}

fn write_proof(
    offer: &Offer,
    keys: &Loaded,
    Stated(claim, witness_ms): &Stated,
    folder: &Path,
    args: &Prove,
) -> Attempt<Proved> {
    let start = Instant::now();
    let work = if args.constant_work {
        Work::Constant
    } else {
        Work::Least
    };
    let proof = keys
        .proving
        .prove_with(work, &claim.assignment, &mut OsRng)
        .map_err(|e| {
            Failure::file(shown(offer.keys.path()), e)
                .help("the keys are not of this requirement; check them: eligo keys check")
        })?;
    let proof = Proof::new(proof.a, proof.b, proof.c).map_err(Failure::unexpected)?;
    let elapsed_ms = witness_ms + milliseconds(start);
    let inputs = claim.inputs.to_field_elements();
    // A proof that does not verify says something of the witness to whoever gets it, and helps nobody.
    verify_inputs(&keys.prepared, &proof, &inputs).map_err(|e| {
        Failure::unexpected(format!("the proof just made is refused: {e}"))
            .of(shown(offer.keys.path()))
            .help("check the keys: eligo keys check; nothing was written")
    })?;
    let parts = [
        (PROOF, snarkjs::write_proof(&proof).into_bytes()),
        (PUBLIC, snarkjs::write_public(&inputs).into_bytes()),
        (VERIFYING, snarkjs::write_key(&keys.verifying).into_bytes()),
    ];
    folder::write(folder, &parts, args.force)?;
    Ok(Proved {
        folder: folder.to_owned(),
        requirement: offer.publication.id().to_owned(),
        nullifier: field::to_decimal(&claim.inputs.nullifier.to_field()),
        proof_bytes: proof.to_bytes().len(),
        elapsed_ms,
    })
}
