//! `eligo schema`: which attributes a record can have.

use clap::Subcommand;
use eligo_records::{
    cell::Layout,
    schema::{self, Kind, Schema},
};
use serde_json::{Value, json};

use crate::{console::Console, failure::Attempt, file::Source, schemas};

/// Schemas: which attributes a record can have
#[derive(Subcommand, Debug)]
pub enum Command {
    /// List the schemas that ship
    #[command(after_help = "Example:\n  eligo schema list")]
    List,
    /// Print a schema: its attributes as a table, or the schema itself with --json
    #[command(
        after_help = "Example:\n  eligo schema show core\n  eligo schema show core --json > core.json"
    )]
    Show {
        /// Name of a shipped schema, or a file
        name: String,
    },
    /// Check a schema file
    #[command(after_help = "Example:\n  eligo schema check cardiology.json")]
    Check {
        /// The file, `-` for standard input
        file: Source,
    },
}

pub fn run(command: Command, console: &Console) -> Attempt<u8> {
    match command {
        Command::List => list(console),
        Command::Show { name } => show(&name, console)?,
        Command::Check { file } => check(&file, console)?,
    }
    Ok(0)
}

fn list(console: &Console) {
    let schemas = schema::NAMES.iter().filter_map(|n| schema::shipped(n));
    let mut all = Vec::new();
    for schema in schemas {
        let layout = Layout::of(schema);
        console.say(format!(
            "{:12} v{} {:>5} cells {:>4} elements  {}",
            schema.name(),
            schema.version(),
            layout.places().len(),
            layout.elements(),
            schema.title(),
        ));
        all.push(summary(schema));
    }
    console.object(json!({ "schemas": all }));
}

fn summary(schema: &Schema) -> Value {
    let layout = Layout::of(schema);
    json!({
        "name": schema.name(),
        "schema_version": schema.version(),
        "id": schema.id().to_string(),
        "title": schema.title(),
        "attributes": schema.attributes().len(),
        "cells": layout.places().len(),
        "elements": layout.elements(),
    })
}

fn show(name: &str, console: &Console) -> Attempt<()> {
    let schema = schemas::find(name)?;
    if console.json() {
        // The schema itself, as `check` reads it; its own `version` is the schema's.
        console.verbatim(&schema.canonical_json());
        return Ok(());
    }
    let layout = Layout::of(&schema);
    console.say(format!(
        "{} version {}: {}\nid {}\n{} attributes, {} cells, {} elements\n",
        schema.name(),
        schema.version(),
        schema.title(),
        schema.id(),
        schema.attributes().len(),
        layout.places().len(),
        layout.elements()
    ));
    for attribute in schema.attributes() {
        console.say(format!(
            "{:24} {:34} {}",
            attribute.name,
            described(&attribute.kind),
            attribute.title
        ));
    }
    Ok(())
}

fn described(kind: &Kind) -> String {
    let dated = |dated: bool| if dated { ", dated" } else { "" };
    match kind {
        Kind::Number(n) => {
            let shift = 10f64.powi(i32::from(n.scale));
            let (lo, most) = (n.min as f64, (1u64 << n.width) as f64 - 2.0);
            format!(
                "{} to {} {}{}",
                lo / shift,
                (lo + most) / shift,
                n.unit,
                dated(n.dated)
            )
        }
        Kind::Choice(c) => {
            let names: Vec<&str> = c.values.iter().map(|v| v.name.as_str()).collect();
            format!("{}{}", names.join(" | "), dated(c.dated))
        }
        Kind::Date(_) => "date".to_owned(),
        Kind::Flag(_) => "true | false".to_owned(),
        Kind::Family(f) => format!("up to {} {} codes", f.size, f.prefix),
    }
}

fn check(file: &Source, console: &Console) -> Attempt<()> {
    let schema = schemas::read(file)?;
    let layout = Layout::of(&schema);
    console.say(format!(
        "{file}: a schema\n{} version {}, id {}\n{} attributes, {} cells in {} elements",
        schema.name(),
        schema.version(),
        schema.id(),
        schema.attributes().len(),
        layout.places().len(),
        layout.elements()
    ));
    console.object(summary(&schema));
    Ok(())
}
