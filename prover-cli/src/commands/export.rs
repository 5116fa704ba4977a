//! `eligo export`: circuits for other tools.

use clap::Subcommand;
use eligo_circuits::{
    groth16::snarkjs::write_r1cs,
    r1cs::{Matrix, R1cs},
};
use eligo_verifier_contract::{Fr, PublicInputs, field};
use serde_json::{Value, json};

use crate::{
    circuit::Circuit,
    console::Console,
    failure::{Attempt, Failure},
    file::{Access, Source, Target},
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

pub fn run(command: Command, console: &Console) -> Attempt<u8> {
    match command {
        Command::R1cs { common } => r1cs(&common, console)?,
        Command::Constraints { common } => constraints(&common, console)?,
    }
    Ok(0)
}

impl Common {
    fn write(&self, bytes: &[u8], what: &str, r1cs: &R1cs, console: &Console) -> Attempt<()> {
        if self.output.is_stdout() {
            console.leave_stdout();
        }
        self.output.write(bytes, Access::Public, self.force)?;
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
    common.write(&bytes, "circuit", &r1cs, console)
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
    common.write(text.as_bytes(), "constraints", r1cs, console)
}
