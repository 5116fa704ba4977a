//! What is fuzzed.

mod circuits;
mod ledger;
mod market;
mod records;
mod sharing;
mod verifier;

/// A decoder, and what must hold for it.
pub struct Target {
    /// Name on the command line.
    pub name: String,
    /// Valid inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words of the format.
    pub dictionary: &'static [&'static [u8]],
    /// Feeds it an input; says how it ended, in few different ways (an error's text without numbers
    /// from the input); panics if something does not hold.
    pub run: fn(&[u8]) -> String,
    /// `--runs` is divided by this.
    pub cost: u64,
}

/// Every target of every crate.
pub fn all() -> Vec<Target> {
    [
        verifier::targets(),
        records::targets(),
        circuits::targets(),
        sharing::targets(),
        ledger::targets(),
        market::targets(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
