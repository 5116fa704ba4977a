//! Everything the sharing protocols decode; the crate lists its own decoders.

use super::Target;

pub fn targets() -> Vec<Target> {
    eligo_sharing::fuzz::decoders()
        .into_iter()
        .map(|decoder| Target {
            name: decoder.name.into(),
            seeds: decoder.seeds,
            dictionary: &[&[0; 8], &[0xff; 8], b"{", b"}", b"\"", b"\"version\":1"],
            run: decoder.run,
            cost: 10,
        })
        .collect()
}
