//! The record itself: authenticated encryption, in constant memory whatever its size.
//!
//! What is stored is `LP(hdr) || C` with `hdr = LP("MEDPRE-V01-HDR", l, schema)`, and the digest d in the
//! capsule is the SHA-256 of just that, so that storage can keep it under d. The key is used for one record
//! only. A record of at most 64 KiB is one ChaCha20-Poly1305 message under the zero nonce; a longer one is
//! a STREAM (Hoang, Reyhanitabar, Rogaway and Vizár 2015) of 64 KiB chunks: nonce = 7-byte prefix, 32-bit
//! big-endian counter, last-chunk flag. The prefix is not zero: with a zero one, a long record cut after
//! its first chunk would pass for a short record.

use std::io::{self, Read, Write};

use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::stream::{DecryptorBE32, EncryptorBE32};
use chacha20poly1305::aead::{AeadInPlace, KeyInit};
use rand_core::{CryptoRng, RngCore};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::capsule::Opening;
use super::{Capsule, CapsuleError, DecapsulateError, Label, SchemaId};
use crate::domain::lp;
use crate::keys::{RecordKey, RecordPublicKey};
use crate::scalar::SecretScalar;
use crate::wire::{Fields, WireError};

/// Plaintext bytes of a chunk.
const CHUNK: usize = 64 * 1024;
/// Bytes the cipher adds to each.
const TAG: usize = 16;
const STREAM_PREFIX: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];
const HEADER_TAG: &[u8] = b"MEDPRE-V01-HDR";
/// Bytes of LP(hdr): three fields of 14, 32 and 32 bytes in one.
const HEADER_BYTES: usize = 4 + 3 * 4 + 14 + 32 + 32;

/// Why a record could not be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The record could not be read.
    #[error("reading the record: {0}")]
    Read(#[source] io::Error),
    /// The ciphertext could not be written.
    #[error("writing the sealed record: {0}")]
    Write(#[source] io::Error),
    /// More than 2^32 chunks (256 TiB).
    #[error("the record is too long to seal")]
    TooLong,
}

/// Why a record does not open. Whatever was written out by then is to be thrown away.
#[derive(Debug, thiserror::Error)]
pub enum OpenContentError {
    /// The ciphertext could not be read.
    #[error("reading the sealed record: {0}")]
    Read(#[source] io::Error),
    /// The record could not be written.
    #[error("writing the record: {0}")]
    Write(#[source] io::Error),
    /// The header is not that of a sealed record.
    #[error("not a sealed record: {0}")]
    Header(#[from] WireError),
    /// The header names another label than the capsule.
    #[error("the sealed record belongs to label {found}, not to the capsule's")]
    OtherLabel {
        /// The label in the header.
        found: Label,
    },
    /// The cipher refuses: altered, cut, or under another key.
    #[error("the sealed record does not decrypt")]
    Decrypt,
    /// It decrypts, but is not the ciphertext whose digest the capsule holds.
    #[error("the sealed record is not the one the capsule names")]
    Digest,
}

/// The key of one record's content. Wiped when dropped.
///
/// ```compile_fail
/// fn twice(k: eligo_sharing::tcpre::ContentKey) { drop(k); drop(k); }
/// ```
pub struct ContentKey {
    key: [u8; 32],
    label: Label,
    digest: [u8; 32],
}

impl Drop for ContentKey {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl core::fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ContentKey")
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

/// What [`ContentKey::open`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The schema the hospital named.
    pub schema: SchemaId,
    /// Bytes of the record.
    pub bytes: u64,
}

/// Seals a record of any length to (A, l): reads it from `record`, writes `LP(hdr) || C` to `sealed`, and
/// returns the capsule. One pairing; constant memory. The key is not checked: check its possession once,
/// when it is registered.
///
/// # Errors
/// [`SealError`] if reading or writing fails.
pub fn seal(
    key: &RecordPublicKey,
    label: Label,
    schema: SchemaId,
    record: impl Read,
    sealed: impl Write,
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<Capsule, SealError> {
    let opening = Opening::new(key, label, SecretScalar::random(rng));
    let (mut k, kc) = opening.derive();
    let digest = encrypt(&k, &label, &schema, record, sealed);
    k.zeroize();
    Ok(opening.close(kc, digest?))
}

/// Opens a record and seals it anew under another label (a next version) and a fresh key, so that what was
/// granted before opens nothing of it; storage then drops the old ciphertext. `sealed_old` is read twice:
/// once to check all of it, once to re-encrypt, so that nothing unchecked is sealed again. Four pairings, three
/// final exponentiations.
///
/// # Errors
/// [`RekeyError`] says which step failed; what was written is then to be thrown away.
pub fn rekey<R: Read>(
    key: &RecordKey,
    old: Capsule,
    mut sealed_old: impl FnMut() -> io::Result<R>,
    label: Label,
    sealed_new: impl Write,
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<Capsule, RekeyError> {
    let content = old.check()?.decapsulate(key)?;
    let read = |e| RekeyError::Open(OpenContentError::Read(e));
    let opened = content.open(sealed_old().map_err(read)?, io::sink())?;
    let mut plain = Decrypting::new(&content, sealed_old().map_err(read)?)?;
    let capsule = seal(
        &key.public(),
        label,
        opened.schema,
        &mut plain,
        sealed_new,
        rng,
    )?;
    plain.finish()?;
    Ok(capsule)
}

/// Why [`rekey`] failed.
#[derive(Debug, thiserror::Error)]
pub enum RekeyError {
    /// The old capsule is altered.
    #[error(transparent)]
    Capsule(#[from] CapsuleError),
    /// The old capsule does not open.
    #[error(transparent)]
    Decapsulate(#[from] DecapsulateError),
    /// The old ciphertext does not open.
    #[error(transparent)]
    Open(#[from] OpenContentError),
    /// The new one could not be made.
    #[error(transparent)]
    Seal(#[from] SealError),
}

fn header(label: &Label, schema: &SchemaId) -> Vec<u8> {
    lp(&[HEADER_TAG, label.as_bytes(), schema.as_bytes()])
}

/// Reads until `buffer` is full or the input ends; returns how much there is.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

/// Writes through to `out` while hashing.
struct Hashing<W> {
    out: W,
    hash: Sha256,
}

impl<W: Write> Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SealError> {
        self.hash.update(bytes);
        self.out.write_all(bytes).map_err(SealError::Write)
    }
}

/// Writes LP(hdr) || C and returns d, its digest.
pub(super) fn encrypt(
    key: &[u8; 32],
    label: &Label,
    schema: &SchemaId,
    mut record: impl Read,
    sealed: impl Write,
) -> Result<[u8; 32], SealError> {
    let aad = header(label, schema);
    let cipher = ChaCha20Poly1305::new(key.into());
    let mut out = Hashing {
        out: sealed,
        hash: Sha256::new(),
    };
    out.write(&lp(&[&aad]))?;

    let mut chunk = read_chunk(&mut record, CHUNK).map_err(SealError::Read)?;
    let mut next = read_chunk(&mut record, CHUNK).map_err(SealError::Read)?;
    if next.is_empty() {
        cipher
            .encrypt_in_place(&[0; 12].into(), &aad, &mut *chunk)
            .map_err(|_| SealError::TooLong)?;
        out.write(&chunk)?;
    } else {
        let mut stream = EncryptorBE32::from_aead(cipher, &STREAM_PREFIX.into());
        while !next.is_empty() {
            stream
                .encrypt_next_in_place(&aad, &mut *chunk)
                .map_err(|_| SealError::TooLong)?;
            out.write(&chunk)?;
            chunk = next;
            next = read_chunk(&mut record, CHUNK).map_err(SealError::Read)?;
        }
        stream
            .encrypt_last_in_place(&aad, &mut *chunk)
            .map_err(|_| SealError::TooLong)?;
        out.write(&chunk)?;
    }
    out.out.flush().map_err(SealError::Write)?;
    Ok(out.hash.finalize().into())
}

/// Up to `length` bytes, with room for a tag behind them; fewer only at the end.
fn read_chunk(from: &mut impl Read, length: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut chunk = Zeroizing::new(Vec::with_capacity(length + TAG));
    chunk.resize(length, 0);
    let filled = fill(from, &mut chunk)?;
    chunk.truncate(filled);
    Ok(chunk)
}

/// Where in a ciphertext a reader is.
enum State {
    /// The first chunk waits; whether more follow decides between message and stream.
    First(ChaCha20Poly1305),
    Stream(DecryptorBE32<ChaCha20Poly1305>),
    Done,
}

/// Plaintext of a ciphertext, chunk by chunk, each authenticated before it is given out.
pub(super) struct Decrypting<R> {
    from: R,
    hash: Sha256,
    aad: Vec<u8>,
    schema: SchemaId,
    digest: [u8; 32],
    state: State,
    pending: Zeroizing<Vec<u8>>,
    plain: Zeroizing<Vec<u8>>,
    at: usize,
}

impl<R: Read> Decrypting<R> {
    pub(super) fn new(key: &ContentKey, mut from: R) -> Result<Self, OpenContentError> {
        let mut head = [0u8; HEADER_BYTES];
        let filled = fill(&mut from, &mut head).map_err(OpenContentError::Read)?;
        let (head, _) = head.split_at(filled);
        let mut outer = Fields::new(head);
        let aad = outer.bytes("header", HEADER_BYTES)?.to_vec();
        outer.end()?;
        let mut fields = Fields::new(&aad);
        fields.literal("format", HEADER_TAG)?;
        let label = Label::new(fields.array("label")?);
        let schema = SchemaId::new(fields.array("schema")?);
        fields.end()?;
        if label != key.label {
            return Err(OpenContentError::OtherLabel { found: label });
        }
        let mut hash = Sha256::new();
        hash.update(head);
        let pending = read_chunk(&mut from, CHUNK + TAG).map_err(OpenContentError::Read)?;
        hash.update(&*pending);
        let cipher = ChaCha20Poly1305::new((&key.key).into());
        Ok(Self {
            from,
            hash,
            aad,
            schema,
            digest: key.digest,
            state: State::First(cipher),
            pending,
            plain: Zeroizing::new(Vec::new()),
            at: 0,
        })
    }

    /// Decrypts the next chunk into `plain`; false when there is none.
    fn advance(&mut self) -> Result<bool, OpenContentError> {
        let state = core::mem::replace(&mut self.state, State::Done);
        if matches!(state, State::Done) {
            return Ok(false);
        }
        let next = read_chunk(&mut self.from, CHUNK + TAG).map_err(OpenContentError::Read)?;
        self.hash.update(&*next);
        let mut chunk = core::mem::replace(&mut self.pending, next);
        let last = self.pending.is_empty();
        let aad = self.aad.as_slice();
        let outcome = match state {
            State::First(cipher) if last => {
                cipher.decrypt_in_place(&[0; 12].into(), aad, &mut *chunk)
            }
            State::First(cipher) => {
                let mut stream = DecryptorBE32::from_aead(cipher, &STREAM_PREFIX.into());
                let outcome = stream.decrypt_next_in_place(aad, &mut *chunk);
                self.state = State::Stream(stream);
                outcome
            }
            State::Stream(stream) if last => stream.decrypt_last_in_place(aad, &mut *chunk),
            State::Stream(mut stream) => {
                let outcome = stream.decrypt_next_in_place(aad, &mut *chunk);
                self.state = State::Stream(stream);
                outcome
            }
            State::Done => return Ok(false),
        };
        outcome.map_err(|_| OpenContentError::Decrypt)?;
        (self.plain, self.at) = (chunk, 0);
        Ok(true)
    }

    /// All of it was read: the digest must be the capsule's.
    pub(super) fn finish(self) -> Result<(), OpenContentError> {
        let digest: [u8; 32] = self.hash.finalize().into();
        match self.state {
            State::Done if digest == self.digest => Ok(()),
            _ => Err(OpenContentError::Digest),
        }
    }
}

impl<R: Read> Read for Decrypting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.plain.len() {
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return Ok(0),
                Err(e) => return Err(io::Error::other(e)),
            }
        }
        let rest = self.plain.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        self.at += count;
        Ok(count)
    }
}

impl ContentKey {
    pub(super) fn new(mut key: [u8; 32], label: Label, digest: [u8; 32]) -> Self {
        let held = Self { key, label, digest };
        key.zeroize();
        held
    }

    /// Bytes of the encoding: K, l and d, 32 each.
    pub const BYTES: usize = 96;

    /// K || l || d, to be kept where only its owner reads.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; Self::BYTES]> {
        let mut out = Zeroizing::new([0; Self::BYTES]);
        let parts = [&self.key, self.label.as_bytes(), &self.digest];
        for (to, from) in out.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        out
    }

    /// Takes back what [`to_bytes`](Self::to_bytes) gave.
    ///
    /// # Errors
    /// [`WireError`] if there are not exactly 96 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let (parts, rest) = bytes.as_chunks::<32>();
        match parts {
            [key, label, digest] if rest.is_empty() => {
                Ok(Self::new(*key, Label::new(*label), *digest))
            }
            _ => Err(WireError::Length {
                field: "content key",
                found: bytes.len(),
            }),
        }
    }

    /// The label of the record it opens.
    #[must_use]
    pub fn label(&self) -> &Label {
        &self.label
    }

    /// d, the digest of the ciphertext it opens.
    #[must_use]
    pub fn ciphertext_digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Decrypts a stored ciphertext, chunk by chunk, in constant memory. Each chunk is authenticated before
    /// it is written; that all of them came, and nothing else, is known only when this returns `Ok`.
    ///
    /// # Errors
    /// [`OpenContentError`] says why not; what was written is then to be thrown away.
    pub fn open(
        &self,
        sealed: impl Read,
        mut record: impl Write,
    ) -> Result<Opened, OpenContentError> {
        let mut plain = Decrypting::new(self, sealed)?;
        let (schema, mut bytes) = (plain.schema, 0);
        while plain.advance()? {
            record
                .write_all(&plain.plain)
                .map_err(OpenContentError::Write)?;
            bytes += plain.plain.len() as u64;
        }
        record.flush().map_err(OpenContentError::Write)?;
        plain.finish()?;
        Ok(Opened { schema, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::test_rng;

    const LABEL: Label = Label::new([1; 32]);
    const SCHEMA: SchemaId = SchemaId::new([2; 32]);

    fn sealed(record: &[u8]) -> (RecordKey, Capsule, Vec<u8>) {
        let mut rng = test_rng(record.len() as u64);
        let key = RecordKey::generate(&mut rng);
        let mut out = Vec::new();
        let capsule = seal(&key.public(), LABEL, SCHEMA, record, &mut out, &mut rng).unwrap();
        (key, capsule, out)
    }

    fn content_key(key: &RecordKey, capsule: &Capsule) -> ContentKey {
        capsule.clone().check().unwrap().decapsulate(key).unwrap()
    }

    #[test]
    fn records_of_every_length_come_back() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7] {
            let record: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let (key, capsule, stored) = sealed(&record);
            assert_eq!(crate::domain::sha256(&stored), *capsule.ciphertext_digest());
            let mut back = Vec::new();
            let opened = content_key(&key, &capsule)
                .open(&stored[..], &mut back)
                .unwrap();
            assert_eq!((opened.schema, opened.bytes), (SCHEMA, length as u64));
            assert!(back == record, "{length}");
        }
    }

    #[test]
    fn altered_cut_or_lengthened_ciphertext_does_not_open() {
        let record = vec![9u8; 2 * CHUNK + 100];
        let (key, capsule, stored) = sealed(&record);
        let k = content_key(&key, &capsule);
        let sink = || io::sink();
        // cut after the first chunk: it has the length of a whole short record
        let cut = &stored[..HEADER_BYTES + CHUNK + TAG];
        assert!(matches!(
            k.open(cut, sink()),
            Err(OpenContentError::Decrypt)
        ));
        let cut = &stored[..HEADER_BYTES + 2 * (CHUNK + TAG)];
        assert!(matches!(
            k.open(cut, sink()),
            Err(OpenContentError::Decrypt)
        ));
        assert!(matches!(
            k.open(&stored[..40], sink()),
            Err(OpenContentError::Header(_))
        ));
        let mut longer = stored.clone();
        longer.push(0);
        assert!(matches!(
            k.open(&longer[..], sink()),
            Err(OpenContentError::Decrypt)
        ));
        for at in [
            HEADER_BYTES,
            HEADER_BYTES + CHUNK + TAG,
            stored.len() - 1,
            HEADER_BYTES - 1,
        ] {
            let mut altered = stored.clone();
            altered[at] ^= 1;
            assert!(
                matches!(k.open(&altered[..], sink()), Err(OpenContentError::Decrypt)),
                "{at}"
            );
        }
        let mut exchanged = stored.clone();
        let (a, b) = (HEADER_BYTES, HEADER_BYTES + CHUNK + TAG);
        exchanged.copy_within(b..b + CHUNK + TAG, a);
        assert!(matches!(
            k.open(&exchanged[..], sink()),
            Err(OpenContentError::Decrypt)
        ));
    }

    #[test]
    fn a_ciphertext_of_the_same_key_but_another_digest_is_refused() {
        let (key, capsule, _) = sealed(b"record");
        let k = content_key(&key, &capsule);
        let mut other = Vec::new();
        encrypt(&k.key, &LABEL, &SCHEMA, &b"another"[..], &mut other).unwrap();
        assert!(matches!(
            k.open(&other[..], io::sink()),
            Err(OpenContentError::Digest)
        ));
        let mut elsewhere = Vec::new();
        encrypt(
            &k.key,
            &Label::new([7; 32]),
            &SCHEMA,
            &b"r"[..],
            &mut elsewhere,
        )
        .unwrap();
        assert!(matches!(
            k.open(&elsewhere[..], io::sink()),
            Err(OpenContentError::OtherLabel { .. })
        ));
    }

    #[test]
    fn rekeying_moves_the_record_to_a_label_of_its_own() {
        let record = vec![3u8; CHUNK + 5];
        let (key, old, stored) = sealed(&record);
        let mut new = Vec::new();
        let next = Label::new([8; 32]);
        let capsule = rekey(
            &key,
            old.clone(),
            || Ok(&stored[..]),
            next,
            &mut new,
            &mut test_rng(9),
        )
        .unwrap();
        assert_eq!(capsule.label(), &next);
        let mut back = Vec::new();
        content_key(&key, &capsule)
            .open(&new[..], &mut back)
            .unwrap();
        assert!(back == record);
        let stale = content_key(&key, &old).open(&new[..], io::sink());
        assert!(matches!(stale, Err(OpenContentError::OtherLabel { .. })));
    }
}
