//! An expression checked against a schema.

use super::{
    diagnostic::{Diagnostic, Span},
    lower::{self, Findings, Tree},
    resolve::Scope,
    syntax::Expression,
};
use crate::{
    cell::{Cells, Layout},
    civil::CivilDay,
    program::{Formula, Program},
    schema::Schema,
};

/// An expression checked against a schema: its program, and what its author should know.
#[derive(Clone, Debug)]
pub struct Criteria {
    schema: Schema,
    expression: Expression,
    tree: Tree,
    implied: Option<Tree>,
    program: Program,
    warnings: Vec<Diagnostic>,
}

impl Expression {
    /// Checks names, units, bounds and windows against a schema, and lowers the expression to a
    /// program in negation normal form. `not deceased` is added unless the expression speaks of death.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in the order of the source; never empty.
    pub fn check(&self, schema: &Schema) -> Result<Criteria, Vec<Diagnostic>> {
        let layout = Layout::of(schema);
        let scope = Scope {
            schema,
            layout: &layout,
        };
        let mut findings = Findings::default();
        let tree = lower::normal_form(scope, self.root(), true, &mut findings);
        let mut speaks_of_death = false;
        self.root()
            .node
            .visit(&mut |c| speaks_of_death |= scope.mentions_death(c));
        let whole = self.root().span;
        let (Some(tree), true) = (tree, findings.errors.is_empty()) else {
            return Err(findings.errors);
        };
        let implied = if speaks_of_death {
            None
        } else {
            lower::alive(scope)
        };
        let formula = lower::all(implied.iter().chain([&tree]).map(Tree::formula));
        let mut warnings = findings.warnings;
        warnings.extend(constant(&formula, whole));
        if implied.is_none() && !speaks_of_death {
            let silent = format!("the schema `{}` does not say who died", schema.name());
            warnings.push(Diagnostic::warning(whole, silent));
        }
        let program = Program::new(&layout, formula)
            .map_err(|e| vec![Diagnostic::error(whole, e.to_string())])?;
        Ok(Criteria {
            schema: schema.clone(),
            expression: self.clone(),
            tree,
            implied,
            program,
            warnings,
        })
    }
}

fn constant(formula: &Formula, whole: Span) -> Option<Diagnostic> {
    match formula {
        Formula::Any(parts) if parts.is_empty() => Some(
            Diagnostic::warning(whole, "no record can meet this requirement")
                .with_help("two criteria exclude each other, or a bound is out of reach"),
        ),
        Formula::All(parts) if parts.is_empty() => Some(Diagnostic::warning(
            whole,
            "every record meets this requirement",
        )),
        _ => None,
    }
}

impl Criteria {
    /// The schema it was checked against.
    pub const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The expression it came from.
    pub const fn expression(&self) -> &Expression {
        &self.expression
    }

    /// The program.
    pub const fn program(&self) -> &Program {
        &self.program
    }

    /// What may surprise its author.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Whether `not deceased` was added.
    pub const fn implies_alive(&self) -> bool {
        self.implied.is_some()
    }

    /// Whether a record meets it on a day.
    pub fn holds(&self, cells: &Cells, today: CivilDay) -> bool {
        self.program.holds(cells, today)
    }

    pub(crate) const fn tree(&self) -> &Tree {
        &self.tree
    }

    pub(crate) const fn implied(&self) -> Option<&Tree> {
        self.implied.as_ref()
    }
}
