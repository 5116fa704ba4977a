//! Everything the marketplace decodes: whatever is read must be written back to the same bytes.

use super::Target;

pub fn targets() -> Vec<Target> {
    vec![Target {
        name: "market",
        seeds: || {
            let mut seeds: Vec<Vec<u8>> = (1..=25).map(transaction).collect();
            seeds.push(vec![0; 64]);
            seeds
        },
        dictionary: &[&[0; 4], &[0, 0, 0, 1], &[0, 0, 1, 80], &[0xff; 8], &[0; 32]],
        run: |input| {
            for (_, decode) in eligo_marketplace::fuzz::ALL {
                decode(input);
            }
            "decoded".into()
        },
        cost: 2,
    }]
}

/// Chain, sender, counter, the tag of a body, and zeros.
fn transaction(tag: u8) -> Vec<u8> {
    let mut bytes = vec![7; 72];
    bytes.push(tag);
    bytes.resize(700, 0);
    bytes
}
