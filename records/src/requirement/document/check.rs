//! What the keys of a document must hold.

use super::{Delivery, Document, DocumentError, Licence, MAX_ISSUERS, MAX_ITEMS, MAX_TEXT};

pub(super) fn value<T>(key: &'static str, problem: &str) -> Result<T, DocumentError> {
    Err(DocumentError::Value {
        key,
        problem: problem.to_owned(),
    })
}

pub(super) fn is_identifier(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
}

pub(super) fn check_texts(document: &Document) -> Result<(), DocumentError> {
    let line = |text: &str| {
        !text.trim().is_empty() && text.len() <= MAX_TEXT && !text.chars().any(char::is_control)
    };
    let lines = [
        ("title", Some(&document.title)),
        ("publisher", Some(&document.publisher)),
        ("chain", document.chain.as_ref()),
        ("contract", document.contract.as_ref()),
    ];
    for (key, text) in lines {
        if text.is_some_and(|t| !line(t)) {
            return value(key, &format!("is one line of 1 to {MAX_TEXT} bytes"));
        }
    }
    let lists = [
        ("keywords", &document.keywords, MAX_ITEMS),
        ("issuers", &document.issuers, MAX_ISSUERS),
    ];
    for (key, list, most) in lists {
        if list.len() > most || !list.iter().all(|t| line(t)) {
            return value(
                key,
                &format!("is a list of at most {most} lines of 1 to {MAX_TEXT} bytes"),
            );
        }
        let mut seen = std::collections::BTreeSet::new();
        if let Some(twice) = list.iter().find(|t| !seen.insert(*t)) {
            return value(key, &format!("names `{twice}` twice; remove one"));
        }
    }
    let later = &document.screened_later;
    let text = |t: &String| !t.trim().is_empty() && t.len() <= 16 * MAX_TEXT;
    if later.len() > MAX_ITEMS || !later.iter().all(text) {
        return value(
            "screened_later",
            &format!("is a list of at most {MAX_ITEMS} texts"),
        );
    }
    Ok(())
}

pub(super) fn check_numbers(document: &Document) -> Result<(), DocumentError> {
    let fits = |n: Option<u64>| n.is_none_or(|n| i64::try_from(n).is_ok());
    if !fits(document.reward) {
        return value("reward", "is a whole number of credits below 2^63");
    }
    if document.number_wanted == Some(0) || !fits(document.number_wanted) {
        return value("number_wanted", "is a whole number from 1, below 2^63");
    }
    let (reward, wanted) = (document.reward, document.number_wanted);
    if let (Some(reward), Some(wanted)) = (reward, wanted)
        && reward
            .checked_mul(wanted)
            .is_none_or(|t| i64::try_from(t).is_err())
    {
        return value(
            "reward",
            "times `number_wanted` is 2^63 credits or more; lower one",
        );
    }
    Ok(())
}

pub(super) fn check_licence(licence: &Licence) -> Result<(), DocumentError> {
    if licence.exclusive && licence.until.is_none() {
        return value(
            "licence.until",
            "is missing: an exclusive licence ends on a day; add `until = \"YYYY-MM-DD\"`",
        );
    }
    let mut seen = std::collections::BTreeSet::new();
    if licence.duo.len() > MAX_ITEMS || !licence.duo.iter().all(|c| seen.insert(c)) {
        return value("licence.duo", "names a code twice; remove one");
    }
    if licence.text.is_some() && licence.text_sha256.is_some() {
        return value(
            "licence.text",
            "and `licence.text_sha256` exclude each other; keep one",
        );
    }
    Ok(())
}

pub(super) fn check_delivery(delivery: &Delivery) -> Result<(), DocumentError> {
    if delivery.threshold == 0 || delivery.threshold > delivery.proxies || delivery.proxies > 255 {
        return value(
            "delivery.threshold",
            "is from 1 to `delivery.proxies`, which is at most 255",
        );
    }
    let hexadecimal = |k: &String| {
        !k.is_empty()
            && k.len() <= MAX_TEXT
            && k.len().is_multiple_of(2)
            && k.bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    if !delivery.receiving_key.as_ref().is_none_or(hexadecimal) {
        return value("delivery.receiving_key", "is lower-case hexadecimal");
    }
    Ok(())
}
