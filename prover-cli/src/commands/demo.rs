//! `eligo demo`: the whole path on the shipped patients, every artefact left behind.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args;
use eligo_records::{civil::CivilDay, requirement::Requirement};
use eligo_sharing::wallet::Visit;
use eligo_verifier_contract::field;
use serde_json::json;

use super::{
    explain::{self, Explain},
    hospital::{self, Issue},
    institution,
    keys::{self, milliseconds, size},
    prove::{self, Prove, parse_context},
    requirement,
    verify::{self, Verify},
    wallet::{self, CostArgs, WalletArgs},
};
use crate::{
    console::Console,
    failure::{Attempt, Failure, Kind, shown},
    file::{self, Access, Source, Target},
    passphrase::PassphraseArgs,
    publication::Publication,
    schemas::SchemaArgs,
};

const ELIGIBLE: &str = include_str!("../../../fixtures/fhir/marta-nowak.json");
const NOT_ELIGIBLE: &str = include_str!("../../../fixtures/fhir/nora-o'dwyer.json");
const STROKE: &str = include_str!("../../demo/stroke.toml");
/// The day on which the synthetic patients' records are current.
const TODAY: &str = "2021-06-01";
/// The account that the proof is bound to.
const CONTEXT: &str = "656c69676f2064656d6f";

/// The whole path on shipped, synthetic patients: issue, publish, make keys, prove, verify
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  eligo demo --out tour\n\n\
    Leaves every file in the folder, and shows the commands that made them.")]
pub struct Demo {
    /// Folder for everything that is made; a fresh temporary one if not given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Use the folder even if it holds files of an earlier run, which are overwritten
    #[arg(long)]
    force: bool,
}

/// Runs the demonstration.
pub fn run(args: &Demo, console: &Console) -> Attempt<u8> {
    let folder = folder(args)?;
    let tour = Tour {
        folder,
        force: args.force,
        today: CivilDay::parse(TODAY).map_err(Failure::unexpected)?,
        console,
        silent: Console::silent(),
    };
    console.say(format!(
        "A patient proves to a research institute that a hospital-signed record meets its requirement,\n\
         without showing the record. Synthetic patients; the day is {TODAY}. Files: {}\n",
        shown(&tour.folder)
    ));
    tour.issue()?;
    tour.publish()?;
    let figures = tour.prove()?;
    console.say(format!(
        "\nThe institute saw the proof, the day, and a nullifier: this person's only claim on this requirement,\n\
         unlinkable to claims on others. It did not see who, nor any value. Look around in {}",
        shown(&tour.folder)
    ));
    console.object(figures);
    Ok(0)
}

fn folder(args: &Demo) -> Attempt<PathBuf> {
    let Some(folder) = &args.out else {
        let fresh = tempfile::Builder::new().prefix("eligo-demo-").tempdir();
        return fresh
            .map(tempfile::TempDir::keep)
            .map_err(|e| Failure::unexpected(file::plain(&e)));
    };
    fs::create_dir_all(folder).map_err(|e| file::unwritable(folder, &e))?;
    let taken = fs::read_dir(folder)
        .map_err(|e| file::unreadable(folder, &e))?
        .next()
        .is_some();
    if taken && !args.force {
        return Err(
            Failure::usage("the folder is not empty; nothing was written")
                .of(shown(folder))
                .help(
                    "name another folder, or add --force to overwrite the files of an earlier run",
                ),
        );
    }
    Ok(folder.clone())
}

/// The demonstration under way.
struct Tour<'a> {
    folder: PathBuf,
    force: bool,
    today: CivilDay,
    console: &'a Console,
    silent: Console,
}

impl Tour<'_> {
    /// Hospital, two patients, two credentials.
    fn issue(&self) -> Attempt<()> {
        self.step(
            "hospital keygen",
            "the hospital's signing keys",
            "hospital.key",
            || {
                hospital::keygen(
                    "Municipal Hospital",
                    &self.target("hospital.key"),
                    self.force,
                    &self.silent,
                )
            },
        )?;
        self.step(
            "hospital public",
            "which everyone may know",
            "hospital.pub",
            || {
                let key = self.source("hospital.key");
                hospital::public(&key, &self.target("hospital.pub"), self.force, &self.silent)
            },
        )?;
        self.write(
            "passphrase",
            b"correct horse battery staple\n",
            Access::Secret,
        )?;
        for (name, bundle) in [("marta", ELIGIBLE), ("nora", NOT_ELIGIBLE)] {
            self.write(
                &format!("{name}.bundle.json"),
                bundle.as_bytes(),
                Access::Public,
            )?;
            let wallet = format!("{name}.wallet");
            self.step(
                "wallet new",
                "on the patient's device, encrypted",
                &wallet,
                || {
                    let (target, passphrase) = (self.target(&wallet), self.passphrase());
                    wallet::make(
                        &target,
                        &passphrase,
                        &CostArgs::low(),
                        self.force,
                        &self.silent,
                    )
                },
            )?;
            let holder = format!("{name}.holder.json");
            self.step(
                "wallet holder",
                "what the hospital is told",
                &holder,
                || {
                    let wallet = self.wallet(name);
                    wallet::holder(
                        &wallet,
                        None,
                        Visit::FIRST,
                        &self.target(&holder),
                        self.force,
                        &self.silent,
                    )
                },
            )?;
            let credential = format!("{name}.credential.json");
            self.step(
                "hospital issue",
                "the FHIR bundle as a signed record",
                &credential,
                || hospital::issue_credential(&self.issue_args(name), &self.silent).map(|_| ()),
            )?;
        }
        Ok(())
    }

    /// The institute's requirement, signed, and its keys.
    fn publish(&self) -> Attempt<()> {
        self.step(
            "institution keygen",
            "the institute's signing key",
            "institute.key",
            || {
                institution::keygen(
                    "Institute for Stroke Research",
                    &self.target("institute.key"),
                    self.force,
                    &self.silent,
                )
            },
        )?;
        let mut document = Requirement::from_toml(STROKE)
            .map_err(Failure::unexpected)?
            .document()
            .clone();
        let hospital = crate::publication::read_issuer(&self.source("hospital.pub"))?;
        document.issuers = vec![hospital.schnorr().to_hex()];
        let requirement = Requirement::try_from(document).map_err(Failure::unexpected)?;
        self.write(
            "stroke.toml",
            requirement.to_toml().as_bytes(),
            Access::Public,
        )?;
        for line in requirement.expression().source().trim().lines() {
            self.console.say(format!("{:13}{line}", ""));
        }
        self.step(
            "requirement sign",
            "so that everyone knows whose it is",
            "stroke.toml.sig",
            || {
                let key = self.source("institute.key");
                requirement::sign(
                    &self.source("stroke.toml"),
                    &SchemaArgs::default(),
                    &key,
                    None,
                    self.force,
                    &self.silent,
                )
            },
        )
    }

    /// Keys, a proof by one patient, a refusal for the other, and verification.
    fn prove(&self) -> Attempt<serde_json::Value> {
        let publication = Publication::read(&self.source("stroke.toml"), &[])?;
        let start = Instant::now();
        let made = keys::generate(
            &[publication],
            &self.path("keys"),
            None,
            self.force,
            &self.silent,
        )?;
        let [made] = made.as_slice() else {
            return Err(Failure::unexpected("one requirement, other than one key"));
        };
        self.line(
            start,
            "keys generate",
            &format!(
                "keys/stroke: {} constraints, proving key {}, verifying key {}",
                made.constraints,
                size(made.written.proving as u64),
                size(made.written.verifying as u64)
            ),
        );

        let start = Instant::now();
        let exit = explain::run(&self.explain_args("marta"), &self.silent)?;
        self.line(
            start,
            "explain",
            &format!("marta, on her device: eligible (exit {exit})"),
        );
        let start = Instant::now();
        let refusal = self.refused(prove::prove(
            &self.prove_args("nora", "nora.proof"),
            &self.silent,
        )?)?;
        self.line(
            start,
            "prove",
            &format!(
                "nora: {} (exit {}); nothing is written",
                refusal.what(),
                refusal.kind().code()
            ),
        );

        let start = Instant::now();
        let mut proved = prove::prove(&self.prove_args("marta", "marta.proof"), &self.silent)?;
        let proved = proved
            .pop()
            .ok_or_else(|| Failure::unexpected("no proof was made"))?
            .1?;
        self.line(
            start,
            "prove",
            &format!(
                "marta.proof: {} bytes, made in {} ms",
                proved.proof_bytes, proved.elapsed_ms
            ),
        );
        let start = Instant::now();
        let verified = verify::verify(&self.verify_args("marta.proof"))?;
        let accepted = verified
            .proofs
            .into_iter()
            .next()
            .ok_or_else(|| Failure::unexpected("no proof was read"))?
            .outcome?;
        self.line(
            start,
            "verify",
            &format!(
                "the institute: valid, checked in {} ms",
                verified.elapsed_ms
            ),
        );
        self.console
            .say(format!("{:13}nullifier {}", "", accepted.inputs.nullifier));

        let start = Instant::now();
        let tampered = self.tampered()?;
        self.line(
            start,
            "verify",
            &format!(
                "a copy with one public input altered: {} (exit {})",
                tampered.what(),
                tampered.kind().code()
            ),
        );
        Ok(json!({
            "status": "ok",
            "out": shown(&self.folder),
            "requirement": accepted.requirement,
            "constraints": made.constraints,
            "proving_key_bytes": made.written.proving,
            "verification_key_bytes": made.written.verifying,
            "keygen_ms": made.elapsed_ms,
            "prove_ms": proved.elapsed_ms,
            "proof_bytes": proved.proof_bytes,
            "verify_ms": verified.elapsed_ms,
            "valid": true,
            "nullifier": field::to_decimal(&accepted.inputs.nullifier.to_field()),
            "ineligible_exit": refusal.kind().code(),
            "tampered_exit": tampered.kind().code(),
        }))
    }

    /// The failure that must be there.
    fn refused(&self, outcomes: Vec<prove::Outcome>) -> Attempt<Failure> {
        match outcomes.into_iter().next() {
            Some((_, Err(failure))) if failure.kind() == Kind::NotEligible => Ok(failure),
            Some((_, Err(failure))) => Err(failure),
            _ => Err(Failure::unexpected(
                "a record that is not eligible was proved",
            )),
        }
    }

    /// Verifies a copy of the proof whose context was altered.
    fn tampered(&self) -> Attempt<Failure> {
        let copy = self.path("tampered.proof");
        fs::create_dir_all(&copy).map_err(|e| file::unwritable(&copy, &e))?;
        let proof = Source::File(self.path("marta.proof").join(prove::PROOF)).read(1 << 20)?;
        let public =
            Source::File(self.path("marta.proof").join(prove::PUBLIC)).read_text(1 << 20)?;
        let context = parse_context(CONTEXT)
            .map_err(Failure::unexpected)?
            .to_string();
        let altered = public.replace(&context, "1");
        self.write("tampered.proof/proof.json", &proof, Access::Public)?;
        self.write(
            "tampered.proof/public.json",
            altered.as_bytes(),
            Access::Public,
        )?;
        let verified = verify::verify(&self.verify_args("tampered.proof"))?;
        match verified.proofs.into_iter().next().map(|j| j.outcome) {
            Some(Err(failure)) => Ok(failure),
            _ => Err(Failure::unexpected("an altered proof was accepted")),
        }
    }

    fn issue_args(&self, name: &str) -> Issue {
        Issue {
            key: self.source("hospital.key"),
            schema: "core".to_owned(),
            holder: self.source(&format!("{name}.holder.json")),
            record: vec![self.source(&format!("{name}.bundle.json"))],
            patient: None,
            issued: Some(self.today),
            until: Some(self.today),
            valid_months: 12,
            incomplete: Vec::new(),
            output: self.target(&format!("{name}.credential.json")),
            report: Some(self.target(&format!("{name}.report.json"))),
            sealing: hospital::SealingArgs::default(),
            force: self.force,
        }
    }

    fn explain_args(&self, name: &str) -> Explain {
        Explain {
            wallet: self.wallet(name),
            credential: self.source(&format!("{name}.credential.json")),
            requirement: self.source("stroke.toml"),
            schemas: SchemaArgs::default(),
            today: Some(self.today),
        }
    }

    fn prove_args(&self, name: &str, output: &str) -> Prove {
        Prove {
            wallet: self.wallet(name),
            credential: vec![self.source(&format!("{name}.credential.json"))],
            requirement: vec![self.source("stroke.toml")],
            schemas: SchemaArgs::default(),
            keys: self.path("keys"),
            check_keys: false,
            constant_work: false,
            today: Some(self.today),
            context: parse_context(CONTEXT)
                .unwrap_or(eligo_verifier_contract::Context::from_field(0.into())),
            output: self.path(output),
            force: self.force,
        }
    }

    fn verify_args(&self, proof: &str) -> Verify {
        Verify {
            requirement: vec![self.source("stroke.toml")],
            schemas: SchemaArgs::default(),
            keys: Some(self.path("keys")),
            vk: None,
            proof: vec![self.path(proof)],
            public: None,
            issuers: Some(self.source("hospital.pub")),
            today: Some(self.today),
            context: parse_context(CONTEXT).ok(),
        }
    }

    fn wallet(&self, name: &str) -> WalletArgs {
        WalletArgs::new(self.source(&format!("{name}.wallet")), self.passphrase())
    }

    fn passphrase(&self) -> PassphraseArgs {
        PassphraseArgs::from_file(self.source("passphrase"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn source(&self, name: &str) -> Source {
        Source::File(self.path(name))
    }

    fn target(&self, name: &str) -> Target {
        Target::File(self.path(name))
    }

    fn write(&self, name: &str, bytes: &[u8], access: Access) -> Attempt<()> {
        file::write(&self.path(name), bytes, access, self.force)
    }

    /// Does a step, and says what it made.
    fn step(
        &self,
        command: &str,
        what: &str,
        file: &str,
        doing: impl FnOnce() -> Attempt<()>,
    ) -> Attempt<()> {
        let start = Instant::now();
        doing()?;
        let bytes = fs::metadata(Path::new(&self.path(file))).map_or(0, |m| m.len());
        self.line(start, command, &format!("{file}, {}: {what}", size(bytes)));
        Ok(())
    }

    fn line(&self, start: Instant, command: &str, text: &str) {
        let took = format!("{:.0} ms", milliseconds(start));
        self.console
            .say(format!("{took:>9}    {command:20} {text}"));
    }
}
