//! The files of iden3's tools, written and read from their format descriptions: `.r1cs` and `.wtns` out, `.zkey`
//! in. With them a ceremony run by snarkjs serves a circuit made here.
//!
//! All are sections in an envelope: four letters, a version, the number of sections, and for each its kind (4
//! bytes), its length (8 bytes) and its content. Integers are little-endian.

mod zkey;

use std::io::{self, Write};

use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};

pub use zkey::{ImportError, ImportedSection};

use crate::r1cs::R1cs;

/// Writes the system in iden3's `.r1cs` format, version 1. Public inputs are circuit inputs, not outputs.
///
/// # Errors
///
/// The writer's.
pub fn write_r1cs(system: &R1cs, mut out: impl Write) -> io::Result<()> {
    let wires = system.columns() as u32;
    let mut header = Vec::new();
    put_field(&mut header);
    for count in [wires, 0, system.instance.saturating_sub(1), system.witness] {
        header.extend_from_slice(&count.to_le_bytes());
    }
    header.extend_from_slice(&u64::from(wires).to_le_bytes());
    header.extend_from_slice(&(system.constraints() as u32).to_le_bytes());

    let mut constraints = Vec::new();
    for row in 0..system.constraints() {
        for matrix in [&system.a, &system.b, &system.c] {
            constraints.extend_from_slice(&(matrix.row(row).count() as u32).to_le_bytes());
            for (column, value) in matrix.row(row) {
                constraints.extend_from_slice(&column.to_le_bytes());
                put_element(&value, &mut constraints);
            }
        }
    }
    let labels: Vec<u8> = (0..u64::from(wires)).flat_map(u64::to_le_bytes).collect();
    out.write_all(b"r1cs")?;
    out.write_all(&1u32.to_le_bytes())?;
    write_sections(&[(1, &header), (2, &constraints), (3, &labels)], out)
}

/// Writes a full assignment in iden3's `.wtns` format, version 2. The file is as secret as the witness.
///
/// # Errors
///
/// The writer's.
pub fn write_wtns(z: &[Fr], mut out: impl Write) -> io::Result<()> {
    let mut header = Vec::new();
    put_field(&mut header);
    header.extend_from_slice(&(z.len() as u32).to_le_bytes());
    let mut values = zeroize::Zeroizing::new(Vec::with_capacity(32 * z.len()));
    for value in z {
        put_element(value, &mut values);
    }
    out.write_all(b"wtns")?;
    out.write_all(&2u32.to_le_bytes())?;
    write_sections(&[(1, &header), (2, &values)], out)
}

fn write_sections(sections: &[(u32, &[u8])], mut out: impl Write) -> io::Result<()> {
    out.write_all(&(sections.len() as u32).to_le_bytes())?;
    for (kind, content) in sections {
        out.write_all(&kind.to_le_bytes())?;
        out.write_all(&(content.len() as u64).to_le_bytes())?;
        out.write_all(content)?;
    }
    Ok(())
}

/// The scalar field's size in bytes, and its prime.
fn put_field(out: &mut Vec<u8>) {
    out.extend_from_slice(&32u32.to_le_bytes());
    out.extend_from_slice(&Fr::MODULUS.to_bytes_le());
}

fn put_element(value: &Fr, out: &mut Vec<u8>) {
    for limb in value.into_bigint().0 {
        out.extend_from_slice(&limb.to_le_bytes());
    }
}
