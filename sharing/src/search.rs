//! Keyword search over an encrypted index.

use crate::curve;
use crate::keys::{public_point, secret_key};
use crate::scalar::SecretScalar;

public_point! {
    /// A patient's search key Y2 = yP2, to which index rows are encrypted.
    SearchPublicKey, G2Affine, curve::G2_BYTES, encode_g2, decode_g2
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

impl SearchKey {
    pub(crate) fn from_wide(bytes: &[u8; 48]) -> Self {
        Self(SecretScalar::from_wide(bytes))
    }
}
