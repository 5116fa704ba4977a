//! The wallet at rest: a small JSON file, the seed in it encrypted under a passphrase.
//!
//! ```json
//! {
//!   "format": "eligo-wallet", "version": 1,
//!   "kdf": { "name": "argon2id", "memory_kib": 65536, "passes": 3, "lanes": 1, "salt": "<32 hex>" },
//!   "cipher": { "name": "xchacha20poly1305", "nonce": "<48 hex>" },
//!   "check": "<32 hex>", "sealed": "<96 hex>", "digest": "<64 hex>"
//! }
//! ```
//!
//! Argon2id (RFC 9106) makes 64 bytes of the passphrase: 32 for the cipher, 32 for `check`, a MAC of the
//! header. So three things that can be wrong have three errors:
//!
//! * `digest`, a plain SHA-256 over everything else, disagrees: the file was damaged or altered;
//! * `check` disagrees: the passphrase is not the one it was sealed with;
//! * the cipher refuses: the sealed part was altered by someone who also fixed the digest.
//!
//! An alteration of salt or check value with a matching digest shows as a wrong passphrase; nothing can
//! tell the two apart. The header is the cipher's associated data. The cost parameters are bounded when
//! read, before any memory is taken.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use rand_core::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Seed, Wallet};
use crate::domain::{int, lp, sha256};
use crate::wire::bytes_from_hex;

const FORMAT: &str = "eligo-wallet";
const VERSION: u32 = 1;
const FILE_LIMIT: usize = 4096;
const PASSPHRASE_LIMIT: usize = 1024;

/// What a passphrase costs to try: Argon2id's memory, passes and lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KdfCost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// A cost outside 8 KiB to 1 GiB of memory, 1 to 16 passes and 1 to 8 lanes (8 KiB a lane at least).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "argon2id cost of {memory_kib} KiB, {passes} passes, {lanes} lanes is outside what is accepted"
)]
pub struct ExceedsLimits {
    /// Memory, KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl KdfCost {
    /// 8 KiB, one pass: for tests only.
    pub const LOWEST: Self = Self {
        memory_kib: 8,
        passes: 1,
        lanes: 1,
    };

    /// A cost within the limits.
    ///
    /// # Errors
    /// [`ExceedsLimits`] repeats a cost that is not.
    pub const fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, ExceedsLimits> {
        let fits = matches!(passes, 1..=16)
            && matches!(lanes, 1..=8)
            && memory_kib >= 8 * lanes
            && memory_kib <= 1024 * 1024;
        if fits {
            Ok(Self {
                memory_kib,
                passes,
                lanes,
            })
        } else {
            Err(ExceedsLimits {
                memory_kib,
                passes,
                lanes,
            })
        }
    }
}

impl Default for KdfCost {
    /// 64 MiB, three passes, one lane: RFC 9106's second recommendation with the lanes of one core.
    fn default() -> Self {
        Self {
            memory_kib: 64 * 1024,
            passes: 3,
            lanes: 1,
        }
    }
}

/// A passphrase: 1 to 1024 bytes of text, used byte for byte as typed. Wiped when dropped, never printed.
///
/// ```compile_fail
/// fn twice(p: eligo_sharing::wallet::Passphrase) { drop(p); drop(p); }
/// ```
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Passphrase(String);

/// A passphrase that is empty or longer than 1024 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a passphrase has 1 to 1024 bytes, not {found}")]
pub struct PassphraseError {
    /// Bytes it has.
    pub found: usize,
}

impl Passphrase {
    /// Takes text over.
    ///
    /// # Errors
    /// [`PassphraseError`] if there is none, or too much.
    pub fn new(text: String) -> Result<Self, PassphraseError> {
        let held = Self(text);
        match held.0.len() {
            1..=PASSPHRASE_LIMIT => Ok(held),
            found => Err(PassphraseError { found }),
        }
    }
}

impl core::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// Why a wallet file does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The passphrase is not the file's.
    #[error("the passphrase is not the one this wallet was sealed with")]
    WrongPassphrase,
    /// The file was damaged or altered after it was written.
    #[error("the wallet file was damaged or altered")]
    Altered,
    /// Not the JSON of a wallet file, or a field of it has the wrong shape.
    #[error("not a wallet file: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Longer than any wallet file.
    #[error("{found} bytes are more than a wallet file can have")]
    TooLong {
        /// Its length.
        found: usize,
    },
    /// A field is no lower-case hex of its length, or names an unknown method.
    #[error("field `{field}` of the wallet file holds no valid value")]
    Field {
        /// Which.
        field: &'static str,
    },
    /// Another format or a later version.
    #[error("this is `{format}` version {version}, not `{FORMAT}` version {VERSION}")]
    Format {
        /// The format it names.
        format: String,
        /// The version it names.
        version: u32,
    },
    /// The file asks for more work than is accepted.
    #[error(transparent)]
    Cost(#[from] ExceedsLimits),
    /// The machine has not the memory the file asks for.
    #[error("deriving the key from the passphrase failed (not enough memory?)")]
    Derivation,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    version: u32,
    kdf: Kdf,
    cipher: Cipher,
    check: String,
    sealed: String,
    digest: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kdf {
    name: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cipher {
    name: String,
    nonce: String,
}

const KDF_NAME: &str = "argon2id";
const CIPHER_NAME: &str = "xchacha20poly1305";

/// All of the file but what is computed from the passphrase.
struct Header {
    cost: KdfCost,
    salt: [u8; 16],
    nonce: [u8; 24],
}

impl Header {
    fn to_bytes(&self) -> Vec<u8> {
        lp(&[
            b"ELIGO-WALLET",
            &int(u64::from(VERSION)),
            KDF_NAME.as_bytes(),
            &int(u64::from(self.cost.memory_kib)),
            &int(u64::from(self.cost.passes)),
            &int(u64::from(self.cost.lanes)),
            &self.salt,
            CIPHER_NAME.as_bytes(),
            &self.nonce,
        ])
    }

    fn digest(&self, check: &[u8], sealed: &[u8]) -> [u8; 32] {
        sha256(&lp(&[
            b"ELIGO-WALLET-DIGEST",
            &self.to_bytes(),
            check,
            sealed,
        ]))
    }

    /// The cipher's key and the check value.
    fn derive(&self, passphrase: &Passphrase) -> Option<(Zeroizing<[u8; 32]>, [u8; 16])> {
        let KdfCost {
            memory_kib,
            passes,
            lanes,
        } = self.cost;
        let params = Params::new(memory_kib, passes, lanes, Some(64)).ok()?;
        let mut blocks = Zeroizing::new(Vec::new());
        blocks.try_reserve_exact(params.block_count()).ok()?;
        blocks.resize(params.block_count(), argon2::Block::default());
        let mut out = Zeroizing::new([0u8; 64]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(
                passphrase.0.as_bytes(),
                &self.salt,
                out.as_mut_slice(),
                blocks.as_mut_slice(),
            )
            .ok()?;
        let (cipher_half, check_half) = out.split_at(32);
        let mut key = Zeroizing::new([0u8; 32]);
        key.copy_from_slice(cipher_half);
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(check_half).ok()?;
        mac.update(&lp(&[b"ELIGO-WALLET-CHECK", &self.to_bytes()]));
        let mut check = [0u8; 16];
        for (to, from) in check.iter_mut().zip(mac.finalize().into_bytes()) {
            *to = from;
        }
        Some((key, check))
    }
}

impl Wallet {
    /// Encrypts the wallet for keeping. The bytes are a JSON text.
    ///
    /// # Errors
    /// [`OpenError::Derivation`] if the memory for the cost is not to be had.
    pub fn seal(
        &self,
        passphrase: &Passphrase,
        cost: KdfCost,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Vec<u8>, OpenError> {
        let mut header = Header {
            cost,
            salt: [0; 16],
            nonce: [0; 24],
        };
        rng.fill_bytes(&mut header.salt);
        rng.fill_bytes(&mut header.nonce);
        let (key, check) = header.derive(passphrase).ok_or(OpenError::Derivation)?;
        let sealed = XChaCha20Poly1305::new(key.as_slice().into())
            .encrypt(
                XNonce::from_slice(&header.nonce),
                Payload {
                    msg: self.seed.expose(),
                    aad: &header.to_bytes(),
                },
            )
            .map_err(|_| OpenError::Derivation)?;
        let file = File {
            format: FORMAT.into(),
            version: VERSION,
            kdf: Kdf {
                name: KDF_NAME.into(),
                memory_kib: cost.memory_kib,
                passes: cost.passes,
                lanes: cost.lanes,
                salt: hex::encode(header.salt),
            },
            cipher: Cipher {
                name: CIPHER_NAME.into(),
                nonce: hex::encode(header.nonce),
            },
            check: hex::encode(check),
            digest: hex::encode(header.digest(&check, &sealed)),
            sealed: hex::encode(sealed),
        };
        let mut text = serde_json::to_vec_pretty(&file)?;
        text.push(b'\n');
        Ok(text)
    }

    /// Decrypts a kept wallet.
    ///
    /// # Errors
    /// [`OpenError`]: a wrong passphrase and an altered file are told apart.
    pub fn open(file: &[u8], passphrase: &Passphrase) -> Result<Self, OpenError> {
        if file.len() > FILE_LIMIT {
            return Err(OpenError::TooLong { found: file.len() });
        }
        let file: File = serde_json::from_slice(file)?;
        if file.format != FORMAT || file.version != VERSION {
            return Err(OpenError::Format {
                format: file.format,
                version: file.version,
            });
        }
        if file.kdf.name != KDF_NAME {
            return Err(OpenError::Field { field: "kdf.name" });
        }
        if file.cipher.name != CIPHER_NAME {
            return Err(OpenError::Field {
                field: "cipher.name",
            });
        }
        let header = Header {
            cost: KdfCost::new(file.kdf.memory_kib, file.kdf.passes, file.kdf.lanes)?,
            salt: field("kdf.salt", &file.kdf.salt)?,
            nonce: field("cipher.nonce", &file.cipher.nonce)?,
        };
        let check: [u8; 16] = field("check", &file.check)?;
        let sealed: [u8; 48] = field("sealed", &file.sealed)?;
        let digest: [u8; 32] = field("digest", &file.digest)?;
        if digest != header.digest(&check, &sealed) {
            return Err(OpenError::Altered);
        }
        let (key, expected) = header.derive(passphrase).ok_or(OpenError::Derivation)?;
        if !bool::from(expected.ct_eq(&check)) {
            return Err(OpenError::WrongPassphrase);
        }
        let plain = XChaCha20Poly1305::new(key.as_slice().into())
            .decrypt(
                XNonce::from_slice(&header.nonce),
                Payload {
                    msg: &sealed,
                    aad: &header.to_bytes(),
                },
            )
            .map(Zeroizing::new)
            .map_err(|_| OpenError::Altered)?;
        let mut seed = Seed([0; 32]);
        for (to, from) in seed.0.iter_mut().zip(plain.iter()) {
            *to = *from;
        }
        Ok(Self::from_seed(seed))
    }
}

fn field<const N: usize>(field: &'static str, text: &str) -> Result<[u8; N], OpenError> {
    bytes_from_hex(text).map_err(|_| OpenError::Field { field })
}

/// Opens a wallet file under one passphrase and seals it anew, with fresh salt and nonce, under another.
///
/// # Errors
/// As [`Wallet::open`] for the old passphrase and [`Wallet::seal`] for the new one.
pub fn change_passphrase(
    file: &[u8],
    old: &Passphrase,
    new: &Passphrase,
    cost: KdfCost,
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<Vec<u8>, OpenError> {
    Wallet::open(file, old)?.seal(new, cost, rng)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::test_rng;

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(text.into()).unwrap()
    }

    fn sealed() -> String {
        let wallet = Wallet::from_seed(Seed::from_bytes([5; 32]));
        let file = wallet
            .seal(&passphrase("right"), KdfCost::LOWEST, &mut test_rng(1))
            .unwrap();
        String::from_utf8(file).unwrap()
    }

    #[test]
    fn opens_under_its_passphrase_only() {
        let file = sealed();
        let open = Wallet::open(file.as_bytes(), &passphrase("right")).unwrap();
        assert_eq!(open.seed().expose(), &[5; 32]);
        let wrong = Wallet::open(file.as_bytes(), &passphrase("Right"));
        assert!(matches!(wrong, Err(OpenError::WrongPassphrase)));
        assert!(!file.contains(&hex::encode([5; 8])));
    }

    /// Any character altered: never opened, never taken for a wrong passphrase.
    #[test]
    fn every_alteration_is_found() {
        let file = sealed();
        for at in 0..file.len() {
            let mut bytes = file.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            match Wallet::open(&bytes, &passphrase("right")) {
                Ok(_) | Err(OpenError::WrongPassphrase) => {
                    panic!("altered at {at}: {}", &file[at..])
                }
                Err(_) => {}
            }
        }
    }

    #[test]
    fn alteration_with_a_matching_digest_is_found_by_the_cipher() {
        let mut file: File = serde_json::from_str(&sealed()).unwrap();
        let mut sealed: [u8; 48] = bytes_from_hex(&file.sealed).unwrap();
        sealed[0] ^= 1;
        let header = Header {
            cost: KdfCost::LOWEST,
            salt: bytes_from_hex(&file.kdf.salt).unwrap(),
            nonce: bytes_from_hex(&file.cipher.nonce).unwrap(),
        };
        let check: [u8; 16] = bytes_from_hex(&file.check).unwrap();
        file.sealed = hex::encode(sealed);
        file.digest = hex::encode(header.digest(&check, &sealed));
        let bytes = serde_json::to_vec(&file).unwrap();
        assert!(matches!(
            Wallet::open(&bytes, &passphrase("right")),
            Err(OpenError::Altered)
        ));
    }

    #[test]
    fn a_hostile_file_takes_no_memory() {
        let file = sealed();
        for (from, to) in [
            ("\"memory_kib\": 8", "\"memory_kib\": 4294967295"),
            ("\"passes\": 1", "\"passes\": 1000000"),
            ("\"lanes\": 1", "\"lanes\": 200"),
            ("\"memory_kib\": 8", "\"memory_kib\": 0"),
        ] {
            let hostile = file.replace(from, to);
            assert_ne!(hostile, file);
            let opened = Wallet::open(hostile.as_bytes(), &passphrase("right"));
            assert!(matches!(opened, Err(OpenError::Cost(_))), "{to}");
        }
        let long = format!("{file}{}", " ".repeat(FILE_LIMIT));
        assert!(matches!(
            Wallet::open(long.as_bytes(), &passphrase("right")),
            Err(OpenError::TooLong { .. })
        ));
    }

    #[test]
    fn another_version_is_named() {
        let file = sealed().replace("\"version\": 1", "\"version\": 9");
        assert!(matches!(
            Wallet::open(file.as_bytes(), &passphrase("right")),
            Err(OpenError::Format { version: 9, .. })
        ));
    }

    #[test]
    fn the_passphrase_can_be_changed() {
        let (old, new) = (passphrase("right"), passphrase("left"));
        let file = sealed();
        let changed = change_passphrase(
            file.as_bytes(),
            &old,
            &new,
            KdfCost::LOWEST,
            &mut test_rng(2),
        )
        .unwrap();
        assert!(matches!(
            Wallet::open(&changed, &old),
            Err(OpenError::WrongPassphrase)
        ));
        assert_eq!(
            Wallet::open(&changed, &new).unwrap().seed().expose(),
            &[5; 32]
        );
        let wrong = change_passphrase(
            file.as_bytes(),
            &new,
            &old,
            KdfCost::LOWEST,
            &mut test_rng(2),
        );
        assert!(matches!(wrong, Err(OpenError::WrongPassphrase)));
        assert!(Passphrase::new(String::new()).is_err());
        assert!(Passphrase::new("x".repeat(1025)).is_err());
    }
}
