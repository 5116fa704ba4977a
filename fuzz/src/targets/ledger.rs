//! Everything replicas decode: whatever is read must be written back to the same bytes.

use super::Target;

pub fn targets() -> Vec<Target> {
    let ledger = Target {
        name: "ledger",
        seeds: || vec![vec![0; 64], vec![1; 256], (0..=255).collect()],
        dictionary: &[&[0; 4], &[0, 0, 0, 1], &[0, 0, 0, 32], &[0xff; 8], &[0; 32]],
        run: |input| {
            for (_, decode) in eligo_ledger::fuzz::ALL {
                decode(input);
            }
            "decoded".into()
        },
        cost: 2,
    };
    vec![
        ledger,
        #[cfg(feature = "malachite")]
        Target {
            name: "malachite",
            seeds: eligo_ledger::fuzz::malachite_samples,
            dictionary: &[&[0; 4], &[0, 0, 0, 1], &[0xff; 8], &[0; 32]],
            run: |input| {
                for (_, decode) in eligo_ledger::fuzz::MALACHITE {
                    decode(input);
                }
                "decoded".into()
            },
            cost: 2,
        },
    ]
}
