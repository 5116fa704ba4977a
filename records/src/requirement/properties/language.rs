//! The language, its lowering and its explanations.

use proptest::prelude::*;

use super::evaluator::Evaluator;
use crate::{
    cell::{Cells, Layout, arb_record},
    civil::CivilDay,
    requirement::{
        Expression,
        arbitrary::{arb_node, arb_question, arb_today},
        explain,
        explanation::{Combination, Finding},
        syntax::Node,
    },
    schema::Schema,
};

fn arb_case() -> impl Strategy<Value = (Schema, Cells, CivilDay, Node)> {
    (arb_record(), arb_today()).prop_flat_map(|((schema, cells), today)| {
        let node = arb_node(&schema, &cells, today);
        (Just(schema), Just(cells), Just(today), node)
    })
}

fn consistent(finding: &Finding) {
    let parts = &finding.parts;
    let expected = match finding.combination {
        Some(Combination::All) => parts.iter().all(|p| p.holds),
        Some(Combination::Any) => parts.iter().any(|p| p.holds),
        None => return assert!(parts.is_empty() && !finding.readings.is_empty()),
    };
    assert_eq!(finding.holds, expected, "{finding:#?}");
    parts.iter().for_each(consistent);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn printing_and_parsing_give_the_same_tree((_, _, _, node) in arb_case()) {
        let text = node.to_string();
        let parsed = Expression::parse(&text).unwrap();
        prop_assert_eq!(&parsed.root().node, &node);
        prop_assert_eq!(parsed.to_string(), text);
    }

    #[test]
    fn programs_mean_what_expressions_say((schema, cells, today, node) in arb_case()) {
        let expression = Expression::from_node(&node).unwrap();
        let criteria = expression.check(&schema).unwrap();
        let evaluator = Evaluator {
            schema: &schema,
            layout: &Layout::of(&schema),
            cells: &cells,
            today,
        };
        prop_assert_eq!(
            criteria.holds(&cells, today),
            evaluator.requirement(&node),
            "{} on {}: {:?}", node, today, cells.values()
        );
    }

    #[test]
    fn explanations_agree_with_programs((schema, cells, today, node) in arb_case()) {
        let criteria = Expression::from_node(&node).unwrap().check(&schema).unwrap();
        let explanation = explain(&criteria, &cells, today);
        prop_assert_eq!(explanation.holds, criteria.holds(&cells, today));
        prop_assert_eq!(explanation.holds, explanation.criteria.iter().all(|c| c.holds));
        explanation.criteria.iter().for_each(consistent);
    }

    #[test]
    fn random_programs_are_monotone_and_encode_apart(
        (_, cells, today, program) in arb_question(),
        (_, _, _, other) in arb_question(),
    ) {
        let _ = program.holds(&cells, today);
        let same = program.schema() == other.schema() && program.formula() == other.formula();
        prop_assert_eq!(program.digest() == other.digest(), same);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        let _ = Expression::parse(&text);
    }

    #[test]
    fn no_sequence_of_words_makes_the_language_panic(
        words in prop::collection::vec(prop::sample::select(vec![
            "a0", "age", "and", "or", "not", "any", "no", "in", "(", ")", ",", "<", ">=", "!=", "=",
            "between", "within", "from", "to", "since", "until", "ago", "present", "absent",
            "diagnosis", "p0:I63", "p1:12-34", "5", "6.5", "mg/dL", "years", "months", "days",
            "2020-01-01", "2020-02-30", "v1", "#", "\n", "%", "é",
        ]), 0..12),
        (schema, _) in arb_record(),
    ) {
        let text = words.join(" ");
        match Expression::parse(&text) {
            Ok(expression) => {
                let again = Expression::parse(&expression.to_string()).unwrap();
                prop_assert_eq!(again.root(), expression.root());
                if let Err(errors) = expression.check(&schema) {
                    prop_assert!(!errors.is_empty());
                    for e in errors {
                        prop_assert!(text.get(e.span.start..e.span.end).is_some(), "{:?}", e);
                    }
                }
            }
            Err(e) => prop_assert!(text.get(e.span.start..e.span.end).is_some(), "{:?}", e),
        }
    }
}
