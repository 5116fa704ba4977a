//! Attacks on registration, publication, money, disputes and the ledger itself.

use crate::fair::{Fair, letters, miskeyed, refused, verified_shares};
use ark_bls12_381::G1Affine;
use ark_ec::AffineRepr;
use eligo_ledger::application::Application;
use eligo_ledger::block::{Block, Parent, Transaction};
use eligo_ledger::digest::Digest;
use eligo_ledger::height::{Height, ReplicaId, Time};
use eligo_ledger::wire::Wire;
use eligo_marketplace::certificate::{Certificate, Level, Role};
use eligo_marketplace::credits::Credits;
use eligo_marketplace::encoding::{Blob, List, Text};
use eligo_marketplace::entry::SignedEntry;
use eligo_marketplace::issuer::IssuerKey;
use eligo_marketplace::name::{ChainId, ClaimId};
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::{Actor, HOLDING, MadeClaim, Prover, SealedRecord, proxy_entry};
use eligo_marketplace::transaction::{
    Body, DisputeEvidence, Finding, Governance, SignedTransaction,
};
use eligo_sharing::curve::encode_g1;
use eligo_sharing::keys::{ProxyKey, ReceivingKey, RecordKey};
use eligo_sharing::tcpre::{Capsule, CombineError, Dispute, VerifiedShare, combine};

fn entry(fair: &Fair, record: &SealedRecord) -> SignedEntry {
    SignedEntry {
        entry: record.entry.clone(),
        patient: record.entry.sign(&fair.market.chain, &record.signer),
        hospital: record
            .entry
            .sign(&fair.market.chain, &fair.market.hospitals[0].key),
    }
}

fn registering(fair: &mut Fair, signed: SignedEntry, reason: Rejection) {
    let transaction = fair.market.by_hospital(0, Body::Register(signed));
    refused(fair, transaction, reason);
}

#[test]
fn entries_that_are_not_what_they_seem() {
    let mut fair = Fair::open();
    let record = fair.market.seal(0, None);
    let good = entry(&fair, &record);
    let mut unsigned = good.clone();
    unsigned.patient[3] ^= 1;
    registering(&mut fair, unsigned, Rejection::PatientSignature);
    let mut unsigned = good.clone();
    unsigned.hospital = unsigned.patient;
    registering(&mut fair, unsigned, Rejection::HospitalSignature);
    let resigned = |fair: &Fair, record: &SealedRecord, change: &dyn Fn(&mut SealedRecord)| {
        let mut altered = SealedRecord {
            key: RecordKey::from_bytes(record.key.to_bytes().as_slice()).unwrap(),
            signer: record.signer.clone(),
            capsule: record.capsule.clone(),
            ciphertext: Vec::new(),
            entry: record.entry.clone(),
        };
        change(&mut altered);
        entry(fair, &altered)
    };
    // Ciphertext swapped: the digest is not the capsule's.
    let swapped = resigned(&fair, &record, &|r| r.entry.ciphertext[0] ^= 1);
    registering(&mut fair, swapped, Rejection::CiphertextDigest);
    // The capsule altered to fit: its tag does not.
    let altered = resigned(&fair, &record, &|r| {
        r.entry.ciphertext[0] ^= 1;
        r.entry.capsule[Capsule::BYTES - 32] ^= 1;
    });
    registering(&mut fair, altered, Rejection::Capsule);
    let other = RecordKey::generate(&mut fair.market.rng)
        .prove_possession()
        .to_bytes();
    let borrowed = resigned(&fair, &record, &|r| r.entry.possession = other);
    registering(&mut fair, borrowed, Rejection::RecordKeyPossession);
    let orphan = resigned(&fair, &record, &|r| {
        r.entry.supersedes = Some(eligo_marketplace::name::RecordName::new([9; 32]));
    });
    registering(&mut fair, orphan, Rejection::UnknownRecord);
    let first = entry(&fair, &fair.record);
    registering(&mut fair, first, Rejection::RecordTwice);
    // Another hospital cannot attach itself to a lineage.
    let foreign = fair.market.seal(1, Some(fair.record.name()));
    let foreign = fair.market.register(1, &foreign);
    refused(&mut fair, foreign, Rejection::Supersedes);
    registering_ok(&mut fair, good);
}

fn registering_ok(fair: &mut Fair, signed: SignedEntry) {
    let transaction = fair.market.by_hospital(0, Body::Register(signed));
    fair.solo.submit(transaction).unwrap();
}

#[test]
fn second_record_under_one_label() {
    let mut fair = Fair::open();
    let label = *fair.record.capsule.label().as_bytes();
    let capsule = miskeyed(&fair.record.key, label, b"other");
    let mut again = fair.market.seal(0, None);
    again.signer = fair.record.signer.clone();
    again.entry.capsule = capsule.to_bytes();
    again.entry.ciphertext = *capsule.ciphertext_digest();
    again.entry.encounter = fair.record.entry.encounter;
    again.entry.possession = fair.record.entry.possession;
    let signed = entry(&fair, &again);
    registering(&mut fair, signed, Rejection::LabelTwice);
}

#[test]
fn parties_that_are_not_certified() {
    let mut fair = Fair::open();
    let nobody = Actor::new(&mut fair.market.rng);
    let mut wanted = fair.market.want(1, false);
    wanted.name = fair.wanted.name;
    let publish = fair
        .market
        .sign(&nobody.key, Body::Publish(wanted.offer.clone()));
    refused(&mut fair, publish, Rejection::NotPermitted);
    let party = fair.market.hospitals[0].account();
    let dismiss = fair.market.by_institution(0, Body::Dismiss { party });
    refused(&mut fair, dismiss, Rejection::NotPermitted);
    let role = Role::Institution;
    let certificate = Certificate {
        subject: nobody.account(),
        name: Text::new("Institute X").unwrap(),
        role,
        serial: 1,
    };
    let own = certificate.clone().sign(&fair.market.chain, &nobody.key);
    let certify = fair.market.sign(&nobody.key, Body::Certify(own));
    refused(&mut fair, certify, Rejection::CertificateSignature);
    let elsewhere = certificate
        .clone()
        .sign(&ChainId::new([1; 32]), &fair.market.registrar.key);
    let certify = fair.market.sign(&nobody.key, Body::Certify(elsewhere));
    refused(&mut fair, certify, Rejection::CertificateSignature);
    let real = certificate.sign(&fair.market.chain, &fair.market.registrar.key);
    let certify = fair.market.sign(&nobody.key, Body::Certify(real.clone()));
    fair.solo.submit(certify).unwrap();
    // A dismissed party does not come back with its old certificate.
    let party = nobody.account();
    let dismiss = fair.market.by_registrar(Body::Dismiss { party });
    fair.solo.submit(dismiss).unwrap();
    let certify = fair.market.sign(&nobody.key, Body::Certify(real.clone()));
    refused(&mut fair, certify, Rejection::CertificateStale);
    // Nor with a renewal that was signed before and kept back; the registrar may readmit it.
    let mut renewal = real.certificate;
    renewal.serial = 2;
    let renewal = renewal.sign(&fair.market.chain, &fair.market.registrar.key);
    let certify = fair
        .market
        .sign(&nobody.key, Body::Certify(renewal.clone()));
    refused(&mut fair, certify, Rejection::NotPermitted);
    let certify = fair.market.by_registrar(Body::Certify(renewal));
    fair.solo.submit(certify).unwrap();
}

#[test]
fn strangers_have_nothing_computed_for_them() {
    // Each is wrong in a way that only pairings show, and is refused before any.
    let mut fair = Fair::open();
    let stranger = Actor::new(&mut fair.market.rng);
    let mut record = fair.market.seal(0, None);
    record.entry.hospital = stranger.account();
    record.entry.capsule[Capsule::BYTES - 32] ^= 1;
    let chain = fair.market.chain;
    let signed = SignedEntry {
        patient: record.entry.sign(&chain, &record.signer),
        hospital: record.entry.sign(&chain, &stranger.key),
        entry: record.entry.clone(),
    };
    registering(&mut fair, signed, Rejection::NotPermitted);
    let mut offer = fair.market.want(1, false).offer;
    offer.possession = [0; 96];
    let publish = fair.market.sign(&stranger.key, Body::Publish(offer));
    refused(&mut fair, publish, Rejection::NotPermitted);
    let key = ProxyKey::generate(&mut fair.market.rng);
    let mut entry = proxy_entry(&key, Credits::new(500));
    entry.possession = [0; 96];
    let register = fair.market.sign(&stranger.key, Body::RegisterProxy(entry));
    refused(&mut fair, register, Rejection::NotPermitted);
    let forged = Body::BeaconRound {
        round: 9,
        signature: [0; 48],
    };
    let forged = fair.market.sign(&stranger.key, forged);
    refused(&mut fair, forged, Rejection::BeaconRound);
    let mut request = fair.claim(1).request;
    request.requirement = eligo_marketplace::name::RequirementName::new([1; 32]);
    request.proof[0] ^= 1;
    let claim = fair.market.sign(&stranger.key, Body::Claim(request));
    refused(&mut fair, claim, Rejection::UnknownRequirement);
}

#[test]
fn what_an_earlier_transaction_of_the_block_allows_is_examined_in_its_turn() {
    let mut fair = Fair::open();
    let party = fair.market.hospitals[0].account();
    let dismiss = fair.market.by_registrar(Body::Dismiss { party });
    fair.solo.submit(dismiss).unwrap();
    let record = fair.market.seal(0, None);
    let register = fair.market.register(0, &record);
    let certificate = Certificate {
        subject: party,
        name: Text::new("Hospital again").unwrap(),
        role: Role::Hospital {
            level: Level::Tertiary,
            issuer_key: fair.market.prover.issuers()[0],
        },
        serial: 2,
    };
    let certificate = certificate.sign(&fair.market.chain, &fair.market.registrar.key);
    let certify = fair.market.by_registrar(Body::Certify(certificate));
    let rounds = [fair.market.round(3), fair.market.round(4)];
    let mut forged = fair.market.seal(0, None);
    forged.entry.capsule[Capsule::BYTES - 32] ^= 1;
    let forged = entry(&fair, &forged);
    let forged = fair.market.by_hospital(0, Body::Register(forged));
    let [third, fourth] = rounds;
    let block = vec![certify, register, forged, third, fourth];
    let codes: Vec<u32> = fair.solo.block(block).iter().map(|o| o.code).collect();
    assert_eq!(codes, [0, 0, Rejection::CiphertextDigest.code(), 0, 0]);
}

#[test]
fn arbiters_decide_although_replicas_without_arbiters_joined() {
    let mut fair = Fair::open();
    let (claim, _) = delivered(&mut fair);
    content_dispute(&mut fair, claim.id);
    for id in 4..7u16 {
        let key = eligo_ledger::identity::SecretKey::from_seed([id as u8 + 100; 32].into());
        let member = eligo_ledger::roster::Member {
            id: ReplicaId::new(id),
            key: key.public(),
            power: 1,
            class: eligo_ledger::roster::Class::Tertiary,
            may_propose: true,
            votes: true,
            region: String::new(),
        };
        let join = fair
            .market
            .by_registrar(Body::Govern(Governance::Join(member)));
        fair.solo.submit(join).unwrap();
    }
    let finding = Finding::HospitalAtFault;
    for arbiter in 0..3 {
        assert_eq!(fair.solo.status(&claim.id), "disputed");
        let body = Body::Verdict {
            claim: claim.id,
            finding,
        };
        let verdict = fair.market.by_arbiter(arbiter, body);
        fair.solo.submit(verdict).unwrap();
    }
    assert_eq!(fair.solo.status(&claim.id), "refunded");
}

#[test]
fn a_dispute_that_nobody_can_judge() {
    let mut fair = Fair::open();
    let (claim, _) = delivered(&mut fair);
    let twice = [0, 1, 2, 3, 3];
    for to in [vec![], vec![0, 1, 2], twice.to_vec()] {
        let evidence = letters(to);
        let body = Body::Dispute {
            claim: claim.id,
            evidence,
        };
        let dispute = fair.market.by_institution(0, body);
        refused(&mut fair, dispute, Rejection::DisputeLetters);
    }
}

#[test]
fn certificates_that_take_what_is_taken() {
    let mut fair = Fair::open();
    let nobody = Actor::new(&mut fair.market.rng);
    let level = Level::Community;
    let hospital = |issuer_key| Role::Hospital { level, issuer_key };
    let taken = IssuerKey::multiple_of_base(1).to_bytes();
    let cases = [
        (
            "Hospital 0",
            hospital(IssuerKey::multiple_of_base(9).to_bytes()),
            Rejection::NameTaken,
        ),
        ("Hospital X", hospital(taken), Rejection::IssuerKeyTaken),
        ("Hospital X", hospital([0; 32]), Rejection::IssuerKey),
        (" ", Role::Doctor, Rejection::PartyName),
    ];
    for (name, role, reason) in cases {
        let certificate = Certificate {
            subject: nobody.account(),
            name: Text::new(name).unwrap(),
            role,
            serial: 1,
        };
        let signed = certificate.sign(&fair.market.chain, &fair.market.registrar.key);
        let certify = fair.market.by_registrar(Body::Certify(signed));
        refused(&mut fair, certify, reason);
    }
    let certificate = Certificate {
        subject: fair.market.hospitals[0].account(),
        name: Text::new("Hospital 0").unwrap(),
        role: hospital(IssuerKey::multiple_of_base(9).to_bytes()),
        serial: 2,
    };
    let signed = certificate.sign(&fair.market.chain, &fair.market.registrar.key);
    let certify = fair.market.by_registrar(Body::Certify(signed));
    refused(&mut fair, certify, Rejection::RoleFixed);
}

#[test]
fn offers_that_are_not_sound() {
    let mut fair = Fair::open();
    let other = ReceivingKey::generate(&mut fair.market.rng);
    type Change<'a> = &'a dyn Fn(&mut eligo_marketplace::offer::Offer);
    let changes: [(Change<'_>, Rejection); 13] = [
        (&|o| o.question.wanted = 0, Rejection::NothingWanted),
        (
            &|o| o.possession = other.prove_possession().to_bytes(),
            Rejection::ReceivingPossession,
        ),
        (&|o| o.receiving_key = [0; 48], Rejection::ReceivingKey),
        (&|o| o.threshold = 2, Rejection::ProxyPolicy),
        (
            &|o| (o.threshold, o.proxies) = (1, 1),
            Rejection::ProxyPolicy,
        ),
        (
            &|o| (o.threshold, o.proxies) = (9, 17),
            Rejection::ProxyPolicy,
        ),
        (
            &|o| (o.threshold, o.proxies) = (4, 7),
            Rejection::Electorate,
        ),
        (&|o| o.reward = Credits::new(1 << 40), Rejection::Unfunded),
        (&|o| o.reward = Credits::new(u64::MAX), Rejection::Overflow),
        (&|o| o.question.deadline -= 62, Rejection::DeadlinePassed),
        (
            &|o| o.licence.until = Some(o.question.deadline - 1),
            Rejection::LicenceTerms,
        ),
        (
            &|o| o.question.issuers = List::default(),
            Rejection::Issuers,
        ),
        (
            &|o| {
                let own = IssuerKey::multiple_of_base(77).to_bytes();
                o.question.issuers = List::new(vec![own]).unwrap();
            },
            Rejection::IssuerNotAdmitted,
        ),
    ];
    for (change, reason) in changes {
        let mut wanted = fair.market.want(2, false);
        change(&mut wanted.offer);
        let publish = fair.market.publish(0, &mut wanted);
        refused(&mut fair, publish, reason);
    }
    // A verifying key with gamma = delta, which accepts forgeries, and none at all.
    let mut wanted = fair.market.want(2, false);
    let mut key = wanted.offer.question.verifying_key.as_slice().to_vec();
    let parts = eligo_verifier_contract::VerifyingKey::from_bytes(&key).unwrap();
    let mut parts = parts.parts().clone();
    assert_ne!(parts.gamma, parts.delta);
    key[10] ^= 1;
    wanted.offer.question.verifying_key = Blob::new(key).unwrap();
    let publish = fair.market.publish(0, &mut wanted);
    refused(&mut fair, publish, Rejection::UnsafeKey);
    parts.gamma = parts.delta;
    assert!(eligo_verifier_contract::VerifyingKey::new(parts).is_err());
    // The same requirement twice.
    let twice = Body::Publish(fair.wanted.offer.clone());
    let twice = fair.market.by_institution(0, twice);
    refused(&mut fair, twice, Rejection::RequirementTwice);
    // A claim before the draw.
    let mut wanted = fair.market.want(2, false);
    let publish = fair.market.publish(0, &mut wanted);
    let drawn = fair.solo.drawn(&fair.wanted.name);
    fair.solo.submit(publish).unwrap();
    let now = fair.solo.time_ms;
    let early = fair
        .market
        .claim(1, &wanted, &fair.record, &drawn, now)
        .unwrap();
    refused(&mut fair, early.transaction, Rejection::DrawPending);
}

#[test]
fn an_offer_sells_no_more_than_it_wants() {
    let mut fair = Fair::open();
    fair.claimed(1);
    fair.claimed(2);
    let third = fair.claim(3);
    refused(&mut fair, third.transaction, Rejection::OfferFull);
}

#[test]
fn proxies_without_key_stake_or_certificate() {
    let mut fair = Fair::open();
    let rng = &mut fair.market.rng;
    let (nobody, key, other) = (
        Actor::new(rng),
        ProxyKey::generate(rng),
        ProxyKey::generate(rng),
    );
    let body = |key: &ProxyKey, stake| Body::RegisterProxy(proxy_entry(key, Credits::new(stake)));
    let uncertified = fair.market.sign(&nobody.key, body(&key, 500));
    refused(&mut fair, uncertified, Rejection::NotPermitted);
    let twice = fair.market.by_proxy(0, body(&key, 500));
    refused(&mut fair, twice, Rejection::ProxyTwice);
    let mut borrowed = proxy_entry(&key, Credits::new(500));
    borrowed.possession = other.prove_possession().to_bytes();
    let borrowed = fair.market.by_proxy(0, Body::RegisterProxy(borrowed));
    refused(&mut fair, borrowed, Rejection::ProxyPossession);
    let organisation = Text::new("Organisation 0").unwrap();
    let certificate = Certificate {
        subject: nobody.account(),
        name: Text::new("Proxy X").unwrap(),
        role: Role::Proxy { organisation },
        serial: 1,
    };
    let signed = certificate.sign(&fair.market.chain, &fair.market.registrar.key);
    let certify = fair.market.by_registrar(Body::Certify(signed));
    fair.solo.submit(certify).unwrap();
    let poor = fair.market.sign(&nobody.key, body(&key, 500));
    refused(&mut fair, poor, Rejection::Unfunded);
    let small = fair.market.sign(&nobody.key, body(&key, 99));
    refused(&mut fair, small, Rejection::StakeTooSmall);
}

#[test]
fn money_that_is_not_there() {
    let mut fair = Fair::open();
    let nobody = Actor::new(&mut fair.market.rng);
    let to = fair.market.institutions[0].account();
    let transfer = |amount| Body::Transfer {
        to,
        amount: Credits::new(amount),
    };
    let poor = fair.market.sign(&nobody.key, transfer(1));
    refused(&mut fair, poor, Rejection::Unfunded);
    let none = fair.market.by_institution(1, transfer(0));
    refused(&mut fair, none, Rejection::NoAmount);
    let most = fair.market.by_institution(1, transfer(u64::MAX));
    refused(&mut fair, most, Rejection::Unfunded);
    let amount = Credits::new(2_001);
    let bond = fair.market.by_hospital(0, Body::WithdrawBond { amount });
    refused(&mut fair, bond, Rejection::Unfunded);
    let bond = fair.market.by_institution(0, Body::DepositBond { amount });
    refused(&mut fair, bond, Rejection::NotPermitted);
    // To oneself, nothing changes.
    let own = fair.market.by_institution(0, transfer(5));
    fair.solo.submit(own).unwrap();
    assert_eq!(fair.solo.credits(&to), HOLDING.get() - 220);
}

#[test]
fn replayed_and_reordered_transactions() {
    let mut fair = Fair::open();
    let to = fair.market.institutions[0].account();
    let body = Body::Transfer {
        to,
        amount: Credits::new(3),
    };
    let (first, second) = (
        fair.market.by_institution(1, body.clone()),
        fair.market.by_institution(1, body),
    );
    fair.solo.submit(second.clone()).unwrap();
    refused(&mut fair, second.clone(), Rejection::Replayed);
    refused(&mut fair, first, Rejection::Replayed);
    assert_eq!(
        fair.solo.market.check_tx(&second),
        Err(Rejection::Replayed.into())
    );
    // A replayed claim does not even leave a note.
    let claim = fair.claimed(1);
    refused(&mut fair, claim.transaction, Rejection::Replayed);
    assert_eq!(fair.solo.status(&claim.id), "accepted");
    // On another chain it is nothing.
    let elsewhere = SignedTransaction::sign(
        ChainId::new([7; 32]),
        &fair.market.institutions[1].key,
        99,
        Body::WithdrawProxy,
    );
    let elsewhere = elsewhere.to_transaction().unwrap();
    assert_eq!(
        fair.solo.market.check_tx(&elsewhere),
        Err(Rejection::OtherChain.into())
    );
    refused(&mut fair, elsewhere, Rejection::OtherChain);
}

#[test]
fn malformed_and_oversized_transactions() {
    let mut fair = Fair::open();
    let claim = fair.claim(1);
    let bytes = claim.transaction.bytes().to_vec();
    let mut forms = vec![
        Vec::new(),
        vec![0; 40],
        vec![0xff; 300],
        bytes[..bytes.len() - 1].to_vec(),
    ];
    forms.push([&bytes[..], &[0]].concat());
    for form in forms {
        let transaction = Transaction::new(form).unwrap();
        assert_eq!(
            fair.solo.market.check_tx(&transaction),
            Err(Rejection::Malformed.into())
        );
        refused(&mut fair, transaction, Rejection::Malformed);
    }
    // Any altered byte is noticed: by the decoder or by the signature.
    for at in (0..bytes.len()).step_by(97) {
        let mut altered = bytes.clone();
        altered[at] ^= 0x10;
        let transaction = Transaction::new(altered).unwrap();
        assert!(
            fair.solo.market.check_tx(&transaction).is_err(),
            "byte {at}"
        );
    }
    assert!(Transaction::new(vec![0; (1 << 20) + 1]).is_err());
    assert!(Blob::<8>::new(vec![0; 9]).is_err());
    // A block with one of them finds no vote.
    let bad = Transaction::new(vec![1, 2, 3]).unwrap();
    let parent = Parent {
        digest: Digest::ZERO,
        app_hash: Digest::ZERO,
        outcomes: Digest::ZERO,
        roster: Digest::ZERO,
    };
    let transactions = vec![claim.transaction.clone(), bad];
    let (height, time) = (Height::new(99), Time::new(fair.solo.time_ms));
    let block = Block::new(height, time, &parent, transactions, None, Vec::new());
    let verdict = fair.solo.market.verify(&block);
    assert_eq!(
        verdict,
        eligo_ledger::application::Verdict::RejectTransaction(1)
    );
}

#[test]
fn beacon_rounds_out_of_order_or_forged() {
    let mut fair = Fair::open();
    let skipped = fair.market.round(4);
    refused(&mut fair, skipped, Rejection::BeaconRound);
    let forged = fair.market.by_registrar(Body::BeaconRound {
        round: 3,
        signature: encode_g1(&G1Affine::generator()),
    });
    refused(&mut fair, forged, Rejection::BeaconSignature);
    let next = fair.market.round(3);
    fair.solo.submit(next).unwrap();
}

#[test]
fn governance_by_others_and_two_changes_at_once() {
    let mut fair = Fair::open();
    let leave = |id| Body::Govern(Governance::Leave(ReplicaId::new(id)));
    let foreign = fair.market.by_hospital(0, leave(3));
    refused(&mut fair, foreign, Rejection::NotPermitted);
    // Four voters are the fewest.
    let few = fair.market.by_registrar(leave(3));
    refused(&mut fair, few, Rejection::Roster);
    let ready = Body::Ready {
        replica: ReplicaId::new(1),
    };
    let foreign = fair.market.by_arbiter(0, ready.clone());
    refused(&mut fair, foreign, Rejection::NotArbiter);
    let own = fair.market.by_arbiter(1, ready);
    fair.solo.submit(own).unwrap();
}

/// A delivered claim on a record whose capsule commits to another key than it carries.
fn miskeyed_sale() -> (Fair, MadeClaim, Vec<VerifiedShare>) {
    let mut fair = Fair::open();
    let mut record = fair.market.seal(0, None);
    let label = *record.capsule.label().as_bytes();
    let capsule = miskeyed(&record.key, label, b"content");
    record.entry.capsule = capsule.to_bytes();
    record.entry.ciphertext = *capsule.ciphertext_digest();
    record.capsule = capsule;
    let registration = fair.market.register(0, &record);
    fair.solo.submit(registration).unwrap();
    fair.record = record;
    let (claim, shares) = delivered(&mut fair);
    (fair, claim, shares)
}

fn delivered(fair: &mut Fair) -> (MadeClaim, Vec<VerifiedShare>) {
    let claim = fair.claimed(1);
    for place in 0..3 {
        fair.share_by(place, &claim).unwrap();
    }
    let capsule = fair.record.capsule.clone().check().unwrap();
    let shares = verified_shares(&fair.solo, &claim, &capsule);
    (claim, shares)
}

fn raise(fair: &mut Fair, claim: &MadeClaim, shares: &[VerifiedShare]) -> Dispute {
    let capsule = fair.record.capsule.clone().check().unwrap();
    let key = &fair.wanted.receiving;
    Dispute::raise(key, &claim.grant, &capsule, shares, &mut fair.market.rng).unwrap()
}

#[test]
fn wrong_key_by_the_hospital_is_shown_on_the_ledger_and_pays_back() {
    let (mut fair, claim, shares) = miskeyed_sale();
    let capsule = fair.record.capsule.clone().check().unwrap();
    let opened = combine(&fair.wanted.receiving, &claim.grant, &capsule, &shares);
    assert_eq!(opened.unwrap_err(), CombineError::KeyCommitment);
    let Dispute::KeyCommitment(shown) = raise(&mut fair, &claim, &shares) else {
        panic!("the key is wrong")
    };
    let evidence = DisputeEvidence::KeyCommitment(Blob::new(shown.0.to_bytes()).unwrap());
    let body = Body::Dispute {
        claim: claim.id,
        evidence,
    };
    let foreign = fair.market.by_institution(1, body.clone());
    refused(&mut fair, foreign, Rejection::NotOwner);
    let dispute = fair.market.by_institution(0, body.clone());
    fair.solo.submit(dispute).unwrap();
    assert_eq!(fair.solo.status(&claim.id), "refunded");
    // The institution has everything back but the slot still offered; the patient has the reward.
    let institution = fair.market.institutions[0].account();
    assert_eq!(fair.solo.credits(&institution), HOLDING.get() - 110);
    assert_eq!(fair.solo.credits(&claim.account.account()), 100);
    let hospital = fair.market.hospitals[0].account();
    let bond = fair
        .solo
        .contract()
        .account_view(&hospital)
        .party
        .unwrap()
        .bond;
    assert_eq!(bond, Credits::new(2_000 - 100 - 6));
    let record = fair
        .solo
        .contract()
        .record_view(&fair.record.name())
        .unwrap();
    assert!(record.licences.is_empty());
    fair.solo.contract().check_books().unwrap();
    let again = fair.market.by_institution(0, body);
    refused(&mut fair, again, Rejection::ClaimState);
}

#[test]
fn honest_hospital_cannot_be_framed() {
    let mut fair = Fair::open();
    let (claim, shares) = delivered(&mut fair);
    let Dispute::Content(transcript) = raise(&mut fair, &claim, &shares) else {
        panic!("the key is right")
    };
    let key = |bytes: Vec<u8>| DisputeEvidence::KeyCommitment(Blob::new(bytes).unwrap());
    let mut forged = transcript.to_bytes();
    *forged.last_mut().unwrap() ^= 1;
    let body = Body::Dispute {
        claim: claim.id,
        evidence: key(forged),
    };
    let forged = fair.market.by_institution(0, body);
    refused(&mut fair, forged, Rejection::DisputeTranscript);
    // A true transcript shows that the key stands: the disputer loses its deposit, the patient is paid.
    let body = Body::Dispute {
        claim: claim.id,
        evidence: key(transcript.to_bytes()),
    };
    let dispute = fair.market.by_institution(0, body);
    fair.solo.submit(dispute).unwrap();
    assert_eq!(fair.solo.status(&claim.id), "upheld");
    assert_eq!(fair.solo.credits(&claim.account.account()), 100);
    let hospital = fair.market.hospitals[0].account();
    assert_eq!(fair.solo.credits(&hospital), HOLDING.get() - 2_000 + 100);
    fair.solo.contract().check_books().unwrap();
}

fn content_dispute(fair: &mut Fair, claim: ClaimId) {
    let evidence = letters(0..4);
    let dispute = fair
        .market
        .by_institution(0, Body::Dispute { claim, evidence });
    fair.solo.submit(dispute).unwrap();
    assert_eq!(fair.solo.status(&claim), "disputed");
}

#[test]
fn wrong_plaintext_by_the_hospital_is_judged_by_arbiters_and_pays_back() {
    let mut fair = Fair::open();
    let (claim, _) = delivered(&mut fair);
    content_dispute(&mut fair, claim.id);
    let finding = Finding::HospitalAtFault;
    let body = Body::Verdict {
        claim: claim.id,
        finding,
    };
    let stranger = fair.market.by_institution(0, body.clone());
    refused(&mut fair, stranger, Rejection::NotArbiter);
    for arbiter in 0..2 {
        let verdict = fair.market.by_arbiter(arbiter, body.clone());
        fair.solo.submit(verdict).unwrap();
    }
    let twice = fair.market.by_arbiter(1, body.clone());
    refused(&mut fair, twice, Rejection::VerdictTwice);
    // One of the other opinion changes nothing; the third of the same makes the quorum.
    let finding = Finding::DisputerAtFault;
    let other = fair.market.by_arbiter(
        2,
        Body::Verdict {
            claim: claim.id,
            finding,
        },
    );
    fair.solo.submit(other).unwrap();
    assert_eq!(fair.solo.status(&claim.id), "disputed");
    let last = fair.market.by_arbiter(3, body.clone());
    fair.solo.submit(last).unwrap();
    assert_eq!(fair.solo.status(&claim.id), "refunded");
    let institution = fair.market.institutions[0].account();
    assert_eq!(fair.solo.credits(&institution), HOLDING.get() - 110);
    assert_eq!(fair.solo.credits(&claim.account.account()), 100);
    let late = fair.market.by_arbiter(0, body);
    refused(&mut fair, late, Rejection::ClaimState);
}

#[test]
fn silent_arbiters_leave_the_record_standing() {
    let mut fair = Fair::open();
    let (claim, _) = delivered(&mut fair);
    content_dispute(&mut fair, claim.id);
    fair.solo.pass(91_000);
    assert_eq!(fair.solo.status(&claim.id), "upheld");
    assert_eq!(fair.solo.credits(&claim.account.account()), 100);
    let institution = fair.market.institutions[0].account();
    assert_eq!(fair.solo.credits(&institution), HOLDING.get() - 110 - 106);
}

#[test]
fn institution_that_never_pays() {
    // It cannot: what it owes was locked before anyone claimed, and neither withdrawal, dismissal nor an
    // empty account takes it back.
    let mut fair = Fair::open();
    let claim = fair.claimed(1);
    let requirement = fair.wanted.name;
    let withdraw = fair
        .market
        .by_institution(0, Body::WithdrawRequirement { requirement });
    fair.solo.submit(withdraw).unwrap();
    let (institution, other) = (
        fair.market.institutions[0].account(),
        fair.market.institutions[1].account(),
    );
    let amount = Credits::new(fair.solo.credits(&institution));
    let empty = fair
        .market
        .by_institution(0, Body::Transfer { to: other, amount });
    fair.solo.submit(empty).unwrap();
    let dismiss = fair
        .market
        .by_registrar(Body::Dismiss { party: institution });
    fair.solo.submit(dismiss).unwrap();
    for place in 0..3 {
        fair.share_by(place, &claim).unwrap();
    }
    // Nor can it dispute without a deposit, or after the window.
    let evidence = letters(0..4);
    let body = Body::Dispute {
        claim: claim.id,
        evidence,
    };
    let poor = fair.market.by_institution(0, body.clone());
    refused(&mut fair, poor, Rejection::Unfunded);
    fair.solo.time_ms += 31_000;
    let late = fair.market.by_institution(0, body);
    assert_eq!(fair.solo.submit(late), Err(Rejection::DisputeWindow));
    assert_eq!(fair.solo.status(&claim.id), "settled");
    assert_eq!(fair.solo.credits(&claim.account.account()), 100);
}

#[test]
fn every_transaction_has_one_encoding() {
    let mut fair = Fair::open();
    let claim = fair.claim(1);
    let signed = SignedTransaction::from_wire(claim.transaction.bytes()).unwrap();
    assert_eq!(signed.to_wire(), claim.transaction.bytes());
    assert_eq!(fair.solo.market.request_id(&claim.transaction).counter, 1);
    let client = fair.solo.market.request_id(&claim.transaction).client;
    assert_eq!(&client, claim.account.account().as_bytes());
}
