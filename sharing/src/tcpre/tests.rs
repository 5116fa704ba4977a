use ark_bls12_381::Fr;
use ark_ec::AffineRepr;
use ark_ec::CurveGroup;
use ed25519_dalek::SigningKey;
use rand_chacha::ChaCha20Rng;

use super::capsule::{Opening, label_key};
use super::*;
use crate::bfkem::{self, SecretPoint};
use crate::curve;
use crate::domain::sha256;
use crate::keys::{ProxyKey, ReceivingKey, RecordKey, test_rng};
use crate::pairing::{self, count};
use crate::scalar::SecretScalar;

pub(crate) const NOW: u64 = 1_700_000_000;

/// A sealed record, granted to an institution through five proxies of which three suffice.
pub(crate) struct Scene {
    pub(crate) patient: RecordKey,
    pub(crate) signer: SigningKey,
    pub(crate) institution: ReceivingKey,
    pub(crate) proxies: Vec<ProxyKey>,
    pub(crate) capsule: CheckedCapsule,
    pub(crate) stored: Vec<u8>,
    pub(crate) terms: GrantTerms,
    pub(crate) rng: ChaCha20Rng,
}

pub(crate) fn scene() -> Scene {
    let mut rng = test_rng(11);
    let patient = RecordKey::generate(&mut rng);
    let institution = ReceivingKey::generate(&mut rng);
    let proxies: Vec<_> = (0..5).map(|_| ProxyKey::generate(&mut rng)).collect();
    let label = Label::of_record(&RecordId::new([7; 32]), 1);
    let mut stored = Vec::new();
    let schema = SchemaId::new([2; 32]);
    let capsule = seal(
        &patient.public(),
        label,
        schema,
        &b"the record"[..],
        &mut stored,
        &mut rng,
    )
    .unwrap();
    let terms = GrantTerms {
        key: patient.public(),
        label,
        receiver: institution.public(),
        proxies: ProxyRoster::majority(proxies.iter().map(ProxyKey::public).collect()).unwrap(),
        window: Window::new(NOW, NOW + 100).unwrap(),
        requirement: RequirementId::new([5; 32]),
    };
    let signer = SigningKey::from_bytes(&[9; 32]);
    let capsule = capsule.check().unwrap();
    Scene {
        patient,
        signer,
        institution,
        proxies,
        capsule,
        stored,
        terms,
        rng,
    }
}

impl Scene {
    pub(crate) fn grant(&mut self) -> VerifiedGrant {
        let signed = grant(
            &self.patient,
            self.terms.clone(),
            &self.signer,
            &mut self.rng,
        )
        .unwrap();
        signed
            .verify(&self.terms, &self.signer.verifying_key())
            .unwrap()
    }

    pub(crate) fn shares(&mut self, grant: &VerifiedGrant, which: &[usize]) -> Vec<VerifiedShare> {
        let mut make = |i: &usize| {
            let key = grant.share_key(&self.proxies[*i]).unwrap();
            let share = key.reencrypt(&self.capsule, NOW, &mut self.rng).unwrap();
            grant.verify_share(&self.capsule, &share).unwrap()
        };
        which.iter().map(&mut make).collect()
    }

    /// The hospital stores garbage instead, under a capsule that is right in everything else.
    pub(crate) fn misseal(&mut self, stored: Vec<u8>) {
        let r = SecretScalar::random(&mut self.rng);
        let opening = Opening::new(&self.patient.public(), self.terms.label, r);
        let (_, commitment) = opening.derive();
        let capsule = opening.close(commitment, sha256(&stored));
        (self.capsule, self.stored) = (capsule.check().unwrap(), stored);
    }

    pub(crate) fn read(&self, key: &ContentKey) -> Vec<u8> {
        let mut out = Vec::new();
        key.open(&self.stored[..], &mut out).unwrap();
        out
    }
}

#[test]
fn every_three_of_five_open_and_no_two_do() {
    let mut s = scene();
    let grant = s.grant();
    let all = s.shares(&grant, &[0, 1, 2, 3, 4]);
    for (a, b, c) in [(0, 1, 2), (0, 2, 4), (4, 3, 1), (2, 3, 4)] {
        let some = [all[a].clone(), all[b].clone(), all[c].clone()];
        let key = combine(&s.institution, &grant, &s.capsule, &some).unwrap();
        assert_eq!(s.read(&key), b"the record");
    }
    let two = combine(&s.institution, &grant, &s.capsule, &all[..2]);
    assert_eq!(
        two.unwrap_err(),
        CombineError::NotEnough { have: 2, need: 3 }
    );
    let same = [all[0].clone(), all[0].clone(), all[1].clone()];
    let twice = combine(&s.institution, &grant, &s.capsule, &same);
    assert_eq!(
        twice.unwrap_err(),
        CombineError::NotEnough { have: 2, need: 3 }
    );
    let own = s.capsule.decapsulate(&s.patient).unwrap();
    assert_eq!(s.read(&own), b"the record");
}

#[test]
fn a_grant_is_held_to_its_terms() {
    let mut s = scene();
    let signed = grant(&s.patient, s.terms.clone(), &s.signer, &mut s.rng).unwrap();
    let verifier = s.signer.verifying_key();
    let mut other = s.terms.clone();
    other.label = Label::new([0; 32]);
    let refused = signed.clone().verify(&other, &verifier).unwrap_err();
    assert_eq!(refused, GrantError::Terms { field: "label" });
    let mut other = s.terms.clone();
    other.window = Window::new(NOW, NOW + 101).unwrap();
    let refused = signed.clone().verify(&other, &verifier).unwrap_err();
    assert_eq!(refused, GrantError::Terms { field: "window" });
    let stranger = SigningKey::from_bytes(&[8; 32]).verifying_key();
    assert_eq!(
        signed.clone().verify(&s.terms, &stranger).unwrap_err(),
        GrantError::Signature
    );
    assert_eq!(SignedGrant::from_bytes(&signed.to_bytes()), Ok(signed));
}

/// Every kind of wrong share or blinding is found, by name, though all equations are checked at once.
#[test]
fn a_grant_with_one_wrong_part_is_refused_by_name() {
    let mut s = scene();
    let (x, v) = (
        SecretScalar::random(&mut s.rng),
        SecretScalar::random(&mut s.rng),
    );
    let phis = [
        SecretScalar::random(&mut s.rng),
        SecretScalar::random(&mut s.rng),
    ];
    let good = Grant::from_scalars(&s.patient, s.terms.clone(), &x, &phis, &v);
    let p1 = ark_bls12_381::G1Affine::generator();
    let verify = |g: Grant| {
        g.sign(&s.signer)
            .verify(&s.terms, &s.signer.verifying_key())
    };
    assert!(verify(good.clone()).is_ok());
    for j in 0..5 {
        let mut bad = good.clone();
        bad.shares[j] = (bad.shares[j] + p1).into();
        let proxy = ProxyId::new(j as u64 + 1).unwrap();
        assert_eq!(verify(bad).unwrap_err(), GrantError::Share { proxy });
    }
    // two wrong shares whose errors cancel in a plain sum
    let mut bad = good.clone();
    bad.shares[0] = (bad.shares[0] + p1).into();
    bad.shares[1] = (bad.shares[1] - p1).into();
    assert!(verify(bad).is_err());
    let mut bad = good.clone();
    bad.x1 = (bad.x1 + p1).into();
    assert_eq!(verify(bad).unwrap_err(), GrantError::Blinding);
    let mut bad = good.clone();
    bad.v1 = (bad.v1 + p1).into();
    assert_eq!(verify(bad).unwrap_err(), GrantError::Blinding);
    let mut bad = good.clone();
    bad.commitments.swap(0, 1);
    assert!(matches!(verify(bad), Err(GrantError::Share { .. })));
    // a grant of another label's key
    let elsewhere = GrantTerms {
        label: Label::new([1; 32]),
        ..s.terms.clone()
    };
    let mut bad = Grant::from_scalars(&s.patient, elsewhere, &x, &phis, &v);
    bad.terms = s.terms.clone();
    assert!(matches!(verify(bad), Err(GrantError::Share { .. })));
}

/// What the institution and t proxies can compute: the one label's key, which opens nothing else.
#[test]
fn delegatee_and_t_proxies_get_one_label_only() {
    let mut s = scene();
    let grant = s.grant();
    let keys: Vec<_> = (0..3)
        .map(|i| grant.share_key(&s.proxies[i]).unwrap())
        .collect();
    let ids = [1, 2, 3];
    let rk = keys
        .iter()
        .fold(ark_bls12_381::G1Projective::default(), |sum, k| {
            sum + k.k.0 * bfkem::lagrange_at_zero(k.proxy.x(), &ids)
        });
    let d = SecretPoint((rk - s.institution.0.times_g1(grant.x1())).into_affine());
    assert_eq!(d.0, label_key(&s.patient, &s.terms.label).0);
    assert!(
        s.capsule
            .content_key(&bfkem::decap(&d, &s.capsule.u))
            .is_some()
    );
    // the same patient's next record
    let next = Label::of_record(&RecordId::new([8; 32]), 1);
    let schema = SchemaId::new([2; 32]);
    let capsule = seal(
        &s.patient.public(),
        next,
        schema,
        &b"x"[..],
        std::io::sink(),
        &mut s.rng,
    )
    .unwrap();
    let capsule = capsule.check().unwrap();
    assert!(capsule.content_key(&bfkem::decap(&d, &capsule.u)).is_none());
}

#[test]
fn all_proxies_without_the_institution_open_nothing() {
    let mut s = scene();
    let grant = s.grant();
    let all = s.shares(&grant, &[0, 1, 2, 3, 4]);
    let blinded = open::interpolate(&grant, &s.capsule, &all).unwrap();
    assert!(s.capsule.content_key(&blinded).is_none());
    let outsider = ReceivingKey::generate(&mut s.rng);
    assert_eq!(
        combine(&outsider, &grant, &s.capsule, &all).unwrap_err(),
        CombineError::OtherKey
    );
}

#[test]
fn refreshed_shares_open_and_do_not_mix_with_old_ones() {
    let mut s = scene();
    let grant = s.grant();
    let old = s.shares(&grant, &[0, 1, 2]);
    let deals: Vec<_> = [0, 3]
        .map(|i| RefreshDeal::new(&s.proxies[i], &grant, &mut s.rng).unwrap())
        .into_iter()
        .map(|deal| {
            assert_eq!(RefreshDeal::from_bytes(&deal.to_bytes()), Ok(deal.clone()));
            deal.verify(&grant).unwrap()
        })
        .collect();
    let next = grant.refresh(&deals).unwrap();
    assert_eq!(next.epoch(), 1);
    let mut fresh = Vec::new();
    let mut stolen = Vec::new();
    for i in [1, 2, 4] {
        let key = grant.share_key(&s.proxies[i]).unwrap();
        stolen.push((key.proxy.x(), SecretPoint(key.k.0)));
        let key = key.refresh(&s.proxies[i], &deals).unwrap();
        let share = key.reencrypt(&s.capsule, NOW, &mut s.rng).unwrap();
        assert!(matches!(
            grant.verify_share(&s.capsule, &share),
            Err(ShareError::OtherGrant { .. })
        ));
        fresh.push((next.verify_share(&s.capsule, &share).unwrap(), key));
    }
    let shares: Vec<_> = fresh.iter().map(|(share, _)| share.clone()).collect();
    assert_eq!(
        s.read(&combine(&s.institution, &next, &s.capsule, &shares).unwrap()),
        b"the record"
    );
    let mixed = [old[0].clone(), shares[0].clone(), shares[1].clone()];
    let refused = combine(&s.institution, &next, &s.capsule, &mixed).unwrap_err();
    assert_eq!(refused, CombineError::Mixed);
    // the attack itself: one share stolen before, two after, interpolated by hand
    let points = [
        (stolen[0].0, stolen[0].1.0),
        (fresh[1].1.proxy.x(), fresh[1].1.k.0),
        (fresh[2].1.proxy.x(), fresh[2].1.k.0),
    ];
    let ids = points.map(|(id, _)| id);
    let rk: ark_bls12_381::G1Projective = points
        .iter()
        .map(|(id, k)| *k * bfkem::lagrange_at_zero(*id, &ids))
        .sum();
    let d = SecretPoint((rk - s.institution.0.times_g1(grant.x1())).into_affine());
    assert!(
        s.capsule
            .content_key(&bfkem::decap(&d, &s.capsule.u))
            .is_none()
    );
}

#[test]
fn a_wrong_or_repeated_deal_is_refused() {
    let mut s = scene();
    let grant = s.grant();
    let deal = RefreshDeal::new(&s.proxies[2], &grant, &mut s.rng).unwrap();
    let dealer = ProxyId::new(3).unwrap();
    let verified = deal.clone().verify(&grant).unwrap();
    let twice = grant.refresh(&[verified.clone(), verified]);
    assert_eq!(twice.unwrap_err(), RefreshError::Twice { dealer });
    assert_eq!(grant.refresh(&[]).unwrap_err(), RefreshError::Nothing);
    let another = s.grant();
    let refused = deal.verify(&another).unwrap_err();
    assert_eq!(refused, RefreshError::OtherGrant { dealer });
    // a dealt polynomial with a constant term would move the secret
    let proxies = &grant.terms().proxies;
    let good = RefreshDeal::new(&s.proxies[2], &grant, &mut s.rng).unwrap();
    let bytes = good.to_bytes();
    for at in [bytes.len() - 20, bytes.len() / 2] {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        if let Ok(deal) = RefreshDeal::from_bytes(&altered) {
            assert!(deal.verify(&grant).is_err());
        }
    }
    assert_eq!(proxies.size(), 5);
    let outsider = ProxyKey::generate(&mut s.rng);
    let refused = RefreshDeal::new(&outsider, &grant, &mut s.rng).unwrap_err();
    assert_eq!(refused, RefreshError::NoShare);
}

/// A hospital that commits to another key than it sealed is shown guilty; an honest one cannot be framed.
#[test]
fn disputes_name_the_sealer_or_the_disputer() {
    let mut s = scene();
    let grant = s.grant();
    let shares = s.shares(&grant, &[0, 1, 2]);
    let raise = |s: &mut Scene, shares: &[VerifiedShare]| {
        Dispute::raise(&s.institution, &grant, &s.capsule, shares, &mut s.rng).unwrap()
    };
    let Dispute::Content(transcript) = raise(&mut s, &shares) else {
        panic!("the key is right")
    };
    assert_eq!(
        Transcript::from_bytes(&transcript.to_bytes()),
        Ok(transcript.clone())
    );
    match transcript.judge(&grant, &s.capsule, &shares).unwrap() {
        Verdict::KeyStands(key) => assert_eq!(s.read(&key), b"the record"),
        Verdict::SealerAtFault => panic!("an honest hospital was framed"),
    }
    for at in [
        transcript.to_bytes().len() - 1,
        transcript.to_bytes().len() - 40,
    ] {
        let mut bytes = transcript.to_bytes();
        bytes[at] ^= 1;
        let forged = Transcript::from_bytes(&bytes).unwrap();
        let judged = forged.judge(&grant, &s.capsule, &shares);
        assert!(matches!(judged, Err(DisputeError::Transcript)));
    }
    // now a capsule whose kc is of another key; W is made by who knows r, so it checks
    let opening = Opening::new(
        &s.patient.public(),
        s.terms.label,
        SecretScalar::random(&mut s.rng),
    );
    s.capsule = opening.close([0; 32], sha256(&s.stored)).check().unwrap();
    let shares = s.shares(&grant, &[0, 1, 2]);
    let refused = combine(&s.institution, &grant, &s.capsule, &shares).unwrap_err();
    assert_eq!(refused, CombineError::KeyCommitment);
    let Dispute::KeyCommitment(KeyDispute(transcript)) = raise(&mut s, &shares) else {
        panic!("the commitment is wrong")
    };
    let verdict = transcript.judge(&grant, &s.capsule, &shares).unwrap();
    assert!(matches!(verdict, Verdict::SealerAtFault));
}

/// If commitments were in G2, one share and a leaked rP1 would open the record: the reason they are in GT.
#[test]
fn commitments_in_g2_would_let_one_share_open() {
    let mut s = scene();
    let r = SecretScalar::random(&mut s.rng);
    let (phi, rk) = (
        SecretScalar::random(&mut s.rng),
        SecretScalar::random(&mut s.rng).in_g1(),
    );
    let k1 = (rk + phi.in_g1()).into_affine();
    let rho = pairing::pair(&k1, &r.in_g2());
    let leaked = pairing::pair(&r.in_g1(), &phi.in_g2());
    assert_eq!(rho * leaked.inverse(), pairing::pair(&rk, &r.in_g2()));
}

#[test]
fn pairings_are_counted_as_documented() {
    let mut s = scene();
    let schema = SchemaId::new([0; 32]);
    let (public, label) = (s.patient.public(), s.terms.label);
    let sealing = || {
        seal(
            &public,
            label,
            schema,
            &b""[..],
            std::io::sink(),
            &mut test_rng(1),
        )
    };
    assert_eq!(count::of(sealing), (1, 1));
    let capsule = (*s.capsule).clone();
    assert_eq!(count::of(|| capsule.clone().check()), (2, 1));
    assert_eq!(count::of(|| s.capsule.decapsulate(&s.patient)), (1, 1));
    let terms = s.terms.clone();
    assert_eq!(
        count::of(|| grant(&s.patient, terms, &s.signer, &mut s.rng)),
        (0, 0)
    );
    let signed = grant(&s.patient, s.terms.clone(), &s.signer, &mut s.rng).unwrap();
    let verifier = s.signer.verifying_key();
    assert_eq!(
        count::of(|| signed.clone().verify(&s.terms, &verifier)),
        (4, 1)
    );
    let grant = signed.verify(&s.terms, &verifier).unwrap();
    assert_eq!(count::of(|| grant.share_key(&s.proxies[0])), (3, 2));
    assert_eq!(count::of(|| grant.share_key(&s.proxies[1])), (1, 1));
    let key = grant.share_key(&s.proxies[0]).unwrap();
    assert_eq!(
        count::of(|| key.reencrypt(&s.capsule, NOW, &mut s.rng)),
        (3, 3)
    );
    let share = key.reencrypt(&s.capsule, NOW, &mut s.rng).unwrap();
    assert_eq!(count::of(|| grant.verify_share(&s.capsule, &share)), (2, 2));
    let many = [share.clone(), share.clone(), share.clone()];
    assert_eq!(count::of(|| grant.verify_shares(&s.capsule, &many)), (6, 6));
    let shares = s.shares(&grant, &[0, 1, 2]);
    assert_eq!(
        count::of(|| combine(&s.institution, &grant, &s.capsule, &shares)),
        (1, 1)
    );
    let raising = || {
        Dispute::raise(
            &s.institution,
            &grant,
            &s.capsule,
            &shares,
            &mut test_rng(2),
        )
    };
    assert_eq!(count::of(raising), (2, 2));
    let deal = RefreshDeal::new(&s.proxies[1], &grant, &mut s.rng).unwrap();
    assert_eq!(count::of(|| deal.clone().verify(&grant)), (2, 1));
    assert_eq!(
        count::of(|| s
            .institution
            .public()
            .check_possession(&s.institution.prove_possession())),
        (2, 1)
    );
}

#[test]
fn pairings_of_refresh_dispute_and_gate_are_counted_as_documented() {
    use crate::dkg::{Purpose, simulate};
    let mut s = scene();
    let grant = s.grant();
    let shares = s.shares(&grant, &[0, 1, 2]);
    let raised = Dispute::raise(&s.institution, &grant, &s.capsule, &shares, &mut s.rng).unwrap();
    let Dispute::Content(transcript) = raised else {
        panic!("the key is right")
    };
    let judging = || transcript.judge(&grant, &s.capsule, &shares);
    assert_eq!(count::of(judging), (1, 1));
    let (proxy, mut rng) = (&s.proxies[0], test_rng(3));
    let dealing = || RefreshDeal::new(proxy, &grant, &mut rng);
    assert_eq!(count::of(dealing), (0, 0));
    let deals = [RefreshDeal::new(proxy, &grant, &mut s.rng)
        .unwrap()
        .verify(&grant)
        .unwrap()];
    assert_eq!(count::of(|| grant.refresh(&deals)), (0, 0));
    let key = grant.share_key(proxy).unwrap();
    assert_eq!(count::of(|| key.refresh(proxy, &deals)), (1, 1));
    let (stored, old) = (s.stored.clone(), (*s.capsule).clone());
    let next = Label::new([8; 32]);
    let rekeying = || {
        let sink = std::io::sink();
        rekey(&s.patient, old, || Ok(&stored[..]), next, sink, &mut rng)
    };
    assert_eq!(count::of(rekeying), (4, 3));

    let (gate, holders) = simulate(Purpose::Gate, 3, 2, &mut s.rng);
    let holders: Vec<_> = holders
        .into_iter()
        .map(|h| GateKey::new(h).unwrap())
        .collect();
    let (public, label, schema) = (s.patient.public(), s.terms.label, SchemaId::new([2; 32]));
    let mut sealing = || {
        let sink = std::io::sink();
        seal_gated(&public, label, schema, &gate, &b"g"[..], sink, &mut s.rng)
    };
    assert_eq!(count::of(&mut sealing), (3, 3));
    let record = sealing().unwrap();
    assert_eq!(count::of(|| open_gated_alone(&s.patient, &record)), (5, 3));
    s.capsule = record.capsule.clone().check().unwrap();
    let grant = s.grant();
    let shares = s.shares(&grant, &[0, 1, 2]);
    let mut open = || holders[0].open(&gate, &grant, &s.capsule, NOW, &mut s.rng);
    assert_eq!(count::of(&mut open), (4, 4));
    let first = open().unwrap();
    let second = holders[1].open(&gate, &grant, &s.capsule, NOW, &mut s.rng);
    let verify = |share: &GateShare| share.verify(&gate, &grant, &s.capsule);
    assert_eq!(count::of(|| verify(&first)), (3, 3));
    let through = [verify(&first).unwrap(), verify(&second.unwrap()).unwrap()];
    let opening = || combine_gated(&s.institution, &grant, &s.capsule, &shares, &gate, &through);
    assert_eq!(count::of(opening), (1, 1));
    assert!(opening().is_ok());
}

#[test]
fn shares_checked_together_are_judged_as_alone() {
    let mut s = scene();
    let grant = s.grant();
    let mut shares: Vec<_> = (0..4)
        .map(|at| {
            let key = grant.share_key(&s.proxies[at]).unwrap();
            key.reencrypt(&s.capsule, NOW, &mut s.rng).unwrap()
        })
        .collect();
    // the third answers with the second's value
    let (mut lie, honest) = (shares[2].to_bytes(), shares[1].to_bytes());
    let from = lie.len() - (4 + 48) - (4 + 32) - 576;
    lie[from..from + 576].copy_from_slice(&honest[from..from + 576]);
    shares[2] = Share::from_bytes(&lie).unwrap();
    let other = {
        let grant = s.grant();
        let key = grant.share_key(&s.proxies[4]).unwrap();
        key.reencrypt(&s.capsule, NOW, &mut s.rng).unwrap()
    };
    shares.push(other);
    let together = grant.verify_shares(&s.capsule, &shares);
    let alone: Vec<_> = shares
        .iter()
        .map(|share| grant.verify_share(&s.capsule, share))
        .collect();
    assert_eq!(together, alone);
    let culprits: Vec<_> = together
        .iter()
        .filter_map(|v| v.as_ref().err()?.culprit())
        .map(ProxyId::number)
        .collect();
    assert_eq!(culprits, [3]);
    assert!(matches!(together[4], Err(ShareError::OtherGrant { .. })));
}

/// The golden values of the construction: a, b, r, x, phi1, phi2 = 2, 3, 5, 7, 11, 13 and t = 3.
#[test]
fn golden_values() {
    let scalar = |n: u64| SecretScalar::from_fr(Fr::from(n));
    let (patient, institution) = (RecordKey(scalar(2)), ReceivingKey(scalar(3)));
    let label = Label::new([0x11; 32]);
    let opening = Opening::new(&patient.public(), label, scalar(5));
    let kap = opening.encapsulation.kap.clone();
    let capsule = opening.close([0x22; 32], [0x33; 32]).check().unwrap();
    let bytes = capsule.to_bytes();
    let hex_of = |bytes: &[u8]| hex::encode(bytes);
    let q = bfkem::hash_id::<LabelTag>(&patient.public().0, label.as_bytes());
    assert_eq!(
        hex_of(&curve::encode_g1(&q)),
        "8569cdce9907946e1715a4ab12023e2ed407b7f324a44a8059e4f31962feced6d1c2bb9fd618e36b622dd045a9b9a877"
    );
    assert_eq!(
        hex_of(&bytes[128..224]),
        "80fb837804dba8213329db46608b6c121d973363c1234a86dd183baff112709cf97096c5e9a1a770ee9d7dc641a894d60411a5de6730ffece671a9f21d65028cc0f1102378de124562cb1ff49db6f004fcd14d683024b0548eff3d1468df2688"
    );
    assert_eq!(
        hex_of(&bytes[224..272]),
        "aede555ed906c4ff61d7e8552164e5c70deab76b1c960e1c8dab5c2022c0970d075aed119910cb8baab053d255d069b6"
    );
    assert_eq!(
        hex_of(&sha256(&kap.to_bytes())),
        "14209993e5b4edb8dbee4cb0b40331489c14d168c5d81da15a63bfa75fca785f"
    );
    assert_eq!(Capsule::from_bytes(&bytes).as_ref(), Ok(&*capsule));

    let d = label_key(&patient, &label);
    let rk = (d.0 + institution.public().0 * Fr::from(7u64)).into_affine();
    assert_eq!(
        hex_of(&curve::encode_g1(&rk)),
        "8d2176119c04fe8aafc0b91d87f7d772d79fdd6b31622a4701fd4ca076aedd7bc03410665a2e337ca9ac7daab531b77a"
    );

    let proxies: Vec<_> = [17, 19, 23].map(|e| ProxyKey(scalar(e))).into();
    let terms = GrantTerms {
        key: patient.public(),
        label,
        receiver: institution.public(),
        proxies: ProxyRoster::new(3, proxies.iter().map(ProxyKey::public).collect()).unwrap(),
        window: Window::new(0, 10).unwrap(),
        requirement: RequirementId::NONE,
    };
    let phis = [scalar(11), scalar(13)];
    let signer = SigningKey::from_bytes(&[1; 32]);
    let grant = Grant::from_scalars(&patient, terms.clone(), &scalar(7), &phis, &scalar(29));
    let grant = grant
        .sign(&signer)
        .verify(&terms, &signer.verifying_key())
        .unwrap();
    let golden = [
        (
            "b3a589c8e4a808ebd945df97ffe7c5815d3169fed894ca225d4ae892a8edbe6dbacfad93a92aab2206849bb178629a05",
            "619150cf0791412b1ccbbe6715752f7cb57e9e4cc573effeb9a7124b137f53ac",
        ),
        (
            "819e012207dedc273686096b59c2937a0f71ffbbb77bf2212b3f201de3166724721c2e5b09ce73801623b8df2e7dbd44",
            "5e0b681f580ce3e0a9e940de61df62d3190fb2344155637440d01d2dc5bea0af",
        ),
        (
            "a6efa2426c1cf22bee216b08f37878677db68615b56fa887b8074aa0ef7b8313bab21b3c726c8987fda5339d07720911",
            "b888f508ee83a5839aa2ca6d9a0b916744fc65a7a42260380d2af9453b106753",
        ),
    ];
    for (proxy, (k, rho)) in proxies.iter().zip(golden) {
        let key = grant.share_key(proxy).unwrap();
        assert_eq!(hex_of(&curve::encode_g1(&key.k.0)), k);
        assert_eq!(
            hex_of(&sha256(&pairing::pair(&key.k.0, &capsule.u).to_bytes())),
            rho
        );
    }
    let y1 = sha256(&grant.y(ProxyId::new(1).unwrap()).to_bytes());
    assert_eq!(
        hex_of(&y1),
        "6e8cff7ce49f5a016ee0f370dbdbd0a922c051810c0fa40a7b5581362be8fe73"
    );
}

/// No bit of a capsule can be altered, and no hostile encoding is taken.
#[test]
fn altered_capsules_and_hostile_bytes_are_refused() {
    let s = scene();
    let bytes = s.capsule.to_bytes();
    for at in (0..bytes.len()).step_by(5) {
        let mut altered = bytes;
        altered[at] ^= 1;
        assert!(
            !Capsule::from_bytes(&altered).is_ok_and(|c| c.check().is_ok()),
            "{at}"
        );
    }
    assert!(Capsule::from_bytes(&bytes[..335]).is_err());
    assert!(Capsule::from_bytes(&[bytes.as_slice(), &[0]].concat()).is_err());
    let mut identity = bytes;
    identity[128..224].fill(0);
    identity[128] = 0xc0;
    assert_eq!(
        Capsule::from_bytes(&identity).unwrap_err(),
        crate::WireError::Point {
            field: "U",
            source: curve::PointError::Identity
        }
    );
}

/// With a gate, three shares of the grant are not enough after its window: the gate's hardware knows the time.
#[test]
fn a_gate_shuts_even_if_proxies_kept_their_shares() {
    use crate::dkg::{Purpose, simulate};
    let mut s = scene();
    let (gate, holders) = simulate(Purpose::Gate, 3, 2, &mut s.rng);
    let holders: Vec<_> = holders
        .into_iter()
        .map(|h| GateKey::new(h).unwrap())
        .collect();
    let schema = SchemaId::new([2; 32]);
    let mut stored = Vec::new();
    let (public, label) = (s.patient.public(), s.terms.label);
    let record = seal_gated(
        &public,
        label,
        schema,
        &gate,
        &b"gated"[..],
        &mut stored,
        &mut s.rng,
    )
    .unwrap();
    (s.capsule, s.stored) = (record.capsule.clone().check().unwrap(), stored);
    let grant = s.grant();
    let shares = s.shares(&grant, &[0, 1, 2]);
    assert_eq!(
        combine(&s.institution, &grant, &s.capsule, &shares).unwrap_err(),
        CombineError::KeyCommitment
    );
    let open = |holder: &GateKey, now, s: &mut Scene| {
        let capsule = s.capsule.clone();
        holder.open(&gate, &grant, &capsule, now, &mut s.rng)
    };
    let gates: Vec<_> = holders[1..]
        .iter()
        .map(|h| open(h, NOW, &mut s).unwrap())
        .collect::<Vec<_>>()
        .into_iter()
        .map(|share| {
            assert_eq!(
                GateShare::from_bytes(&share.to_bytes()).as_ref(),
                Ok(&share)
            );
            share.verify(&gate, &grant, &s.capsule).unwrap()
        })
        .collect();
    let key = combine_gated(&s.institution, &grant, &s.capsule, &shares, &gate, &gates).unwrap();
    assert_eq!(s.read(&key), b"gated");
    let shut = combine_gated(
        &s.institution,
        &grant,
        &s.capsule,
        &shares,
        &gate,
        &gates[..1],
    );
    assert!(matches!(
        shut,
        Err(OpenGatedError::GateShut { have: 1, need: 2 })
    ));
    assert!(matches!(
        open(&holders[0], NOW + 101, &mut s),
        Err(GateShareError::Closed { .. })
    ));
    // a share for one grant does not open the gate for another
    let another = s.grant();
    let share = open(&holders[0], NOW, &mut s).unwrap();
    assert!(share.verify(&gate, &another, &s.capsule).is_err());
    // the patient needs neither
    let own = open_gated_alone(&s.patient, &record).unwrap();
    assert_eq!(s.read(&own), b"gated");
    assert!(open_gated_alone(&RecordKey::generate(&mut s.rng), &record).is_err());
}
