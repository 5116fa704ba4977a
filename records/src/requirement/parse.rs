//! The grammar, read left to right without backtracking over more than one lexeme.
//!
//! ```text
//! expression  = conjunction { "or" conjunction }
//! conjunction = unary { "and" unary }
//! unary       = "not" unary | "(" expression ")" | criterion
//! criterion   = ("any" | "no") GROUP [ "in" code { "," code } ] [ window ]
//!             | ("present" | "absent") NAME [ window ]
//!             | NAME comparator operand [ window ]
//!             | NAME "between" operand "and" operand [ window ]
//!             | NAME [ "not" ] "in" NAME { "," NAME } [ window ]
//!             | NAME [ window ]
//! window      = "within" COUNT calendar | "between" COUNT "and" COUNT calendar "ago"
//!             | "from" DATE "to" DATE | "since" DATE | "until" DATE
//! operand     = DATE | NUMBER [ UNIT ] | NAME
//! code        = PREFIX ":" CODE [ "-" CODE ]
//! ```
//!
//! Keywords are read in any case; `#` starts a comment that ends with the line.

mod lexeme;

use winnow::{
    LocatingSlice, Parser,
    combinator::{opt, separated},
    error::{ErrMode, ModalResult, ParserError},
    stream::{Location, Stateful},
};

use self::lexeme::{
    blank, code_range, comparator, date, expected_here, keyword, must, name, next_is, next_lexeme,
    operand, peek_word, symbol, word,
};
use super::{
    constant::Constant,
    diagnostic::{Diagnostic, Span, suggestion},
    syntax::{
        Calendar, Criterion, MAX_NESTING, MAX_SOURCE, Name, Node, Operand, Quantifier, Spanned,
        Window,
    },
};

/// How deep the parser stands, and where the last lexeme ended.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    depth: usize,
    end: usize,
}

type Input<'s> = Stateful<LocatingSlice<&'s str>, Place>;
type Parsed<T> = ModalResult<T, Diagnostic>;

impl<'s> ParserError<Input<'s>> for Diagnostic {
    type Inner = Self;

    fn from_input(input: &Input<'s>) -> Self {
        expected_here(input, "a criterion")
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

/// Parses a whole source.
pub(super) fn parse(source: &str) -> Result<Spanned<Node>, Diagnostic> {
    if source.len() > MAX_SOURCE {
        return Err(Diagnostic::error(
            Span::default(),
            format!("an expression is at most {MAX_SOURCE} bytes long"),
        ));
    }
    let mut input = Input {
        input: LocatingSlice::new(source),
        state: Place::default(),
    };
    whole(&mut input).map_err(|e| match e {
        ErrMode::Backtrack(d) | ErrMode::Cut(d) => d,
        ErrMode::Incomplete(_) => Diagnostic::error(Span::default(), "unexpected end"),
    })
}

fn whole(input: &mut Input<'_>) -> Parsed<Spanned<Node>> {
    blank(input)?;
    let root = must("a criterion", expression).parse_next(input)?;
    if input.input.is_empty() {
        return Ok(root);
    }
    let (_, found) = next_lexeme(input);
    let near = suggestion(
        found,
        [
            "and", "or", "within", "from", "since", "until", "in", "between",
        ],
    );
    let missing = expected_here(input, "`and`, `or` or the end of the expression");
    Err(ErrMode::Cut(missing.with_maybe_help(near)))
}

fn expression(input: &mut Input<'_>) -> Parsed<Spanned<Node>> {
    chain(input, "or", conjunction, Node::Or)
}

fn conjunction(input: &mut Input<'_>) -> Parsed<Spanned<Node>> {
    chain(input, "and", unary, Node::And)
}

/// One part, or several joined by a word.
fn chain(
    input: &mut Input<'_>,
    word: &'static str,
    mut part: fn(&mut Input<'_>) -> Parsed<Spanned<Node>>,
    join: fn(Vec<Spanned<Node>>) -> Node,
) -> Parsed<Spanned<Node>> {
    let first = part(input)?;
    if !next_is(input, word) {
        return Ok(first);
    }
    let mut parts = vec![first];
    while opt(keyword(word)).parse_next(input)?.is_some() {
        parts.push(must("a criterion", part.by_ref()).parse_next(input)?);
    }
    let span = parts.iter().fold(parts[0].span, |s, p| s.join(p.span));
    Ok(Spanned::new(join(parts), span))
}

fn unary(input: &mut Input<'_>) -> Parsed<Spanned<Node>> {
    let start = input.current_token_start();
    let opens = input.input.starts_with('(');
    if !opens && !next_is(input, "not") {
        return criterion(input);
    }
    if input.state.depth == MAX_NESTING {
        let too_deep = format!("parentheses and `not` nest at most {MAX_NESTING} deep");
        return Err(ErrMode::Cut(Diagnostic::error(
            Span::new(start, start + 1),
            too_deep,
        )));
    }
    input.state.depth += 1;
    let node = if opens {
        symbol("(").parse_next(input)?;
        let inner = must("a criterion", expression).parse_next(input)?;
        must("`)`", symbol(")")).parse_next(input)?;
        inner
    } else {
        keyword("not").parse_next(input)?;
        let inner = must("a criterion after `not`", unary).parse_next(input)?;
        let span = Span::new(start, input.state.end);
        Spanned::new(Node::Not(Box::new(inner)), span)
    };
    input.state.depth -= 1;
    Ok(node)
}

fn criterion(input: &mut Input<'_>) -> Parsed<Spanned<Node>> {
    let start = input.current_token_start();
    let criterion = match next_lexeme(input).1.to_ascii_lowercase().as_str() {
        "any" => codes(input, Quantifier::Any)?,
        "no" => codes(input, Quantifier::No)?,
        "present" => presence(input, true)?,
        "absent" => presence(input, false)?,
        _ => about(input)?,
    };
    let span = Span::new(start, input.state.end);
    Ok(Spanned::new(Node::Criterion(criterion), span))
}

fn codes(input: &mut Input<'_>, quantifier: Quantifier) -> Parsed<Criterion> {
    word(input)?;
    let group = must("a group of codes, such as `diagnosis`", name).parse_next(input)?;
    let codes = match opt(keyword("in")).parse_next(input)? {
        Some(_) => separated(
            1..,
            must("a code, such as `icd10:I63`", code_range),
            symbol(","),
        )
        .parse_next(input)?,
        None => Vec::new(),
    };
    Ok(Criterion::Codes {
        quantifier,
        group,
        codes,
        window: window(input)?,
    })
}

fn presence(input: &mut Input<'_>, present: bool) -> Parsed<Criterion> {
    word(input)?;
    Ok(Criterion::Presence {
        name: must("the name of an attribute", name).parse_next(input)?,
        present,
        window: window(input)?,
    })
}

/// Everything that starts with an attribute's name.
fn about(input: &mut Input<'_>) -> Parsed<Criterion> {
    let name = name(input)?;
    if let Some(comparator) = opt(comparator).parse_next(input)? {
        return Ok(Criterion::Compare {
            name,
            comparator,
            operand: must("a number, a date or a value", operand).parse_next(input)?,
            window: window(input)?,
        });
    }
    match next_lexeme(input).1.to_ascii_lowercase().as_str() {
        "between" => between(input, name),
        "in" => among(input, name, false),
        "not" => {
            word(input)?;
            must("`in` after `not`", peek_word("in")).parse_next(input)?;
            among(input, name, true)
        }
        _ => Ok(match window(input)? {
            Some(window) => Criterion::Dated { name, window },
            None => Criterion::Flag { name },
        }),
    }
}

fn among(input: &mut Input<'_>, name_: Name, none: bool) -> Parsed<Criterion> {
    word(input)?;
    Ok(Criterion::Among {
        name: name_,
        none,
        values: separated(1.., must("a value", name), symbol(",")).parse_next(input)?,
        window: window(input)?,
    })
}

fn between(input: &mut Input<'_>, name: Name) -> Parsed<Criterion> {
    let start = input.current_token_start();
    word(input)?;
    let low = must("the least value", operand).parse_next(input)?;
    must("`and` and the greatest value", keyword("and")).parse_next(input)?;
    let high = must("the greatest value", operand).parse_next(input)?;
    if next_is(input, "ago") {
        word(input)?;
        let span = Span::new(start, input.state.end);
        let window = ago(&low, &high).map_err(ErrMode::Cut)?;
        return Ok(Criterion::Dated {
            name,
            window: Spanned::new(window, span),
        });
    }
    Ok(Criterion::Between {
        name,
        low,
        high,
        window: window(input)?,
    })
}

fn window(input: &mut Input<'_>) -> Parsed<Option<Spanned<Window>>> {
    let start = input.current_token_start();
    let window = match next_lexeme(input).1.to_ascii_lowercase().as_str() {
        "within" => {
            word(input)?;
            let (count, unit) = must("a length, such as `24 months`", length).parse_next(input)?;
            Window::Within { count, unit }
        }
        "between" => {
            word(input)?;
            let low = must("a number of months or years", operand).parse_next(input)?;
            must("`and`", keyword("and")).parse_next(input)?;
            let high = must("a number of months or years", operand).parse_next(input)?;
            must("`ago`", keyword("ago")).parse_next(input)?;
            ago(&low, &high).map_err(ErrMode::Cut)?
        }
        "from" => {
            word(input)?;
            let from = must("a date, YYYY-MM-DD", date).parse_next(input)?;
            must("`to` and a date", keyword("to")).parse_next(input)?;
            let to = must("a date, YYYY-MM-DD", date).parse_next(input)?;
            Window::Between { from, to }
        }
        "since" => {
            word(input)?;
            Window::Since(must("a date, YYYY-MM-DD", date).parse_next(input)?)
        }
        "until" => {
            word(input)?;
            Window::Until(must("a date, YYYY-MM-DD", date).parse_next(input)?)
        }
        _ => return Ok(None),
    };
    let span = Span::new(start, input.state.end);
    Ok(Some(Spanned::new(window, span)))
}

/// `24 months`
fn length(input: &mut Input<'_>) -> Parsed<(u32, Calendar)> {
    let count = operand(input)?;
    match &count.node {
        Operand::Number {
            value,
            unit: Some(unit),
        } => {
            let unit = calendar(unit).map_err(ErrMode::Cut)?;
            let count = whole_count(*value, count.span).map_err(ErrMode::Cut)?;
            Ok((count, unit))
        }
        _ => Err(ErrMode::Cut(
            Diagnostic::error(count.span, "expected a number of months or years")
                .with_help("write a whole number and its unit, such as `24 months`"),
        )),
    }
}

/// `between 3 and 24 months ago`
fn ago(low: &Spanned<Operand>, high: &Spanned<Operand>) -> Result<Window, Diagnostic> {
    let span = low.span.join(high.span);
    let (
        Operand::Number {
            value: least,
            unit: None,
        },
        Operand::Number {
            value: most,
            unit: Some(unit),
        },
    ) = (&low.node, &high.node)
    else {
        return Err(
            Diagnostic::error(span, "expected two whole numbers of months or years")
                .with_help("write `between 3 and 24 months ago`"),
        );
    };
    let unit = calendar(unit)?;
    Ok(Window::Ago {
        least: whole_count(*least, low.span)?,
        most: whole_count(*most, high.span)?,
        unit,
    })
}

fn whole_count(value: Constant, span: Span) -> Result<u32, Diagnostic> {
    value
        .whole()
        .and_then(|n| u32::try_from(n).ok())
        .filter(|n| *n <= 9999)
        .ok_or_else(|| {
            Diagnostic::error(span, format!("`{value}` is not a whole number up to 9999"))
        })
}

/// Reads a calendar unit; the shorter ones are refused with the reason.
pub(super) fn calendar(unit: &Name) -> Result<Calendar, Diagnostic> {
    match unit.node.to_ascii_lowercase().as_str() {
        "month" | "months" | "mo" => Ok(Calendar::Months),
        "year" | "years" | "a" => Ok(Calendar::Years),
        "d" | "day" | "days" | "wk" | "week" | "weeks" | "h" | "hour" | "hours" => {
            Err(Diagnostic::error(
                unit.span,
                format!("time cannot be counted in `{}`", unit.node),
            )
            .with_help(
                "use months or years: dates are proved as calendar numbers in which whole months and \
                 years are exact and days between two dates are not",
            ))
        }
        other => Err(
            Diagnostic::error(unit.span, format!("`{other}` is no calendar unit"))
                .with_help("write `months` or `years`"),
        ),
    }
}
