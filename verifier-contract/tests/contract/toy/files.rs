//! The files under `fixtures/vk` and `fixtures/evm`, made from fixed seeds.

use ark_bn254::{Fq12, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use eligo_verifier_contract::{
    Day, KeyParts, Sealed,
    field::{to_be_bytes, to_decimal},
    snarkjs, solidity,
};

use super::{Toy, bad, inputs};

/// Every file's path below `fixtures` and its content.
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
    let gate = solidity::gate(&toy.key()).unwrap();
    files.push((String::from("evm/EligibilityGate.sol"), gate));
    files.push((String::from("evm/claim.json"), claim(&mut toy)));
    files
}

/// Deployment and claim for a development chain: number 31337, first account of the well-known
/// mnemonic, whose first contract this is.
fn claim(toy: &mut Toy) -> String {
    const ACCOUNT: &str = "f39fd6e51aad88f6f4ce6ab8827279cfffb92266";
    const CONTRACT: &str = "5fbdb2315678afecb367f032d93f642f64180aa3";
    const SELECTOR: &str = "63db9da2";
    const TIME_S: u64 = 4_102_488_000; // 2100-01-01 12:00 UTC
    let grant = [7; 32];
    let mut inputs = inputs();
    inputs.sealed = Sealed::NONE;
    inputs.today = Day::from_unix(TIME_S).unwrap();
    inputs.context = solidity::context(31_337, &unhex(CONTRACT), &unhex(ACCOUNT), &grant);
    let proof = toy.prove(&inputs.to_field_elements());
    let mut data = proof.to_uncompressed_bytes().to_vec();
    data.extend(inputs.nullifier.to_bytes());
    data.extend(inputs.sealed.to_bytes());
    data.extend(to_be_bytes(&inputs.today.to_field()));
    data.extend(grant);
    let arguments = [
        inputs.requirement.to_bytes(),
        inputs.issuers.to_bytes(),
        [0; 32],
    ]
    .concat();
    format!(
        "{{\n \"chainId\": 31337,\n \"timestamp\": {TIME_S},\n \"account\": \"0x{ACCOUNT}\",\n \
         \"contract\": \"0x{CONTRACT}\",\n \"constructorArguments\": \"0x{}\",\n \
         \"callData\": \"0x{SELECTOR}{}\"\n}}\n",
        hex(&arguments),
        hex(&data)
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> [u8; 20] {
    core::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
}

fn folder(name: &str, key: String, proof: String, inputs: &[Fr]) -> Vec<(String, String)> {
    let path = |file: &str| format!("vk/{name}/{file}");
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
