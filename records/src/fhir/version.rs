//! Several versions of one resource.

use std::collections::BTreeMap;

use super::{
    Moment, Reason, Resource,
    element::{member, text},
};

/// Copies and older versions of the same resource: the same full URL, or without one the same type
/// and id. Of different versions the one updated last is kept, and none if nothing says which.
pub(super) fn set_apart(resources: &[Resource]) -> Vec<Option<Reason>> {
    let mut groups: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (i, r) in resources.iter().enumerate() {
        match (&r.full_url, &r.id) {
            (Some(url), _) => groups.entry(("", url)).or_default().push(i),
            (None, Some(id)) => groups.entry((&r.kind, id)).or_default().push(i),
            (None, None) => {}
        }
    }
    let mut apart = vec![None; resources.len()];
    for group in groups.into_values().filter(|g| g.len() > 1) {
        let body = |i: &usize| resources.get(*i).map(|r| &r.body);
        let updated = |i: &usize| {
            let meta = body(i).and_then(|b| member(b, "meta"));
            let updated = meta.and_then(|m| text(m, "lastUpdated"))?;
            Moment::parse(updated).ok().map(|m| m.instant())
        };
        let newest = group.iter().filter_map(updated).max();
        let alike = group.windows(2).all(|w| match w {
            [a, b] => body(a) == body(b),
            _ => true,
        });
        let holders: Vec<usize> = group
            .iter()
            .copied()
            .filter(|i| newest.is_some() && updated(i) == newest)
            .collect();
        let keep = match (alike, holders.as_slice()) {
            (true, _) => group.first().copied(),
            (false, [one]) if group.iter().all(|i| updated(i).is_some()) => Some(*one),
            (false, _) => None,
        };
        for i in group {
            if let Some(slot) = apart.get_mut(i)
                && keep != Some(i)
            {
                *slot = Some(match (alike, keep) {
                    (true, _) => Reason::Copy,
                    (false, Some(_)) => Reason::OlderVersion,
                    (false, None) => Reason::ConflictingVersions,
                });
            }
        }
    }
    apart
}
