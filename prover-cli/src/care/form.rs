//! The small files of referrals: JSON that names its form and version.

use eligo_sharing::letter::{Letter, LetterKey, LetterPublicKey};
use rand_core::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::{
    console::Console,
    failure::{Attempt, Failure, Kind},
    file::Source,
};

const VERSION: u32 = 1;

/// What can be kept in a file of its own, or sent in a letter.
pub trait Form: Serialize + DeserializeOwned {
    /// What the file says it is; also what letters are bound to.
    const NAME: &'static str;
    /// The command that writes such files.
    const MADE_BY: &'static str;
    /// The longest file, in bytes.
    const LIMIT: usize = 64 << 10;

    /// The file's text.
    fn text(&self) -> Attempt<Zeroizing<String>> {
        let sheet = Sheet {
            format: Self::NAME.to_owned(),
            version: VERSION,
            content: self,
        };
        let mut text = serde_json::to_string_pretty(&sheet).map_err(Failure::unexpected)?;
        text.push('\n');
        Ok(Zeroizing::new(text))
    }

    /// Reads a file's text; `from` is what messages call it.
    fn from_text(bytes: &[u8], from: &str) -> Attempt<Self> {
        if bytes.len() > Self::LIMIT {
            return Err(Failure::file(from, "too long"));
        }
        let malformed = |e: serde_json::Error| {
            Failure::file(from, &e)
                .at(format!("line {}, column {}", e.line(), e.column()))
                .help(format!("expected a file made by `eligo {}`", Self::MADE_BY))
        };
        // What it says it is, before what is in it is read.
        let head: Head = serde_json::from_slice(bytes).map_err(malformed)?;
        if head.format != Self::NAME || head.version != VERSION {
            let (found, version) = (head.format, head.version);
            let what = format!(
                "expected `{}` version {VERSION}, found `{found}` version {version}",
                Self::NAME
            );
            return Err(Failure::file(from, what)
                .help(format!("expected a file made by `eligo {}`", Self::MADE_BY)));
        }
        let sheet: Sheet<Self> = serde_json::from_slice(bytes).map_err(malformed)?;
        Ok(sheet.content)
    }

    /// Reads a file that everyone may see.
    fn read(source: &Source) -> Attempt<Self> {
        Self::from_text(&source.read(Self::LIMIT)?, &source.to_string())
    }

    /// Reads a file of secrets.
    fn read_secret(source: &Source, console: &Console) -> Attempt<Self> {
        let bytes = source.read_secret(Self::LIMIT, console)?;
        Self::from_text(&bytes, &source.to_string())
    }

    /// Writes it to one addressee, for one occasion.
    fn write_to(
        &self,
        to: &LetterPublicKey,
        occasion: &[u8],
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Attempt<Letter> {
        let text = self.text()?;
        to.write(text.as_bytes(), occasion, Self::NAME.as_bytes(), rng)
            .map_err(|e| Failure::new(Kind::File, e))
    }

    /// Opens a letter for the occasion it was written for.
    fn open(letter: &Letter, key: &LetterKey, occasion: &[u8]) -> Attempt<Self> {
        let text = key.open(letter, occasion, Self::NAME.as_bytes());
        let text = text.map_err(|e| {
            Failure::new(Kind::File, e).help("it is for somebody else, or for another occasion")
        })?;
        Self::from_text(&text, "the letter")
    }
}

/// What a file says it is.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sheet<T> {
    format: String,
    version: u32,
    content: T,
}

/// Bytes of a known length in hexadecimal; `what` names them in messages.
pub fn bytes<const N: usize>(hex: &str, what: &'static str) -> Attempt<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(hex, &mut bytes).map_err(|_| {
        Failure::new(
            Kind::File,
            format!("{what}: expected {} hexadecimal digits", 2 * N),
        )
    })?;
    Ok(bytes)
}

/// Bytes in hexadecimal that decode to a message; `what` names it.
pub fn message<T, E: core::fmt::Display>(
    hex: &str,
    what: &'static str,
    decode: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Attempt<T> {
    let bytes = hex::decode(hex)
        .map_err(|_| Failure::new(Kind::File, format!("{what}: no hexadecimal")))?;
    decode(&bytes).map_err(|e| Failure::new(Kind::File, format!("{what}: {e}")))
}
