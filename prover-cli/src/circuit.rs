//! What a circuit is of: the description that lies beside its keys (`circuit.json`).

use std::collections::BTreeMap;

use eligo_circuits::{claim::Requirement, r1cs::R1cs, statement::AcceptedIssuers, system::Parts};
use serde::{Deserialize, Serialize};

use crate::{
    failure::{Attempt, Failure, Kind},
    publication::Publication,
};

const FORMAT: &str = "eligo circuit";
const VERSION: u32 = 1;
/// Largest description read.
pub const LIMIT: usize = 1 << 20;

/// A circuit: everything in it that depends on the requirement, its size, and its matrices' digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Circuit {
    format: String,
    version: u32,
    /// The requirement's own identifier.
    requirement: String,
    schema: SchemaPart,
    /// The program's field element, hexadecimal.
    program: String,
    issuers: IssuersPart,
    constraints: Constraints,
    /// SHA-256 of the matrices, hexadecimal.
    matrices: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SchemaPart {
    name: String,
    version: u32,
    id: String,
}

/// How issuers enter the circuit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum IssuersPart {
    /// One key, fixed in it, in hexadecimal.
    One(String),
    /// Any leaf of a tree of so many levels, whose root is a public input.
    Tree(usize),
}

/// Constraints, together and by part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constraints {
    /// All of them.
    pub total: usize,
    /// By part of the statement.
    pub parts: BTreeMap<String, usize>,
}

impl Constraints {
    /// The counts of a statement.
    pub fn of(parts: &Parts) -> Self {
        Self {
            total: parts.values().sum(),
            parts: parts.iter().map(|(k, n)| ((*k).to_owned(), *n)).collect(),
        }
    }
}

impl Circuit {
    /// Describes the circuit of a requirement, given its shape.
    pub fn of(publication: &Publication, statement: &Requirement, shape: &(R1cs, Parts)) -> Self {
        let (r1cs, parts) = shape;
        Self {
            constraints: Constraints::of(parts),
            matrices: hex::encode(r1cs.digest()),
            ..Self::sketch(publication, statement)
        }
    }

    /// The description without what only the shape tells.
    fn sketch(publication: &Publication, statement: &Requirement) -> Self {
        let schema = publication.schema();
        let issuers = match statement.statement().issuers() {
            AcceptedIssuers::One(key) => IssuersPart::One(key.to_hex()),
            AcceptedIssuers::Tree { depth } => IssuersPart::Tree(*depth),
        };
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            requirement: publication.id().to_owned(),
            schema: SchemaPart {
                name: schema.name().to_owned(),
                version: schema.version(),
                id: schema.id().to_string(),
            },
            program: hex::encode(statement.statement().program().digest()),
            issuers,
            constraints: Constraints {
                total: 0,
                parts: BTreeMap::new(),
            },
            matrices: String::new(),
        }
    }

    /// Checks that this is such a description.
    pub fn check(&self) -> Attempt<()> {
        if self.format == FORMAT && self.version == VERSION {
            return Ok(());
        }
        Err(Failure::new(
            Kind::File,
            format!(
                "expected format `{FORMAT}` version {VERSION}, found `{}` version {}",
                self.format, self.version
            ),
        ))
    }

    /// Refuses keys made for another circuit than the requirement's, and says what differs; with
    /// `other_issuers` when it is the issuers alone.
    pub fn matches(
        &self,
        publication: &Publication,
        statement: &Requirement,
        other_issuers: Kind,
    ) -> Attempt<()> {
        let wanted = Self::sketch(publication, statement);
        let mut differ = Vec::new();
        if self.schema.id != wanted.schema.id {
            differ.push(format!(
                "the schema (keys: {} version {}; requirement: {} version {})",
                self.schema.name, self.schema.version, wanted.schema.name, wanted.schema.version
            ));
        }
        if self.program != wanted.program {
            differ.push("the expression".to_owned());
        }
        if self.issuers != wanted.issuers {
            differ.push(format!(
                "the issuers (keys: {}; requirement: {})",
                self.issuers.described(),
                wanted.issuers.described()
            ));
        }
        if differ.is_empty() {
            return Ok(());
        }
        let only_issuers = differ.len() == 1 && self.issuers != wanted.issuers;
        Err(Failure::new(
            if only_issuers {
                other_issuers
            } else {
                Kind::File
            },
            format!(
                "keys of another circuit than that of {}; what differs: {}",
                publication.source(),
                differ.join(", ")
            ),
        )
        .help(format!(
            "use the keys that were published with the requirement, or make new ones: \
             eligo keys generate --requirement {} -o DIR",
            publication.source()
        )))
    }

    /// The requirement's own identifier.
    pub fn requirement(&self) -> &str {
        &self.requirement
    }

    /// The schema's name.
    pub fn schema(&self) -> &str {
        &self.schema.name
    }

    /// Constraints, together and by part.
    pub const fn constraints(&self) -> &Constraints {
        &self.constraints
    }

    /// SHA-256 of the matrices, hexadecimal.
    pub fn matrices(&self) -> &str {
        &self.matrices
    }

    /// How issuers enter it, in words.
    pub fn issuers(&self) -> String {
        self.issuers.described()
    }
}

impl IssuersPart {
    fn described(&self) -> String {
        match self {
            Self::One(key) => format!("the one key {key}"),
            Self::Tree(depth) => format!("any of up to {} keys", 8u64.pow(*depth as u32)),
        }
    }
}
