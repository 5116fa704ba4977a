//! The schemas that ship with Eligo, compiled in from `records/schemas/`.
//!
//! `core` is for use; `core-large` has room for long histories; `bench-64` to `bench-1000` are for
//! measuring. They are written by `cargo run -p eligo-records --example schemas`, and their
//! identities are pinned by a test.

use std::sync::OnceLock;

use super::Schema;

struct Shipped {
    name: &'static str,
    text: &'static str,
    schema: OnceLock<Option<Schema>>,
}

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        /// Names of the shipped schemas.
        pub const NAMES: &[&str] = &[$($name),*];

        static SHIPPED: [Shipped; NAMES.len()] = [$(Shipped {
            name: $name,
            text: include_str!(concat!("../../schemas/", $name, ".json")),
            schema: OnceLock::new(),
        }),*];
    };
}

shipped!(
    "core",
    "core-large",
    "bench-64",
    "bench-100",
    "bench-250",
    "bench-500",
    "bench-750",
    "bench-1000",
);

/// A shipped schema by name.
pub fn shipped(name: &str) -> Option<&'static Schema> {
    let shipped = SHIPPED.iter().find(|s| s.name == name)?;
    shipped
        .schema
        .get_or_init(|| serde_json::from_str(shipped.text).ok())
        .as_ref()
}

/// The JSON text of a shipped schema.
pub fn shipped_text(name: &str) -> Option<&'static str> {
    Some(SHIPPED.iter().find(|s| s.name == name)?.text)
}
