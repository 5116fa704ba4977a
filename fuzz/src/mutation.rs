//! A deterministic mutator: the same seed, the same inputs.

/// Longest input made.
const LONGEST: usize = 1 << 16;

/// SplitMix64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `n`, or 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % (n.max(1) as u64)) as usize
    }
}

/// Makes inputs from those of a corpus.
pub struct Mutator {
    random: Random,
    dictionary: &'static [&'static [u8]],
}

/// Bytes at the edges of things.
const EDGES: [u8; 10] = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x40, 0xc0, b'0', b'"', b','];

impl Mutator {
    pub fn new(seed: u64, dictionary: &'static [&'static [u8]]) -> Self {
        Self {
            random: Random::new(seed),
            dictionary,
        }
    }

    /// One input: an old one with a few changes.
    pub fn next(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let pick = |random: &mut Random| corpus.get(random.below(corpus.len())).cloned();
        let mut input = pick(&mut self.random).unwrap_or_default();
        for _ in 0..1 + self.random.below(4) {
            let other = pick(&mut self.random).unwrap_or_default();
            self.change(&mut input, &other);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, other: &[u8]) {
        let random = &mut self.random;
        let at = random.below(input.len());
        let length = 1 + random.below(16.min(input.len().max(1)));
        let end = (at + length).min(input.len());
        match random.below(10) {
            0 if !input.is_empty() => input[at] ^= 1 << random.below(8),
            1 if !input.is_empty() => input[at] = EDGES[random.below(EDGES.len())],
            2 if !input.is_empty() => {
                input[at] = input[at]
                    .wrapping_add(random.below(35) as u8)
                    .wrapping_sub(17)
            }
            3 => drop(input.drain(at..end)),
            4 => {
                let copy = input[at..end].to_vec();
                let to = random.below(input.len() + 1);
                input.splice(to..to, copy);
            }
            5 => {
                let noise: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
                input.splice(at..at, noise);
            }
            6 => input.truncate(at),
            7 => {
                // The other's tail behind this one's head.
                input.truncate(at);
                input.extend_from_slice(&other[random.below(other.len())..]);
            }
            8 if input.len() >= 4 => {
                // A length or count.
                let at = at.min(input.len() - 4);
                let value = [0, 1, 2, 255, 1024, 1025, u32::MAX, 1 << 31][random.below(8)];
                input[at..at + 4].copy_from_slice(&value.to_be_bytes());
            }
            _ => {
                let word = self.dictionary.get(random.below(self.dictionary.len()));
                let over = if random.below(2) == 0 {
                    at..end
                } else {
                    at..at
                };
                input.splice(over, word.copied().unwrap_or_default().to_vec());
            }
        }
    }
}
