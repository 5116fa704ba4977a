//! Files to resources.

use serde_json::Value;

use super::{
    Reason, Resource,
    element::{items, member, shown, text},
    unique::UniqueKeys,
    version::set_apart,
};

/// Most bytes in all files together.
pub const MAX_BYTES: usize = 64 << 20;
/// Most files.
pub const MAX_FILES: usize = 10_000;
/// Most resources in all files together.
pub const MAX_RESOURCES: usize = 500_000;
/// Deepest bundle within a bundle.
const MAX_NESTED: usize = 4;

/// One file's name, for messages, and its content.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// How messages name it.
    pub name: &'a str,
    /// JSON or NDJSON.
    pub content: &'a [u8],
}

/// Every resource of the input.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// Names of the files.
    pub files: Vec<String>,
    /// Resources, in the order of the files.
    pub resources: Vec<Resource>,
    /// Why a resource is set apart before anything else is asked of it: a copy, an older version.
    /// Same length as `resources`.
    pub set_apart: Vec<Option<Reason>>,
}

/// Why the input cannot be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// No file.
    #[error("no file was given")]
    NoFile,
    /// A file without content.
    #[error("{file}: the file is empty")]
    Empty {
        /// File.
        file: String,
    },
    /// Too many bytes.
    #[error("{file}: more than {} MiB of input", MAX_BYTES >> 20)]
    Bytes {
        /// File that crossed the limit.
        file: String,
    },
    /// Too many files.
    #[error("more than {MAX_FILES} files")]
    Files,
    /// Too many resources.
    #[error("{file}: more than {MAX_RESOURCES} resources")]
    Resources {
        /// File that crossed the limit.
        file: String,
    },
    /// Not JSON text.
    #[error("{file}: expected JSON, found {found}")]
    Format {
        /// File.
        file: String,
        /// What it looks like.
        found: &'static str,
    },
    /// Bad JSON, too deep JSON, or a key given twice.
    #[error("{file}: line {line}, column {column}: {problem}")]
    Json {
        /// File.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        problem: String,
    },
    /// JSON, but no FHIR resource.
    #[error("{file}: {place}: expected {expected}")]
    Shape {
        /// File.
        file: String,
        /// JSON pointer.
        place: String,
        /// What should be there.
        expected: &'static str,
    },
    /// A bundle of past versions.
    #[error("{file}: {place}: a history bundle holds past and deleted versions")]
    History {
        /// File.
        file: String,
        /// JSON pointer.
        place: String,
    },
}

impl ReadError {
    /// What to do about it.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::NoFile => "name a FHIR bundle, an NDJSON file, or a folder of them",
            Self::Empty { .. } => "export the record again",
            Self::Bytes { .. } | Self::Files | Self::Resources { .. } => {
                "give one patient's record at a time"
            }
            Self::Format { .. } => "export the record as uncompressed FHIR JSON in UTF-8",
            Self::Json { .. } => "correct the file at that place, or export it again",
            Self::Shape { .. } => {
                "give FHIR R4 or R5 resources, in a Bundle, alone, or one a line in NDJSON"
            }
            Self::History { .. } => "export the current versions: a collection or searchset bundle",
        }
    }
}

/// Reads FHIR JSON from files.
pub fn read(inputs: &[Input<'_>]) -> Result<Records, ReadError> {
    if inputs.is_empty() {
        return Err(ReadError::NoFile);
    }
    if inputs.len() > MAX_FILES {
        return Err(ReadError::Files);
    }
    let mut records = Records::default();
    let mut bytes = 0usize;
    for input in inputs {
        bytes = bytes.saturating_add(input.content.len());
        if bytes > MAX_BYTES {
            return Err(ReadError::Bytes {
                file: shown(input.name),
            });
        }
        read_file(input, &mut records)?;
    }
    records.set_apart = set_apart(&records.resources);
    Ok(records)
}

fn read_file(input: &Input<'_>, records: &mut Records) -> Result<(), ReadError> {
    let file = shown(input.name);
    let content = utf8(&file, input.content)?;
    let json = |e: serde_json::Error, base: usize| ReadError::Json {
        file: file.clone(),
        line: base + e.line(),
        column: e.column(),
        problem: problem(&e),
    };
    for unique in serde_json::Deserializer::from_str(content).into_iter::<UniqueKeys>() {
        unique.map_err(|e| json(e, 0))?;
    }
    let index = records.files.len();
    records.files.push(file.clone());
    let mut values = serde_json::Deserializer::from_str(content).into_iter::<Value>();
    let mut first = true;
    loop {
        let start = values.byte_offset();
        let Some(value) = values.next() else { break };
        let value = value.map_err(|e| json(e, 0))?;
        // One value is a JSON file; several are NDJSON, whose places start with the line.
        let rest = content.get(values.byte_offset()..).unwrap_or_default();
        let place = if first && rest.trim().is_empty() {
            String::new()
        } else {
            let before = content.get(..start).unwrap_or_default();
            let blank = content.get(start..).unwrap_or_default();
            let blank = blank.len() - blank.trim_start().len();
            let blank = content.get(start..start + blank).unwrap_or_default();
            let lines = |s: &str| s.bytes().filter(|b| *b == b'\n').count();
            format!("line {} ", 1 + lines(before) + lines(blank))
        };
        first = false;
        let mut walk = Walk {
            file: &file,
            index,
            records,
        };
        walk.value(value, &place, None, 0)?;
    }
    if first {
        return Err(ReadError::Empty { file });
    }
    Ok(())
}

fn utf8<'a>(file: &str, content: &'a [u8]) -> Result<&'a str, ReadError> {
    let format = |found| {
        Err(ReadError::Format {
            file: file.to_owned(),
            found,
        })
    };
    let content = content
        .strip_prefix(b"\xef\xbb\xbf".as_slice())
        .unwrap_or(content);
    match content {
        [0x1f, 0x8b, ..] => return format("gzip"),
        [b'P', b'K', 3, 4, ..] => return format("a zip archive"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return format("UTF-16 text"),
        _ => {}
    }
    let Ok(text) = core::str::from_utf8(content) else {
        return format("bytes that are not UTF-8 text");
    };
    if text.trim_start().starts_with('<') {
        return format("XML");
    }
    Ok(text)
}

/// The message without the position that `serde_json` appends, which is given apart.
fn problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    shown(text)
}

struct Walk<'a> {
    file: &'a str,
    index: usize,
    records: &'a mut Records,
}

impl Walk<'_> {
    fn value(
        &mut self,
        value: Value,
        place: &str,
        full_url: Option<String>,
        depth: usize,
    ) -> Result<(), ReadError> {
        let shape = |expected| ReadError::Shape {
            file: self.file.to_owned(),
            place: if place.is_empty() { "/" } else { place }.to_owned(),
            expected,
        };
        let Some(kind) = text(&value, "resourceType").map(shown) else {
            return Err(shape("an object with a `resourceType`"));
        };
        if kind == "Bundle" {
            if depth >= MAX_NESTED {
                return Err(shape("fewer bundles within bundles"));
            }
            return self.bundle(value, place, depth);
        }
        if self.records.resources.len() >= MAX_RESOURCES {
            return Err(ReadError::Resources {
                file: self.file.to_owned(),
            });
        }
        self.records.resources.push(Resource {
            file: self.index,
            place: place.to_owned(),
            kind,
            id: text(&value, "id").map(str::to_owned),
            full_url,
            body: value,
        });
        Ok(())
    }

    fn bundle(&mut self, mut value: Value, place: &str, depth: usize) -> Result<(), ReadError> {
        if text(&value, "type") == Some("history") {
            return Err(ReadError::History {
                file: self.file.to_owned(),
                place: format!("{place}/type"),
            });
        }
        let entries = match value.get_mut("entry").map(Value::take) {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::Array(entries)) => entries,
            Some(_) => {
                return Err(ReadError::Shape {
                    file: self.file.to_owned(),
                    place: format!("{place}/entry"),
                    expected: "an array of entries",
                });
            }
        };
        for (i, mut entry) in entries.into_iter().enumerate() {
            let place = format!("{place}/entry/{i}/resource");
            let full_url = text(&entry, "fullUrl").map(str::to_owned);
            // An entry may carry only a request or a response.
            match entry.get_mut("resource").map(Value::take) {
                None | Some(Value::Null) => {}
                Some(resource) => self.value(resource, &place, full_url, depth + 1)?,
            }
        }
        Ok(())
    }
}

impl Records {
    /// The places of emptied sections of document bundles: the LOINC code of the section and the
    /// code of the reason for its emptiness.
    pub fn empty_sections(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for r in self.resources.iter().filter(|r| r.kind == "Composition") {
            for section in items(&r.body, "section") {
                let reason = member(section, "emptyReason");
                let code = |v| super::element::codings(v).into_iter().next();
                if let (Some(section), Some(reason)) = (
                    member(section, "code").and_then(code),
                    reason.and_then(code),
                ) {
                    found.push((section.code, reason.code));
                }
            }
        }
        found
    }
}
