//! The seed on paper: twenty-four BIP-39 words (English list), the last carrying a checksum of 8 bits.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::Seed;

const WORDS: usize = 24;

/// Twenty-four words, separated by single spaces. Wiped when dropped, never printed.
///
/// ```compile_fail
/// fn twice(words: eligo_sharing::wallet::BackupWords) { drop(words); drop(words); }
/// ```
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct BackupWords(String);

impl BackupWords {
    pub(super) fn of(seed: &Seed) -> Self {
        // 32 bytes are a length BIP-39 knows, so there is always a mnemonic
        let words = bip39::Mnemonic::from_entropy_in(bip39::Language::English, seed.expose());
        let mut line = String::with_capacity(WORDS * 9);
        for word in words.iter().flat_map(bip39::Mnemonic::words) {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        Self(line)
    }

    /// The words, to be written down.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl core::fmt::Debug for BackupWords {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("BackupWords(..)")
    }
}

/// Why words give no seed. Positions count from 1; the words themselves are secret and not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// Not twenty-four words.
    #[error("expected 24 words, found {found}")]
    Count {
        /// How many there are.
        found: usize,
    },
    /// A word that is not in the list.
    #[error("word {position} is not in the list of backup words")]
    Unknown {
        /// Which word, counted from 1.
        position: usize,
    },
    /// All words are in the list, but they do not belong together.
    #[error("the words do not belong together: one is wrong, or two are exchanged")]
    Checksum,
}

/// Reads words in any case, separated by any white space.
pub(super) fn read(words: &str) -> Result<Seed, WordsError> {
    let found = words.split_whitespace().take(WORDS + 1).count();
    if found != WORDS {
        return Err(WordsError::Count {
            found: words.split_whitespace().count(),
        });
    }
    let mut line = Zeroizing::new(String::with_capacity(words.len()));
    for (index, word) in words.split_whitespace().enumerate() {
        if index > 0 {
            line.push(' ');
        }
        line.extend(word.chars().map(|c| c.to_ascii_lowercase()));
    }
    let parsed = bip39::Mnemonic::parse_in_normalized(bip39::Language::English, &line);
    let mut mnemonic = parsed.map_err(|error| match error {
        bip39::Error::UnknownWord(index) => WordsError::Unknown {
            position: index + 1,
        },
        bip39::Error::BadWordCount(found) => WordsError::Count { found },
        _ => WordsError::Checksum,
    })?;
    let (mut entropy, _) = mnemonic.to_entropy_array();
    mnemonic.zeroize();
    let mut seed = Seed([0; 32]);
    for (to, from) in seed.0.iter_mut().zip(entropy.iter()) {
        *to = *from;
    }
    entropy.zeroize();
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the reference vectors of BIP-39 (256 bits of 0x7f).
    const PUBLISHED: &str = "legal winner thank year wave sausage worth useful legal winner thank year \
        wave sausage worth useful legal winner thank year wave sausage worth title";

    #[test]
    fn the_published_vector_is_read_and_written() {
        assert_eq!(read(PUBLISHED).unwrap().expose(), &[0x7f; 32]);
        let words = BackupWords::of(&Seed::from_bytes([0x7f; 32]));
        assert_eq!(
            words.expose(),
            PUBLISHED.split_whitespace().collect::<Vec<_>>().join(" ")
        );
        assert_eq!(
            read(&PUBLISHED.to_uppercase()).unwrap().expose(),
            &[0x7f; 32]
        );
    }

    #[test]
    fn wrong_words_are_named() {
        assert_eq!(read("").unwrap_err(), WordsError::Count { found: 0 });
        assert_eq!(
            read(&"zoo ".repeat(23)).unwrap_err(),
            WordsError::Count { found: 23 }
        );
        assert_eq!(
            read(&"zoo ".repeat(25)).unwrap_err(),
            WordsError::Count { found: 25 }
        );
        let misspelt = PUBLISHED.replacen("sausage", "sossidge", 1);
        assert_eq!(
            read(&misspelt).unwrap_err(),
            WordsError::Unknown { position: 6 }
        );
        let exchanged = PUBLISHED.replacen("legal winner", "winner legal", 1);
        assert_eq!(read(&exchanged).unwrap_err(), WordsError::Checksum);
    }
}
