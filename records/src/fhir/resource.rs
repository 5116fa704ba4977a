//! Resources and the references between them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Records, element::shown};

/// One resource and where it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Index of the file.
    pub file: usize,
    /// JSON pointer within the file, empty for the whole file; NDJSON starts with `line N `.
    pub place: String,
    /// `resourceType`.
    pub kind: String,
    /// Logical id.
    pub id: Option<String>,
    /// `Bundle.entry.fullUrl`.
    pub full_url: Option<String>,
    /// The resource.
    pub body: Value,
}

impl Resource {
    /// How reports name it: `Observation/123`; without an id, by its place.
    pub fn name(&self) -> String {
        match (&self.id, &self.full_url) {
            (Some(id), _) => format!("{}/{}", self.kind, shown(id)),
            (None, Some(url)) => format!("{} {}", self.kind, shown(url)),
            (None, None) => format!("{} at {}", self.kind, shown(&self.place)),
        }
    }
}

/// Finds the resource a reference means.
///
/// By `fullUrl`; relative to the referring entry's `fullUrl`; else by type and id, or by `urn:uuid:`
/// and id, where only one resource fits.
#[derive(Debug)]
pub struct References<'a> {
    by_url: BTreeMap<&'a str, Vec<usize>>,
    by_id: BTreeMap<&'a str, Vec<usize>>,
    records: &'a Records,
}

impl<'a> References<'a> {
    /// Indexes the resources that are not set apart.
    pub fn of(records: &'a Records) -> Self {
        let mut references = Self {
            by_url: BTreeMap::new(),
            by_id: BTreeMap::new(),
            records,
        };
        let kept = records.resources.iter().zip(&records.set_apart).enumerate();
        for (i, (resource, apart)) in kept {
            if apart.is_some() {
                continue;
            }
            if let Some(url) = &resource.full_url {
                references.by_url.entry(url).or_default().push(i);
            }
            if let Some(id) = &resource.id {
                references.by_id.entry(id).or_default().push(i);
            }
        }
        references
    }

    /// The index of the resource that `reference`, found in `from`, means.
    pub fn resolve(&self, from: &Resource, reference: &str) -> Option<usize> {
        let reference = unversioned(reference);
        if let Some(found) = self.by_url.get(reference) {
            return only(found);
        }
        if let Some(uuid) = reference
            .strip_prefix("urn:uuid:")
            .or_else(|| reference.strip_prefix("urn:oid:"))
        {
            return self.by_type_and_id(None, uuid, |url| url.is_none());
        }
        let (kind, id) = type_and_id(reference)?;
        if reference.contains("://") {
            return self.by_type_and_id(Some(kind), id, |url| url.is_none());
        }
        // Relative: first against the base of the referring entry.
        let base = from.full_url.as_deref().and_then(base_of);
        let near = base.and_then(|base| self.by_url.get(format!("{base}{kind}/{id}").as_str()));
        if let Some(found) = near {
            return only(found);
        }
        self.by_type_and_id(Some(kind), id, |_| true)
    }

    fn by_type_and_id(
        &self,
        kind: Option<&str>,
        id: &str,
        url: impl Fn(Option<&str>) -> bool,
    ) -> Option<usize> {
        let fits = |i: &&usize| {
            self.records
                .resources
                .get(**i)
                .is_some_and(|r| kind.is_none_or(|k| r.kind == k) && url(r.full_url.as_deref()))
        };
        let found: Vec<usize> = self.by_id.get(id)?.iter().filter(fits).copied().collect();
        only(&found)
    }
}

fn only(found: &[usize]) -> Option<usize> {
    match found {
        [one] => Some(*one),
        _ => None,
    }
}

/// Without `/_history/N`.
fn unversioned(reference: &str) -> &str {
    reference
        .split_once("/_history/")
        .map_or(reference, |(r, _)| r)
}

/// `Patient` and `7` of `Patient/7` and of `https://example.org/fhir/Patient/7`.
pub fn type_and_id(reference: &str) -> Option<(&str, &str)> {
    let (rest, id) = unversioned(reference).rsplit_once('/')?;
    let kind = rest.rsplit('/').next()?;
    let named = kind.starts_with(|c: char| c.is_ascii_uppercase()) && !id.is_empty();
    named.then_some((kind, id))
}

/// `https://example.org/fhir/` of `https://example.org/fhir/Patient/7`.
fn base_of(url: &str) -> Option<&str> {
    if !url.contains("://") {
        return None;
    }
    let (rest, _) = url.rsplit_once('/')?;
    let kind = rest.rsplit('/').next()?;
    rest.get(..rest.len() - kind.len())
}
