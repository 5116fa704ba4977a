//! Coalitions run the real attack: what they can compute by hand from all the secrets they have, and what
//! that opens.

use ark_bls12_381::{G1Affine, G1Projective};
use ark_ec::CurveGroup;

use crate::bfkem::{self, SecretPoint};
use crate::dkg::{self, Purpose, simulate};
use crate::domain::{dst, hash_to_g1, lp};
use crate::ibe::{self, Identity};
use crate::keys::{ReceivingKey, RecordKey, RecordKeyProof, test_rng};
use crate::tcpre::tests::{NOW, Scene, scene};
use crate::tcpre::{
    CheckedCapsule, Label, RecordId, RefreshDeal, Revocation, SchemaId, VerifiedGrant, seal,
};

/// The interpolation of a grant's share keys, by who has them.
fn interpolated(grant: &VerifiedGrant, s: &Scene, which: &[usize]) -> G1Affine {
    let ids: Vec<u64> = which.iter().map(|i| *i as u64 + 1).collect();
    let sum: G1Projective = which
        .iter()
        .zip(&ids)
        .map(|(i, id)| {
            let key = grant.share_key(&s.proxies[*i]).unwrap();
            *key.point() * bfkem::lagrange_at_zero(*id, &ids)
        })
        .sum();
    sum.into_affine()
}

/// What an institution makes of an interpolation: minus bX1, the key of a label if enough shares are in it.
fn unblinded(rk: &G1Affine, grant: &VerifiedGrant, b: &ReceivingKey) -> SecretPoint {
    SecretPoint((*rk - b.0.times_g1(grant.x1())).into_affine())
}

fn opens(d: &SecretPoint, capsule: &CheckedCapsule) -> bool {
    capsule.content_key(&bfkem::decap(d, capsule.u())).is_some()
}

fn sealed_to(key: &RecordKey, label: Label, s: &mut Scene) -> CheckedCapsule {
    let (schema, nowhere) = (SchemaId::new([2; 32]), std::io::sink());
    let capsule = seal(&key.public(), label, schema, &b"x"[..], nowhere, &mut s.rng);
    capsule.unwrap().check().unwrap()
}

/// Row "curious proxy": all n share keys interpolate to D + xB, and without b that opens nothing.
#[test]
fn all_n_proxies_without_b() {
    let mut s = scene();
    let grant = s.grant();
    for which in [&[0, 1, 2, 3, 4][..], &[0, 1, 2], &[4, 2, 0]] {
        let rk = interpolated(&grant, &s, which);
        assert!(!opens(&SecretPoint(rk), &s.capsule));
        let thief = ReceivingKey::generate(&mut s.rng);
        assert!(!opens(&unblinded(&rk, &grant, &thief), &s.capsule));
        // the same with b: the attack is the right one
        assert!(opens(&unblinded(&rk, &grant, &s.institution), &s.capsule));
    }
}

/// Row "delegatee + t-1 proxies": two of three share keys and b, by hand, before and after a revocation.
#[test]
fn delegatee_and_t_minus_1_proxies() {
    let mut s = scene();
    let grant = s.grant();
    let kept = interpolated(&grant, &s, &[0, 1]);
    assert!(!opens(
        &unblinded(&kept, &grant, &s.institution),
        &s.capsule
    ));
    // as if one more id's share were nothing
    let ids = [1, 2, 3];
    let padded: G1Projective = [0, 1]
        .iter()
        .map(|i| {
            let key = grant.share_key(&s.proxies[*i]).unwrap();
            *key.point() * bfkem::lagrange_at_zero(*i as u64 + 1, &ids)
        })
        .sum();
    let d = unblinded(&padded.into_affine(), &grant, &s.institution);
    assert!(!opens(&d, &s.capsule));
    // an obeying proxy gives its key up for good: the method takes it, and leaves nothing to answer with
    let revocation = Revocation::new(grant.id(), &s.signer);
    let key = grant.share_key(&s.proxies[2]).unwrap();
    assert!(key.reencrypt(&s.capsule, NOW, &mut s.rng).is_ok());
    assert!(key.revoke(&revocation).is_ok());
}

/// Row "delegatee + t proxies": they have D_l. It opens this label, and neither another label nor another
/// visit; nor does it prove possession of a.
#[test]
fn delegatee_and_t_proxies() {
    let mut s = scene();
    let grant = s.grant();
    let d = unblinded(
        &interpolated(&grant, &s, &[0, 1, 2]),
        &grant,
        &s.institution,
    );
    assert!(opens(&d, &s.capsule));
    let next = Label::of_record(&RecordId::new([8; 32]), 1);
    let version = Label::of_record(&RecordId::new([7; 32]), 2);
    let patient = RecordKey::from_bytes(s.patient.to_bytes().as_slice()).unwrap();
    for label in [next, version, s.terms.label.for_self()] {
        assert!(!opens(&d, &sealed_to(&patient, label, &mut s)));
    }
    let visit = RecordKey::generate(&mut s.rng);
    let label = s.terms.label;
    assert!(!opens(&d, &sealed_to(&visit, label, &mut s)));
    let proof = RecordKeyProof(d.0);
    assert!(patient.public().check_possession(&proof).is_err());
}

/// The same row, "old and refreshed shares do not recombine", for every mixture of the two epochs.
#[test]
fn thieves_of_two_epochs() {
    let mut s = scene();
    let grant = s.grant();
    let deal = RefreshDeal::new(&s.proxies[3], &grant, &mut s.rng).unwrap();
    let deals = [deal.verify(&grant).unwrap()];
    let next = grant.refresh(&deals).unwrap();
    let ids = [1, 2, 3];
    for fresh in 0..8u32 {
        let rk: G1Projective = (0..3)
            .map(|i| {
                let proxy = &s.proxies[i];
                let key = grant.share_key(proxy).unwrap();
                let key = if fresh >> i & 1 == 1 {
                    key.refresh(proxy, &deals).unwrap()
                } else {
                    key
                };
                *key.point() * bfkem::lagrange_at_zero(i as u64 + 1, &ids)
            })
            .sum();
        let d = unblinded(&rk.into_affine(), &next, &s.institution);
        assert_eq!(opens(&d, &s.capsule), fresh == 0 || fresh == 7, "{fresh:b}");
    }
}

/// Row "fewer than t authorities": their shares give neither the master secret nor a name's key; t give the
/// name's key, and with it that name alone.
#[test]
fn fewer_than_t_authorities() {
    let mut rng = test_rng(50);
    let (key, shares) = simulate(Purpose::Identity, 5, 3, &mut rng);
    let (id, other) = (
        Identity::of_emergency("berlin", 1, &[1; 32]),
        Identity::of_emergency("berlin", 2, &[1; 32]),
    );
    let statement = |id: &Identity| lp(&[&key.master_bytes(), id.as_bytes()]);
    let extracted = |n: usize, id: &Identity| {
        let points: Vec<_> = shares[..n]
            .iter()
            .map(|share| {
                let point = share.times_hash(dst::IDENTITY, &statement(id));
                (share.participant().x(), point)
            })
            .collect();
        dkg::interpolate_points(&points)
    };
    let hash = |id: &Identity| hash_to_g1(dst::IDENTITY, &statement(id));
    for n in [1, 2] {
        assert!(!key.is_product_of_master(&extracted(n, &id), &hash(&id)));
    }
    let d = extracted(3, &id);
    assert!(key.is_product_of_master(&d, &hash(&id)));
    assert!(!key.is_product_of_master(&d, &hash(&other)));
    // the secrets themselves
    for n in [1, 2, 3] {
        let ids: Vec<u64> = shares[..n].iter().map(|s| s.participant().x()).collect();
        let x: ark_bls12_381::Fr = shares[..n]
            .iter()
            .zip(&ids)
            .map(|(s, id)| *s.scalar().expose() * bfkem::lagrange_at_zero(*id, &ids))
            .sum();
        let p2 = <ark_bls12_381::G2Affine as ark_ec::AffineRepr>::generator();
        assert_eq!((p2 * x).into_affine() == *key.master(), n == 3);
    }
    // a message to a name stays closed to two decryption shares
    let sealed = ibe::seal(&key, &id, b"m", &mut rng).unwrap();
    let sealed = sealed.check(&key).unwrap();
    let mut authorities = shares.into_iter().map(|s| ibe::Authority::new(s).unwrap());
    let two: Vec<_> = authorities
        .by_ref()
        .take(2)
        .map(|a| a.decrypt(&key, &sealed, &mut rng).unwrap())
        .map(|share| share.verify(&key, &sealed).unwrap())
        .collect();
    assert!(sealed.open_jointly(&key, &two).is_err());
}

/// Row "malicious institution": B made of another's key, with what its maker could prove.
#[test]
fn institution_without_possession_is_refused_and_could_not_open() {
    let mut s = scene();
    let grant = s.grant();
    let rogue = ReceivingKey::generate(&mut s.rng);
    // D + xB unblinded by a key that is not b stays blinded, whatever the rogue adds
    let rk = interpolated(&grant, &s, &[0, 1, 2]);
    assert!(!opens(&unblinded(&rk, &grant, &rogue), &s.capsule));
    let proof = rogue.prove_possession();
    assert!(s.institution.public().check_possession(&proof).is_err());
}

/// Two institutions granted the same record pool everything: each has D_l already, and nothing more comes out.
#[test]
fn two_delegatees_of_one_record() {
    let mut s = scene();
    let one = s.grant();
    let first = unblinded(&interpolated(&one, &s, &[0, 1, 2]), &one, &s.institution);
    let b = std::mem::replace(
        &mut s.institution,
        ReceivingKey::generate(&mut test_rng(51)),
    );
    s.terms.receiver = s.institution.public();
    let two = s.grant();
    let second = unblinded(&interpolated(&two, &s, &[2, 3, 4]), &two, &s.institution);
    assert_eq!(first.0, second.0);
    // one's b does not open the other's grant
    let crossed = unblinded(&interpolated(&two, &s, &[0, 1, 2]), &two, &b);
    assert!(!opens(&crossed, &s.capsule));
    assert!(!opens(
        &SecretPoint((first.0 + second.0).into_affine()),
        &s.capsule
    ));
}
