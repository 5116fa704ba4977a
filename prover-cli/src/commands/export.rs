//! `eligo export`: circuits for other tools.

use clap::Subcommand;
use eligo_circuits::{
    groth16::snarkjs::{write_r1cs, write_wtns},
    r1cs::{Matrix, R1cs},
};
use eligo_records::civil::CivilDay;
use eligo_verifier_contract::{Context, Fr, PublicInputs, field, solidity};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    prove::{claim, parse_context},
    wallet::WalletArgs,
};
use crate::{
    circuit::Circuit,
    console::Console,
    day,
    failure::{Attempt, Failure},
    file::{Access, Source, Target},
    held::{self, Held},
    keyring,
    publication::Publication,
    schemas::SchemaArgs,
};

/// Circuits for other tools
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Write a requirement's circuit as `.r1cs`, for a set-up with snarkjs
    #[command(
        after_help = "Example:\n  eligo export r1cs --requirement stroke.toml -o stroke.r1cs"
    )]
    R1cs {
        #[command(flatten)]
        common: Common,
    },
    /// Write the witness of a claim as `.wtns`, for a prover of snarkjs's kind. It holds the record and the
    /// holder's secret: keep it as you keep the wallet, and delete it when the proof is made
    #[command(
        after_help = "Example:\n  eligo export wtns --wallet wallet.json --credential credential.json --requirement stroke.toml -o stroke.wtns"
    )]
    Wtns(Wtns),
    /// Write a verifying key as Solidity: a verifier, and with --gate the gate that takes claims
    #[command(
        after_help = "Example:\n  eligo export solidity --vk keys/stroke/verification_key.json -o Groth16Verifier.sol"
    )]
    Solidity(Solidity),
    /// Write a requirement's constraints as JSON: names of the public inputs, counts by part, the three matrices
    #[command(
        after_help = "Example:\n  eligo export constraints --requirement stroke.toml -o constraints.json"
    )]
    Constraints {
        #[command(flatten)]
        common: Common,
    },
}

#[derive(clap::Args, Debug)]
pub struct Common {
    /// The requirement
    #[arg(long, value_name = "FILE")]
    requirement: Source,
    #[command(flatten)]
    schemas: SchemaArgs,
    /// The file to write
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

#[derive(clap::Args, Debug)]
pub struct Wtns {
    #[command(flatten)]
    wallet: WalletArgs,
    /// A credential
    #[arg(long, value_name = "FILE")]
    credential: Source,
    #[command(flatten)]
    common: Common,
    /// The day of the claim, YYYY-MM-DD; today (UTC) if not given
    #[arg(long, value_name = "DATE", value_parser = CivilDay::parse)]
    today: Option<CivilDay>,
    /// Whom and what the proof is for, as with `prove`
    #[arg(long, value_name = "HEX", value_parser = parse_context, default_value = "00", hide_default_value = true)]
    context: Context,
}

#[derive(clap::Args, Debug)]
pub struct Solidity {
    /// The verifying key, a verification_key.json
    #[arg(long, value_name = "VK.json")]
    vk: Source,
    /// Add the contract that takes claims: one for each nullifier, bound to sender, chain and contract
    #[arg(long)]
    gate: bool,
    /// The file to write
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

pub fn run(command: Command, console: &Console) -> Attempt<u8> {
    match command {
        Command::R1cs { common } => r1cs(&common, console)?,
        Command::Wtns(args) => wtns(&args, console)?,
        Command::Solidity(args) => contract(&args, console)?,
        Command::Constraints { common } => constraints(&common, console)?,
    }
    Ok(0)
}

impl Common {
    fn write(
        &self,
        bytes: &[u8],
        access: Access,
        what: &str,
        r1cs: &R1cs,
        console: &Console,
    ) -> Attempt<()> {
        if self.output.is_stdout() {
            console.leave_stdout();
        }
        self.output.write(bytes, access, self.force)?;
        console.say(format!(
            "{}: {what}, {} constraints, {} bytes",
            self.output,
            r1cs.constraints(),
            bytes.len()
        ));
        console.object(json!({
            "file": self.output.to_string(),
            "bytes": bytes.len(),
            "constraints": r1cs.constraints(),
        }));
        Ok(())
    }
}

fn r1cs(common: &Common, console: &Console) -> Attempt<()> {
    common.output.check(common.force)?;
    let publication = Publication::read(&common.requirement, &common.schemas.read()?)?;
    let (r1cs, _) = publication.statement()?.statement().shape();
    let mut bytes = Vec::new();
    write_r1cs(&r1cs, &mut bytes).map_err(Failure::unexpected)?;
    common.write(&bytes, Access::Public, "circuit", &r1cs, console)
}

fn wtns(args: &Wtns, console: &Console) -> Attempt<()> {
    let common = &args.common;
    common.output.check(common.force)?;
    let today = day::or_today(args.today)?;
    let schemas = common.schemas.read()?;
    let publication = Publication::read(&common.requirement, &schemas)?;
    let statement = publication.statement()?;
    let held = Held::read(&args.credential, &schemas, console)?;
    let secret = held::secret(&args.wallet.open(console)?);
    let claim = claim(
        &publication,
        &statement,
        &held,
        &secret,
        today,
        args.context,
    )?;
    let (r1cs, _) = statement.statement().shape();
    let mut bytes = Zeroizing::new(Vec::new());
    write_wtns(&claim.assignment, &mut *bytes).map_err(Failure::unexpected)?;
    common.write(&bytes, Access::Secret, "witness", &r1cs, console)?;
    console.warn(
        "the witness shows the record and the holder's secret: delete it when the proof is made",
    );
    Ok(())
}

fn contract(args: &Solidity, console: &Console) -> Attempt<()> {
    args.output.check(args.force)?;
    let key = keyring::read_verifying(&args.vk)?;
    let source = if args.gate {
        solidity::gate(&key)
    } else {
        solidity::verifier(&key)
    };
    let source = source.map_err(|e| Failure::file(&args.vk, e))?;
    if args.output.is_stdout() {
        console.leave_stdout();
    }
    args.output
        .write(source.as_bytes(), Access::Public, args.force)?;
    let contract = if args.gate {
        "EligibilityGate"
    } else {
        "Groth16Verifier"
    };
    console.say(format!(
        "{}: contract {contract}, key {}",
        args.output,
        key.digest()
    ));
    console.object(json!({
        "file": args.output.to_string(),
        "contract": contract,
        "public_inputs": key.inputs(),
        "verifying_key": key.digest().to_string(),
    }));
    Ok(())
}

fn constraints(common: &Common, console: &Console) -> Attempt<()> {
    common.output.check(common.force)?;
    let publication = Publication::read(&common.requirement, &common.schemas.read()?)?;
    let statement = publication.statement()?;
    let shape = statement.statement().shape();
    let circuit = Circuit::of(&publication, &statement, &shape);
    let r1cs = &shape.0;
    let rows = |m: &Matrix| -> Value {
        (0..m.rows())
            .map(|row| {
                m.row(row)
                    .map(|(column, value): (u32, Fr)| json!([column, field::to_decimal(&value)]))
                    .collect::<Value>()
            })
            .collect()
    };
    let object = json!({
        "version": 1,
        "circuit": circuit,
        "public_inputs": PublicInputs::NAMES,
        "columns": { "one": 1, "public": r1cs.instance - 1, "witness": r1cs.witness },
        "a": rows(&r1cs.a),
        "b": rows(&r1cs.b),
        "c": rows(&r1cs.c),
    });
    let text = format!("{object}\n");
    common.write(
        text.as_bytes(),
        Access::Public,
        "constraints",
        r1cs,
        console,
    )
}
