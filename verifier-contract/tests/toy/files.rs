//! The files under `fixtures/vk`, made from fixed seeds.

use ark_bn254::{Fq12, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use eligo_verifier_contract::{KeyParts, field::to_decimal, snarkjs};

use super::{Toy, bad, inputs};

/// Every file's path below `fixtures/vk` and its content.
pub fn all() -> Vec<(String, String)> {
    let mut toy = Toy::new(6, 100);
    let elements = inputs().to_field_elements();
    let proof = toy.prove(&elements);
    let mut files = folder(
        "good",
        snarkjs::write_key(&toy.key()),
        snarkjs::write_proof(&proof),
        &elements,
    );
    for bad in bad::all() {
        let proof = snarkjs::write_proof(&bad.proof);
        files.extend(folder(bad.name, unlinted(&bad.key), proof, &bad.inputs));
    }
    files
}

fn folder(name: &str, key: String, proof: String, inputs: &[Fr]) -> Vec<(String, String)> {
    let path = |file: &str| format!("{name}/{file}");
    vec![
        (path("verification_key.json"), key),
        (path("proof.json"), proof),
        (path("public.json"), snarkjs::write_public(inputs)),
    ]
}

/// A `verification_key.json` of a key that the library refuses to write.
fn unlinted(key: &KeyParts) -> String {
    let g1 = |p: &G1Affine| match p.xy() {
        Some((x, y)) => format!("[\"{}\", \"{}\", \"1\"]", to_decimal(&x), to_decimal(&y)),
        None => String::from("[\"0\", \"1\", \"0\"]"),
    };
    let fq2 =
        |x: &ark_bn254::Fq2| format!("[\"{}\", \"{}\"]", to_decimal(&x.c0), to_decimal(&x.c1));
    let g2 = |p: &G2Affine| format!("[{}, {}, [\"1\", \"0\"]]", fq2(&p.x), fq2(&p.y));
    let pairing = <ark_bn254::Bn254 as ark_ec::pairing::Pairing>::pairing(key.alpha, key.beta).0;
    let fq12 = |x: &Fq12| {
        let half = |h: &ark_bn254::Fq6| format!("[{}, {}, {}]", fq2(&h.c0), fq2(&h.c1), fq2(&h.c2));
        format!("[{}, {}]", half(&x.c0), half(&x.c1))
    };
    let ic: Vec<String> = key.ic.iter().map(|p| format!("  {}", g1(p))).collect();
    let fields = [
        ("protocol", String::from("\"groth16\"")),
        ("curve", String::from("\"bn128\"")),
        ("nPublic", format!("{}", key.ic.len() - 1)),
        ("vk_alpha_1", g1(&key.alpha)),
        ("vk_beta_2", g2(&key.beta)),
        ("vk_gamma_2", g2(&key.gamma)),
        ("vk_delta_2", g2(&key.delta)),
        ("vk_alphabeta_12", fq12(&pairing)),
        ("IC", format!("[\n{}\n ]", ic.join(",\n"))),
    ];
    let lines: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!(" \"{name}\": {value}"))
        .collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}
