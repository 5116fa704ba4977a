use ark_bls12_381::{Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::domain::{dst, hash_to_g1};
use crate::keys::test_rng;
use crate::pairing::count;
use crate::wallet::Pseudonym;

const CASE: Case = Case {
    header: [1; 32],
    pseudonym: Pseudonym::new([2; 32]),
};

fn team(n: usize, rng: &mut ChaCha20Rng) -> (Vec<MultiSigner>, Vec<RegisteredSigner>, Roster) {
    let signers: Vec<_> = (0..n).map(|_| MultiSigner::generate(rng)).collect();
    let registered: Vec<_> = signers
        .iter()
        .map(|s| s.public().register(&s.prove_possession()).unwrap())
        .collect();
    let roster = registered.iter().map(|r| (r.id(), *r)).collect();
    (signers, registered, roster)
}

fn diagnose(
    case: Case,
    signers: &[MultiSigner],
    registered: &[RegisteredSigner],
    roster: &Roster,
    rng: &mut ChaCha20Rng,
) -> Chain {
    let mut verified = VerifiedChain::begin(case);
    let mut last = None;
    for (i, (signer, registered)) in signers.iter().zip(registered).enumerate() {
        let opinion = Opinion::new([i as u8; 32]);
        let chain = verified.sign(signer, registered, opinion, rng).unwrap();
        verified = chain.clone().verify(&case, roster).unwrap();
        last = Some(chain);
    }
    last.unwrap()
}

#[test]
fn a_diagnosis_grows_and_verifies() {
    let mut rng = test_rng(1);
    let (signers, registered, roster) = team(4, &mut rng);
    let chain = diagnose(CASE, &signers, &registered, &roster, &mut rng);
    assert_eq!(Chain::from_bytes(&chain.to_bytes()).as_ref(), Ok(&chain));
    let verified = chain.verify(&CASE, &roster).unwrap();
    assert_eq!(verified.signers(), registered);
    let again = verified.sign(&signers[0], &registered[0], Opinion::new([9; 32]), &mut rng);
    assert_eq!(
        again.unwrap_err(),
        SignatureError::Twice(registered[0].id())
    );
}

#[test]
fn swapped_dropped_altered_or_reattached_signatures_are_refused() {
    let mut rng = test_rng(2);
    let (signers, registered, roster) = team(3, &mut rng);
    let good = diagnose(CASE, &signers, &registered, &roster, &mut rng);
    let refused = |chain: Chain| chain.verify(&CASE, &roster).unwrap_err();
    let mut swapped = good.clone();
    swapped.parts_mut().0.swap(0, 1);
    assert_eq!(refused(swapped), SignatureError::Equation);
    let mut dropped = good.clone();
    dropped.parts_mut().0.remove(1);
    assert_eq!(refused(dropped), SignatureError::Equation);
    let mut altered = good.clone();
    altered.parts_mut().0[1].1 = Opinion::new([77; 32]);
    assert_eq!(refused(altered), SignatureError::Equation);
    let mut twice = good.clone();
    twice.parts_mut().0[2].0 = registered[0].id();
    assert_eq!(refused(twice), SignatureError::Twice(registered[0].id()));
    let mut unordered = good.clone();
    *unordered.parts_mut().2 = G1Affine::identity();
    assert_eq!(refused(unordered), SignatureError::Order);
    let other = Case {
        pseudonym: Pseudonym::new([3; 32]),
        ..CASE
    };
    let moved = good.clone().verify(&other, &roster).unwrap_err();
    assert_eq!(moved, SignatureError::OtherCase);
    let mut fewer = roster.clone();
    fewer.remove(&registered[1].id());
    let unknown = good.verify(&CASE, &fewer).unwrap_err();
    assert_eq!(unknown, SignatureError::Unregistered(registered[1].id()));
}

/// Re-attaching to another patient: the bytes claim another pseudonym, and the equation fails.
#[test]
fn a_signature_does_not_move_to_another_patient() {
    let mut rng = test_rng(3);
    let (signers, registered, roster) = team(2, &mut rng);
    let bytes = diagnose(CASE, &signers, &registered, &roster, &mut rng).to_bytes();
    let other = Case {
        pseudonym: Pseudonym::new([3; 32]),
        ..CASE
    };
    let at = bytes.windows(32).position(|w| w == [2; 32]).unwrap();
    let mut moved = bytes;
    moved[at..at + 32].copy_from_slice(&[3; 32]);
    let moved = Chain::from_bytes(&moved).unwrap().verify(&other, &roster);
    assert_eq!(moved.unwrap_err(), SignatureError::Equation);
}

/// Without proofs of possession, S' = xP2 - S_v lets its maker sign for the victim; with them it is refused.
#[test]
fn a_rogue_key_forges_and_is_refused_registration() {
    let mut rng = test_rng(4);
    let (signers, registered, _) = team(1, &mut rng);
    let victim = registered[0].key();
    let rogue = MultiSigner::generate(&mut rng);
    let x = Fr::from(12_345u64);
    let s = (G2Affine::generator() * x - victim.s).into_affine();
    let key = rogue.public().with_s(s);
    assert!(key.register(&rogue.prove_possession()).is_err());
    // what it would have done: for one message, x H verifies as both signatures together
    let hash = hash_to_g1(dst::OMS_MESSAGE, b"same message");
    let forged = (hash * x).into_affine();
    assert!(crate::pairing::is_one(&[
        (-forged, G2Affine::generator()),
        (hash, (victim.s + s).into_affine()),
    ]));
    assert_eq!(signers.len(), 1);
}

#[test]
fn a_team_signs_off_in_turn() {
    let mut rng = test_rng(5);
    let (signers, registered, roster) = team(3, &mut rng);
    let (conclusion, salt) = Opinion::commit(b"stroke", &mut rng);
    assert!(conclusion.is_of(b"stroke", &salt) && !conclusion.is_of(b"strokes", &salt));
    let begin = || VerifiedJoint::begin(CASE, conclusion, &registered).unwrap();
    let early = begin().sign(&signers[1], &mut rng).unwrap_err();
    assert_eq!(early, JointError::NotYourTurn(registered[0].id()));
    let mut verified = begin();
    let mut joint = None;
    for signer in &signers {
        let signed = verified.sign(signer, &mut rng).unwrap();
        assert_eq!(Joint::from_bytes(&signed.to_bytes()).as_ref(), Ok(&signed));
        verified = signed.clone().verify(&CASE, &roster).unwrap();
        joint = Some(signed);
    }
    assert_eq!(verified.complete().unwrap(), registered);
    assert_eq!(
        verified.sign(&signers[0], &mut rng).unwrap_err(),
        JointError::Complete
    );
    let joint = joint.unwrap();
    // the same points with two signers exchanged
    let bytes = joint.to_bytes();
    let ids: Vec<_> = registered.iter().map(|r| *r.id().as_bytes()).collect();
    let place = |id: &[u8; 32]| bytes.windows(32).position(|w| w == id).unwrap();
    let (a, b) = (place(&ids[0]), place(&ids[1]));
    let mut swapped = bytes.clone();
    swapped[a..a + 32].copy_from_slice(&ids[1]);
    swapped[b..b + 32].copy_from_slice(&ids[0]);
    let refused = Joint::from_bytes(&swapped)
        .unwrap()
        .verify(&CASE, &roster)
        .unwrap_err();
    assert_eq!(refused, SignatureError::Equation);
    assert_eq!(count::of(|| joint.verify(&CASE, &roster)), (3, 1));
}

#[test]
fn pairings_are_counted_as_documented() {
    let mut rng = test_rng(6);
    let (signers, registered, roster) = team(5, &mut rng);
    let chain = diagnose(CASE, &signers, &registered, &roster, &mut rng);
    assert_eq!(count::of(|| chain.clone().verify(&CASE, &roster)), (7, 1));
    let begun = VerifiedChain::begin(CASE);
    let signing = || begun.sign(&signers[0], &registered[0], Opinion::new([0; 32]), &mut rng);
    assert_eq!(count::of(signing), (0, 0));
    let proof = signers[0].prove_possession();
    assert_eq!(count::of(|| signers[0].public().register(&proof)), (4, 1));
    let bytes = signers[0].public().to_bytes();
    assert_eq!(
        SignerKey::from_bytes(&bytes).as_ref(),
        Ok(signers[0].public())
    );
    assert_eq!(SignerProof::from_bytes(&proof.to_bytes()), Ok(proof));
    let kept = MultiSigner::from_bytes(&signers[0].to_bytes()).unwrap();
    assert_eq!(kept.public(), signers[0].public());
}
