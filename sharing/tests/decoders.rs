//! Every decoder is listed for fuzzing, takes its own vectors, and nothing that was altered, cut or lengthened breaks it. Long runs
//! are the fuzzer's; this is the same property on a few thousand inputs.

#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

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
    let names: BTreeSet<_> = decoders().iter().map(|d| d.name).collect();
    assert_eq!(names.len(), decoders().len());
}

/// What takes bytes apart without being named like it in the sources, or is no public function.
const OTHER_DECODERS: [&str; 3] = ["ContentKey::open", "SharePair::decode", "Pointer::unpadded"];

/// Constructors from bytes that are the caller's own words.
const CONSTRUCTORS: [&str; 1] = ["Keyword::both"];

/// Every function of the crate that makes a value out of bytes or text and may refuse, as
/// `Type::function`, is called by a fuzz target; and every target calls a function there is.
#[test]
fn every_decoder_of_the_crate_is_listed() {
    let mut found = BTreeSet::new();
    for source in sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))) {
        decoders_of(&source, &mut found);
    }
    for constructor in CONSTRUCTORS {
        assert!(found.remove(constructor), "{constructor} is gone");
    }
    found.extend(OTHER_DECODERS.map(str::to_owned));
    let listed: BTreeSet<_> = decoders().iter().map(|d| d.decodes.to_owned()).collect();
    let missing: Vec<_> = found.difference(&listed).collect();
    assert!(missing.is_empty(), "no fuzz target for {missing:?}");
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(gone.is_empty(), "fuzz targets for nothing: {gone:?}");
    assert!(found.len() > 80, "the sources are not read: {found:?}");
}

/// All sources but tests and the fuzz targets themselves.
fn sources(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if ["tests", "fuzz", "threats", "published"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            all.extend(sources(&path));
        } else {
            all.push(fs::read_to_string(&path).unwrap());
        }
    }
    all
}

/// The first name in a line: letters and digits.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// The type an `impl` line is about; nothing if a macro has yet to name it.
fn implemented(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("impl")?;
    let subject = rest.rsplit(" for ").next()?;
    let subject = match subject.strip_prefix('<') {
        Some(generics) => generics.split_once('>')?.1,
        None => subject,
    };
    Some(word(subject.trim_start())).filter(|name| !name.is_empty())
}

fn decoders_of(source: &str, found: &mut BTreeSet<String>) {
    let (mut subject, mut generated): (Option<&str>, &[&str]) = (None, &[]);
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let bare = line.trim_start();
        if line == "#[cfg(test)]" {
            // tests stand last in their files, or are one item
            lines.next();
        }
        if let Some(name) = implemented(line) {
            subject = Some(name);
        } else if bare.starts_with("impl $") {
            subject = None;
        }
        match line.trim_start_matches("wire::") {
            "public_point! {" => generated = &["from_bytes", "from_str"],
            "secret_key! {" => generated = &["from_bytes"],
            "byte_string! {" => generated = &["from_str"],
            "card! {" => generated = &["from_json"],
            "}" => generated = &[],
            _ if !generated.is_empty() && !bare.starts_with("//") => {
                found.extend(generated.iter().map(|f| format!("{}::{f}", word(bare))));
            }
            _ => {}
        }
        for (start, function) in [
            ("document!(", "from_json"),
            ("secret_document!(", "from_secret_json"),
        ] {
            if let Some(rest) = line.strip_prefix(start) {
                found.insert(format!("{}::{function}", word(rest)));
            }
        }
        let Some(function) = bare.strip_prefix("pub fn ").or_else(|| {
            bare.starts_with("fn from_str(")
                .then(|| bare.trim_start_matches("fn "))
        }) else {
            continue;
        };
        let mut signature = function.to_owned();
        while !signature.contains('{') && !signature.ends_with(';') {
            signature += lines.next().unwrap_or("{").trim_start();
        }
        let arguments = signature.split_once('(').map_or("", |(_, rest)| rest);
        let first = arguments.split([',', ')']).next().unwrap_or_default();
        let reads = first.ends_with(": &[u8]") || first.ends_with(": &str");
        if let Some(subject) = subject.filter(|_| reads && signature.contains("-> Result<Self")) {
            found.insert(format!("{subject}::{}", word(function)));
        }
    }
}
