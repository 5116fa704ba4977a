//! Every decoder takes its own vectors, and nothing that was altered, cut or lengthened breaks it. Long runs
//! are the fuzzer's; this is the same property on a few thousand inputs.

#![allow(missing_docs, clippy::unwrap_used)]

use eligo_sharing::fuzz::{Decoder, decoders};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

fn mutate(seed: &[u8], rng: &mut ChaCha20Rng) -> Vec<u8> {
    let mut input = seed.to_vec();
    let at = |len: usize, rng: &mut ChaCha20Rng| (rng.next_u64() % (len.max(1) as u64)) as usize;
    match rng.next_u32() % 6 {
        0 => input.truncate(at(input.len(), rng)),
        1 => input.push(rng.next_u32() as u8),
        2 => {
            let place = at(input.len(), rng);
            input[place] ^= 1 << (rng.next_u32() % 8);
        }
        3 => {
            let place = at(input.len(), rng);
            input.insert(place, 0xff);
        }
        4 => {
            // a length field that claims much
            let place = at(input.len().saturating_sub(4), rng);
            let end = input.len().min(place + 4);
            input[place..end].fill(0xff);
        }
        _ => {
            let (from, to) = (at(input.len(), rng), at(input.len(), rng));
            let byte = input[from];
            input[to] = byte;
        }
    }
    input
}

fn exercise(decoder: &Decoder, rng: &mut ChaCha20Rng) {
    let seeds = (decoder.seeds)();
    assert!(!seeds.is_empty(), "{decoder:?} has no vector");
    for seed in &seeds {
        assert_eq!((decoder.run)(seed), "accepted", "{decoder:?}");
    }
    for empty in [&b""[..], &[0], &[0xff; 400]] {
        assert_ne!((decoder.run)(empty), "accepted", "{decoder:?}");
    }
    for round in 0..60 {
        let input = mutate(&seeds[round % seeds.len()], rng);
        // panics if an accepted input is not canonical
        (decoder.run)(&input);
    }
}

#[test]
fn decoders_take_their_vectors_and_survive_alterations() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for decoder in decoders() {
        exercise(&decoder, &mut rng);
    }
}

#[test]
fn decoders_have_names_of_their_own() {
    let names: std::collections::BTreeSet<_> = decoders().iter().map(|d| d.name).collect();
    assert_eq!(names.len(), decoders().len());
}
