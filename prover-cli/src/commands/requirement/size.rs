//! `eligo requirement size`: how large a circuit is, before any key is made.

use eligo_circuits::{
    issuer::IssuerKey,
    jubjub::Point,
    r1cs::{Matrix, R1cs},
};
use rand_core::OsRng;
use serde_json::json;

use crate::{
    circuit::Constraints,
    commands::keys::size,
    console::Console,
    failure::{Attempt, Failure},
    file::Source,
    publication::Publication,
    schemas::SchemaArgs,
};

const G1_BYTES: u64 = 64;
const G2_BYTES: u64 = 128;

pub fn print(file: &Source, schemas: &SchemaArgs, console: &Console) -> Attempt<()> {
    let publication = Publication::read(file, &schemas.read()?)?;
    let draft = publication.is_draft();
    let statement = if draft {
        console.warn(format!(
            "{file}: a draft; sized as if it accepted one issuer"
        ));
        publication.statement_for(vec![some_issuer()?])?
    } else {
        publication.statement()?
    };
    let (r1cs, parts) = statement.statement().shape();
    let constraints = Constraints::of(&parts);
    let domain = (r1cs.constraints() + r1cs.instance as usize).next_power_of_two();
    let key_bytes = key_estimate(&r1cs, domain as u64);
    console.say(format!(
        "{}: {} constraints, domain 2^{}, proving key about {}",
        publication.id(),
        constraints.total,
        domain.trailing_zeros(),
        size(key_bytes)
    ));
    for (name, count) in &constraints.parts {
        console.say(format!("  {name:12} {count:>7}"));
    }
    console.object(json!({
        "requirement": publication.id(),
        "schema": publication.schema().name(),
        "issuers": publication.issuers().len(),
        "sized_for_one_issuer": draft,
        "constraints": constraints,
        "public_inputs": r1cs.instance - 1,
        "witness": r1cs.witness,
        "domain": domain,
        "proving_key_bytes_estimate": key_bytes,
    }));
    Ok(())
}

/// A key with which a circuit for one issuer has its usual size.
fn some_issuer() -> Attempt<Point> {
    let key = IssuerKey::generate("any", &mut OsRng).map_err(Failure::unexpected)?;
    Ok(*key.public().schnorr())
}

/// Group elements of the columns that occur, one of the domain's each, and about four bytes an entry.
fn key_estimate(r1cs: &R1cs, domain: u64) -> u64 {
    let occurring = |matrices: &[&Matrix]| {
        let mut seen = vec![false; r1cs.columns()];
        for matrix in matrices {
            for (column, _) in (0..matrix.rows()).flat_map(|r| matrix.row(r)) {
                if let Some(seen) = seen.get_mut(column as usize) {
                    *seen = true;
                }
            }
        }
        seen.iter().filter(|s| **s).count() as u64
    };
    let entries: usize = [&r1cs.a, &r1cs.b, &r1cs.c]
        .iter()
        .map(|m| (0..m.rows()).map(|r| m.row(r).count()).sum::<usize>())
        .sum();
    let g1 = occurring(&[&r1cs.a]) + u64::from(r1cs.witness) + domain;
    G1_BYTES * g1 + G2_BYTES * occurring(&[&r1cs.b]) + 4 * entries as u64
}
