//! Keys and proofs of synthetic systems, judged by stock `ark_groth16`.

#![allow(clippy::unwrap_used)]

#[path = "groth16/systems.rs"]
mod systems;

use ark_bn254::{Bn254, Fq, Fr};
use ark_ff::{BigInt, One, UniformRand};
use ark_groth16::{Groth16, Proof};
use ark_snark::{CircuitSpecificSetupSNARK, SNARK};
use eligo_circuits::groth16::{
    ConsistencyError, KeyDigest, ProveError, ProvingKey, ReadError, Section, Synthesizer, Work,
    snarkjs::{self, ImportError},
};
use eligo_circuits::r1cs::R1cs;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use systems::{bits, chain, random};

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn accepts(key: &ProvingKey, z: &[Fr], proof: &Proof<Bn254>) -> bool {
    let inputs = &z[1..key.system().instance as usize];
    let vk = Groth16::<Bn254>::process_vk(&key.verifying_key()).unwrap();
    Groth16::<Bn254>::verify_with_processed_vk(&vk, inputs, proof).unwrap()
}

#[test]
fn stock_verifier_accepts_proofs_of_every_kind_of_system() {
    let mut rng = rng(1);
    let systems = [
        chain(1, &mut rng),
        chain(300, &mut rng),
        bits(5, &mut rng),
        random(1, &mut rng),
        random(60, &mut rng),
        random(700, &mut rng),
    ];
    for (system, z) in systems {
        assert_eq!(system.violated(&z), None);
        let key = ProvingKey::generate(system, &mut rng);
        let proof = key.prove(&z, &mut rng).unwrap();
        assert!(accepts(&key, &z, &proof));

        let mut other = z.clone();
        other[1] += Fr::one();
        assert!(!accepts(&key, &other, &proof));
        assert_ne!(
            key.prove(&z, &mut rng).unwrap(),
            proof,
            "proofs are blinded"
        );
    }
}

#[test]
fn an_honest_key_is_consistent() {
    let mut rng = rng(11);
    for (system, _) in [chain(20, &mut rng), bits(1, &mut rng), random(70, &mut rng)] {
        let key = ProvingKey::generate(system, &mut rng);
        key.check_consistency(&mut rng).unwrap();
        let mut file = Vec::new();
        key.write(&mut file).unwrap();
        let read = ProvingKey::read_checked(&file).unwrap();
        read.check_consistency(&mut rng).unwrap();
    }
    let (system, _) = ceremony_system();
    let imported = ProvingKey::import_zkey(include_bytes!("groth16/snarkjs.zkey"), system);
    assert_eq!(
        imported.unwrap().check_consistency(&mut rng).unwrap_err(),
        ConsistencyError::Unchecked
    );
}

#[test]
fn no_element_of_a_key_can_be_another() {
    use ConsistencyError::{A, B, L, Quotient, Verifying};
    let mut rng = rng(12);
    let (system, _) = random(12, &mut rng);
    let instance = system.instance as usize;
    let key = ProvingKey::generate(system, &mut rng);
    let mut file = Vec::new();
    key.write(&mut file).unwrap();
    // From the end: B in G2, H, L, A; before the matrices, the two check elements and the verifying key.
    let (count_a, count_b, count_l) = key.query_lengths();
    let b = file.len() - 128 * count_b;
    let h = b - 64 * key.domain_size();
    let l = h - 64 * count_l;
    let a = l - 64 * count_a;
    let verifying = 72;
    let ic = verifying + 64 + 3 * 128;
    let check = ic + 64 * instance;
    let mut refused = |offset: usize, length: usize, expected: &[ConsistencyError]| {
        let mut altered = file.clone();
        // The point is replaced by its negative: still a point of the group.
        let half = length / 2;
        for i in (offset + half..offset + length).step_by(32) {
            let mut limbs = [0u64; 4];
            for (limb, word) in limbs.iter_mut().zip(altered[i..i + 32].chunks_exact(8)) {
                *limb = u64::from_le_bytes(word.try_into().unwrap());
            }
            let negative = -Fq::new_unchecked(BigInt(limbs));
            let bytes: Vec<u8> = negative
                .0
                .0
                .into_iter()
                .flat_map(u64::to_le_bytes)
                .collect();
            altered[i..i + 32].copy_from_slice(&bytes);
        }
        let key = ProvingKey::read_checked(&altered).unwrap();
        let error = key.check_consistency(&mut rng).unwrap_err();
        assert!(expected.contains(&error), "offset {offset}: {error}");
    };
    for offset in (b..file.len()).step_by(128) {
        refused(offset, 128, &[B]);
    }
    for offset in (h..b).step_by(64) {
        refused(offset, 64, &[Quotient]);
    }
    for offset in (l..h).step_by(64) {
        refused(offset, 64, &[L]);
    }
    for offset in (a..l).step_by(64) {
        refused(offset, 64, &[A]);
    }
    for offset in (ic..check).step_by(64) {
        refused(offset, 64, &[Verifying]);
    }
    refused(verifying, 64, &[L, Verifying]);
    refused(verifying + 64, 128, &[L, Verifying]);
    refused(verifying + 64 + 128, 128, &[Verifying]);
    refused(verifying + 64 + 2 * 128, 128, &[Quotient]);
    refused(check, 128, &[Quotient]);
    refused(check + 128, 128, &[Quotient]);
}

#[test]
fn constant_work_proves_the_same() {
    let mut rng = rng(10);
    for (system, z) in [bits(3, &mut rng), random(90, &mut rng)] {
        let key = ProvingKey::generate(system, &mut rng);
        for _ in 0..2 {
            let proof = key.prove_with(Work::Constant, &z, &mut rng).unwrap();
            assert!(accepts(&key, &z, &proof));
        }
    }
}

#[test]
fn stock_prover_proves_the_same_system_with_its_own_key() {
    let mut rng = rng(2);
    let (system, z) = random(80, &mut rng);
    let (pk, vk) = Groth16::<Bn254>::setup(Synthesizer::new(&system), &mut rng).unwrap();
    let circuit = Synthesizer::with_assignment(&system, &z);
    let proof = Groth16::<Bn254>::prove(&pk, circuit, &mut rng).unwrap();
    let inputs = &z[1..system.instance as usize];
    assert!(Groth16::<Bn254>::verify(&vk, inputs, &proof).unwrap());
}

#[test]
fn a_proof_needs_a_satisfying_assignment() {
    let mut rng = rng(3);
    let (system, z) = chain(20, &mut rng);
    let key = ProvingKey::generate(system.clone(), &mut rng);
    let expected = z.len();
    assert_eq!(
        key.prove(&z[1..], &mut rng).unwrap_err(),
        ProveError::Length {
            expected,
            found: expected - 1
        }
    );
    let mut doubled: Vec<Fr> = z.iter().map(|x| *x + x).collect();
    assert_eq!(key.prove(&doubled, &mut rng).unwrap_err(), ProveError::One);
    doubled[0] = Fr::one();
    let row = system.violated(&doubled).unwrap();
    assert_eq!(
        key.prove(&doubled, &mut rng).unwrap_err(),
        ProveError::Unsatisfied { row }
    );
    for column in 1..z.len() {
        let mut altered = z.clone();
        altered[column] += Fr::rand(&mut rng);
        let row = system.violated(&altered).unwrap();
        assert_eq!(
            key.prove(&altered, &mut rng).unwrap_err(),
            ProveError::Unsatisfied { row }
        );
    }
}

#[test]
fn a_key_survives_both_files() {
    let mut rng = rng(4);
    let (system, z) = random(50, &mut rng);
    let key = ProvingKey::generate(system, &mut rng).with_metadata(b"r50".to_vec());
    let (mut plain, mut compressed) = (Vec::new(), Vec::new());
    key.write(&mut plain).unwrap();
    key.write_compressed(&mut compressed).unwrap();
    assert_eq!(KeyDigest::of(&plain), key.digest());
    assert!(compressed.len() < plain.len());
    for read in [
        ProvingKey::read_pinned(&plain, &key.digest()),
        ProvingKey::read_pinned(&compressed, &key.digest()),
        ProvingKey::read_checked(&plain),
        ProvingKey::read_checked(&compressed),
    ] {
        let read = read.unwrap();
        assert_eq!(read.digest(), key.digest());
        assert_eq!(read.metadata(), b"r50");
        assert_eq!(read.system(), key.system());
        let proof = read.prove(&z, &mut rng).unwrap();
        assert!(accepts(&key, &z, &proof));
    }
}

#[test]
fn a_damaged_file_is_refused_with_its_place() {
    let mut rng = rng(5);
    let (system, _) = random(12, &mut rng);
    let key = ProvingKey::generate(system, &mut rng);
    let mut file = Vec::new();
    key.write(&mut file).unwrap();
    for length in 0..file.len() {
        let error = ProvingKey::read_checked(&file[..length]).unwrap_err();
        let located = matches!(error, ReadError::Truncated { offset, .. } if offset <= length);
        assert!(located, "{length}: {error}");
    }
    let mut long = file.clone();
    long.push(0);
    assert_eq!(
        ProvingKey::read_checked(&long).unwrap_err(),
        ReadError::TooLong {
            offset: file.len(),
            extra: 1
        }
    );
    assert!(matches!(
        ProvingKey::read_pinned(&long, &key.digest()),
        Err(ReadError::Digest { .. })
    ));
    let mut other = file.clone();
    other[0] ^= 1;
    assert_eq!(
        ProvingKey::read_checked(&other).unwrap_err(),
        ReadError::Magic
    );
    for position in 8..file.len() {
        let mut altered = file.clone();
        altered[position] ^= 1;
        assert!(
            ProvingKey::read_checked(&altered).is_err(),
            "byte {position}"
        );
    }
}

#[test]
fn checked_reading_refuses_points_outside_the_group() {
    let mut rng = rng(6);
    let (system, _) = random(40, &mut rng);
    let key = ProvingKey::generate(system, &mut rng);
    let mut file = Vec::new();
    key.write(&mut file).unwrap();
    // The last point of the file, in G2, becomes another point of the twist.
    let twisted = systems::twist_point_outside_the_subgroup();
    let length = file.len();
    file[length - 128..].copy_from_slice(&twisted);
    assert_eq!(
        ProvingKey::read_checked(&file).unwrap_err(),
        ReadError::Subgroup {
            section: Section::B
        }
    );
    file[length - 128..].fill(0);
    assert!(matches!(
        ProvingKey::read_checked(&file).unwrap_err(),
        ReadError::Point {
            section: Section::B,
            ..
        }
    ));
    file[length - 128..].fill(0xff);
    assert!(ProvingKey::read_checked(&file).is_err());
}

/// Written once, read for ever: version 1 of both forms, and the digest they share.
#[test]
fn golden_files_are_read() {
    let plain = include_bytes!("groth16/golden-v1.pk");
    let compressed = include_bytes!("groth16/golden-v1-compressed.pk");
    let digest: KeyDigest = include_str!("groth16/golden-v1.sha256")
        .trim()
        .parse()
        .unwrap();
    let mut rng = rng(7);
    let (system, z) = random(6, &mut rng);
    for read in [
        ProvingKey::read_pinned(plain, &digest),
        ProvingKey::read_checked(plain),
        ProvingKey::read_pinned(compressed, &digest),
        ProvingKey::read_checked(compressed),
    ] {
        let key = read.unwrap();
        assert_eq!(key.digest(), digest);
        assert_eq!(key.metadata(), b"golden");
        assert_eq!(key.system(), &system);
        let mut again = Vec::new();
        key.write(&mut again).unwrap();
        assert_eq!(again, plain);
        let proof = key.prove(&z, &mut rng).unwrap();
        assert!(accepts(&key, &z, &proof));
    }
}

/// Makes the golden files anew, for a new version of the format only:
/// `cargo test -p eligo-circuits --test groth16 -- --ignored write_golden_files`.
#[test]
#[ignore = "writes into the source tree"]
fn write_golden_files() {
    let mut rng = rng(7);
    let (system, _) = random(6, &mut rng);
    let key = ProvingKey::generate(system, &mut rng).with_metadata(b"golden".to_vec());
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/groth16");
    let (mut plain, mut compressed) = (Vec::new(), Vec::new());
    key.write(&mut plain).unwrap();
    key.write_compressed(&mut compressed).unwrap();
    std::fs::write(format!("{folder}/golden-v1.pk"), plain).unwrap();
    std::fs::write(format!("{folder}/golden-v1-compressed.pk"), compressed).unwrap();
    std::fs::write(
        format!("{folder}/golden-v1.sha256"),
        format!("{}\n", key.digest()),
    )
    .unwrap();
}

/// The system of the checked-in `.zkey`, which snarkjs made from its `.r1cs`.
fn ceremony_system() -> (R1cs, Vec<Fr>) {
    random(6, &mut rng(8))
}

#[test]
fn a_key_made_by_snarkjs_is_imported_and_proves() {
    let zkey = include_bytes!("groth16/snarkjs.zkey");
    let (system, z) = ceremony_system();
    let key = ProvingKey::import_zkey(zkey, system.clone()).unwrap();
    let mut rng = rng(9);
    let proof = key.prove(&z, &mut rng).unwrap();
    assert!(accepts(&key, &z, &proof));
    let mut file = Vec::new();
    key.write(&mut file).unwrap();
    let read = ProvingKey::read_checked(&file).unwrap();
    assert_eq!(read.digest(), key.digest());

    let mut other = system.clone();
    other.b.values[0] += Fr::one();
    assert_eq!(
        ProvingKey::import_zkey(zkey, other).unwrap_err(),
        ImportError::Matrix {
            matrix: 'B',
            row: 0
        }
    );
    let mut other = system.clone();
    other.witness += 1;
    assert!(matches!(
        ProvingKey::import_zkey(zkey, other).unwrap_err(),
        ImportError::Size {
            what: "columns",
            ..
        }
    ));
    for length in 0..zkey.len() {
        let cut = ProvingKey::import_zkey(&zkey[..length], system.clone());
        assert!(cut.is_err(), "cut to {length} bytes");
    }
}

#[test]
fn r1cs_and_wtns_have_the_lengths_their_formats_say() {
    let (system, z) = ceremony_system();
    let (mut r1cs, mut wtns) = (Vec::new(), Vec::new());
    snarkjs::write_r1cs(&system, &mut r1cs).unwrap();
    snarkjs::write_wtns(&z, &mut wtns).unwrap();
    let entries = system.a.values.len() + system.b.values.len() + system.c.values.len();
    let constraints = 12 * system.constraints() + 36 * entries;
    assert_eq!(r1cs.len(), 12 + 3 * 12 + 64 + constraints + 8 * z.len());
    assert_eq!(wtns.len(), 12 + 2 * 12 + 40 + 32 * z.len());
    assert_eq!((&r1cs[..4], &wtns[..4]), (&b"r1cs"[..], &b"wtns"[..]));
}

/// Writes `circuit.r1cs` and `witness.wtns` of the checked-in ceremony's system into the working folder:
/// `cargo test -p eligo-circuits --test groth16 -- --ignored write_snarkjs_files`.
#[test]
#[ignore = "writes into the working folder"]
fn write_snarkjs_files() {
    let (system, z) = ceremony_system();
    snarkjs::write_r1cs(&system, std::fs::File::create("circuit.r1cs").unwrap()).unwrap();
    snarkjs::write_wtns(&z, std::fs::File::create("witness.wtns").unwrap()).unwrap();
}
