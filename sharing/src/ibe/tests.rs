use ark_ec::CurveGroup;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::dkg::{GroupKey, KeyShare, Purpose, simulate};
use crate::keys::test_rng;
use crate::pairing::count;

fn authorities(seed: u64) -> (GroupKey, Vec<Authority>, ChaCha20Rng) {
    let mut rng = test_rng(seed);
    let (key, shares) = simulate(Purpose::Identity, 5, 3, &mut rng);
    let authorities = shares
        .into_iter()
        .map(|s: KeyShare| Authority::new(s).unwrap())
        .collect();
    (key, authorities, rng)
}

fn extract(key: &GroupKey, from: &[Authority], id: &Identity) -> IdentityKey {
    let verified: Vec<_> = from
        .iter()
        .map(|a| a.extract(key, id).unwrap().verify(key, id).unwrap())
        .collect();
    IdentityKey::combine(key, &verified).unwrap()
}

#[test]
fn three_of_five_authorities_make_a_names_key() {
    let (key, all, mut rng) = authorities(1);
    let id = Identity::of_role("charite", "neurology", 7);
    let sealed = seal(&key, &id, b"for the ward", &mut rng).unwrap();
    assert_eq!(Sealed::from_bytes(&sealed.to_bytes()).as_ref(), Ok(&sealed));
    let sealed = sealed.check(&key).unwrap();
    for some in [&all[..3], &all[2..]] {
        let d = extract(&key, some, &id);
        assert_eq!(sealed.open(&d).unwrap().as_slice(), b"for the ward");
    }
    let later = extract(
        &key,
        &all[..3],
        &Identity::of_role("charite", "neurology", 8),
    );
    assert_eq!(
        sealed.open(&later).unwrap_err(),
        OpenSealedError::OtherIdentity
    );
    let two: Vec<_> = all[..2]
        .iter()
        .map(|a| a.extract(&key, &id).unwrap().verify(&key, &id).unwrap())
        .collect();
    let short = IdentityKey::combine(&key, &two).unwrap_err();
    assert_eq!(short, ExtractError::NotEnough { have: 2, need: 3 });
}

#[test]
fn a_names_key_is_kept_and_read_back_under_its_own_master_key_alone() {
    let (key, all, mut rng) = authorities(11);
    let id = Identity::of_role("charite", "neurology", 7);
    let kept = extract(&key, &all[..3], &id).to_bytes();
    let read = IdentityKey::from_bytes(&kept, &key).unwrap();
    let sealed = encrypt(&key, &id, b"for the ward", &mut rng).unwrap();
    assert_eq!(sealed.open(&read).unwrap().as_slice(), b"for the ward");
    // Another master key; the key of another name under this name; a byte too many.
    let (other, _, _) = authorities(12);
    assert!(IdentityKey::from_bytes(&kept, &other).is_err());
    let later = Identity::of_role("charite", "neurology", 8);
    let later = extract(&key, &all[..3], &later).to_bytes();
    let mut mixed = kept.to_vec();
    let point = mixed.len() - 48;
    mixed[point..].copy_from_slice(&later[later.len() - 48..]);
    assert!(IdentityKey::from_bytes(&mixed, &key).is_err());
    let mut longer = kept.to_vec();
    longer.push(0);
    assert!(IdentityKey::from_bytes(&longer, &key).is_err());
}

#[test]
fn a_wrong_share_names_its_authority() {
    let (key, all, _) = authorities(2);
    let (id, other) = (
        Identity::of_emergency("berlin", 1, &[1; 32]),
        Identity::of_emergency("berlin", 2, &[1; 32]),
    );
    let share = all[1].extract(&key, &other).unwrap();
    assert_eq!(
        IdentityShare::from_bytes(&share.to_bytes()),
        Ok(share.clone())
    );
    let authority = share.authority();
    assert_eq!(
        share.clone().verify(&key, &id),
        Err(ExtractError::WrongShare { authority })
    );
    let mixed: Vec<_> = [(&all[0], &id), (&all[1], &other), (&all[2], &id)]
        .map(|(a, id)| a.extract(&key, id).unwrap().verify(&key, id).unwrap())
        .into();
    assert_eq!(
        IdentityKey::combine(&key, &mixed).unwrap_err(),
        ExtractError::Mixed
    );
}

#[test]
fn an_emergency_opens_one_message_and_no_other() {
    let (key, all, mut rng) = authorities(3);
    let id = Identity::of_emergency("berlin", 20_000, &[1; 32]);
    let one = seal(&key, &id, b"one", &mut rng)
        .unwrap()
        .check(&key)
        .unwrap();
    let two = seal(&key, &id, b"two", &mut rng)
        .unwrap()
        .check(&key)
        .unwrap();
    let shares: Vec<_> = all[..3]
        .iter()
        .map(|a| a.decrypt(&key, &one, &mut rng).unwrap())
        .collect();
    assert_eq!(
        DecryptionShare::from_bytes(&shares[0].to_bytes()).as_ref(),
        Ok(&shares[0])
    );
    let wrong = shares[0].verify(&key, &two).unwrap_err();
    assert_eq!(
        wrong,
        ExtractError::WrongShare {
            authority: shares[0].authority()
        }
    );
    let verified: Vec<_> = shares
        .iter()
        .map(|s| s.verify(&key, &one).unwrap())
        .collect();
    assert_eq!(
        one.open_jointly(&key, &verified).unwrap().as_slice(),
        b"one"
    );
    assert!(two.open_jointly(&key, &verified).is_err());
    let short = one.open_jointly(&key, &verified[..2]).unwrap_err();
    assert_eq!(short, OpenSealedError::NotEnough { have: 2, need: 3 });
}

/// Somebody passes another record's capsule off as its own record's, and has all authorities answer for that.
#[test]
fn an_emergency_of_one_record_opens_no_copy_of_anothers() {
    let (key, all, mut rng) = authorities(4);
    let [own, others] = [1, 2].map(|n| Identity::of_emergency("berlin", 1, &[n; 32]));
    assert_ne!(own, others);
    let sealed = seal(&key, &others, b"another's", &mut rng).unwrap();
    let checked = sealed.clone().check(&key).unwrap();
    let d = extract(&key, &all[..3], &own);
    assert_eq!(checked.open(&d), Err(OpenSealedError::OtherIdentity));
    // Renamed, it does not pass the check,
    let mut renamed = sealed;
    renamed.identity = own;
    assert_eq!(
        renamed.clone().check(&key).unwrap_err(),
        SealedError::Altered
    );
    // and where nobody checks, neither the name's key nor t shares of the decryption open it.
    let forged = renamed.pass_unchecked();
    assert_eq!(forged.open(&d), Err(OpenSealedError::Decrypt));
    let shares: Vec<_> = all[..3]
        .iter()
        .map(|a| a.decrypt(&key, &forged, &mut rng).unwrap())
        .map(|share| share.verify(&key, &forged).unwrap())
        .collect();
    assert!(forged.open_jointly(&key, &shares).is_err());
    let honest: Vec<_> = all[..3]
        .iter()
        .map(|a| a.decrypt(&key, &checked, &mut rng).unwrap())
        .map(|share| share.verify(&key, &checked).unwrap())
        .collect();
    let opened = checked.open_jointly(&key, &honest).unwrap();
    assert_eq!(opened.as_slice(), b"another's");
}

#[test]
fn altered_messages_and_keys_of_another_purpose_are_refused() {
    let (key, _, mut rng) = authorities(4);
    let id = Identity::of_role("a", "b", 1);
    let bytes = seal(&key, &id, b"m", &mut rng).unwrap().to_bytes();
    for at in (0..bytes.len()).step_by(11) {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        assert!(
            !Sealed::from_bytes(&altered).is_ok_and(|s| s.check(&key).is_ok()),
            "{at}"
        );
    }
    let (beacon, mut shares) = simulate(Purpose::Beacon, 3, 2, &mut rng);
    let wrong = WrongPurpose {
        found: Purpose::Beacon,
        expected: Purpose::Identity,
    };
    assert_eq!(
        seal(&beacon, &id, b"", &mut rng).unwrap_err(),
        SealedError::Purpose(wrong)
    );
    assert_eq!(Authority::new(shares.remove(0)).unwrap_err(), wrong);
}

#[test]
fn a_proxy_transforms_from_name_to_name() {
    let (key, all, mut rng) = authorities(5);
    let record = crate::tcpre::RecordId::new([1; 32]);
    let from = Identity::of_record("charite", &record, 1);
    let to = Identity::of_role("institute", "study", 3);
    let (d1, d2) = (
        extract(&key, &all[..3], &from),
        extract(&key, &all[2..], &to),
    );
    let c = encrypt(&key, &from, b"record", &mut rng).unwrap();
    assert_eq!(ProxyCiphertext::from_bytes(&c.to_bytes()).as_ref(), Ok(&c));
    assert_eq!(c.open(&d1).unwrap().as_slice(), b"record");
    let rk = delegate(&d1, &to, &key, &mut rng).unwrap();
    let rk = DelegationKey::from_bytes(&rk.to_bytes()).unwrap();
    let transformed = c.transform(&rk).unwrap();
    let transformed = TransformedCiphertext::from_bytes(&transformed.to_bytes()).unwrap();
    assert_eq!(transformed.open(&d2).unwrap().as_slice(), b"record");
    assert_eq!(
        transformed.open(&d1).unwrap_err(),
        ProxyCiphertextError::OtherIdentity
    );
    assert_eq!(
        c.open(&d2).unwrap_err(),
        ProxyCiphertextError::OtherIdentity
    );
    let mut bytes = c.to_bytes();
    let at = bytes.len() - 60;
    bytes[at] ^= 1;
    let altered = ProxyCiphertext::from_bytes(&bytes).unwrap();
    assert_eq!(
        altered.transform(&rk).unwrap_err(),
        ProxyCiphertextError::Altered
    );
}

/// The attack that is inherent in IBP1, and why names have the record in them: proxy and delegatee get D1,
/// which opens this record and not the hospital's next.
#[test]
fn proxy_and_delegatee_get_one_records_key() {
    let (key, all, mut rng) = authorities(6);
    let name = |n| Identity::of_record("charite", &crate::tcpre::RecordId::new([n; 32]), 1);
    let to = Identity::of_role("institute", "study", 3);
    let (d1, d2) = (
        extract(&key, &all[..3], &name(1)),
        extract(&key, &all[..3], &to),
    );
    let rk = delegate(&d1, &to, &key, &mut rng).unwrap();
    let (x2, point) = rk.parts();
    let stolen = (super::proxy::blind_of(&d2, x2, &name(1)).0 - point.0).into_affine();
    assert_eq!(stolen, d1.d.0);
    let next = encrypt(&key, &name(2), b"next", &mut rng).unwrap();
    let forged = IdentityKey {
        identity: name(2),
        d: crate::bfkem::SecretPoint(stolen),
    };
    assert_eq!(
        next.open(&forged).unwrap_err(),
        ProxyCiphertextError::Decrypt
    );
}

#[test]
fn pairings_are_counted_as_documented() {
    let (key, all, mut rng) = authorities(7);
    let id = Identity::of_role("a", "b", 1);
    assert_eq!(count::of(|| seal(&key, &id, b"", &mut rng)), (1, 1));
    let sealed = seal(&key, &id, b"", &mut rng).unwrap();
    assert_eq!(count::of(|| sealed.clone().check(&key)), (2, 1));
    let sealed = sealed.check(&key).unwrap();
    assert_eq!(count::of(|| all[0].extract(&key, &id)), (0, 0));
    let share = all[0].extract(&key, &id).unwrap();
    assert_eq!(count::of(|| share.clone().verify(&key, &id)), (2, 1));
    let shares: Vec<_> = all
        .iter()
        .map(|a| a.extract(&key, &id).unwrap().verify(&key, &id).unwrap())
        .collect();
    assert_eq!(count::of(|| IdentityKey::combine(&key, &shares)), (2, 1));
    let d = IdentityKey::combine(&key, &shares).unwrap();
    assert_eq!(count::of(|| sealed.open(&d)), (1, 1));
    assert_eq!(
        count::of(|| all[0].decrypt(&key, &sealed, &mut rng)),
        (4, 4)
    );
    let share = all[0].decrypt(&key, &sealed, &mut rng).unwrap();
    assert_eq!(count::of(|| share.verify(&key, &sealed)), (3, 3));
    let shares: Vec<_> = all[..3]
        .iter()
        .map(|a| a.decrypt(&key, &sealed, &mut rng).unwrap())
        .map(|share| share.verify(&key, &sealed).unwrap())
        .collect();
    assert_eq!(count::of(|| sealed.open_jointly(&key, &shares)), (0, 0));
    // by proxy
    let to = Identity::of_role("a", "b", 2);
    let second = extract(&key, &all[..3], &to);
    assert_eq!(count::of(|| encrypt(&key, &id, b"", &mut rng)), (1, 1));
    let ciphertext = encrypt(&key, &id, b"", &mut rng).unwrap();
    assert_eq!(count::of(|| ciphertext.open(&d)), (3, 2));
    assert_eq!(count::of(|| delegate(&d, &to, &key, &mut rng)), (1, 1));
    let rk = delegate(&d, &to, &key, &mut rng).unwrap();
    assert_eq!(count::of(|| ciphertext.transform(&rk)), (3, 2));
    let transformed = ciphertext.transform(&rk).unwrap();
    assert_eq!(count::of(|| transformed.open(&second)), (2, 2));
    assert!(transformed.open(&second).is_ok());
}
