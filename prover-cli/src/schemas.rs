//! Schemas by name (those that ship) or from a file.

use std::path::Path;

use clap::Args;
use eligo_records::schema::{self, Schema, SchemaError};

use crate::{
    failure::{Attempt, Failure},
    file::Source,
};

/// Largest schema file read.
pub const LIMIT: usize = 4 << 20;

/// A schema that ships, or one in a file.
pub fn find(name: &str) -> Attempt<Schema> {
    if let Some(schema) = schema::shipped(name) {
        return Ok(schema.clone());
    }
    let looks_like_a_file = name == "-" || name.contains(['/', '.']) || Path::new(name).exists();
    if !looks_like_a_file {
        return Err(
            Failure::usage(format!("there is no schema `{name}`")).help(format!(
                "give a file, or one of: {}",
                schema::NAMES.join(", ")
            )),
        );
    }
    let Ok(source) = name.parse::<Source>();
    read(&source)
}

/// Reads and checks a schema file.
pub fn read(source: &Source) -> Attempt<Schema> {
    let bytes = source.read(LIMIT)?;
    let document: schema::Document = serde_json::from_slice(&bytes).map_err(|e| {
        Failure::file(source, &e)
            .at(format!("line {}, column {}", e.line(), e.column()))
            .help("`eligo schema show core` prints a schema to start from")
    })?;
    Schema::try_from(document)
        .map_err(|e: SchemaError| Failure::file(source, e.problem).at(e.place))
}

/// The schema with this identity: one that ships, or one of `given`.
pub fn named<'a>(id: &str, given: &'a [Schema]) -> Option<&'a Schema> {
    let shipped = schema::NAMES.iter().filter_map(|n| schema::shipped(n));
    shipped.chain(given).find(|s| s.id().to_string() == id)
}

/// Schemas that do not ship.
#[derive(Args, Clone, Debug, Default)]
pub struct SchemaArgs {
    /// File of a schema that does not ship with this program; may be repeated
    #[arg(long = "schema-file", value_name = "FILE")]
    files: Vec<Source>,
}

impl SchemaArgs {
    /// Reads them all.
    pub fn read(&self) -> Attempt<Vec<Schema>> {
        self.files.iter().map(read).collect()
    }
}
