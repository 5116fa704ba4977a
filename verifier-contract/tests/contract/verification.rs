//! What is accepted, what is not, and what a batch says.

use crate::toy::{Toy, inputs, stock};
use ark_bn254::Fr;
use ark_groth16::Groth16;
use eligo_verifier_contract::{
    BatchError, Entry, Proof, PublicInputs, VerifyError, verify, verify_batch, verify_inputs,
};

#[test]
fn honest_proofs_verify_here_and_with_stock() {
    for count in [0, 1, 6, 9] {
        let mut toy = Toy::new(count, 1);
        let key = toy.prepared();
        let inputs: Vec<Fr> = (0..count as u64).map(|i| -Fr::from(i)).collect();
        let proof = toy.prove(&inputs);
        assert_eq!(verify_inputs(&key, &proof, &inputs), Ok(()));
        assert!(toy.stock_accepts(&proof, &inputs));
    }
}

#[test]
fn every_tampered_input_is_rejected() {
    let mut toy = Toy::new(6, 1);
    let key = toy.prepared();
    let inputs = inputs();
    let proof = toy.prove(&inputs.to_field_elements());
    assert_eq!(verify(&key, &proof, &inputs), Ok(()));
    for i in 0..6 {
        for change in [Fr::from(1), -Fr::from(1), Fr::from(1u64 << 17)] {
            let mut bent = inputs.to_field_elements();
            bent[i] += change;
            assert_eq!(
                verify_inputs(&key, &proof, &bent),
                Err(VerifyError::Rejected)
            );
        }
        for j in 0..i {
            let mut swapped = inputs.to_field_elements();
            swapped.swap(i, j);
            assert_eq!(
                verify_inputs(&key, &proof, &swapped),
                Err(VerifyError::Rejected)
            );
        }
    }
}

/// Stock `ark_groth16` 0.6 counts missing inputs as 0 and ignores extra ones.
#[test]
fn inputs_are_counted() {
    let mut toy = Toy::new(6, 1);
    let key = toy.prepared();
    let mut inputs = inputs().to_field_elements().to_vec();
    inputs[5] = Fr::from(0);
    let proof = toy.prove(&inputs);
    assert_eq!(verify_inputs(&key, &proof, &inputs), Ok(()));
    let error = |got| Err(VerifyError::InputCount { expected: 6, got });
    assert_eq!(verify_inputs(&key, &proof, &inputs[..5]), error(5));
    inputs.push(Fr::from(1));
    assert_eq!(verify_inputs(&key, &proof, &inputs), error(7));
    assert_eq!(verify_inputs(&key, &proof, &[]), error(0));
    let five = Toy::new(5, 1).prepared();
    let statement = PublicInputs::from_field_elements(&inputs[..6]).unwrap();
    assert_eq!(
        verify(&five, &proof, &statement),
        Err(VerifyError::InputCount {
            expected: 5,
            got: 6
        })
    );
}

#[test]
fn other_proofs_and_keys_are_rejected() {
    let mut toy = Toy::new(6, 1);
    let key = toy.prepared();
    let inputs = inputs();
    let elements = inputs.to_field_elements();
    let (proof, second) = (toy.prove(&elements), toy.prove(&elements));
    assert_ne!(proof, second);
    let mixtures = [
        (*second.a(), *proof.b(), *proof.c()),
        (*proof.a(), *second.b(), *proof.c()),
        (*proof.a(), *proof.b(), *second.c()),
        (-*proof.a(), *proof.b(), *proof.c()),
        (*proof.a(), *proof.b(), -*proof.c()),
    ];
    for (a, b, c) in mixtures {
        let mixed = Proof::new(a, b, c).unwrap();
        assert_eq!(verify(&key, &mixed, &inputs), Err(VerifyError::Rejected));
    }
    let other = Toy::new(6, 2).prepared();
    assert_eq!(verify(&other, &proof, &inputs), Err(VerifyError::Rejected));
}

/// Anyone can turn a proof into another, as valid, for the same inputs. So proofs are not names of
/// claims and not one-time: `context` says for whom the proof is, and only the maker of the proof
/// can choose it.
#[test]
fn a_rerandomised_proof_is_bound_to_its_context() {
    let mut toy = Toy::new(6, 1);
    let key = toy.prepared();
    let inputs = inputs();
    let proof = toy.prove(&inputs.to_field_elements());
    let vk = toy.proving.vk.clone();
    let again = Groth16::<ark_bn254::Bn254>::rerandomize_proof(&vk, &stock(&proof), &mut toy.rng);
    let again = Proof::new(again.a, again.b, again.c).unwrap();
    assert_ne!(again, proof);
    assert_eq!(verify(&key, &again, &inputs), Ok(()));
    let mut stolen = inputs;
    stolen.context = eligo_verifier_contract::Context::from_field(Fr::from(1));
    assert_eq!(verify(&key, &again, &stolen), Err(VerifyError::Rejected));
    assert_eq!(verify(&key, &proof, &stolen), Err(VerifyError::Rejected));
}

#[test]
fn batches_accept_what_single_checks_accept() {
    let mut toys = [Toy::new(6, 1), Toy::new(6, 2), Toy::new(3, 3)];
    let keys: Vec<_> = toys.iter().map(Toy::prepared).collect();
    let made: Vec<(usize, Vec<Fr>, Proof)> = (0..30)
        .map(|i| {
            let toy = &mut toys[i % 3];
            let inputs: Vec<Fr> = (0..keys[i % 3].inputs())
                .map(|j| Fr::from((i * 10 + j) as u64))
                .collect();
            let proof = toy.prove(&inputs);
            (i % 3, inputs, proof)
        })
        .collect();
    let entries: Vec<Entry<'_>> = made
        .iter()
        .map(|(key, inputs, proof)| Entry {
            key: &keys[*key],
            proof,
            inputs,
        })
        .collect();
    for n in [0, 1, 2, 7, 30] {
        assert_eq!(verify_batch(&entries[..n]), Ok(()), "{n}");
    }
    assert_eq!(
        verify_batch(&[entries[0]; 5]),
        Ok(()),
        "the same proof many times"
    );

    // Bad ones are named, whatever is wrong with them.
    let mut bent = made.clone();
    bent[4].1[0] += Fr::from(1);
    bent[11].1.pop();
    bent[29].2 = made[26].2;
    let (a, b) = (bent[17].2, bent[20].2);
    (bent[17].2, bent[20].2) = (b, a);
    let entries: Vec<Entry<'_>> = bent
        .iter()
        .map(|(key, inputs, proof)| Entry {
            key: &keys[*key],
            proof,
            inputs,
        })
        .collect();
    let culprits = vec![
        (4, VerifyError::Rejected),
        (
            11,
            VerifyError::InputCount {
                expected: 3,
                got: 2,
            },
        ),
        (17, VerifyError::Rejected),
        (20, VerifyError::Rejected),
        (29, VerifyError::Rejected),
    ];
    assert_eq!(verify_batch(&entries), Err(BatchError { culprits }));
}

/// Errors of two proofs that cancel in an unweighted product do not cancel in a batch.
#[test]
fn cancelling_errors_are_found() {
    let mut toy = Toy::new(6, 1);
    let key = toy.prepared();
    let inputs = inputs().to_field_elements();
    let (one, two) = (toy.prove(&inputs), toy.prove(&inputs));
    let shift = ark_bn254::G1Affine::from(*one.c() + *two.c());
    let first = Proof::new(*one.a(), *one.b(), (*one.c() + shift).into()).unwrap();
    let second = Proof::new(*two.a(), *two.b(), (*two.c() - shift).into()).unwrap();
    let entries = [&first, &second].map(|proof| Entry {
        key: &key,
        proof,
        inputs: &inputs,
    });
    let culprits = vec![(0, VerifyError::Rejected), (1, VerifyError::Rejected)];
    assert_eq!(verify_batch(&entries), Err(BatchError { culprits }));
}
