//! Everything replicas decode: whatever is read must be written back to the same bytes.

use eligo_ledger::fuzz;

use super::Target;

pub fn targets() -> Vec<Target> {
    let groups = [
        from("ledger", fuzz::ALL, fuzz::samples),
        #[cfg(feature = "malachite")]
        from("malachite", fuzz::MALACHITE, fuzz::malachite_samples),
    ];
    groups.into_iter().flatten().collect()
}

/// A target for each decoder of a group, which begin with the group's valid inputs.
pub fn from(group: &str, decoders: &[fuzz::Decoder], seeds: fn() -> Vec<Vec<u8>>) -> Vec<Target> {
    let target = |decoder: &fuzz::Decoder| Target {
        name: format!("{group}_{}", decoder.name),
        seeds,
        dictionary: &[&[0; 4], &[0, 0, 0, 1], &[0, 0, 0, 32], &[0xff; 8], &[0; 32]],
        run: decoder.run,
        cost: 4,
    };
    decoders.iter().map(target).collect()
}
