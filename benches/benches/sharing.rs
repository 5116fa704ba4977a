//! Sharing's steps: threshold re-encryption, key generation, search, and sealing in MB/s.
//! `cargo bench -p eligo-benches --bench sharing`.

#![allow(missing_docs, clippy::expect_used)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ed25519_dalek::SigningKey;
use eligo_sharing::dkg::{self, Ceremony, Deals, GroupKey, Purpose};
use eligo_sharing::keys::{ProxyKey, ReceivingKey, RecordKey};
use eligo_sharing::letter::LetterKey;
use eligo_sharing::search::{Bucket, Field, Keyword, Pointer, Row, SearchKey, WriterKey};
use eligo_sharing::tcpre::{
    GrantTerms, Label, ProxyRoster, RequirementId, SchemaId, Window, combine, grant, seal,
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use rayon::prelude::*;

const NOW: u64 = 1_700_000_000;
const LABEL: Label = Label::new([1; 32]);
const SCHEMA: SchemaId = SchemaId::new([2; 32]);

fn tcpre(c: &mut Criterion) {
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let (patient, institution) = (RecordKey::generate(rng), ReceivingKey::generate(rng));
    let proxies: Vec<_> = (0..5).map(|_| ProxyKey::generate(rng)).collect();
    let public = patient.public();
    let sealing = |rng: &mut ChaCha20Rng| {
        seal(&public, LABEL, SCHEMA, &[0; 1024][..], std::io::sink(), rng).expect("memory")
    };
    let capsule = sealing(rng);
    let roster = ProxyRoster::majority(proxies.iter().map(ProxyKey::public).collect());
    let terms = GrantTerms {
        key: public,
        label: LABEL,
        receiver: institution.public(),
        proxies: roster.expect("five proxies"),
        window: Window::new(NOW, NOW + 1).expect("in order"),
        requirement: RequirementId::NONE,
    };
    let signer = SigningKey::from_bytes(&[7; 32]);
    let verifier = signer.verifying_key();
    let signed = grant(&patient, terms.clone(), &signer, rng).expect("own record");
    let granted = signed
        .clone()
        .verify(&terms, &verifier)
        .expect("right grant");
    let checked = capsule.clone().check().expect("fresh");
    let key = granted.share_key(&proxies[0]).expect("in the roster");
    let share = key.reencrypt(&checked, NOW, rng).expect("in the window");
    let shares: Vec<_> = proxies[..3]
        .iter()
        .map(|proxy| {
            let key = granted.share_key(proxy).expect("in the roster");
            let share = key.reencrypt(&checked, NOW, rng).expect("in the window");
            granted
                .verify_share(&checked, &share)
                .expect("honest proxy")
        })
        .collect();

    let mut group = c.benchmark_group("tcpre, t = 3, n = 5");
    group.bench_function("seal 1 KiB", |b| b.iter(|| sealing(rng)));
    group.bench_function("check capsule", |b| {
        b.iter_batched(|| capsule.clone(), |c| c.check(), BatchSize::SmallInput)
    });
    group.bench_function("decapsulate", |b| b.iter(|| checked.decapsulate(&patient)));
    group.bench_function("grant", |b| {
        b.iter(|| grant(&patient, terms.clone(), &signer, rng))
    });
    group.bench_function("verify grant", |b| {
        b.iter(|| signed.clone().verify(&terms, &verifier))
    });
    group.bench_function("take share", |b| b.iter(|| granted.share_key(&proxies[0])));
    group.bench_function("re-encrypt", |b| {
        b.iter(|| key.reencrypt(&checked, NOW, rng))
    });
    group.bench_function("verify share", |b| {
        b.iter(|| granted.verify_share(&checked, &share))
    });
    group.bench_function("combine", |b| {
        b.iter(|| combine(&institution, &granted, &checked, &shares))
    });
    group.finish();
}

fn stream(c: &mut Criterion) {
    let rng = &mut ChaCha20Rng::seed_from_u64(2);
    let key = RecordKey::generate(rng);
    let record = vec![0u8; 16 << 20];
    let mut stored = Vec::new();
    let capsule = seal(&key.public(), LABEL, SCHEMA, &record[..], &mut stored, rng);
    let content = capsule
        .expect("memory")
        .check()
        .expect("fresh")
        .decapsulate(&key);
    let content = content.expect("own capsule");
    let mut group = c.benchmark_group("stream, 16 MiB");
    group
        .sample_size(10)
        .throughput(Throughput::Bytes(record.len() as u64));
    group.bench_function("seal", |b| {
        b.iter(|| {
            seal(
                &key.public(),
                LABEL,
                SCHEMA,
                &record[..],
                std::io::sink(),
                rng,
            )
        })
    });
    group.bench_function("open", |b| {
        b.iter(|| content.open(&stored[..], std::io::sink()))
    });
    group.finish();
}

/// One whole honest run, all n participants on this machine.
fn generate_key(keys: &[LetterKey], rng: &mut ChaCha20Rng) -> GroupKey {
    let public = keys.iter().map(LetterKey::public).collect();
    let threshold = keys.len().div_ceil(2) as u64;
    let ceremony =
        Ceremony::new(Purpose::Identity, b"bench", threshold, public).expect("n >= 2t-1");
    let (dealers, deals): (Vec<_>, Vec<_>) = keys
        .iter()
        .map(|key| dkg::deal(&ceremony, key, rng).expect("participant"))
        .unzip();
    let deals = Deals::collect(&ceremony, deals);
    let (checkers, _): (Vec<_>, Vec<_>) = dealers.into_iter().map(|d| d.check(&deals)).unzip();
    let qualified = deals.qualify(&[], &[]).expect("all honest");
    let (exposers, exposures): (Vec<_>, Vec<_>) =
        checkers.into_iter().map(|c| c.expose(&qualified)).unzip();
    let exposures: Vec<_> = exposures.into_iter().flatten().collect();
    for exposer in &exposers {
        assert!(exposer.object(&qualified, &exposures).is_empty());
    }
    let key = qualified
        .expose(&exposures, &[])
        .settle(&[])
        .expect("all exposed");
    for exposer in exposers {
        exposer.finish(&key).expect("honest");
    }
    key
}

fn key_generation(c: &mut Criterion) {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let mut group = c.benchmark_group("dkg, all participants together");
    group.sample_size(10);
    for n in [4, 7, 16, 31] {
        let keys: Vec<_> = (0..n).map(|_| LetterKey::generate(&mut rng)).collect();
        group.bench_function(format!("n = {n}"), |b| {
            b.iter(|| generate_key(&keys, &mut rng))
        });
    }
    group.finish();
}

fn search(c: &mut Criterion) {
    let rng = &mut ChaCha20Rng::seed_from_u64(4);
    let (hospital, patient) = (WriterKey::generate(rng), SearchKey::generate(rng));
    let shared = hospital.share_with(&patient.card());
    let bucket = Bucket::new("2025-03").expect("a bucket");
    let word = |i: usize| Keyword::new(Field::Diagnosis, format!("I{i:04}")).expect("a word");
    let pointer = Pointer::new(*b"s3://records/1").expect("short");
    let public = patient.public();
    // one row in a thousand matches; all rows cost the same to test
    let rows: Vec<_> = (0..1000)
        .map(|i| Row::new(&shared, &public, &word(i), &bucket, &pointer, rng))
        .collect();
    let trapdoor = patient.trapdoor(&shared, &word(7), &bucket);
    let mut group = c.benchmark_group("search, parallel");
    group.sample_size(10);
    for copies in [1usize, 10, 100] {
        let count = 1000 * copies;
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("{count} rows"), |b| {
            b.iter(|| {
                let all = (0..count).into_par_iter().map(|at| &rows[at % rows.len()]);
                assert_eq!(
                    all.filter(|row| trapdoor.find(row).is_some()).count(),
                    copies
                );
            })
        });
    }
    group.finish();
}

criterion_group!(benches, tcpre, stream, key_generation, search);
criterion_main!(benches);
