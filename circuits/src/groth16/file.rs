//! The key file (docs/key-format.md): what is written, and the two ways to read it.

use std::{
    io::{self, Write},
    sync::OnceLock,
};

use ark_bn254::{Bn254, G1Affine, G2Affine};
use ark_groth16::VerifyingKey;

use super::{
    KeyDigest, ProvingKey, ReadError, Section,
    consistency::CheckElements,
    cursor::Cursor,
    digest::Hashing,
    domain::{Domain, MAX_LOG_SIZE},
    key::Query,
    matrices,
    points::{self, Encoding, Point},
};

const MAGIC: [u8; 8] = *b"eligo-pk";
const VERSION: u32 = 1;
const COMPRESSED: u32 = 1;
const CHECKABLE: u32 = 2;

/// The longest circuit description a key carries: 1 MiB.
pub const MAX_METADATA: usize = 1 << 20;

impl ProvingKey {
    /// Writes the key with uncompressed points: the form that is fast to load.
    ///
    /// # Errors
    ///
    /// The writer's.
    pub fn write(&self, out: impl Write) -> io::Result<()> {
        self.encode(out, Encoding::Montgomery)
    }

    /// Writes the key with compressed points: about half the size, slow to load, for shipping.
    ///
    /// # Errors
    ///
    /// The writer's.
    pub fn write_compressed(&self, out: impl Write) -> io::Result<()> {
        self.encode(out, Encoding::Compressed)
    }

    /// SHA-256 of the uncompressed file, whichever form the key came in.
    pub fn digest(&self) -> KeyDigest {
        let mut hashing = Hashing::new();
        match self.write(&mut hashing) {
            // Hashing does not fail.
            Ok(()) | Err(_) => hashing.finish(),
        }
    }

    /// Reads a key whose digest is known: the bytes are hashed and compared, and the points then taken
    /// unchecked. A compressed file is decompressed, and its uncompressed form compared.
    ///
    /// # Errors
    ///
    /// [`ReadError::Digest`] for another key, or where and how the file is malformed.
    pub fn read_pinned(bytes: &[u8], expected: &KeyDigest) -> Result<Self, ReadError> {
        let compressed =
            header(&mut Cursor::new(bytes)).is_ok_and(|h| h.encoding == Encoding::Compressed);
        if compressed {
            let key = decode(bytes, Encoding::Compressed)?;
            expected.compare(&key.digest())?;
            return Ok(key);
        }
        expected.compare(&KeyDigest::of(bytes))?;
        decode(bytes, Encoding::Trusted)
    }

    /// Reads a key from elsewhere: every point is checked to be canonical, on its curve, in its subgroup and
    /// not infinity. Whether the points are a key for these matrices is another question.
    ///
    /// # Errors
    ///
    /// Where and how the file is malformed.
    pub fn read_checked(bytes: &[u8]) -> Result<Self, ReadError> {
        let key = decode(bytes, Encoding::Montgomery)?;
        let mut loose = vec![key.vk.beta_g2, key.vk.gamma_g2, key.vk.delta_g2];
        loose.extend(key.check.iter().flat_map(|check| [check.m, check.n]));
        points::check_subgroup(Section::Verifying, &loose)?;
        points::check_subgroup(Section::B, &key.b.points)?;
        Ok(key)
    }

    fn encode(&self, mut out: impl Write, encoding: Encoding) -> io::Result<()> {
        let matrices = matrices::encode(&self.system);
        let mut head = Vec::with_capacity(1 << 10);
        head.extend_from_slice(&MAGIC);
        let flags = match (encoding, &self.check) {
            (Encoding::Compressed, None) => COMPRESSED,
            (Encoding::Compressed, Some(_)) => COMPRESSED | CHECKABLE,
            (_, None) => 0,
            (_, Some(_)) => CHECKABLE,
        };
        for word in [
            VERSION,
            flags,
            self.system.instance,
            self.system.witness,
            self.system.constraints() as u32,
            self.domain.size().trailing_zeros(),
            self.metadata.len() as u32,
            matrices.len() as u32,
        ] {
            head.extend_from_slice(&word.to_le_bytes());
        }
        head.extend_from_slice(&self.system.digest_of(&matrices));
        head.extend_from_slice(&self.metadata);
        self.vk.alpha_g1.put(encoding, &mut head);
        for point in [self.vk.beta_g2, self.vk.gamma_g2, self.vk.delta_g2] {
            point.put(encoding, &mut head);
        }
        points::put_all(&self.vk.gamma_abc_g1, encoding, &mut head);
        if let Some(check) = &self.check {
            points::put_all(&[check.m, check.n], encoding, &mut head);
        }
        out.write_all(&head)?;
        out.write_all(&matrices)?;
        let columns = self.system.columns();
        for present in [&self.a.columns, &self.b.columns, &self.l.columns] {
            out.write_all(&bitmap(present, columns))?;
        }
        for queried in [&self.a.points, &self.l.points, &self.h] {
            points::write_all(queried, encoding, &mut out)?;
        }
        points::write_all(&self.b.points, encoding, &mut out)
    }
}

/// The first 72 bytes.
struct Header {
    encoding: Encoding,
    checkable: bool,
    instance: u32,
    witness: u32,
    rows: u32,
    log_size: u32,
    metadata: usize,
    matrices: usize,
    system_digest: [u8; 32],
}

fn header(cursor: &mut Cursor<'_>) -> Result<Header, ReadError> {
    cursor.enter(Section::Header);
    if cursor.take(MAGIC.len())? != MAGIC {
        return Err(ReadError::Magic);
    }
    let version = cursor.u32()?;
    if version != VERSION {
        return Err(ReadError::Version { found: version });
    }
    let flags = cursor.u32()?;
    let encoding = match flags & !CHECKABLE {
        0 => Encoding::Montgomery,
        COMPRESSED => Encoding::Compressed,
        _ => return Err(cursor.malformed("unknown flags")),
    };
    let header = Header {
        encoding,
        checkable: flags & CHECKABLE != 0,
        instance: cursor.u32()?,
        witness: cursor.u32()?,
        rows: cursor.u32()?,
        log_size: cursor.u32()?,
        metadata: cursor.u32()? as usize,
        matrices: cursor.u32()? as usize,
        system_digest: cursor.array()?,
    };
    let rows = u64::from(header.rows) + u64::from(header.instance);
    let smallest = rows.max(2).next_power_of_two().trailing_zeros();
    if header.log_size > MAX_LOG_SIZE || header.log_size != smallest {
        return Err(cursor.malformed("the domain does not fit the number of constraints"));
    }
    if header.instance == 0 || header.instance.checked_add(header.witness).is_none() {
        return Err(cursor.malformed("impossible number of columns"));
    }
    if header.metadata > MAX_METADATA {
        return Err(cursor.malformed("the circuit's description is longer than 1 MiB"));
    }
    Ok(header)
}

fn decode(bytes: &[u8], uncompressed: Encoding) -> Result<ProvingKey, ReadError> {
    let mut cursor = Cursor::new(bytes);
    let header = header(&mut cursor)?;
    let encoding = match header.encoding {
        Encoding::Compressed => Encoding::Compressed,
        _ => uncompressed,
    };
    let columns = header.instance as usize + header.witness as usize;

    cursor.enter(Section::Metadata);
    let metadata = cursor.take(header.metadata)?.to_vec();

    cursor.enter(Section::Verifying);
    let vk = VerifyingKey::<Bn254> {
        alpha_g1: one(&mut cursor, encoding)?,
        beta_g2: one(&mut cursor, encoding)?,
        gamma_g2: one(&mut cursor, encoding)?,
        delta_g2: one(&mut cursor, encoding)?,
        gamma_abc_g1: points::take_all(&mut cursor, header.instance as usize, encoding)?,
    };

    let check = if header.checkable {
        Some(CheckElements {
            m: one(&mut cursor, encoding)?,
            n: one(&mut cursor, encoding)?,
        })
    } else {
        None
    };

    cursor.enter(Section::Matrices);
    let base = cursor.offset();
    let section = cursor.take(header.matrices)?;
    let system = matrices::decode(section, base, header.instance, header.witness, header.rows)?;
    if system.digest_of(section) != header.system_digest {
        return Err(cursor.malformed("the matrices do not match their digest"));
    }

    cursor.enter(Section::Bitmaps);
    let a_columns = present(&mut cursor, columns, 0)?;
    let b_columns = present(&mut cursor, columns, 0)?;
    let l_columns = present(&mut cursor, columns, header.instance)?;
    let size = 1usize << header.log_size;
    let expected = (a_columns.len() + l_columns.len() + size) * G1Affine::length(encoding)
        + b_columns.len() * G2Affine::length(encoding);
    cursor.expect_remaining(expected)?;

    cursor.enter(Section::A);
    let a = points::take_all(&mut cursor, a_columns.len(), encoding)?;
    cursor.enter(Section::L);
    let l = points::take_all(&mut cursor, l_columns.len(), encoding)?;
    cursor.enter(Section::H);
    let h = points::take_all(&mut cursor, size, encoding)?;
    cursor.enter(Section::B);
    let b = points::take_all(&mut cursor, b_columns.len(), encoding)?;
    let domain = Domain::new(size).ok_or_else(|| cursor.malformed("domain too large"))?;
    Ok(ProvingKey {
        system,
        domain,
        vk,
        a: Query {
            columns: a_columns,
            points: a,
        },
        b: Query {
            columns: b_columns,
            points: b,
        },
        l: Query {
            columns: l_columns,
            points: l,
        },
        h,
        check,
        metadata,
        prepared: OnceLock::new(),
    })
}

fn one<P: Point>(cursor: &mut Cursor<'_>, encoding: Encoding) -> Result<P, ReadError> {
    let offset = cursor.offset();
    let mut points = points::take_all::<P>(cursor, 1, encoding)?;
    points.pop().ok_or(ReadError::Point {
        section: Section::Verifying,
        index: 0,
        offset,
    })
}

/// One bit a column, the lowest bit of a byte first, padded with zeros.
fn bitmap(present: &[u32], columns: usize) -> Vec<u8> {
    let mut bytes = vec![0u8; columns.div_ceil(8)];
    for column in present {
        if let Some(byte) = bytes.get_mut(*column as usize / 8) {
            *byte |= 1 << (column % 8);
        }
    }
    bytes
}

/// The columns of a bitmap, none below `first`.
fn present(cursor: &mut Cursor<'_>, columns: usize, first: u32) -> Result<Vec<u32>, ReadError> {
    let bytes = cursor.take(columns.div_ceil(8))?;
    let mut present = Vec::new();
    for (position, byte) in (0u32..).zip(bytes) {
        let mut bits = *byte;
        while bits != 0 {
            present.push(8 * position + bits.trailing_zeros());
            bits &= bits - 1;
        }
    }
    let outside = present.last().is_some_and(|k| *k as usize >= columns)
        || present.first().is_some_and(|k| *k < first);
    if outside {
        return Err(cursor.malformed("an element for a column that has none"));
    }
    Ok(present)
}
