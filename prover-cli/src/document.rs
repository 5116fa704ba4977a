//! The small files of sharing: capsules, grants, shares, cards, keys.

use eligo_sharing::{
    document::{Document, DocumentError, ProxyKeyCard, ReceivingKeyCard},
    keys::{ProxyKey, ReceivingKey},
    tcpre::{Capsule, CheckedCapsule, ContentKey},
};

use crate::{
    console::Console,
    failure::{Attempt, Failure},
    file::Source,
};

/// Largest key or card read.
const KEY_LIMIT: usize = 4096;

/// Reads a message; `made_by` is the command that writes such files.
pub fn read<T: Document>(source: &Source, made_by: &str) -> Attempt<T> {
    let bytes = source.read(T::LIMIT / 3 * 4 + 1024)?;
    T::from_json(&bytes).map_err(|e| refused(source, &e, made_by))
}

/// Reads a capsule and checks that nothing in it was altered.
pub fn read_capsule(source: &Source) -> Attempt<CheckedCapsule> {
    let capsule: Capsule = read(source, "seal")?;
    capsule
        .check()
        .map_err(|e| Failure::file(source, e).help("use an unaltered copy"))
}

/// Reads an institution's receiving key card; its proof of possession holds.
pub fn read_receiving_card(source: &Source) -> Attempt<ReceivingKeyCard> {
    ReceivingKeyCard::from_json(&source.read(KEY_LIMIT)?)
        .map_err(|e| refused(source, &e, "keys receiving"))
}

/// Reads a proxy's key card; its proof of possession holds.
pub fn read_proxy_card(source: &Source) -> Attempt<ProxyKeyCard> {
    ProxyKeyCard::from_json(&source.read(KEY_LIMIT)?).map_err(|e| refused(source, &e, "keys proxy"))
}

/// Reads an institution's receiving key.
pub fn read_receiving_key(source: &Source, console: &Console) -> Attempt<ReceivingKey> {
    ReceivingKey::from_secret_json(&source.read_secret(KEY_LIMIT, console)?)
        .map_err(|e| refused(source, &e, "keys receiving"))
}

/// Reads a proxy's key.
pub fn read_proxy_key(source: &Source, console: &Console) -> Attempt<ProxyKey> {
    ProxyKey::from_secret_json(&source.read_secret(KEY_LIMIT, console)?)
        .map_err(|e| refused(source, &e, "keys proxy"))
}

/// Reads the key of one record.
pub fn read_content_key(source: &Source, console: &Console) -> Attempt<ContentKey> {
    ContentKey::from_secret_json(&source.read_secret(KEY_LIMIT, console)?)
        .map_err(|e| refused(source, &e, "combine"))
}

fn refused(source: &Source, error: &DocumentError, made_by: &str) -> Failure {
    Failure::file(source, error).help(format!("expected a file made by `eligo {made_by}`"))
}
