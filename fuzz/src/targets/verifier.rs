//! The verifier contract's decoders: what is read is written back the same, and read again.

use std::fmt::Debug;

use eligo_verifier_contract::{
    Entry, Fr, PreparedKey, Proof, PublicInputs, Registry, Requirement, VerifyingKey, field,
    snarkjs, verify_batch, verify_inputs,
};

use super::Target;

const KEY: &[u8] = include_bytes!("../../../fixtures/vk/good/verification_key.json");
const PROOF: &[u8] = include_bytes!("../../../fixtures/vk/good/proof.json");
const PUBLIC: &[u8] = include_bytes!("../../../fixtures/vk/good/public.json");

const JSON: &[&[u8]] = &[
    b"\"",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b":",
    b"null",
    b"1e9",
    b"-",
    b"\\u0030",
    b"\"0\"",
    b"\"1\"",
    b"\"pi_a\"",
    b"\"pi_b\"",
    b"\"pi_c\"",
    b"\"protocol\"",
    b"\"curve\"",
    b"\"groth16\"",
    b"\"bn128\"",
    b"\"IC\"",
    b"\"nPublic\"",
    b"\"vk_alpha_1\"",
    b"\"vk_beta_2\"",
    b"[\"0\",\"1\",\"0\"]",
    b"[\"1\",\"2\",\"1\"]",
    b"21888242871839275222246405745257275088548364400416034343698204186575808495617",
    b"21888242871839275222246405745257275088696311157297823662689037894645226208583",
];

const MODULI: &[&[u8]] = &[
    b"\x30\x64\x4e\x72\xe1\x31\xa0\x29\xb8\x50\x45\xb6\x81\x81\x58\x5d\x28\x33\xe8\x48\x79\xb9\x70\x91\x43\xe1\xf5\x93\xf0\x00\x00\x01",
    b"\x30\x64\x4e\x72\xe1\x31\xa0\x29\xb8\x50\x45\xb6\x81\x81\x58\x5d\x97\x81\x6a\x91\x68\x71\xca\x8d\x3c\x20\x8c\x16\xd8\x7c\xfd\x47",
    &[0; 32],
    &[0xff; 32],
    b"ELIGOVK1",
];

pub fn targets() -> Vec<Target> {
    let json = |name: &str, seeds, run| Target {
        name: name.into(),
        seeds,
        dictionary: JSON,
        run,
        cost: 1,
    };
    let bytes = |name: &str, seeds, run| Target {
        name: name.into(),
        seeds,
        dictionary: MODULI,
        run,
        cost: 1,
    };
    vec![
        json("snarkjs_proof", || vec![PROOF.to_vec()], snarkjs_proof),
        json(
            "snarkjs_public",
            || vec![PUBLIC.to_vec(), b"[]".to_vec()],
            snarkjs_public,
        ),
        json("snarkjs_key", || vec![KEY.to_vec()], snarkjs_key),
        bytes("proof_bytes", proof_seeds, proof_bytes),
        bytes("key_bytes", || vec![key().to_bytes()], key_bytes),
        bytes(
            "public_inputs",
            || vec![inputs().to_bytes().to_vec()],
            public_inputs,
        ),
        Target {
            cost: 10,
            ..bytes("key_registry", registry_seeds, registry)
        },
        Target {
            cost: 100,
            ..bytes("batch", || vec![vec![0; 8], (0..12).collect()], batch)
        },
    ]
}

fn key() -> VerifyingKey {
    snarkjs::read_key(KEY).expect("a fixture")
}

fn proof() -> Proof {
    snarkjs::read_proof(PROOF).expect("a fixture")
}

fn inputs() -> PublicInputs {
    let numbers = snarkjs::read_public(PUBLIC).expect("a fixture");
    PublicInputs::from_field_elements(&numbers).expect("six inputs")
}

fn proof_seeds() -> Vec<Vec<u8>> {
    vec![
        proof().to_bytes().to_vec(),
        proof().to_uncompressed_bytes().to_vec(),
    ]
}

fn registry_seeds() -> Vec<Vec<u8>> {
    let mut registry = Registry::new();
    let empty = registry.to_bytes();
    for n in 1..4u64 {
        let requirement = Requirement::from_field(Fr::from(n));
        registry.register(requirement, &key()).expect("six inputs");
    }
    vec![empty, registry.to_bytes()]
}

/// An error's variant, with what it names but without numbers.
fn end<T>(result: Result<T, impl Debug>) -> String {
    match result {
        Ok(_) => String::from("read"),
        Err(error) => format!("{error:?}")
            .chars()
            .filter(|c| !c.is_ascii_digit())
            .take(120)
            .collect(),
    }
}

fn snarkjs_proof(input: &[u8]) -> String {
    let read = snarkjs::read_proof(input);
    if let Ok(proof) = &read {
        let again = snarkjs::read_proof(snarkjs::write_proof(proof).as_bytes());
        assert_eq!(again.as_ref(), Ok(proof));
        assert_eq!(Proof::from_bytes(&proof.to_bytes()).as_ref(), Ok(proof));
    }
    end(read)
}

fn snarkjs_public(input: &[u8]) -> String {
    let read = snarkjs::read_public(input);
    if let Ok(inputs) = &read {
        let again = snarkjs::read_public(snarkjs::write_public(inputs).as_bytes());
        assert_eq!(again.as_ref(), Ok(inputs));
        for input in inputs {
            assert_eq!(field::from_decimal(&field::to_decimal(input)), Ok(*input));
        }
    }
    end(read)
}

fn snarkjs_key(input: &[u8]) -> String {
    let read = snarkjs::read_key(input);
    if let Ok(key) = &read {
        let again = snarkjs::read_key(snarkjs::write_key(key).as_bytes());
        assert_eq!(again.as_ref(), Ok(key));
        assert_eq!(VerifyingKey::from_bytes(&key.to_bytes()).as_ref(), Ok(key));
        assert_eq!(key.parts().ic.len(), key.inputs() + 1);
    }
    end(read)
}

fn proof_bytes(input: &[u8]) -> String {
    let read = Proof::from_bytes(input);
    if let Ok(proof) = &read {
        match input.len() {
            128 => assert_eq!(proof.to_bytes(), input),
            _ => assert_eq!(proof.to_uncompressed_bytes(), input),
        }
    }
    end(read)
}

fn key_bytes(input: &[u8]) -> String {
    let read = VerifyingKey::from_bytes(input);
    if let Ok(key) = &read {
        assert_eq!(key.to_bytes(), input);
    }
    end(read)
}

fn public_inputs(input: &[u8]) -> String {
    let Ok(bytes) = input.try_into() else {
        return String::from("length");
    };
    let read = PublicInputs::from_bytes(bytes);
    if let Ok(inputs) = &read {
        assert_eq!(inputs.to_bytes(), input);
        let elements = inputs.to_field_elements();
        assert_eq!(
            PublicInputs::from_field_elements(&elements).as_ref(),
            Ok(inputs)
        );
    }
    end(read)
}

fn registry(input: &[u8]) -> String {
    let read = Registry::from_bytes(input);
    if let Ok(registry) = &read {
        assert_eq!(registry.to_bytes(), input);
    }
    end(read)
}

/// A batch of true and false proofs: those named are those that fail alone.
fn batch(input: &[u8]) -> String {
    let key = PreparedKey::new(key());
    let (good, inputs) = (proof(), inputs().to_field_elements());
    let false_proof = Proof::new(*good.a(), *good.b(), -*good.c()).expect("still on the curve");
    let mut wrong = inputs;
    wrong[3] += Fr::from(1);
    let entry = |byte: &u8| match byte % 8 {
        0 => Entry {
            key: &key,
            proof: &false_proof,
            inputs: &inputs,
        },
        1 => Entry {
            key: &key,
            proof: &good,
            inputs: &wrong,
        },
        2 => Entry {
            key: &key,
            proof: &good,
            inputs: &inputs[..5],
        },
        _ => Entry {
            key: &key,
            proof: &good,
            inputs: &inputs,
        },
    };
    let entries: Vec<Entry<'_>> = input.iter().take(24).map(entry).collect();
    let alone = entries.iter().enumerate();
    let alone =
        alone.filter_map(|(i, e)| Some((i, verify_inputs(e.key, e.proof, e.inputs).err()?)));
    let culprits = verify_batch(&entries).err().map(|error| error.culprits);
    let count = culprits.as_ref().map_or(0, Vec::len);
    assert_eq!(culprits.unwrap_or_default(), alone.collect::<Vec<_>>());
    format!("{count} of {}", entries.len())
}
