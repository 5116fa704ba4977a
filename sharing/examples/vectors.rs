//! Writes the test vectors of every protocol, `vectors/*.json`, so that another implementation can check
//! itself: `cargo run -p eligo-sharing --example vectors`. A test checks that the files are current.
//!
//! Bytes are hex. `messages` are canonical encodings that must decode, verify and encode to themselves;
//! secrets are given wherever they are needed to recompute or to open something. Signing and dealing are
//! randomised (and hedged), so such messages can be verified by another implementation, not remade.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use eligo_sharing::beacon::{self, BeaconSigner, Randomness, Round};
use eligo_sharing::dkg::{self, Ceremony, Deals, GroupKey, KeyShare, Purpose};
use eligo_sharing::draw::{Candidate, Electorate, Occasion, Office};
use eligo_sharing::ibe::{self, Authority, Identity, IdentityKey};
use eligo_sharing::keys::{ProxyKey, ReceivingKey, RecordKey};
use eligo_sharing::letter::LetterKey;
use eligo_sharing::oms::{Case, Joint, MultiSigner, Opinion, Roster, VerifiedChain, VerifiedJoint};
use eligo_sharing::search::{
    Bucket, Field, Keyword, Pointer, Row, SearchKey, SearchToken, WriterKey,
};
use eligo_sharing::tcpre::{
    self, Dispute, GateKey, GrantTerms, Label, ProxyRoster, RecordId, RefreshDeal, RequirementId,
    Revocation, SchemaId, Window,
};
use eligo_sharing::team::{self, DoctorId, Prekey};
use eligo_sharing::wallet::{
    HolderDocument, HospitalId, KdfCost, Passphrase, Pseudonym, Seed, Visit, Wallet,
};
use eligo_sharing::{curve, domain};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};

type Vectors = BTreeMap<&'static str, Value>;

/// Every file's name and content.
pub fn generate() -> Vectors {
    let mut all = Vectors::new();
    all.insert("conventions", conventions());
    all.insert("wallet", wallet());
    all.insert("tcpre", tcpre());
    all.insert("tcpre-stream", stream());
    let (key, shares) = dkg_run(&mut all);
    all.insert("ibe", ibe(&key, shares));
    all.insert("gate", gate());
    all.insert("beacon", beacon_rounds());
    all.insert("draw", draw());
    all.insert("oms", oms());
    all.insert("team", team_epoch());
    all.insert("search", search());
    all
}

#[allow(dead_code)] // the test has no use for it
fn main() -> std::io::Result<()> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors");
    for (name, value) in generate() {
        let text = serde_json::to_string_pretty(&value)? + "\n";
        std::fs::write(format!("{folder}/{name}.json"), text)?;
    }
    Ok(())
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn x(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(bytes)
}

fn conventions() -> Value {
    let dst = domain::dst::LABEL;
    let message = domain::lp(&[b"a", b"", b"bc"]);
    let scalar = domain::hash_to_scalar(&message).to_string();
    json!({
        "lp": { "parts": [x(b"a"), "", x(b"bc")], "out": x(&message) },
        "int": { "value": 258, "out": x(domain::int(258)) },
        "hash_to_g1": { "dst": String::from_utf8_lossy(dst), "message": x(&message),
            "out": x(curve::encode_g1(&domain::hash_to_g1(dst, &message))) },
        "hash_to_g2": { "dst": String::from_utf8_lossy(domain::dst::PEDERSEN), "message": "",
            "out": x(curve::encode_g2(&domain::hash_to_g2(domain::dst::PEDERSEN, b""))) },
        "hash_to_scalar": { "message": x(&message), "out": scalar },
        "kdf": { "salt": x(b"salt"), "ikm": x(b"ikm"), "info": x(b"info"),
            "out": x(*domain::kdf::<64>(b"salt", b"ikm", b"info")) },
    })
}

fn wallet() -> Value {
    let case = |seed: [u8; 32]| {
        let wallet = Wallet::from_seed(Seed::from_bytes(seed));
        let visits = [
            ("charite.example", 0),
            ("charite.example", 1),
            ("ukk.example", 300),
        ];
        let encounters = visits.map(|(hospital, k)| {
            let id = HospitalId::new(hospital).unwrap();
            let encounter = wallet.encounter(&id, Visit::new(k));
            let card = encounter.public();
            json!({
                "hospital": hospital, "visit": k,
                "a": x(*encounter.key.to_bytes()), "A": card.key.to_string(),
                "possession": card.proof.to_string(),
                "signing_key": x(encounter.signer.to_bytes()), "signer": x(card.signer.as_bytes()),
                "pseudonym": encounter.pseudonym().to_string(),
                "y": x(*wallet.search_key(&id).to_bytes()),
            })
        });
        let hospital = HospitalId::new("charite.example").unwrap();
        let card = wallet.encounter(&hospital, Visit::FIRST).public();
        let document = HolderDocument {
            holder: wallet.holder(),
            encounter: Some((hospital, Visit::FIRST, card)),
        };
        json!({
            "seed": x(seed), "words": wallet.backup_words().expose(),
            "z": x(*wallet.holder_secret().to_bytes()), "holder": wallet.holder().to_string(),
            "encounters": encounters, "document": document.to_json().unwrap(),
        })
    };
    let passphrase = Passphrase::new("correct horse battery staple".into()).unwrap();
    let sealed = Wallet::from_seed(Seed::from_bytes([1; 32]));
    let cost = KdfCost::new(32, 2, 1).unwrap();
    let file = sealed.seal(&passphrase, cost, &mut rng(1)).unwrap();
    json!({
        "cases": [case([0; 32]), case([1; 32]), case(std::array::from_fn(|i| i as u8))],
        "file": { "seed": x([1; 32]), "passphrase": "correct horse battery staple",
            "text": String::from_utf8(file).unwrap() },
    })
}

fn tcpre() -> Value {
    let mut rng = rng(2);
    let (patient, institution) = (
        RecordKey::generate(&mut rng),
        ReceivingKey::generate(&mut rng),
    );
    let proxies: Vec<_> = (0..5).map(|_| ProxyKey::generate(&mut rng)).collect();
    let signer = SigningKey::from_bytes(&[9; 32]);
    let record = b"a record of less than 64 KiB";
    let label = Label::of_record(&RecordId::new([7; 32]), 1);
    let mut stored = Vec::new();
    let schema = SchemaId::new([2; 32]);
    let capsule = tcpre::seal(
        &patient.public(),
        label,
        schema,
        &record[..],
        &mut stored,
        &mut rng,
    )
    .unwrap();
    let checked = capsule.clone().check().unwrap();
    let terms = GrantTerms {
        key: patient.public(),
        label,
        receiver: institution.public(),
        proxies: ProxyRoster::majority(proxies.iter().map(ProxyKey::public).collect()).unwrap(),
        window: Window::new(1_700_000_000, 1_700_086_400).unwrap(),
        requirement: RequirementId::new([5; 32]),
    };
    let signed = tcpre::grant(&patient, terms.clone(), &signer, &mut rng).unwrap();
    let grant = signed
        .clone()
        .verify(&terms, &signer.verifying_key())
        .unwrap();
    let shares: Vec<_> = proxies
        .iter()
        .map(|proxy| {
            let key = grant.share_key(proxy).unwrap();
            key.reencrypt(&checked, 1_700_000_000, &mut rng).unwrap()
        })
        .collect();
    let verified: Vec<_> = shares
        .iter()
        .map(|share| grant.verify_share(&checked, share).unwrap())
        .collect();
    tcpre::combine(&institution, &grant, &checked, &verified).unwrap();
    let deal = RefreshDeal::new(&proxies[1], &grant, &mut rng).unwrap();
    let dispute = Dispute::raise(&institution, &grant, &checked, &verified, &mut rng).unwrap();
    let Dispute::Content(transcript) = dispute else {
        unreachable!("the key is right")
    };
    let revocation = Revocation::new(grant.id(), &signer);
    // after the refresh by that one deal
    let deals = [deal.clone().verify(&grant).unwrap()];
    let (next, key) = (grant.refresh(&deals).unwrap(), grant.share_key(&proxies[0]));
    let key = key.unwrap().refresh(&proxies[0], &deals).unwrap();
    let refreshed = key.reencrypt(&checked, 1_700_000_000, &mut rng).unwrap();
    next.verify_share(&checked, &refreshed).unwrap();
    // and under the record's next label
    let second = Label::of_record(&RecordId::new([7; 32]), 2);
    let (old, mut moved) = (capsule.clone(), Vec::new());
    let read = || Ok(&stored[..]);
    let rekeyed = tcpre::rekey(&patient, old, read, second, &mut moved, &mut rng).unwrap();
    json!({
        "refreshed": { "epoch": next.epoch(), "share": x(refreshed.to_bytes()) },
        "rekeyed": { "version": 2, "label": second.to_string(), "capsule": x(rekeyed.to_bytes()), "stored": x(&moved) },
        "secrets": {
            "a": x(*patient.to_bytes()), "b": x(*institution.to_bytes()),
            "e": proxies.iter().map(|e| x(*e.to_bytes())).collect::<Vec<_>>(),
        },
        "rid": x([7; 32]), "version": 1, "label": label.to_string(), "schema": x([2; 32]),
        "record": x(record), "stored": x(&stored), "grant_id": grant.id().to_string(),
        "receiving_possession": institution.prove_possession().to_string(),
        "proxy_possession": proxies[0].prove_possession().to_string(),
        "record_possession": patient.prove_possession().to_string(),
        "messages": {
            "capsule": x(capsule.to_bytes()),
            "grant": x(signed.to_bytes()),
            "share": shares.iter().map(|s| x(s.to_bytes())).collect::<Vec<_>>(),
            "refresh": x(deal.to_bytes()),
            "dispute": x(transcript.to_bytes()),
            "revocation": x(revocation.to_bytes()),
        },
    })
}

/// A record of three chunks: too long to print, so its digest stands for the ciphertext.
fn stream() -> Value {
    let mut rng = rng(3);
    let patient = RecordKey::generate(&mut rng);
    let record: Vec<u8> = (0..150_000u32).map(|i| (i % 251) as u8).collect();
    let (label, schema) = (Label::new([4; 32]), SchemaId::new([3; 32]));
    let mut stored = Vec::new();
    let capsule = tcpre::seal(
        &patient.public(),
        label,
        schema,
        &record[..],
        &mut stored,
        &mut rng,
    )
    .unwrap();
    json!({
        "a": x(*patient.to_bytes()), "label": label.to_string(), "schema": x([3; 32]),
        "record": "150000 bytes, byte i is i mod 251",
        "stored_bytes": stored.len(), "stored_sha256": x(domain::sha256(&stored)),
        "capsule": x(capsule.to_bytes()),
        "first_chunk": x(&stored[94..94 + 32]), "last_bytes": x(&stored[stored.len() - 32..]),
    })
}

/// An honest run; its messages go into `all`.
fn dkg_messages(purpose: Purpose, seed: u64) -> (Value, GroupKey, Vec<KeyShare>) {
    let mut rng = rng(seed);
    let keys: Vec<_> = (0..3).map(|_| LetterKey::generate(&mut rng)).collect();
    let public = keys.iter().map(LetterKey::public).collect();
    let ceremony = Ceremony::new(purpose, b"vectors", 2, public).unwrap();
    let (dealers, sent): (Vec<_>, Vec<_>) = keys
        .iter()
        .map(|key| dkg::deal(&ceremony, key, &mut rng).unwrap())
        .unzip();
    let deals = Deals::collect(&ceremony, sent.clone());
    let (checkers, _): (Vec<_>, Vec<_>) = dealers.into_iter().map(|d| d.check(&deals)).unzip();
    let qualified = deals.qualify(&[], &[]).unwrap();
    let (exposers, exposures): (Vec<_>, Vec<_>) =
        checkers.into_iter().map(|c| c.expose(&qualified)).unzip();
    let exposures: Vec<_> = exposures.into_iter().flatten().collect();
    let complaint = domain::lp(&[
        b"MEDDKG-V01-COMPLAINT",
        ceremony.id().as_bytes(),
        &domain::int(1),
        &domain::int(2),
    ]);
    // participant 2's exposure comes too late: everyone opens its shares, and the key is the same
    let exposed = qualified.expose(&exposures[..1], &[]);
    let opened: Vec<_> = exposers.iter().flat_map(|e| e.reveal(&exposed)).collect();
    let key = exposed.settle(&opened).unwrap();
    let shares: Vec<_> = exposers
        .into_iter()
        .map(|e| e.finish(&key).unwrap())
        .collect();
    let value = json!({
        "threshold": 2, "context": x(b"vectors"), "ceremony": ceremony.id().to_string(),
        "letter_keys": keys.iter().map(|k| x(k.expose())).collect::<Vec<_>>(),
        "participants": keys.iter().map(|k| k.public().to_string()).collect::<Vec<_>>(),
        "messages": {
            "deal": sent.iter().map(|d| x(d.to_bytes())).collect::<Vec<_>>(),
            "exposure": x(exposures[0].to_bytes()),
            "complaint": x(complaint),
            "opened": opened.iter().map(|o| x(o.to_bytes())).collect::<Vec<_>>(),
            "key": x(key.to_bytes()),
        },
        "shares": shares.iter().map(|s| x(&*s.to_bytes())).collect::<Vec<_>>(),
    });
    (value, key, shares)
}

fn dkg_run(all: &mut Vectors) -> (GroupKey, Vec<KeyShare>) {
    let (value, key, shares) = dkg_messages(Purpose::Identity, 4);
    all.insert("dkg", value);
    (key, shares)
}

fn ibe(key: &GroupKey, shares: Vec<KeyShare>) -> Value {
    let mut rng = rng(5);
    let authorities: Vec<_> = shares
        .into_iter()
        .map(|s| Authority::new(s).unwrap())
        .collect();
    let from = Identity::of_record("charite.example", &RecordId::new([1; 32]), 1);
    let to = Identity::of_role("institute.example", "study-17", 3);
    let sealed = ibe::seal(key, &to, b"for the study", &mut rng).unwrap();
    let checked = sealed.clone().check(key).unwrap();
    let decryption = authorities[0].decrypt(key, &checked, &mut rng).unwrap();
    let extract = |id: &Identity| {
        let shares: Vec<_> = authorities[..2]
            .iter()
            .map(|a| a.extract(key, id).unwrap().verify(key, id).unwrap())
            .collect();
        IdentityKey::combine(key, &shares).unwrap()
    };
    let (d1, d2) = (extract(&from), extract(&to));
    assert_eq!(checked.open(&d2).unwrap().as_slice(), b"for the study");
    let ciphertext = ibe::encrypt(key, &from, b"the record", &mut rng).unwrap();
    let delegation = ibe::delegate(&d1, &to, key, &mut rng).unwrap();
    let transformed = ciphertext.transform(&delegation).unwrap();
    assert_eq!(transformed.open(&d2).unwrap().as_slice(), b"the record");
    // break-glass: two authorities open one message, and no key comes out
    let emergency = Identity::of_emergency("berlin", 20_000, &domain::sha256(b"entry"));
    let urgent = ibe::seal(key, &emergency, b"allergic to penicillin", &mut rng).unwrap();
    let urgent_checked = urgent.clone().check(key).unwrap();
    let parts: Vec<_> = authorities[1..]
        .iter()
        .map(|a| a.decrypt(key, &urgent_checked, &mut rng).unwrap())
        .collect();
    let verified: Vec<_> = parts
        .iter()
        .map(|part| part.verify(key, &urgent_checked).unwrap())
        .collect();
    let opened = urgent_checked.open_jointly(key, &verified).unwrap();
    assert_eq!(opened.as_slice(), b"allergic to penicillin");
    json!({
        "emergency": {
            "identity": x(emergency.as_bytes()), "plaintext": x(b"allergic to penicillin"),
            "sealed": x(urgent.to_bytes()),
            "decryption_share": parts.iter().map(|p| x(p.to_bytes())).collect::<Vec<_>>(),
        },
        "master_key": "the key of dkg.json",
        "from": x(from.as_bytes()), "to": x(to.as_bytes()),
        "plaintext": { "sealed": x(b"for the study"), "ciphertext": x(b"the record") },
        "messages": {
            "identity_share": authorities[..2]
                .iter()
                .map(|a| x(a.extract(key, &to).unwrap().to_bytes()))
                .collect::<Vec<_>>(),
            "sealed": x(sealed.to_bytes()),
            "decryption_share": x(decryption.to_bytes()),
            "ciphertext": x(ciphertext.to_bytes()),
            "delegation": x(&*delegation.to_bytes()),
            "transformed": x(transformed.to_bytes()),
            "name_key": x(&*d1.to_bytes()),
        },
    })
}

/// A record behind the gate: t of n proxies and t of the gate's holders open it, the patient alone too.
fn gate() -> Value {
    let mut rng = rng(30);
    let (value, gate, shares) = dkg_messages(Purpose::Gate, 31);
    let (patient, institution) = (
        RecordKey::generate(&mut rng),
        ReceivingKey::generate(&mut rng),
    );
    let proxy = ProxyKey::generate(&mut rng);
    let (label, schema) = (Label::new([6; 32]), SchemaId::new([2; 32]));
    let signer = SigningKey::from_bytes(&[9; 32]);
    let record = b"a gated record";
    let mut stored = Vec::new();
    let sealed = tcpre::seal_gated(
        &patient.public(),
        label,
        schema,
        &gate,
        &record[..],
        &mut stored,
        &mut rng,
    )
    .unwrap();
    let capsule = sealed.capsule.clone().check().unwrap();
    let now = 1_700_000_000;
    let terms = GrantTerms {
        key: patient.public(),
        label,
        receiver: institution.public(),
        proxies: ProxyRoster::majority(vec![proxy.public()]).unwrap(),
        window: Window::new(now, now).unwrap(),
        requirement: RequirementId::NONE,
    };
    let signed = tcpre::grant(&patient, terms.clone(), &signer, &mut rng).unwrap();
    let grant = signed
        .clone()
        .verify(&terms, &signer.verifying_key())
        .unwrap();
    let key = grant.share_key(&proxy).unwrap();
    let share = key.reencrypt(&capsule, now, &mut rng).unwrap();
    let holders = shares.into_iter().map(|s| GateKey::new(s).unwrap());
    let opened: Vec<_> = holders
        .map(|h| h.open(&gate, &grant, &capsule, now, &mut rng).unwrap())
        .collect();
    let verified = grant.verify_share(&capsule, &share).unwrap();
    let through: Vec<_> = opened
        .iter()
        .map(|share| share.verify(&gate, &grant, &capsule).unwrap())
        .collect();
    tcpre::combine_gated(
        &institution,
        &grant,
        &capsule,
        &[verified],
        &gate,
        &through[..2],
    )
    .unwrap();
    json!({
        "secrets": {
            "a": x(*patient.to_bytes()), "b": x(*institution.to_bytes()), "e": x(*proxy.to_bytes()),
            "gate_shares": value["shares"],
        },
        "label": label.to_string(), "schema": x([2; 32]), "record": x(record), "stored": x(&stored),
        "own_key": x(&sealed.own_key),
        "messages": {
            "gate": x(gate.to_bytes()), "capsule": x(sealed.capsule.to_bytes()),
            "own_capsule": x(sealed.own.to_bytes()), "grant": x(signed.to_bytes()),
            "share": x(share.to_bytes()),
            "gate_share": opened.iter().map(|s| x(s.to_bytes())).collect::<Vec<_>>(),
        },
    })
}

fn beacon_rounds() -> Value {
    let (ceremony, key, shares) = dkg_messages(Purpose::Beacon, 6);
    let signers: Vec<_> = shares
        .into_iter()
        .map(|s| BeaconSigner::new(s).unwrap())
        .collect();
    let rounds = [1u64, 2, 1_000_000].map(|number| {
        let round = Round::new(number);
        let partials: Vec<_> = signers.iter().map(|s| s.sign(round)).collect();
        let verified: Vec<_> = partials.iter().map(|p| p.verify(&key).unwrap()).collect();
        let output = beacon::combine(&key, round, &verified[1..]).unwrap();
        json!({
            "round": number, "partial": partials.iter().map(|p| x(p.to_bytes())).collect::<Vec<_>>(),
            "signature": output.signature().to_string(),
            "randomness": output.randomness().to_string(),
        })
    });
    json!({ "key": ceremony["messages"]["key"], "shares": ceremony["shares"], "rounds": rounds })
}

fn draw() -> Value {
    let list: Vec<_> = (0..12u64)
        .map(|i| Candidate {
            id: format!("proxy-{i:02}"),
            organisation: format!("org-{}", i % 5),
            weight: if i == 3 { u64::MAX } else { 10 + 7 * i },
            jailed: i == 8,
        })
        .collect();
    let electorate = Electorate::new(&list).unwrap();
    let draws = [
        (Office::Proxy, "proxy", 1),
        (Office::Proxy, "proxy", 2),
        (Office::Orderer, "orderer", 1),
        (Office::Endorser, "endorser", 1),
    ]
    .map(|(office, name, epoch)| {
        let beta = Randomness::new([epoch as u8; 32]);
        let occasion = Occasion {
            chain: "eligo-vectors",
            office,
            epoch,
            beta,
        };
        let drawn = electorate.draw(&occasion, 5).unwrap();
        json!({ "chain": "eligo-vectors", "purpose": name, "epoch": epoch,
                "beta": beta.to_string(), "n": 5, "drawn": drawn })
    });
    json!({
        "candidates": list.iter().map(|c| json!({
            "id": c.id, "organisation": c.organisation, "weight": c.weight.to_string(),
            "jailed": c.jailed,
        })).collect::<Vec<_>>(),
        "capped": electorate.iter().map(|(id, w)| json!([id, w.to_string()])).collect::<Vec<_>>(),
        "draws": draws,
    })
}

fn oms() -> Value {
    let mut rng = rng(7);
    let signers: Vec<_> = (0..3).map(|_| MultiSigner::generate(&mut rng)).collect();
    let team: Vec<_> = signers
        .iter()
        .map(|s| s.public().register(&s.prove_possession()).unwrap())
        .collect();
    let roster: Roster = team.iter().map(|r| (r.id(), *r)).collect();
    let case = Case {
        header: [1; 32],
        pseudonym: Pseudonym::new([2; 32]),
    };
    let mut verified = VerifiedChain::begin(case);
    let mut chains = Vec::new();
    for (k, (signer, registered)) in signers.iter().zip(&team).enumerate() {
        let opinion = Opinion::new([k as u8; 32]);
        let chain = verified
            .sign(signer, registered, opinion, &mut rng)
            .unwrap();
        chains.push(x(chain.to_bytes()));
        verified = chain.verify(&case, &roster).unwrap();
    }
    let mut joint = VerifiedJoint::begin(case, Opinion::new([9; 32]), &team).unwrap();
    let mut last: Option<Joint> = None;
    for signer in &signers {
        let signed = joint.sign(signer, &mut rng).unwrap();
        joint = signed.clone().verify(&case, &roster).unwrap();
        last = Some(signed);
    }
    let (opinion, salt) = Opinion::commit(b"ischaemic stroke", &mut rng);
    json!({
        "opinion": { "text": x(b"ischaemic stroke"), "salt": x(salt.expose()), "opinion": opinion.to_string() },
        "header": x([1; 32]), "pseudonym": x([2; 32]),
        "signers": signers.iter().map(|s| json!({
            "secret": x(&*s.to_bytes()), "id": s.public().id().to_string(),
            "key": x(s.public().to_bytes()), "proof": x(s.prove_possession().to_bytes()),
        })).collect::<Vec<_>>(),
        "messages": { "chain": chains, "joint": x(last.expect("three sign").to_bytes()) },
    })
}

fn team_epoch() -> Value {
    let mut rng = rng(8);
    let doctors: Vec<_> = ["anna", "bela", "cem"]
        .iter()
        .zip(1u8..)
        .map(|(name, seed)| {
            (
                DoctorId::new(*name).unwrap(),
                SigningKey::from_bytes(&[seed; 32]),
            )
        })
        .collect();
    let (secrets, signed): (Vec<_>, Vec<_>) = doctors
        .iter()
        .map(|(id, signer)| Prekey::generate(id.clone(), signer, &mut rng))
        .unzip();
    let members = signed.iter().zip(&doctors);
    let members: Vec<_> = members
        .map(|(s, (_, key))| s.clone().verify(&key.verifying_key()).unwrap())
        .collect();
    let (lead, signer) = &doctors[0];
    let welcome = team::found([6; 32], 3, lead, signer, members, &mut rng).unwrap();
    let (pending, taus): (Vec<_>, Vec<_>) = doctors
        .iter()
        .zip(secrets)
        .map(|((id, key), prekey)| {
            let (lead, me) = (signer.verifying_key(), key.verifying_key());
            welcome
                .clone()
                .accept(&lead, id, &me, prekey, Some(2))
                .unwrap()
        })
        .unzip();
    let key = pending.into_iter().next().unwrap().confirm(&taus).unwrap();
    let team_id = key.team().to_string();
    let (mut sender, mut receiver) = key.into_channel();
    let message = sender.send(b"an opinion").unwrap();
    receiver.receive(&message).unwrap();
    json!({
        "encounter": x([6; 32]), "epoch": 3, "team": team_id,
        "signing_keys": doctors.iter().map(|(_, k)| x(k.to_bytes())).collect::<Vec<_>>(),
        "messages": {
            "prekey": signed.iter().map(|s| x(s.to_bytes())).collect::<Vec<_>>(),
            "welcome": x(welcome.to_bytes()),
            "confirmation": taus.iter().map(|t| x(t.to_bytes())).collect::<Vec<_>>(),
            "message": x(message.to_bytes()),
        },
    })
}

fn search() -> Value {
    let mut rng = rng(9);
    let (hospital, patient) = (WriterKey::generate(&mut rng), SearchKey::generate(&mut rng));
    let shared = hospital.share_with(&patient.card());
    let bucket = Bucket::new("2025-03").unwrap();
    let word = Keyword::new(Field::Diagnosis, *b"I63.9").unwrap();
    let pointer = Pointer::new(*b"s3://records/1").unwrap();
    let row = Row::new(
        &shared,
        &patient.public(),
        &word,
        &bucket,
        &pointer,
        &mut rng,
    );
    let trapdoor = patient.trapdoor(&shared, &word, &bucket);
    assert_eq!(trapdoor.find(&row), Some(pointer.clone()));
    let signer = SigningKey::from_bytes(&[4; 32]);
    let token =
        SearchToken::new(vec![trapdoor], "node-1", 1_700_000_000, &signer, &mut rng).unwrap();
    // a row of each kind with the trapdoor that finds it, as it stands in a token of its own
    let kinds = [
        ("dx", Keyword::new(Field::Diagnosis, *b"I63.9").unwrap(), x(b"I63.9")),
        ("nym", Keyword::new(Field::Pseudonym, *b"nym-1").unwrap(), x(b"nym-1")),
        ("dept", Keyword::new(Field::Department, *b"neurology").unwrap(), x(b"neurology")),
        ("dx+nym", Keyword::both(b"I63.9", b"nym-1").unwrap(), x(domain::lp(&[b"I63.9", b"nym-1"]))),
    ]
    .map(|(field, word, value)| {
        let row = Row::new(&shared, &patient.public(), &word, &bucket, &pointer, &mut rng);
        let trapdoor = patient.trapdoor(&shared, &word, &bucket);
        assert_eq!(trapdoor.find(&row), Some(pointer.clone()));
        let token = SearchToken::new(vec![trapdoor], "node-1", 1, &signer, &mut rng).unwrap();
        let token = token.to_bytes();
        // token, signature (64 bytes), and before it the list's only point
        let end = token.len() - 64 - 4;
        json!({ "field": field, "value": value, "row": x(row.to_bytes()), "trapdoor": x(&token[end - 48..end]) })
    });
    let node = LetterKey::derive(&[5; 32]);
    let letter = token.write_to(&node.public(), &mut rng).unwrap();
    SearchToken::read_from(&letter, &node, "node-1").unwrap();
    json!({
        "writer": x(*hospital.to_bytes()), "HS": hospital.public().to_string(),
        "writer_possession": hospital.prove_possession().to_string(),
        "reader": x(*patient.to_bytes()), "Y2": patient.public().to_string(),
        "field": "dx", "value": x(b"I63.9"), "bucket": "2025-03",
        "pointer": x(b"s3://records/1"), "signer": x(signer.verifying_key().as_bytes()),
        "kinds": kinds,
        "letter": { "key": x(node.expose()), "audience": "node-1", "letter": x(letter.to_bytes()) },
        "messages": {
            "card": x(patient.card().to_bytes()),
            "row": x(row.to_bytes()),
            "token": x(token.to_bytes()),
        },
    })
}
