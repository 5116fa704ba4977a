//! Codes and their systems.

use super::{AGE, Atom, FamilyRanges, Resolution, Scope, window::civil_window};
use crate::{
    code::CodeError,
    requirement::{
        diagnostic::{Diagnostic, Span, suggestion},
        ranges::{self, CellRange, CodeRangeError, merged},
        syntax::{CodeRange, Name, Quantifier, Spanned, Window},
    },
    schema::{Coding, Family, Kind},
};

impl Scope<'_> {
    pub(super) fn codes(
        &self,
        quantifier: Quantifier,
        group: &Name,
        codes: &[Spanned<CodeRange>],
        window: Option<&Spanned<Window>>,
    ) -> Resolution<Atom> {
        let known: Vec<_> = self.families(&group.node).collect();
        if known.is_empty() {
            return Err(self.no_group(group));
        }
        if let (Quantifier::No, Some(window)) = (quantifier, window) {
            return Err(no_within(window.span));
        }
        let mut asked: Vec<(usize, &Family, Vec<CellRange>)> = if codes.is_empty() {
            let all = |f: &Family| vec![CellRange::present(f.coding.width())];
            known.iter().map(|(i, f)| (*i, *f, all(f))).collect()
        } else {
            known.iter().map(|(i, f)| (*i, *f, Vec::new())).collect()
        };
        for code in codes {
            let (_, family, ranges) = asked
                .iter_mut()
                .find(|(_, f, _)| f.prefix == code.node.prefix)
                .ok_or_else(|| unknown_prefix(group, &known, code))?;
            ranges.push(code_range(family.coding, code)?);
        }
        let onset = window.map(civil_window).transpose()?;
        let mut families = Vec::new();
        for (attribute, family, ranges) in asked.into_iter().filter(|(_, _, r)| !r.is_empty()) {
            if let (Some(window), false) = (window, family.onset) {
                return Err(Diagnostic::error(
                    window.span,
                    format!(
                        "the schema does not keep when a `{}:` {group} began",
                        family.prefix
                    ),
                )
                .with_help("leave the window out, or use a schema whose family keeps onsets"));
            }
            let Some(cells) = self.layout.family(self.schema, attribute) else {
                return Err(self.no_group(group));
            };
            families.push(FamilyRanges {
                attribute,
                cells,
                ranges: merged(ranges),
            });
        }
        Ok(Atom::Codes {
            quantifier,
            families,
            onset,
        })
    }

    fn no_group(&self, group: &Name) -> Diagnostic {
        let groups = self
            .schema
            .attributes()
            .iter()
            .filter_map(|a| match &a.kind {
                Kind::Family(f) => Some(f.group.as_str()),
                _ => None,
            });
        let exists = self
            .schema
            .attributes()
            .iter()
            .any(|a| a.name == group.node);
        let help = if exists || group.node == AGE {
            Some(format!(
                "`any` and `no` ask for codes; write `present {group}`"
            ))
        } else {
            suggestion(&group.node, groups)
        };
        Diagnostic::error(
            group.span,
            format!(
                "the schema `{}` has no group of codes `{group}`",
                self.schema.name()
            ),
        )
        .with_maybe_help(help)
    }
}

pub(super) fn is_group(name: &Name) -> Diagnostic {
    Diagnostic::error(name.span, format!("`{name}` is a group of codes"))
        .with_help(format!("write `any {name} in ..` or `no {name} in ..`"))
}

/// Why an exclusion cannot look at a window.
pub(crate) fn no_within(span: Span) -> Diagnostic {
    Diagnostic::error(
        span,
        "that codes are missing cannot be asked within a window",
    )
    .with_help(
        "an absent code has no date; leave the window out to ask that the code was never recorded",
    )
}

fn unknown_prefix(
    group: &Name,
    known: &[(usize, &Family)],
    code: &Spanned<CodeRange>,
) -> Diagnostic {
    let prefixes: Vec<_> = known.iter().map(|(_, f)| f.prefix.as_str()).collect();
    let span = Span::new(code.span.start, code.span.start + code.node.prefix.len());
    let help = suggestion(&code.node.prefix, prefixes.iter().copied())
        .unwrap_or_else(|| format!("`{group}` has {}", prefixes.join(", ")));
    Diagnostic::error(
        span,
        format!(
            "`{group}` has no codes of the system `{}`",
            code.node.prefix
        ),
    )
    .with_help(help)
}

fn code_range(coding: Coding, code: &Spanned<CodeRange>) -> Resolution<CellRange> {
    let CodeRange { from, to, .. } = &code.node;
    ranges::code_cells(coding, from, to.as_deref()).map_err(|e| {
        let help = match (e, coding) {
            (CodeRangeError::Numeric, _) => "list the codes one by one",
            (CodeRangeError::Code(CodeError::Order), _) => "put the lower code first",
            (_, Coding::Base37) => "a code has at most 7 letters and digits, such as `I63.9`",
            (_, Coding::Numeric) => "a code is a whole number; numeric codes have no ranges",
        };
        Diagnostic::error(code.span, format!("`{}`: {e}", code.node)).with_help(help)
    })
}
