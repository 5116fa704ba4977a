//! The threats this crate answers, a test each: who tries what, and what stops it. The remaining rows of the
//! threat table (claims, licences, set-up, consensus) are the contracts' and the ledger's.
//!
//! | adversary | attempt | tests |
//! | --- | --- | --- |
//! | curious proxies, all n, without b | open a capsule | `curious_proxies_all_n_without_b`, `collusion::all_n_proxies_without_b` |
//! | proxy | wrong rho, or a small-order one | `proxy_gives_a_wrong_rho_or_a_small_order_one` |
//! | proxy | withhold, be stale, answer after expiry | `proxy_withholds_or_comes_after_expiry`, `replay::proxies_answer_from_an_epoch_that_is_over` |
//! | patient | good shares to some proxies only | `patient_gives_good_shares_to_some_proxies_only` |
//! | delegatee and t - 1 proxies | get past a revocation | `delegatee_and_t_minus_1_proxies_bypass_revocation`, `collusion::delegatee_and_t_minus_1_proxies` |
//! | delegatee and t proxies | reach other records, or a | `delegatee_and_t_proxies_reach_other_records`, `collusion::delegatee_and_t_proxies`, `collusion::thieves_of_two_epochs` |
//! | anyone | maul a capsule, swap C, replay a share | `anyone_mauls_a_capsule_or_replays_a_share`, `replay::anyone_swaps_the_ciphertext` |
//! | patient | wrong A, label, recipient or share | `patient_grants_a_wrong_key_label_or_recipient` |
//! | hospital | another plaintext, a bad kc | `replay::hospital_seals_another_plaintext_or_garbage`, `hospital_is_blamed_when_guilty_and_not_framed_when_not`, `tcpre::tests::disputes_name_the_sealer_or_the_disputer` |
//! | institution | a rogue B | `institution_brings_a_b_made_of_others_keys`, `collusion::institution_without_possession_is_refused_and_could_not_open` |
//! | fewer than t authorities | learn or bias the master key, give a wrong identity share | `collusion::fewer_than_t_authorities`, `dkg::tests::refusing_to_expose_does_not_change_the_key`, `dkg::tests::silent_and_false_dealers_are_left_out_and_named`, `ibe::tests::a_wrong_share_names_its_authority` |
//! | proxy and delegatee of a name | the name's key | `ibe::tests::proxy_and_delegatee_get_one_records_key` |
//! | doctor in a team | reorder, drop, bring a rogue key, re-attach to another patient | `oms::tests::swapped_dropped_altered_or_reattached_signatures_are_refused`, `oms::tests::a_rogue_key_forges_and_is_refused_registration`, `oms::tests::a_signature_does_not_move_to_another_patient` |
//! | removed doctor, outsider | read after leaving, stand between | `team::tests::a_team_talks_and_who_left_does_not_read_on`, `team::tests::altered_rosters_strangers_and_old_epochs_are_refused` |
//! | ledger node | guess keywords, link visits | `search::tests::dictionary_guesses_find_nothing_without_the_shared_key`, `search::tests::rows_of_one_record_share_no_value`, `two_visits_share_no_value_on_the_ledger` |
//! | search node | use T later | `search_node_uses_a_trapdoor_later`, `search::tests::tokens_are_for_one_audience_one_time_and_until_then` |
//! | byzantine replicas | bias the draw, give a bad partial signature | `byzantine_replicas_bias_the_draw`, `replay::byzantine_replicas_give_a_bad_partial_signature` |
//! | network attacker | replay | `network_attacker_replays_a_grant_or_a_share`, `replay::network_attacker_replays_a_token_or_a_letter` |
//! | anyone | use a key or a tag for another purpose | `keys_and_tags_are_confused` |
//!
//! Commitments in G2 instead of GT would let one share open: `tcpre::tests::commitments_in_g2_would_let_one_share_open`.

mod collusion;
mod replay;

use std::collections::BTreeSet;

use ark_ec::AffineRepr;
use ed25519_dalek::SigningKey;

use crate::beacon::{self, BeaconSigner, Round};
use crate::bfkem::{self, SecretPoint};
use crate::dkg::{Purpose, simulate};
use crate::domain::{dst, lp, sha256};
use crate::draw::{Candidate, Electorate, Occasion, Office};
use crate::ibe::{Authority, Identity};
use crate::keys::{ReceivingKey, ReceivingKeyProof, ReceivingPublicKey, test_rng};
use crate::letter::LetterKey;
use crate::oms::{MultiSigner, Opinion};
use crate::pairing;
use crate::scalar::SecretScalar;
use crate::search::{Bucket, Field, Keyword, Pointer, Row, SearchKey, WriterKey};
use crate::tcpre::tests::{NOW, scene};
use crate::tcpre::{
    Capsule, CombineError, Dispute, GrantError, GrantTerms, Label, LabelTag, RecordId, Revocation,
    RevocationError, SchemaId, Share, ShareError, Transcript, Verdict, Window, combine, grant,
    seal,
};
use crate::wallet::{HospitalId, Seed, Visit, Wallet};

#[test]
fn curious_proxies_all_n_without_b() {
    let mut s = scene();
    let grant = s.grant();
    let all = s.shares(&grant, &[0, 1, 2, 3, 4]);
    // under any b but the institution's, what they combine is not the committed key
    let thief = ReceivingKey::generate(&mut s.rng);
    assert_eq!(
        combine(&thief, &grant, &s.capsule, &all).unwrap_err(),
        CombineError::OtherKey
    );
    let rhos = (1..).zip(&s.proxies).map(|(j, proxy)| {
        let key = grant.share_key(proxy).unwrap();
        (j, pairing::pair(key.point(), s.capsule.u()))
    });
    let rhos: Vec<_> = rhos.collect();
    let blinded = *bfkem::combine(&rhos);
    assert!(s.capsule.content_key(&blinded).is_none());
    let wrong = pairing::pair(&thief.0.times_g1(grant.x1()), s.capsule.u());
    assert!(
        s.capsule
            .content_key(&(blinded * wrong.inverse()))
            .is_none()
    );
    let right = pairing::pair(&s.institution.0.times_g1(grant.x1()), s.capsule.u());
    assert!(
        s.capsule
            .content_key(&(blinded * right.inverse()))
            .is_some()
    );
}

#[test]
fn proxy_gives_a_wrong_rho_or_a_small_order_one() {
    let mut s = scene();
    let grant = s.grant();
    let share = grant.share_key(&s.proxies[3]).unwrap();
    let bytes = share
        .reencrypt(&s.capsule, NOW, &mut s.rng)
        .unwrap()
        .to_bytes();
    let other = grant.share_key(&s.proxies[4]).unwrap();
    let others = other
        .reencrypt(&s.capsule, NOW, &mut s.rng)
        .unwrap()
        .to_bytes();
    // another proxy's rho under this one's name: named as the liar
    let rho = bytes.len() - (4 + 48) - (4 + 32) - 576;
    let mut lie = bytes.clone();
    lie[rho..rho + 576].copy_from_slice(&others[rho..rho + 576]);
    let refused = grant
        .verify_share(&s.capsule, &Share::from_bytes(&lie).unwrap())
        .unwrap_err();
    assert_eq!(refused.culprit(), Some(share.proxy()));
    // outside the subgroup: not even decoded
    let mut small = bytes;
    small[rho..rho + 576].fill(0);
    small[rho] = 5;
    assert!(Share::from_bytes(&small).is_err());
}

#[test]
fn proxy_withholds_or_comes_after_expiry() {
    let mut s = scene();
    let grant = s.grant();
    let some = s.shares(&grant, &[1, 3, 4]);
    let key = combine(&s.institution, &grant, &s.capsule, &some).unwrap();
    assert_eq!(s.read(&key), b"the record");
    for (proxy, now) in s
        .proxies
        .iter()
        .zip([NOW - 1, NOW + 101, 0, u64::MAX, NOW + 102])
    {
        let share = grant.share_key(proxy).unwrap();
        assert!(share.reencrypt(&s.capsule, now, &mut s.rng).is_err());
    }
}

#[test]
fn patient_gives_good_shares_to_some_proxies_only() {
    let mut s = scene();
    let (x, v) = (
        SecretScalar::random(&mut s.rng),
        SecretScalar::random(&mut s.rng),
    );
    let phis = [
        SecretScalar::random(&mut s.rng),
        SecretScalar::random(&mut s.rng),
    ];
    let mut bad = crate::tcpre::Grant::from_scalars(&s.patient, s.terms.clone(), &x, &phis, &v);
    bad.spoil_share(2);
    let refused = bad
        .sign(&s.signer)
        .verify(&s.terms, &s.signer.verifying_key())
        .unwrap_err();
    assert!(matches!(refused, GrantError::Share { proxy } if proxy.number() == 3));
}

#[test]
fn delegatee_and_t_minus_1_proxies_bypass_revocation() {
    let mut s = scene();
    let grant = s.grant();
    let kept = s.shares(&grant, &[0, 1]);
    let short = combine(&s.institution, &grant, &s.capsule, &kept).unwrap_err();
    assert_eq!(short, CombineError::NotEnough { have: 2, need: 3 });
    // the others obey: their shares are gone
    let revocation = Revocation::new(grant.id(), &s.signer);
    for proxy in &s.proxies[2..] {
        assert!(grant.share_key(proxy).unwrap().revoke(&revocation).is_ok());
    }
    let forged = Revocation::new(grant.id(), &SigningKey::from_bytes(&[1; 32]));
    let refused = grant
        .share_key(&s.proxies[2])
        .unwrap()
        .revoke(&forged)
        .unwrap_err();
    assert_eq!(refused.1, RevocationError::Signature);
}

#[test]
fn delegatee_and_t_proxies_reach_other_records() {
    let mut s = scene();
    let grant = s.grant();
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
    for proxy in &s.proxies {
        let key = grant.share_key(proxy).unwrap();
        assert!(key.reencrypt(&capsule, NOW, &mut s.rng).is_err());
    }
    // even by hand: all shares' keys on the other capsule give no key of it
    let rhos: Vec<_> = (0..3)
        .map(|i| {
            let key = grant.share_key(&s.proxies[i]).unwrap();
            (i as u64 + 1, pairing::pair(key.point(), capsule.u()))
        })
        .collect();
    let strip = pairing::pair(&s.institution.0.times_g1(grant.x1()), capsule.u());
    let kap = *bfkem::combine(&rhos) * strip.inverse();
    assert!(capsule.content_key(&kap).is_none());
}

#[test]
fn anyone_mauls_a_capsule_or_replays_a_share() {
    let mut s = scene();
    let bytes = s.capsule.to_bytes();
    // U, l, kc, d: one bit each
    for at in [100, 130, 280, 330] {
        let mut altered = bytes;
        altered[at] ^= 4;
        assert!(
            !Capsule::from_bytes(&altered).is_ok_and(|c| c.check().is_ok()),
            "{at}"
        );
    }
    let (one, two) = (s.grant(), s.grant());
    let share = one.share_key(&s.proxies[0]).unwrap();
    let share = share.reencrypt(&s.capsule, NOW, &mut s.rng).unwrap();
    let replayed = two.verify_share(&s.capsule, &share).unwrap_err();
    assert!(matches!(replayed, ShareError::OtherGrant { .. }));
    // renamed to the other grant: the challenge has the grant in it
    let mut renamed = share.to_bytes();
    let at = renamed
        .windows(32)
        .position(|w| w == one.id().as_bytes())
        .unwrap();
    renamed[at..at + 32].copy_from_slice(two.id().as_bytes());
    let renamed = Share::from_bytes(&renamed).unwrap();
    let refused = two.verify_share(&s.capsule, &renamed).unwrap_err();
    assert_eq!(refused.culprit(), Some(share.proxy()));
}

#[test]
fn patient_grants_a_wrong_key_label_or_recipient() {
    let mut s = scene();
    let verifier = s.signer.verifying_key();
    let elsewhere = [
        GrantTerms {
            label: Label::new([9; 32]),
            ..s.terms.clone()
        },
        GrantTerms {
            receiver: ReceivingKey::generate(&mut s.rng).public(),
            ..s.terms.clone()
        },
        GrantTerms {
            window: Window::new(0, u64::MAX).unwrap(),
            ..s.terms.clone()
        },
    ];
    for terms in elsewhere {
        let signed = grant(&s.patient, terms, &s.signer, &mut s.rng).unwrap();
        let refused = signed.verify(&s.terms, &verifier).unwrap_err();
        assert!(matches!(refused, GrantError::Terms { .. }));
    }
    let stranger = crate::keys::RecordKey::generate(&mut s.rng);
    let refused = grant(&stranger, s.terms.clone(), &s.signer, &mut s.rng).unwrap_err();
    assert_eq!(
        refused,
        GrantError::Terms {
            field: "record key"
        }
    );
}

#[test]
fn hospital_is_blamed_when_guilty_and_not_framed_when_not() {
    // a wrong key commitment is in tcpre's tests; here the honest hospital and the false disputer
    let mut s = scene();
    let grant = s.grant();
    let shares = s.shares(&grant, &[0, 1, 2]);
    let raised = Dispute::raise(&s.institution, &grant, &s.capsule, &shares, &mut s.rng).unwrap();
    let Dispute::Content(transcript) = raised else {
        panic!("the key is right")
    };
    let judged = transcript.judge(&grant, &s.capsule, &shares).unwrap();
    assert!(matches!(judged, Verdict::KeyStands(_)));
    // v of one's own choosing
    let mut bytes = transcript.to_bytes();
    let at = bytes.len() - 2 * 36 - 576;
    let gt = pairing::generator().to_bytes();
    bytes[at..at + 576].copy_from_slice(&gt);
    let forged = Transcript::from_bytes(&bytes).unwrap();
    assert!(forged.judge(&grant, &s.capsule, &shares).is_err());
}

#[test]
fn institution_brings_a_b_made_of_others_keys() {
    let mut rng = test_rng(1);
    let (victim, x) = (
        ReceivingKey::generate(&mut rng),
        ReceivingKey::generate(&mut rng),
    );
    let rogue = ReceivingPublicKey((x.public().0 - victim.public().0).into());
    assert!(rogue.check_possession(&x.prove_possession()).is_err());
    assert!(rogue.check_possession(&victim.prove_possession()).is_err());
    let random = ReceivingKeyProof(SecretScalar::random(&mut rng).in_g2());
    assert!(rogue.check_possession(&random).is_err());
}

#[test]
fn two_visits_share_no_value_on_the_ledger() {
    let wallet = Wallet::from_seed(Seed::from_bytes([1; 32]));
    let hospital = HospitalId::new("h").unwrap();
    let mut rng = test_rng(2);
    let mut traces = [0, 1].map(|k| {
        let encounter = wallet.encounter(&hospital, Visit::new(k));
        let card = encounter.public();
        let label = Label::of_record(&RecordId::new([k as u8 + 1; 32]), 1);
        let schema = SchemaId::new([2; 32]);
        let capsule = seal(
            &card.key,
            label,
            schema,
            &b"same text"[..],
            std::io::sink(),
            &mut rng,
        )
        .unwrap();
        [
            capsule.to_bytes().to_vec(),
            card.signer.as_bytes().to_vec(),
            encounter.pseudonym().as_bytes().to_vec(),
            card.proof.to_bytes().to_vec(),
        ]
        .concat()
        .windows(8)
        .map(<[u8]>::to_vec)
        .collect::<BTreeSet<_>>()
    });
    let [one, two] = &mut traces;
    assert_eq!(one.intersection(two).count(), 0);
}

#[test]
fn search_node_uses_a_trapdoor_later() {
    let mut rng = test_rng(3);
    let (hospital, patient) = (WriterKey::generate(&mut rng), SearchKey::generate(&mut rng));
    let shared = hospital.share_with(&patient.card());
    let word = Keyword::new(Field::Diagnosis, *b"I63").unwrap();
    let (granted, next) = (
        Bucket::new("2025-03").unwrap(),
        Bucket::new("2025-04").unwrap(),
    );
    let pointer = Pointer::new(*b"p").unwrap();
    let kept = patient.trapdoor(&shared, &word, &granted);
    let row =
        |bucket, rng: &mut _| Row::new(&shared, &patient.public(), &word, bucket, &pointer, rng);
    assert_eq!(kept.find(&row(&granted, &mut rng)), Some(pointer.clone()));
    assert_eq!(kept.find(&row(&next, &mut rng)), None);
}

#[test]
fn byzantine_replicas_bias_the_draw() {
    let mut rng = test_rng(4);
    let (key, shares) = simulate(Purpose::Beacon, 4, 2, &mut rng);
    let signers: Vec<_> = shares
        .into_iter()
        .map(|s| BeaconSigner::new(s).unwrap())
        .collect();
    let round = Round::new(9);
    let verified: Vec<_> = signers
        .iter()
        .map(|s| s.sign(round).verify(&key).unwrap())
        .collect();
    let list: Vec<_> = (0..6)
        .map(|i| Candidate {
            id: format!("p{i}"),
            organisation: format!("o{}", i % 3),
            weight: 10 + i,
            jailed: false,
        })
        .collect();
    let electorate = Electorate::new(&list).unwrap();
    // whichever shares a node happens to combine, all draw the same
    let mut drawn = BTreeSet::new();
    for pair in [[0, 1], [1, 2], [3, 0], [2, 3]] {
        let some = pair.map(|i| verified[i]);
        let beta = beacon::combine(&key, round, &some).unwrap().randomness();
        let occasion = Occasion {
            chain: "c",
            office: Office::Proxy,
            epoch: 1,
            beta,
        };
        drawn.insert(electorate.draw(&occasion, 3).unwrap());
    }
    assert_eq!(drawn.len(), 1);
    assert!(signers[0].sign(Round::new(10)).verify(&key).is_ok());
    assert!(beacon::combine(&key, round, &verified[..1]).is_err());
}

#[test]
fn network_attacker_replays_a_grant_or_a_share() {
    let mut s = scene();
    let signed = grant(&s.patient, s.terms.clone(), &s.signer, &mut s.rng).unwrap();
    // for another requirement, at a later draw of proxies, or under another encounter key
    let mut later = s.terms.clone();
    later.requirement = crate::tcpre::RequirementId::new([6; 32]);
    let verifier = s.signer.verifying_key();
    let replayed = signed.clone().verify(&later, &verifier).unwrap_err();
    assert_eq!(
        replayed,
        GrantError::Terms {
            field: "requirement"
        }
    );
    let mut bytes = signed.to_bytes();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let altered = crate::tcpre::SignedGrant::from_bytes(&bytes).unwrap();
    assert_eq!(
        altered.verify(&s.terms, &verifier).unwrap_err(),
        GrantError::Signature
    );
}

/// One scalar used for everything, which nobody should do: still nothing made for one purpose opens another.
#[test]
fn keys_and_tags_are_confused() {
    let s = scene();
    let label = *s.capsule.label();
    let scalar = &s.patient.0;
    let statement = lp(&[&s.patient.public().to_bytes(), label.as_bytes()]);
    let opens = |d: SecretPoint| {
        s.capsule
            .content_key(&bfkem::decap(&d, s.capsule.u()))
            .is_some()
    };
    assert!(opens(SecretPoint(
        scalar.times_hash(dst::LABEL, &statement)
    )));
    for tag in [
        dst::BEACON,
        dst::KEYWORD,
        dst::IDENTITY,
        dst::GATE,
        dst::OMS_MESSAGE,
        dst::CAPSULE_TAG,
        dst::POP_RECORD,
        dst::POP_SEARCH,
        dst::OMS_POP1,
        dst::OMS_POP2,
        dst::OMS_POP3,
        dst::BLIND,
    ] {
        for message in [
            statement.clone(),
            label.as_bytes().to_vec(),
            sha256(&statement).to_vec(),
        ] {
            assert!(!opens(SecretPoint(scalar.times_hash(tag, &message))));
        }
    }
    let q = bfkem::hash_id::<LabelTag>(&s.patient.public().0, label.as_bytes());
    assert!(!q.is_zero());
}

/// What a log line or a panic message would show of the secrets.
#[test]
fn secrets_do_not_print() {
    use crate::tcpre::{ContentKey, GateKey};
    let mut rng = test_rng(40);
    let s = scene();
    let (_, gate) = simulate(Purpose::Gate, 3, 2, &mut rng);
    let (_, beacon) = simulate(Purpose::Beacon, 3, 2, &mut rng);
    let doctor = crate::team::DoctorId::new("doctor").unwrap();
    let (prekey, _) = crate::team::Prekey::generate(doctor, &s.signer, &mut rng);
    let content = ContentKey::from_bytes(&[0xab; 96]).unwrap();
    let (master, mut authorities) = simulate(Purpose::Identity, 3, 2, &mut rng);
    let authority = Authority::new(authorities.remove(0)).unwrap();
    let name = Identity::of_emergency("berlin", 1, &[1; 32]);
    let share = authority.extract(&master, &name).unwrap();
    let (hospital, patient) = (WriterKey::generate(&mut rng), SearchKey::generate(&mut rng));
    let word = Keyword::new(Field::Diagnosis, *b"I63").unwrap();
    let bucket = Bucket::new("2025-03").unwrap();
    let trapdoor = patient.trapdoor(&hospital.share_with(&patient.card()), &word, &bucket);
    assert!(!format!("{word:?}").contains("73"));
    let mut gate = gate.into_iter();
    let shown = [
        format!("{:?}", gate.next().unwrap()),
        format!("{:?}", GateKey::new(gate.next().unwrap()).unwrap()),
        format!(
            "{:?}",
            BeaconSigner::new(beacon.into_iter().next().unwrap()).unwrap()
        ),
        format!("{prekey:?}"),
        format!("{:?}", s.patient),
        format!("{:?}", s.institution),
        format!("{:?}", s.proxies[0]),
        format!("{:?}", SecretScalar::random(&mut rng)),
        format!("{:?}", MultiSigner::generate(&mut rng)),
        format!("{:?}", LetterKey::generate(&mut rng)),
        format!("{:?}", SearchKey::generate(&mut rng)),
        format!("{:?}", WriterKey::generate(&mut rng)),
        format!("{:?}", Opinion::commit(b"stroke", &mut rng).1),
        format!("{trapdoor:?}"),
        format!("{share:?}"),
    ];
    for line in shown {
        // No run of digits long enough to be a scalar, in whatever base; a ceremony's id is public.
        let id = line.find("CeremonyId(").map(|at| at + 11..at + 11 + 64);
        let line = id.map_or(line.clone(), |id| line.replace(&line[id], ""));
        let longest = line.split(|c: char| !c.is_ascii_hexdigit()).map(str::len);
        assert!(longest.max().unwrap_or(0) < 32, "{line}");
        assert!(!line.contains("BigInt"), "{line}");
    }
    assert!(!format!("{content:?}").contains(&"ab".repeat(33)));
}
