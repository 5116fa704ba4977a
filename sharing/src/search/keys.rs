//! The keys of search: a hospital's, a patient's, and the one they share.

use ark_bls12_381::{G1Affine, G2Affine};
use ark_ec::AffineRepr;
use zeroize::Zeroizing;

use crate::curve::{self, G1_BYTES, G2_BYTES};
use crate::domain::{self, dst, int, lp};
use crate::keys::{PossessionError, possessed, public_point, secret_key};
use crate::pairing;
use crate::scalar::SecretScalar;
use crate::wire::{Fields, WireError};

public_point! {
    /// A patient's search key Y2 = yP2, to which rows are encrypted.
    SearchPublicKey, G2Affine, G2_BYTES, encode_g2, decode_g2
}
public_point! {
    /// Possession of a [`SearchKey`].
    SearchKeyProof, G1Affine, G1_BYTES, encode_g1, decode_g1
}
public_point! {
    /// A hospital's search key HS = eP1.
    WriterPublicKey, G1Affine, G1_BYTES, encode_g1, decode_g1
}
public_point! {
    /// Possession of a [`WriterKey`].
    WriterKeyProof, G2Affine, G2_BYTES, encode_g2, decode_g2
}

secret_key! {
    /// y: makes trapdoors for one hospital's index. Another key than any record key, and hashed under
    /// another tag: else a trapdoor for a well-chosen word would be a label key.
    ///
    /// ```compile_fail
    /// fn twice(key: eligo_sharing::search::SearchKey) { drop(key); drop(key); }
    /// ```
    SearchKey => SearchPublicKey, in_g2
}
secret_key! {
    /// A hospital's e: with it the hospital writes rows nobody else can test.
    ///
    /// ```compile_fail
    /// fn twice(key: eligo_sharing::search::WriterKey) { drop(key); drop(key); }
    /// ```
    WriterKey => WriterPublicKey, in_g1
}

/// Y1 and Y2 of one patient with a proof of possession: what the hospital is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchCard {
    y1: G1Affine,
    y2: SearchPublicKey,
    proof: SearchKeyProof,
}

/// kSR, shared by a hospital and a patient. Wiped when dropped.
///
/// ```compile_fail
/// fn twice(key: eligo_sharing::search::SharedIndexKey) { drop(key); drop(key); }
/// ```
pub struct SharedIndexKey(Zeroizing<[u8; 32]>);

impl SharedIndexKey {
    fn derive(shared: &G1Affine, writer: &WriterPublicKey, y1: &G1Affine) -> Self {
        let shared = Zeroizing::new(curve::encode_g1(shared));
        let info = lp(&[&writer.to_bytes(), &curve::encode_g1(y1)]);
        Self(domain::kdf(b"MEDPEKS-V01", shared.as_slice(), &info))
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl core::fmt::Debug for SharedIndexKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SharedIndexKey(..)")
    }
}

impl SearchKey {
    pub(crate) fn from_wide(bytes: &[u8; 48]) -> Self {
        Self(SecretScalar::from_wide(bytes))
    }

    /// What the hospital is given.
    #[must_use]
    pub fn card(&self) -> SearchCard {
        let (y1, y2) = (self.0.in_g1(), self.public());
        let proof = self.0.times_hash(
            dst::POP_SEARCH,
            &lp(&[&curve::encode_g1(&y1), &y2.to_bytes()]),
        );
        SearchCard {
            y1,
            y2,
            proof: SearchKeyProof(proof),
        }
    }

    /// kSR from y HS. One product in G1.
    #[must_use]
    pub fn share_with(&self, writer: &WriterPublicKey) -> SharedIndexKey {
        SharedIndexKey::derive(&self.0.times_g1(&writer.0), writer, &self.0.in_g1())
    }
}

impl WriterKey {
    /// Proves possession. One product in G2.
    #[must_use]
    pub fn prove_possession(&self) -> WriterKeyProof {
        let hash = domain::hash_to_g2(dst::POP_WRITER, &lp(&[&self.public().to_bytes()]));
        WriterKeyProof(self.0.times_g2(&hash))
    }

    /// kSR from e Y1. One product in G1.
    #[must_use]
    pub fn share_with(&self, reader: &SearchCard) -> SharedIndexKey {
        SharedIndexKey::derive(&self.0.times_g1(&reader.y1), &self.public(), &reader.y1)
    }
}

impl WriterPublicKey {
    /// Checks e(P1, proof) = e(key, H2(LP(key))). Two pairings, one final exponentiation.
    ///
    /// # Errors
    /// [`PossessionError`] if the proof is not this key's.
    pub fn check_possession(&self, proof: &WriterKeyProof) -> Result<(), PossessionError> {
        let hash = domain::hash_to_g2(dst::POP_WRITER, &lp(&[&self.to_bytes()]));
        possessed(pairing::is_one(&[
            (-G1Affine::generator(), proof.0),
            (self.0, hash),
        ]))
    }
}

impl SearchCard {
    /// Y2.
    #[must_use]
    pub fn key(&self) -> SearchPublicKey {
        self.y2
    }

    /// Checks e(Y1, P2) = e(P1, Y2) and the proof, as one equation: two pairings, one final exponentiation.
    ///
    /// # Errors
    /// [`PossessionError`] if either fails.
    pub fn check(&self) -> Result<(), PossessionError> {
        let statement = lp(&[&curve::encode_g1(&self.y1), &self.y2.to_bytes()]);
        let hash = domain::hash_to_g1(dst::POP_SEARCH, &statement);
        let batch = lp(&[
            b"MEDPEKS-V01-BATCH",
            &statement,
            &self.proof.to_bytes(),
            &int(0),
        ]);
        let d = domain::hash_to_scalar(&batch);
        // e(proof + d Y1, P2) = e(H + d P1, Y2)
        let left = (self.proof.0 + self.y1 * d).into();
        let right: G1Affine = (hash + G1Affine::generator() * d).into();
        let left: G1Affine = left;
        possessed(pairing::is_one(&[
            (-left, G2Affine::generator()),
            (right, self.y2.0),
        ]))
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        lp(&[
            &curve::encode_g1(&self.y1),
            &self.y2.to_bytes(),
            &self.proof.to_bytes(),
        ])
    }

    /// Decodes a card, not yet checked.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        let y1 = fields.point("Y1", G1_BYTES, curve::decode_g1)?;
        let y2 = fields.point("Y2", G2_BYTES, SearchPublicKey::from_bytes)?;
        let proof = fields.point("proof", G1_BYTES, SearchKeyProof::from_bytes)?;
        fields.end()?;
        Ok(Self { y1, y2, proof })
    }
}
