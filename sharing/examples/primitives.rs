//! What `blst` buys: each primitive as this crate does it beside arkworks, in one run on one machine.
//! `cargo run --release -p eligo-sharing --example primitives`. (Without `--release` arkworks checks itself as it
//! goes, and seems slower than it is.)

#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Instant;

use ark_bls12_381::{Bls12_381, Fr, G1Affine, G1Projective, G2Affine, g1};
use ark_ec::hashing::HashToCurve;
use ark_ec::hashing::curve_maps::wb::WBMap;
use ark_ec::hashing::map_to_curve_hasher::MapToCurveBasedHasher;
use ark_ec::pairing::{Pairing, PairingOutput};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::PrimeField;
use ark_ff::field_hashers::DefaultFieldHasher;
use ark_serialize::CanonicalDeserialize;
use eligo_sharing::GT_BYTES;
use eligo_sharing::beacon::{BeaconKey, BeaconSignature, Round};
use eligo_sharing::domain::{self, dst};
use eligo_sharing::keys::{ReceivingKey, ReceivingPublicKey, RecordKey, RecordPublicKey};
use eligo_sharing::tcpre::Share;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

type Hasher =
    MapToCurveBasedHasher<G1Projective, DefaultFieldHasher<sha2::Sha256, 128>, WBMap<g1::Config>>;

/// The median of some runs, microseconds.
fn median<T>(mut work: impl FnMut() -> T) -> f64 {
    let mut times: Vec<_> = (0..101)
        .map(|_| {
            let started = Instant::now();
            drop(black_box(work()));
            started.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn row<A, B>(what: &str, ours: impl FnMut() -> A, theirs: impl FnMut() -> B) {
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "| {what} | {ours:.0} | {theirs:.0} | {:.1} |",
        theirs / ours
    );
}

fn main() {
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let (b, a) = (ReceivingKey::generate(rng), RecordKey::generate(rng));
    let scalar = Fr::from_be_bytes_mod_order(b.to_bytes().as_slice());
    let (p1, p2) = (G1Affine::generator(), G2Affine::generator());
    println!("| | here, microseconds | arkworks | ratio |\n| --- | --- | --- | --- |");
    row(
        "secret scalar times a point of G1",
        || b.public(),
        || (black_box(p1) * black_box(scalar)).into_affine(),
    );
    row(
        "secret scalar times a point of G2",
        || a.public(),
        || (black_box(p2) * black_box(scalar)).into_affine(),
    );
    let hasher = Hasher::new(dst::LABEL).unwrap();
    row(
        "hash to G1",
        || domain::hash_to_g1(dst::LABEL, black_box(b"label")),
        || hasher.hash(black_box(b"label")),
    );
    let (in_g1, in_g2) = (b.public().to_bytes(), a.public().to_bytes());
    row(
        "decode a point of G1",
        || ReceivingPublicKey::from_bytes(black_box(&in_g1)),
        || G1Affine::deserialize_compressed(black_box(&in_g1[..])),
    );
    row(
        "decode a point of G2",
        || RecordPublicKey::from_bytes(black_box(&in_g2)),
        || G2Affine::deserialize_compressed(black_box(&in_g2[..])),
    );
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../vectors/tcpre.json")).unwrap();
    let share = vectors["messages"]["share"][0].as_str().unwrap();
    let share = hex::decode(share).unwrap();
    // rho, then (c, z) with their lengths
    let at = share.len() - (4 + 48) - (4 + 32) - GT_BYTES;
    let (rho, z) = (&share[at..at + GT_BYTES], &share[share.len() - 48..]);
    row(
        "decode a share: GT with its order, G1",
        || Share::from_bytes(black_box(&share)),
        || {
            (
                PairingOutput::<Bls12_381>::deserialize_compressed(black_box(rho)),
                G1Affine::deserialize_compressed(black_box(z)),
            )
        },
    );
    let quicknet = BeaconKey::drand_quicknet();
    let signature: BeaconSignature = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"
        .parse()
        .unwrap();
    row(
        "check a beacon's round: hash, two pairings",
        || quicknet.verify(Round::new(1000), black_box(&signature)),
        || {
            let hash = hasher.hash(black_box(b"a round's number, hashed")).unwrap();
            Bls12_381::multi_pairing([-p1, hash], [p2, p2])
        },
    );
}
