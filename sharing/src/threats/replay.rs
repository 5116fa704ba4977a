//! Old, borrowed and exchanged messages.

use ed25519_dalek::SigningKey;

use crate::beacon::{BeaconError, BeaconSigner, PartialSignature, Round};
use crate::dkg::{Purpose, simulate};
use crate::keys::test_rng;
use crate::letter::{LetterError, LetterKey};
use crate::search::{Bucket, Field, Keyword, SearchKey, SearchToken, TokenError, WriterKey};
use crate::tcpre::tests::{NOW, scene};
use crate::tcpre::{
    Dispute, OpenContentError, RefreshDeal, RefreshError, Revocation, SchemaId, ShareError,
    Verdict, combine, seal,
};

/// Row "anyone", swap C: another ciphertext of the same label and patient, an altered one, none.
#[test]
fn anyone_swaps_the_ciphertext() {
    let mut s = scene();
    let mut other = Vec::new();
    let schema = SchemaId::new([2; 32]);
    let (public, label) = (s.patient.public(), s.terms.label);
    let second = seal(
        &public,
        label,
        schema,
        &b"another"[..],
        &mut other,
        &mut s.rng,
    );
    let second = second.unwrap().check().unwrap();
    let grant = s.grant();
    let shares = s.shares(&grant, &[0, 1, 2]);
    let key = combine(&s.institution, &grant, &s.capsule, &shares).unwrap();
    let refused = key.open(&other[..], std::io::sink()).unwrap_err();
    assert!(matches!(refused, OpenContentError::Decrypt));
    let mut altered = s.stored.clone();
    *altered.last_mut().unwrap() ^= 1;
    assert!(key.open(&altered[..], std::io::sink()).is_err());
    assert!(key.open(&[][..], std::io::sink()).is_err());
    // a share is for one capsule: its challenge has U in it
    let share = grant.share_key(&s.proxies[0]).unwrap();
    let share = share.reencrypt(&s.capsule, NOW, &mut s.rng).unwrap();
    let moved = grant.verify_share(&second, &share).unwrap_err();
    assert!(matches!(moved, ShareError::Wrong { .. }));
}

/// Row "malicious hospital": other plaintext, or garbage under the right digest. The key stands, so the
/// arbiters open with it and see.
#[test]
fn hospital_seals_another_plaintext_or_garbage() {
    let mut s = scene();
    let claimed = b"the record";
    for content in [Some(&b"not the record"[..]), None] {
        let mut stored = Vec::new();
        let (public, label, schema) = (s.patient.public(), s.terms.label, SchemaId::new([2; 32]));
        match content {
            Some(content) => {
                let capsule = seal(&public, label, schema, content, &mut stored, &mut s.rng);
                s.capsule = capsule.unwrap().check().unwrap();
                s.stored = stored;
            }
            None => s.misseal(vec![7; 500]),
        }
        let grant = s.grant();
        let shares = s.shares(&grant, &[0, 1, 2]);
        // the institution opens: the key fits its commitment, the content does not fit the record
        let raised = Dispute::raise(&s.institution, &grant, &s.capsule, &shares, &mut s.rng);
        let Ok(Dispute::Content(transcript)) = raised else {
            panic!("the commitment is right")
        };
        // the arbiters: public values, shares and the transcript
        let Ok(Verdict::KeyStands(key)) = transcript.judge(&grant, &s.capsule, &shares) else {
            panic!("the key stands")
        };
        let mut read = Vec::new();
        let opened = key.open(&s.stored[..], &mut read);
        let at_fault = opened.is_err() || read != claimed;
        assert!(at_fault, "the hospital is blamed");
        assert_eq!(opened.is_ok(), content.is_some());
    }
}

/// Row "proxy", stale: deals and shares of an epoch that is over.
#[test]
fn proxies_answer_from_an_epoch_that_is_over() {
    let mut s = scene();
    let grant = s.grant();
    let deal = RefreshDeal::new(&s.proxies[0], &grant, &mut s.rng).unwrap();
    let late = RefreshDeal::new(&s.proxies[1], &grant, &mut s.rng).unwrap();
    let deals = [deal.verify(&grant).unwrap()];
    let next = grant.refresh(&deals).unwrap();
    let refused = late.verify(&next).unwrap_err();
    assert!(matches!(refused, RefreshError::OtherGrant { .. }));
    let stale = grant.share_key(&s.proxies[2]).unwrap();
    let stale = stale.reencrypt(&s.capsule, NOW, &mut s.rng).unwrap();
    let refused = next.verify_share(&s.capsule, &stale).unwrap_err();
    assert!(matches!(refused, ShareError::OtherGrant { .. }));
}

/// Row "network attacker": a token sent again, to somebody else, later, and a letter under another heading.
#[test]
fn network_attacker_replays_a_token_or_a_letter() {
    let mut rng = test_rng(60);
    let (hospital, patient) = (WriterKey::generate(&mut rng), SearchKey::generate(&mut rng));
    let shared = hospital.share_with(&patient.card());
    let word = Keyword::new(Field::Diagnosis, *b"I63").unwrap();
    let trapdoor = patient.trapdoor(&shared, &word, &Bucket::new("2025-03").unwrap());
    let signer = SigningKey::from_bytes(&[4; 32]);
    let (node, other) = (LetterKey::generate(&mut rng), LetterKey::generate(&mut rng));
    let token = SearchToken::new(vec![trapdoor], "node", 100, &signer, &mut rng).unwrap();
    let letter = token.write_to(&node.public(), &mut rng).unwrap();
    for (key, audience) in [(&other, "node"), (&node, "other")] {
        let read = SearchToken::read_from(&letter, key, audience);
        assert_eq!(read.unwrap_err(), TokenError::Letter(LetterError));
    }
    let token = SearchToken::read_from(&letter, &node, "node").unwrap();
    let mut seen = std::collections::BTreeSet::new();
    let mut verify = |now| {
        let used = |nonce: &[u8; 16]| !seen.insert(*nonce);
        let token = token.clone();
        token.verify(&signer.verifying_key(), "node", now, used)
    };
    assert!(verify(100).is_ok());
    assert_eq!(verify(100).unwrap_err(), TokenError::Used);
    assert_eq!(
        verify(101).unwrap_err(),
        TokenError::Expired { not_after: 100 }
    );
    // a revocation of one grant revokes no other
    let mut s = scene();
    let (one, two) = (s.grant(), s.grant());
    let revocation = Revocation::new(one.id(), &s.signer);
    let key = two.share_key(&s.proxies[0]).unwrap();
    assert!(key.revoke(&revocation).is_err());
}

/// Row "byzantine replicas": a share of another round, or under another's name, is refused by name.
#[test]
fn byzantine_replicas_give_a_bad_partial_signature() {
    let mut rng = test_rng(61);
    let (key, shares) = simulate(Purpose::Beacon, 4, 2, &mut rng);
    let signers: Vec<_> = shares
        .into_iter()
        .map(|s| BeaconSigner::new(s).unwrap())
        .collect();
    let later = signers[0].sign(Round::new(10)).to_bytes();
    let now = signers[1].sign(Round::new(9)).to_bytes();
    // the point of round 10 in a message of round 9; and the first's point under the second's name
    for (envelope, point) in [
        (signers[0].sign(Round::new(9)).to_bytes(), &later),
        (now, &signers[0].sign(Round::new(9)).to_bytes()),
    ] {
        let (mut bytes, at) = (envelope, point.len() - 48);
        bytes[at..].copy_from_slice(&point[at..]);
        let refused = PartialSignature::from_bytes(&bytes).unwrap().verify(&key);
        assert!(matches!(
            refused,
            Err(BeaconError::WrongShare { round: 9, .. })
        ));
    }
}
