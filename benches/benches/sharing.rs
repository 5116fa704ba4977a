//! Sharing's steps: threshold re-encryption, key generation, search, and sealing in MB/s.
//! `cargo bench -p eligo-benches --bench sharing`.
//!
//! The baseline of re-encryption is the same equations written straight down with arkworks, in the same run:
//! pairings, products and powers, without hashing and encoding, which is in its favour. The baseline of
//! search is one thread.

#![allow(missing_docs, clippy::expect_used)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use ark_bls12_381::{Bls12_381, Fr, G1Affine, G2Affine};
use ark_ec::CurveGroup;
use ark_ec::pairing::Pairing;
use ark_std::UniformRand;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ed25519_dalek::SigningKey;
use eligo_sharing::dkg::{self, Ceremony, Deals, GroupKey, Purpose};
use eligo_sharing::keys::{ProxyKey, ReceivingKey, RecordKey};
use eligo_sharing::letter::LetterKey;
use eligo_sharing::search::{
    Bucket, Field, Keyword, Pointer, Row as IndexRow, SearchKey, WriterKey,
};
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

    let received: Vec<_> = proxies
        .iter()
        .map(|proxy| {
            let key = granted.share_key(proxy).expect("in the roster");
            key.reencrypt(&checked, NOW, rng).expect("in the window")
        })
        .collect();
    let stock = Stock::new();
    let rows = [
        Row::of("seal 1 KiB", || sealing(rng), || stock.seal()),
        Row::of(
            "check capsule",
            || capsule.clone().check(),
            || stock.check(2),
        ),
        Row::of(
            "open one's own",
            || checked.decapsulate(&patient),
            || (stock.product(), stock.pair()),
        ),
        Row::of(
            "grant",
            || grant(&patient, terms.clone(), &signer, rng),
            || stock.grant(3, 5),
        ),
        Row::of(
            "check grant",
            || signed.clone().verify(&terms, &verifier),
            || stock.check_grant(3, 5),
        ),
        Row::of(
            "take share",
            || granted.share_key(&proxies[0]),
            || (stock.product(), stock.pair(), stock.powers(2)),
        ),
        Row::of(
            "re-encrypt",
            || key.reencrypt(&checked, NOW, rng),
            || stock.reencrypt(),
        ),
        Row::of(
            "check share",
            || granted.verify_share(&checked, &share),
            || stock.check_share(),
        ),
        Row::of(
            "check five shares",
            || granted.verify_shares(&checked, &received),
            || (0..5).for_each(|_| stock.check_share()),
        ),
        Row::of(
            "combine three",
            || combine(&institution, &granted, &checked, &shares),
            || (stock.product(), stock.pair(), stock.powers(3)),
        ),
    ];
    println!("\nRe-encryption, t = 3 of n = 5, milliseconds (median)\n");
    println!("| step | here | the same equations, arkworks | ratio |");
    println!("| --- | --- | --- | --- |");
    for row in rows {
        let ratio = row.stock / row.ours;
        println!(
            "| {} | {:.2} | {:.2} | {ratio:.1} |",
            row.step, row.ours, row.stock
        );
    }

    // One step under criterion, for comparison between versions of this code.
    let mut group = quick(c, "tcpre");
    group.bench_function("check share", |b| {
        b.iter(|| granted.verify_share(&checked, &share))
    });
    group.finish();
}

/// A step, and the same equations with arkworks; milliseconds.
struct Row {
    step: &'static str,
    ours: f64,
    stock: f64,
}

impl Row {
    fn of<A, B>(
        step: &'static str,
        mut ours: impl FnMut() -> A,
        mut stock: impl FnMut() -> B,
    ) -> Self {
        Self {
            step,
            ours: median(11, || drop(black_box(ours()))),
            stock: median(11, || drop(black_box(stock()))),
        }
    }
}

/// The median of some runs, milliseconds.
fn median(runs: usize, mut work: impl FnMut()) -> f64 {
    let mut times: Vec<_> = (0..runs)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[runs / 2]
}

/// A criterion group of few samples.
fn quick<'a>(
    c: &'a mut Criterion,
    name: &str,
) -> criterion::BenchmarkGroup<'a, criterion::measurement::WallTime> {
    let mut group = c.benchmark_group(name);
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1));
    group
}

/// Group operations of the equations, with arkworks.
struct Stock {
    p: G1Affine,
    q: G2Affine,
    x: Fr,
    gt: ark_ec::pairing::PairingOutput<Bls12_381>,
}

impl Stock {
    fn new() -> Self {
        let rng = &mut ChaCha20Rng::seed_from_u64(9);
        let (p, q, x) = (G1Affine::rand(rng), G2Affine::rand(rng), Fr::rand(rng));
        let gt = Bls12_381::pairing(p, q);
        Self { p, q, x, gt }
    }

    fn pair(&self) {
        let _ = black_box(Bls12_381::pairing(black_box(self.p), black_box(self.q)));
    }

    fn product(&self) {
        let _ = black_box((black_box(self.p) * self.x).into_affine());
    }

    fn product_in_g2(&self) {
        let _ = black_box((black_box(self.q) * self.x).into_affine());
    }

    fn powers(&self, n: usize) {
        (0..n).for_each(|_| {
            let _ = black_box(black_box(self.gt) * self.x);
        });
    }

    /// U, rQ, W, one pairing.
    fn seal(&self) {
        self.product_in_g2();
        (0..2).for_each(|_| self.product());
        self.pair();
    }

    fn check(&self, pairs: usize) {
        let (ps, qs) = (vec![self.p; pairs], vec![self.q; pairs]);
        let _ = black_box(Bls12_381::multi_pairing(ps, qs));
    }

    /// D, xB, two blindings in both groups, two products a proxy, t - 1 powers.
    fn grant(&self, t: usize, n: usize) {
        (0..4 + 2 * n).for_each(|_| self.product());
        (0..2).for_each(|_| self.product_in_g2());
        self.powers(t - 1);
    }

    /// Two pairs of blindings, y_0, and for each proxy two pairings and y_j.
    fn check_grant(&self, t: usize, n: usize) {
        (0..3 + n).for_each(|_| self.check(2));
        // y_j by short powers, by Horner's rule
        let small = Fr::from(n as u64);
        (0..n * (t - 1)).for_each(|_| {
            let _ = black_box(black_box(self.gt) * small);
        });
    }

    fn reencrypt(&self) {
        (0..3).for_each(|_| self.pair());
        (0..2).for_each(|_| self.product());
    }

    fn check_share(&self) {
        (0..2).for_each(|_| self.pair());
        self.powers(2);
    }
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
    let mut group = quick(c, "stream, 16 MiB");
    group.throughput(Throughput::Bytes(record.len() as u64));
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
    let megabytes = record.len() as f64 / 1e6;
    let sealing = median(5, || {
        let sealed = seal(
            &key.public(),
            LABEL,
            SCHEMA,
            &record[..],
            std::io::sink(),
            rng,
        );
        drop(black_box(sealed));
    });
    let opening = median(5, || {
        drop(black_box(content.open(&stored[..], std::io::sink())))
    });
    println!("\nStreams, MB/s, one thread\n\n| seal | open |\n| --- | --- |");
    let speed = |ms: f64| megabytes / ms * 1e3;
    println!("| {:.0} | {:.0} |", speed(sealing), speed(opening));
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

fn key_generation(_: &mut Criterion) {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    println!("\nDistributed key generation, t = n / 2, milliseconds\n");
    println!("| n | all participants on this machine | one participant |");
    println!("| --- | --- | --- |");
    for (n, runs) in [(4, 5), (7, 3), (16, 1), (31, 1)] {
        let keys: Vec<_> = (0..n).map(|_| LetterKey::generate(&mut rng)).collect();
        let all = median(runs, || drop(black_box(generate_key(&keys, &mut rng))));
        println!("| {n} | {all:.0} | {:.1} |", all / f64::from(n));
    }
}

fn search(_: &mut Criterion) {
    let rng = &mut ChaCha20Rng::seed_from_u64(4);
    let (hospital, patient) = (WriterKey::generate(rng), SearchKey::generate(rng));
    let shared = hospital.share_with(&patient.card());
    let bucket = Bucket::new("2025-03").expect("a bucket");
    let word = |i: usize| Keyword::new(Field::Diagnosis, format!("I{i:04}")).expect("a word");
    let pointer = Pointer::new(*b"s3://records/1").expect("short");
    let public = patient.public();
    // one row in a thousand matches; all rows cost the same to test
    let rows: Vec<_> = (0..1000)
        .map(|i| IndexRow::new(&shared, &public, &word(i), &bucket, &pointer, rng))
        .collect();
    let trapdoor = patient.trapdoor(&shared, &word(7), &bucket);
    let found = |rows: &[IndexRow]| rows.iter().filter(|r| trapdoor.find(r).is_some()).count();
    let alone = median(1, || assert_eq!(found(&rows), 1));
    println!(
        "\nSearch over encrypted rows, seconds, {} threads\n",
        rayon::current_num_threads()
    );
    println!("| rows | all threads | one thread, from 1000 rows | ratio | rows a second |");
    println!("| --- | --- | --- | --- | --- |");
    for (copies, runs) in [(1usize, 3), (10, 1), (100, 1)] {
        let count = 1000 * copies;
        let parallel = median(runs, || {
            let all = (0..count).into_par_iter().map(|at| &rows[at % rows.len()]);
            let matches = all.filter(|row| trapdoor.find(row).is_some()).count();
            assert_eq!(matches, copies);
        }) / 1e3;
        let single = alone * copies as f64 / 1e3;
        println!(
            "| {count} | {parallel:.2} | {single:.2} | {:.1} | {:.0} |",
            single / parallel,
            count as f64 / parallel
        );
    }
}

criterion_group!(benches, tcpre, stream, key_generation, search);
criterion_main!(benches);
