//! Windows in civil units.

use super::{MOST_ELAPSED, Resolution};
use crate::{
    civil::CivilDay,
    program::Onset,
    requirement::{
        diagnostic::Diagnostic,
        syntax::{Calendar, Spanned, Window},
    },
};

/// A window in civil units or cells.
pub(super) fn civil_window(window: &Spanned<Window>) -> Resolution<Onset> {
    let cell = |day: CivilDay| day.number() + 1;
    let counted = |least: u32, most: u32, unit: Calendar| {
        let (least, most) = (
            u64::from(least) * u64::from(unit.civil_units()),
            u64::from(most) * u64::from(unit.civil_units()),
        );
        match (u32::try_from(least), u32::try_from(most)) {
            (Ok(least), Ok(most)) if least <= most && most <= MOST_ELAPSED => {
                Ok(Onset::Elapsed { least, most })
            }
            _ => Err(Diagnostic::error(
                window.span,
                "the window is longer than 704 years, or ends before it begins",
            )),
        }
    };
    match window.node {
        Window::Within { count: 0, .. } => {
            Err(Diagnostic::error(window.span, "a window of no length")
                .with_help("the shortest is `within 1 month`"))
        }
        Window::Within { count, unit } => counted(0, count, unit),
        Window::Ago { least, most, unit } => counted(least, most, unit),
        Window::Between { from, to } if from > to => Err(Diagnostic::error(
            window.span,
            "the window ends before it begins",
        )
        .with_help(format!("write `from {to} to {from}`"))),
        Window::Between { from, to } => Ok(Onset::Between {
            lo: cell(from),
            hi: cell(to),
        }),
        Window::Since(from) => Ok(Onset::Between {
            lo: cell(from),
            hi: MOST_ELAPSED,
        }),
        Window::Until(to) => Ok(Onset::Between {
            lo: 1,
            hi: cell(to),
        }),
    }
}
