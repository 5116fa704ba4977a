//! Lexemes. Each eats the blanks behind it.

use core::cell::Cell;

use winnow::{
    Parser,
    ascii::{digit1, multispace1, till_line_ending},
    combinator::{alt, opt, repeat},
    error::ErrMode,
    stream::{Location, Stream},
    token::{one_of, take_while},
};

use super::{Input, Parsed};
use crate::{
    civil::CivilDay,
    requirement::{
        constant::{Constant, MAX_DIGITS},
        diagnostic::{Diagnostic, Span},
        syntax::{CodeRange, Comparator, Name, Operand, Spanned},
    },
};

const RESERVED: [&str; 15] = [
    "and", "or", "not", "any", "no", "in", "between", "within", "from", "to", "since", "until",
    "present", "absent", "ago",
];

pub(super) fn operand(input: &mut Input<'_>) -> Parsed<Spanned<Operand>> {
    let start = input.current_token_start();
    let node = alt((
        date.map(Operand::Date),
        (number, opt(unit)).map(|(value, unit)| Operand::Number { value, unit }),
        name.map(|n| Operand::Word(n.node)),
    ))
    .parse_next(input)?;
    Ok(Spanned::new(node, Span::new(start, input.state.end)))
}

pub(super) fn date(input: &mut Input<'_>) -> Parsed<CivilDay> {
    let (text, span) = lexeme(
        (
            take_while(4..=4, '0'..='9'),
            '-',
            take_while(1.., ('0'..='9', '-')),
        )
            .take(),
    )
    .parse_next(input)?;
    CivilDay::parse(text).map_err(|e| ErrMode::Cut(Diagnostic::error(span, e.to_string())))
}

pub(super) fn number(input: &mut Input<'_>) -> Parsed<Constant> {
    let (text, span) = lexeme((opt('-'), digit1, opt(('.', digit1))).take()).parse_next(input)?;
    Constant::parse(text).map_err(|_| {
        ErrMode::Cut(Diagnostic::error(
            span,
            format!("a number has at most {MAX_DIGITS} digits"),
        ))
    })
}

/// A UCUM code: everything up to a blank, a comma, a comment or a parenthesis that it did not open.
pub(super) fn unit(input: &mut Input<'_>) -> Parsed<Name> {
    let start = input.checkpoint();
    let open = Cell::new(0usize);
    let raw = take_while(1..=64, |c: char| match c {
        '(' => {
            open.set(open.get() + 1);
            true
        }
        ')' => open.replace(open.get().saturating_sub(1)) > 0,
        ',' | '#' | '<' | '>' | '=' | '!' => false,
        c => c.is_ascii_graphic() || (!c.is_ascii() && !c.is_whitespace() && !c.is_control()),
    });
    let (text, span) = lexeme(raw).parse_next(input)?;
    if RESERVED.iter().any(|k| k.eq_ignore_ascii_case(text)) {
        input.reset(&start);
        return Err(ErrMode::Backtrack(expected_here(input, "a unit")));
    }
    Ok(Spanned::new(text.to_owned(), span))
}

pub(super) fn code_range(input: &mut Input<'_>) -> Parsed<Spanned<CodeRange>> {
    let start = input.current_token_start();
    let prefix = raw_word.parse_next(input)?.to_owned();
    ':'.parse_next(input).map_err(|_: ErrMode<Diagnostic>| {
        let span = Span::new(start, start + prefix.len());
        ErrMode::Cut(
            Diagnostic::error(span, format!("the code `{prefix}` does not say its system"))
                .with_help(format!(
                    "write the system before it, such as `icd10:{prefix}`"
                )),
        )
    })?;
    let plain = || take_while(1.., |c: char| c.is_ascii_alphanumeric() || c == '.');
    // Procedure codes such as `5-377` have a hyphen behind their first digit.
    let characters = || alt(((one_of('0'..='9'), '-', plain()).take(), plain()));
    let (codes, span) =
        lexeme((must("a code", characters()), opt(('-', opt(characters()))))).parse_next(input)?;
    let (from, to) = match codes {
        (from, None) => (from, None),
        (from, Some((_, Some(to)))) => (from, Some(to.to_owned())),
        (from, Some((_, None))) => {
            return Err(ErrMode::Cut(
                Diagnostic::error(span, "the range does not say where it ends").with_help(format!(
                    "write `{prefix}:{from}` for everything under that code, or a range such as \
                     `icd10:I60-I69`"
                )),
            ));
        }
    };
    if input.input.starts_with('*') {
        return Err(ErrMode::Cut(
            Diagnostic::error(Span::new(start, span.end + 1), "codes have no wildcards").with_help(
                format!("`{prefix}:{from}` already covers every code under it"),
            ),
        ));
    }
    let range = CodeRange {
        prefix,
        from: from.to_owned(),
        to,
    };
    Ok(Spanned::new(range, Span::new(start, span.end)))
}

pub(super) fn comparator(input: &mut Input<'_>) -> Parsed<Comparator> {
    alt((
        symbol("<=").value(Comparator::AtMost),
        symbol("<").value(Comparator::Less),
        symbol(">=").value(Comparator::AtLeast),
        symbol(">").value(Comparator::Greater),
        symbol("!=").value(Comparator::Unequal),
        (symbol("="), opt(symbol("="))).value(Comparator::Equal),
        symbol("≤").value(Comparator::AtMost),
        symbol("≥").value(Comparator::AtLeast),
        symbol("≠").value(Comparator::Unequal),
    ))
    .parse_next(input)
}

/// An identifier that is no keyword.
pub(super) fn name(input: &mut Input<'_>) -> Parsed<Name> {
    let start = input.checkpoint();
    let (text, span) = word(input)?;
    if RESERVED.iter().any(|k| k.eq_ignore_ascii_case(text)) {
        input.reset(&start);
        return Err(ErrMode::Backtrack(expected_here(input, "a name")));
    }
    Ok(Spanned::new(text.to_owned(), span))
}

pub(super) fn word<'s>(input: &mut Input<'s>) -> Parsed<(&'s str, Span)> {
    lexeme(raw_word).parse_next(input)
}

pub(super) fn raw_word<'s>(input: &mut Input<'s>) -> Parsed<&'s str> {
    (
        one_of(|c: char| c.is_ascii_alphabetic()),
        take_while(0.., |c: char| c.is_ascii_alphanumeric() || c == '_'),
    )
        .take()
        .parse_next(input)
}

pub(super) fn keyword<'s>(word_: &'static str) -> impl Parser<Input<'s>, (), ErrMode<Diagnostic>> {
    move |input: &mut Input<'s>| {
        if next_is(input, word_) {
            word(input).map(drop)
        } else {
            Err(ErrMode::Backtrack(expected_here(input, word_)))
        }
    }
}

pub(super) fn peek_word<'s>(
    word_: &'static str,
) -> impl Parser<Input<'s>, (), ErrMode<Diagnostic>> {
    move |input: &mut Input<'s>| {
        if next_is(input, word_) {
            Ok(())
        } else {
            Err(ErrMode::Backtrack(expected_here(input, word_)))
        }
    }
}

pub(super) fn symbol<'s>(text: &'static str) -> impl Parser<Input<'s>, (), ErrMode<Diagnostic>> {
    lexeme(text).void()
}

pub(super) fn lexeme<'s, O>(
    mut parser: impl Parser<Input<'s>, O, ErrMode<Diagnostic>>,
) -> impl Parser<Input<'s>, (O, Span), ErrMode<Diagnostic>> {
    move |input: &mut Input<'s>| {
        let start = input.current_token_start();
        let out = parser.parse_next(input)?;
        let span = Span::new(start, input.current_token_start());
        input.state.end = span.end;
        blank(input)?;
        Ok((out, span))
    }
}

pub(super) fn blank(input: &mut Input<'_>) -> Parsed<()> {
    repeat(
        0..,
        alt((multispace1.void(), ('#', till_line_ending).void())),
    )
    .parse_next(input)
}

/// Turns "not this" into an error that says what must stand here.
pub(super) fn must<'s, O>(
    what: &'static str,
    mut parser: impl Parser<Input<'s>, O, ErrMode<Diagnostic>>,
) -> impl Parser<Input<'s>, O, ErrMode<Diagnostic>> {
    move |input: &mut Input<'s>| {
        let start = input.checkpoint();
        parser.parse_next(input).map_err(|e| match e {
            ErrMode::Cut(diagnostic) => ErrMode::Cut(diagnostic),
            ErrMode::Backtrack(_) | ErrMode::Incomplete(_) => {
                input.reset(&start);
                ErrMode::Cut(expected_here(input, what))
            }
        })
    }
}

pub(super) fn expected_here(input: &Input<'_>, what: &str) -> Diagnostic {
    let (span, found) = next_lexeme(input);
    if found.is_empty() {
        return Diagnostic::error(span, format!("expected {what}, found the end"));
    }
    Diagnostic::error(span, format!("expected {what}, found `{found}`"))
}

pub(super) fn next_is(input: &Input<'_>, word: &str) -> bool {
    next_lexeme(input).1.eq_ignore_ascii_case(word)
}

/// What stands next, for choosing a rule and for errors: a word, or one character; empty at the end.
pub(super) fn next_lexeme<'s>(input: &Input<'s>) -> (Span, &'s str) {
    let rest: &'s str = input.input.peek_slice(input.input.eof_offset());
    let start = input.current_token_start();
    let length = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(rest.len())
        .max(rest.chars().next().map_or(0, char::len_utf8));
    let found = rest.get(..length).unwrap_or_default();
    (Span::new(start, start + length), found)
}
