//! What is exported imports to the same meaning.

use proptest::prelude::*;

use crate::{
    cell::{Cells, arb_cells},
    civil::CivilDay,
    requirement::{
        Expression,
        arbitrary::{arb_node, arb_today},
        document::{Document, Requirement},
        interchange::{Format, export, import},
        syntax::Node,
    },
    schema::{Schema, shipped},
};

fn core() -> &'static Schema {
    shipped("core").unwrap()
}

fn arb_case() -> impl Strategy<Value = (Vec<Cells>, CivilDay, Node)> {
    let records = prop::collection::vec(arb_cells(core()), 4);
    (records, arb_today()).prop_flat_map(|(records, today)| {
        let node = arb_node(core(), &records[0], today);
        (Just(records), Just(today), node)
    })
}

fn requirement(node: &Node) -> Requirement {
    Requirement::try_from(Document {
        id: "random".into(),
        title: "Random".into(),
        publisher: "Test".into(),
        schema: "core".into(),
        expression: node.to_string(),
        ..Document::default()
    })
    .unwrap()
}

fn reads_back(
    format: Format,
    (records, today, node): (Vec<Cells>, CivilDay, Node),
) -> Result<(), TestCaseError> {
    let requirement = requirement(&node);
    let criteria = requirement.check(core()).unwrap();
    let exported = export(format, &requirement, &criteria);
    prop_assume!(exported.unsupported.is_empty());
    let text = exported.json.to_string();
    let back = import(format, &text, core())
        .map_err(|e| TestCaseError::fail(format!("{node}\n{text}\n{e}")))?;
    prop_assert_eq!(&back.unsupported, &[]);
    let again = back.expression.check(core()).unwrap();
    for cells in &records {
        prop_assert_eq!(
            criteria.holds(cells, today),
            again.holds(cells, today),
            "{}\n{}",
            node,
            back.expression
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        max_global_rejects: 100_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn cohort_definitions_read_back(case in arb_case()) {
        reads_back(Format::Ccdl, case)?;
    }

    #[test]
    fn evidence_variables_read_back(case in arb_case()) {
        reads_back(Format::EvidenceVariable, case)?;
    }

    #[test]
    fn groups_read_back(case in arb_case(), fifth in any::<bool>()) {
        reads_back(if fifth { Format::GroupR5 } else { Format::GroupR4 }, case)?;
    }

    #[test]
    fn documents_read_back(case in arb_case()) {
        let requirement = requirement(&case.2);
        let again = Requirement::from_toml(&requirement.to_toml()).unwrap();
        prop_assert_eq!(
            again.expression(),
            &Expression::parse(requirement.expression().source()).unwrap()
        );
        prop_assert_eq!(again, requirement);
    }
}
