//! What expressions mean, and how they are refused.

use eligo_records::requirement::{Expression, ranges::code_cells, syntax::MAX_NESTING};
use eligo_records::schema::Coding;

use super::small::{Record, check, day, holds, schema};

fn icd(code: &str) -> u64 {
    code_cells(Coding::Base37, code, None).unwrap().lo()
}

/// Expressions with cells that meet them and cells that do not.
#[test]
fn scalar_criteria_mean_what_they_say() {
    let table: &[(&str, &str, &[u64], &[u64])] = &[
        // hba1c: one decimal, cell = 1 + 10 x
        ("hba1c >= 6.5 %", "hba1c", &[66, 511], &[0, 1, 65]),
        ("hba1c > 6.5%", "hba1c", &[67], &[0, 66]),
        ("hba1c < 6.5 %", "hba1c", &[1, 65], &[0, 66]),
        ("hba1c ≤ 6.5 %", "hba1c", &[1, 66], &[0, 67]),
        ("hba1c = 6.5 %", "hba1c", &[66], &[0, 65, 67]),
        ("hba1c != 6.5 %", "hba1c", &[1, 65, 67, 511], &[0, 66]),
        (
            "hba1c between 6 and 6.5 %",
            "hba1c",
            &[61, 66],
            &[0, 60, 67],
        ),
        (
            "not (hba1c between 6 % and 6.5 %)",
            "hba1c",
            &[0, 60, 67],
            &[61, 66],
        ),
        ("not hba1c != 6.5 %", "hba1c", &[0, 66], &[65, 67]),
        ("hba1c < 99 %", "hba1c", &[1, 511], &[0]),
        ("not hba1c >= 99 %", "hba1c", &[0, 1, 511], &[]),
        ("hba1c < 0 % or hba1c >= 6.5 %", "hba1c", &[66], &[0, 1]),
        // base_excess: minimum -30.0
        (
            "base_excess < -2 mmol/L",
            "base_excess",
            &[1, 280],
            &[0, 281],
        ),
        ("base_excess >= -30 mmol/L", "base_excess", &[1, 1023], &[0]),
        // another accepted unit, converted exactly
        ("glucose >= 7 mmol/L", "glucose", &[127], &[0, 126]),
        ("score = 3", "score", &[4], &[0, 3]),
        ("score = 3 1", "score", &[4], &[0, 3]),
        ("present hba1c", "hba1c", &[1, 511], &[0]),
        ("absent hba1c", "hba1c", &[0], &[1, 511]),
        ("not present hba1c", "hba1c", &[0], &[1]),
        ("not absent hba1c", "hba1c", &[1], &[0]),
        ("sex = female", "sex", &[1], &[0, 2, 3]),
        ("sex != female", "sex", &[2, 3, 4], &[0, 1]),
        ("not sex = female", "sex", &[0, 2, 3, 4, 7], &[1]),
        ("smoking in current, former", "smoking", &[1, 2], &[0, 3]),
        (
            "smoking not in current, former",
            "smoking",
            &[3],
            &[0, 1, 2],
        ),
        (
            "not smoking in current, former",
            "smoking",
            &[0, 3],
            &[1, 2],
        ),
        ("deceased", "deceased", &[2], &[0, 1]),
        ("not deceased", "deceased", &[0, 1], &[2]),
        ("absent deceased", "deceased", &[0], &[1, 2]),
    ];
    for (source, name, good, bad) in table {
        for cell in *good {
            assert!(
                holds(source, &Record::default().with(name, *cell)),
                "{source} at {cell}"
            );
        }
        for cell in *bad {
            assert!(
                !holds(source, &Record::default().with(name, *cell)),
                "{source} at {cell}"
            );
        }
    }
}

#[test]
fn ages_and_dates_count_completed_calendar_units() {
    // Today is 2021-06-01.
    let table: &[(&str, &[&str], &[&str])] = &[
        (
            "age between 40 and 80 years",
            &["1981-06-01", "1940-06-02"],
            &["1981-06-02", "1940-06-01"],
        ),
        (
            "age >= 18 years",
            &["2003-06-01", "1900-01-01"],
            &["2003-06-02", "2021-06-01"],
        ),
        (
            "age < 18 years",
            &["2003-06-02", "2021-06-01"],
            &["2003-06-01", "2021-06-02"],
        ),
        ("age > 17 years", &["2003-06-01"], &["2003-06-02"]),
        (
            "age = 18 years",
            &["2003-06-01", "2002-06-02"],
            &["2003-06-02", "2002-06-01"],
        ),
        (
            "age != 18 years",
            &["2003-06-02", "2002-06-01"],
            &["2003-06-01", "2021-06-02"],
        ),
        (
            "age between 6 and 23 months",
            &["2020-12-01", "2019-06-02"],
            &["2020-12-02", "2019-06-01"],
        ),
        ("age >= 0 years", &["2021-06-01"], &["2021-06-02"]),
        (
            "not age >= 18 years",
            &["2003-06-02", "2021-06-02"],
            &["2003-06-01"],
        ),
        ("birth_date >= 1990-01-01", &["1990-01-01"], &["1989-12-31"]),
        ("birth_date < 1990-01-01", &["1989-12-31"], &["1990-01-01"]),
        (
            "birth_date != 1990-01-01",
            &["1989-12-31", "1990-01-02"],
            &["1990-01-01"],
        ),
        (
            "birth_date from 1990-01-01 to 1990-12-31",
            &["1990-01-01", "1990-12-31"],
            &["1989-12-31", "1991-01-01"],
        ),
        (
            "birth_date between 1990-01-01 and 1990-12-31",
            &["1990-12-31"],
            &["1991-01-01"],
        ),
        (
            "birth_date within 12 months",
            &["2020-06-01", "2021-06-01"],
            &["2020-05-31", "2021-06-02"],
        ),
        (
            "birth_date between 1 and 2 years ago",
            &["2020-06-01", "2019-06-01"],
            &["2020-06-02", "2019-05-31"],
        ),
        (
            "birth_date since 1990-01-01",
            &["1990-01-01", "2021-06-02"],
            &["1989-12-31"],
        ),
        (
            "birth_date until 1990-01-01",
            &["1990-01-01"],
            &["1990-01-02"],
        ),
    ];
    for (source, good, bad) in table {
        for text in *good {
            assert!(
                holds(source, &Record::default().with("birth_date", day(text))),
                "{source} {text}"
            );
        }
        for text in *bad {
            assert!(
                !holds(source, &Record::default().with("birth_date", day(text))),
                "{source} {text}"
            );
        }
        let unborn = holds(source, &Record::default());
        assert_eq!(unborn, source.starts_with("not"), "{source} without a date");
    }
}

#[test]
fn a_window_looks_at_the_date_of_the_same_observation() {
    let record = |value, date| {
        Record::default()
            .with("systolic_bp", value)
            .with("systolic_bp@", date)
    };
    let recent = "systolic_bp < 140 mm[Hg] within 24 months";
    assert!(holds(recent, &record(140, day("2019-06-01"))));
    assert!(!holds(recent, &record(141, day("2019-06-01"))));
    assert!(!holds(recent, &record(140, day("2019-05-31"))));
    assert!(!holds(recent, &record(140, day("2021-06-02"))));
    assert!(!holds(recent, &record(140, 0)));
    let fixed = "systolic_bp < 140 mm[Hg] from 2019-06-01 to 2021-06-01";
    assert!(holds(fixed, &record(140, day("2021-06-01"))));
    assert!(!holds(fixed, &record(140, day("2019-05-31"))));
    // The opposite: the value or the date is another one, or absent.
    let outside = "not (systolic_bp < 140 mm[Hg] within 24 months)";
    assert!(holds(outside, &record(140, day("2019-05-31"))));
    assert!(holds(outside, &record(141, day("2021-01-01"))));
    assert!(holds(outside, &record(0, 0)));
    assert!(!holds(outside, &record(140, day("2021-01-01"))));
    let earlier = "present systolic_bp between 3 and 6 months ago";
    assert!(holds(earlier, &record(1, day("2021-03-01"))));
    assert!(!holds(earlier, &record(1, day("2021-03-02"))));
    assert!(!holds(earlier, &record(0, day("2021-03-01"))));
}

#[test]
fn quantifiers_over_codes() {
    let icd10 = |codes: &[&str], recorded: u64| {
        let record = Record::default().with("diagnosis_icd10!", recorded);
        codes.iter().enumerate().fold(record, |r, (i, c)| {
            r.with(&format!("diagnosis_icd10#{}", 4 - codes.len() + i), icd(c))
        })
    };
    let stroke = "any diagnosis in icd10:I63, icd10:I61, snomed:230690007";
    assert!(holds(stroke, &icd10(&["E11", "I63.9"], 0)));
    assert!(holds(
        stroke,
        &Record::default().with("diagnosis_snomed#3", 230_690_008)
    ));
    assert!(!holds(stroke, &icd10(&["E11", "I64"], 2)));
    assert!(!holds(stroke, &Record::default()));

    let none = "no diagnosis in icd10:I48";
    assert!(holds(none, &icd10(&["E11", "I63.9"], 2)));
    assert!(holds(none, &icd10(&[], 2)));
    assert!(!holds(none, &icd10(&["E11", "I48.0"], 2)));
    // A family that the hospital did not record proves nothing either way.
    assert!(!holds(none, &icd10(&["E11"], 1)));
    assert!(!holds(none, &icd10(&["E11"], 0)));
    assert!(!holds("any diagnosis in icd10:I48", &icd10(&["E11"], 0)));
    // not-any is no; not-no is any; De Morgan in between.
    for (a, b) in [
        ("not any diagnosis in icd10:I48", none),
        (
            "not no diagnosis in icd10:I48",
            "any diagnosis in icd10:I48",
        ),
        (
            "not (any diagnosis in icd10:I48 and not hba1c < 6 %)",
            "no diagnosis in icd10:I48 or hba1c < 6 %",
        ),
    ] {
        assert_eq!(
            check(a).unwrap().program().digest(),
            check(b).unwrap().program().digest(),
            "{a}"
        );
    }
    // Several systems: OR for any, AND for no.
    let neither = "no diagnosis in icd10:I48, snomed:49436004";
    assert!(!holds(neither, &icd10(&[], 2)));
    assert!(holds(neither, &icd10(&[], 2).with("diagnosis_snomed!", 2)));
    // Whole families.
    assert!(holds("any diagnosis", &icd10(&["A00"], 0)));
    assert!(!holds(
        "any diagnosis",
        &Record::default().with("diagnosis_icd10!", 2)
    ));
    assert!(holds("no diagnosis_icd10", &icd10(&[], 2)));
    assert!(!holds("no diagnosis", &icd10(&[], 2)));
    // A window looks at the onset of the very code that was found.
    let recent = "any diagnosis in icd10:I63 within 3 months";
    let onset = |record: Record, rank: usize, date: &str| {
        record.with(&format!("diagnosis_icd10~{rank}"), day(date))
    };
    assert!(holds(
        recent,
        &onset(icd10(&["E11", "I63"], 0), 3, "2021-03-01")
    ));
    assert!(!holds(
        recent,
        &onset(icd10(&["E11", "I63"], 0), 2, "2021-03-01")
    ));
    assert!(!holds(
        recent,
        &onset(icd10(&["E11", "I63"], 0), 3, "2021-02-28")
    ));
    assert!(!holds(recent, &icd10(&["I63"], 2)));
}

#[test]
fn adjacent_code_ranges_are_one_test() {
    let tests = |source: &str| check(source).unwrap().program().formula().tests().len();
    assert_eq!(tests("any diagnosis in icd10:I60, icd10:I61, icd10:I62"), 2);
    assert_eq!(tests("any diagnosis in icd10:I60-I69"), 2);
    assert_eq!(tests("any diagnosis in icd10:I60, icd10:I69"), 3);
}

#[test]
fn a_patient_is_alive_unless_the_requirement_says_otherwise() {
    let dead = Record::default().with("hba1c", 70).with("deceased", 2);
    let alive = Record::default().with("hba1c", 70).with("deceased", 1);
    let silent = Record::default().with("hba1c", 70);
    for (source, expected) in [
        ("hba1c >= 6.5 %", [false, true, true]),
        ("hba1c >= 6.5 % and not deceased", [false, true, true]),
        ("hba1c >= 6.5 % and deceased", [true, false, false]),
        (
            "hba1c >= 6.5 % and (deceased or not deceased)",
            [true, true, true],
        ),
        ("hba1c >= 6.5 % or deceased", [true, true, true]),
    ] {
        assert_eq!(
            [&dead, &alive, &silent].map(|r| holds(source, r)),
            expected,
            "{source}"
        );
    }
    assert!(check("hba1c >= 6.5 %").unwrap().implies_alive());
    assert!(!check("deceased").unwrap().implies_alive());
}

/// Expressions, the text under the caret, and words of the message or its help.
#[test]
fn errors_point_at_the_culprit_and_say_what_to_do() {
    let table = [
        ("", "", "expected a criterion, found the end"),
        ("   # nothing\n ", "", "found the end"),
        ("age >= 18 years and", "", "expected a criterion"),
        ("(age >= 18 years", "", "expected `)`"),
        ("age >= 18 years)", ")", "`and`, `or` or the end"),
        (
            "age >= 18 years adn sex = male",
            "adn",
            "did you mean `and`?",
        ),
        ("age >= 18", "18", "write `18 years`"),
        ("age >= 18.5 years", "18.5 years", "whole years"),
        ("age >= 900 days", "days", "use months or years"),
        ("hba1c >= 6.5", "6.5", "write `6.5 %`"),
        ("hba1c >= 6.55 %", "6.55 %", "write `6.5 %` or `6.6 %`"),
        ("hba1c >= 6.5 mmol/mol", "mmol/mol", "it is kept in `%`"),
        ("systolic_bp < 140 mmHg", "mmHg", "did you mean `mm[Hg]`?"),
        (
            "systolc_bp < 140 mm[Hg]",
            "systolc_bp",
            "did you mean `systolic_bp`?",
        ),
        ("systolic_bp < high", "high", "compared with a number"),
        (
            "systolic_bp within 3 months",
            "within 3 months",
            "write `present systolic_bp within 3 months`",
        ),
        (
            "systolic_bp < 140 mm[Hg] within 90 days",
            "days",
            "whole months and years are exact",
        ),
        (
            "systolic_bp < 140 mm[Hg] within 2 weeks",
            "weeks",
            "months or years",
        ),
        (
            "systolic_bp < 140 mm[Hg] within 0 months",
            "within 0 months",
            "no length",
        ),
        (
            "systolic_bp < 140 mm[Hg] within 9999 years",
            "within 9999 years",
            "704 years",
        ),
        (
            "systolic_bp < 140 mm[Hg] within 1.5 years",
            "1.5 years",
            "not a whole number",
        ),
        (
            "systolic_bp < 140 mm[Hg] from 2021-06-01 to 2019-06-01",
            "from 2021-06-01 to 2019-06-01",
            "from 2019-06-01 to 2021-06-01",
        ),
        (
            "systolic_bp < 140 mm[Hg] from 2021-02-30 to 2021-06-01",
            "2021-02-30",
            "not a calendar date",
        ),
        (
            "egfr < 30 mL/min/{1.73_m2} within 2 years",
            "within 2 years",
            "does not keep the date",
        ),
        (
            "age >= 18 years within 2 years",
            "within 2 years",
            "takes no window",
        ),
        (
            "absent hba1c within 2 years",
            "within 2 years",
            "not (present hba1c within 2 years)",
        ),
        ("any diagnosis in I63", "I63", "icd10:I63"),
        ("any diagnosis in icd:I63", "icd", "did you mean `icd10`?"),
        (
            "any diagnosis in icd10:I63*",
            "icd10:I63*",
            "covers every code under it",
        ),
        (
            "any diagnosis in icd10:I63.-",
            "I63.-",
            "everything under that code",
        ),
        (
            "any diagnosis in icd10:I69-I60",
            "icd10:I69-I60",
            "lower code first",
        ),
        (
            "any diagnosis in icd10:I6300000",
            "icd10:I6300000",
            "at most 7",
        ),
        (
            "any diagnosis in snomed:1-5",
            "snomed:1-5",
            "numeric codes have no ranges",
        ),
        ("any diagnosis in snomed:A10", "snomed:A10", "whole number"),
        (
            "any diagnosis in snomed:230690007 within 3 months",
            "within 3 months",
            "keep when a `snomed:` diagnosis began",
        ),
        (
            "no diagnosis in icd10:I48 within 3 months",
            "within 3 months",
            "never recorded",
        ),
        (
            "not any diagnosis in icd10:I63 within 3 months",
            "any diagnosis in icd10:I63 within 3 months",
            "never recorded",
        ),
        (
            "any diagnoses in icd10:I63",
            "diagnoses",
            "did you mean `diagnosis`?",
        ),
        ("any hba1c", "hba1c", "write `present hba1c`"),
        ("present diagnosis", "diagnosis", "write `any diagnosis`"),
        ("diagnosis = 3", "diagnosis", "write `any diagnosis in ..`"),
        ("sex = femal", "femal", "did you mean `female`?"),
        ("sex = 1", "1", "one of female, male"),
        ("sex < male", "male", "no order"),
        ("sex between male and female", "sex", "no order"),
        ("hba1c in 6, 7", "6", "expected a value"),
        ("hba1c in high", "hba1c", "a comparison"),
        (
            "deceased = 1",
            "deceased",
            "write `deceased` or `not deceased`",
        ),
        ("hba1c", "hba1c", "write `present hba1c`"),
        ("birth_date >= 1950", "1950", "YYYY-MM-DD"),
        ("birth_date >= 1950-1-1", "1950-1-1", "not a calendar date"),
        (
            "hba1c >= 1234567890123456789 %",
            "1234567890123456789",
            "at most 18 digits",
        ),
        ("hba1c >> 6.5 %", ">", "a number, a date or a value"),
        ("age between 40 years", "", "`and` and the greatest value"),
        ("sex not female", "female", "`in` after `not`"),
        ("and", "and", "expected a criterion"),
    ];
    for (source, culprit, words) in table {
        let errors = check(source).expect_err(source);
        let first = &errors[0];
        assert_eq!(first.span.text(source), culprit, "{source}: {first:?}");
        let shown = first.render("r.toml", source);
        assert!(shown.contains(words), "{source}:\n{shown}");
    }
}

#[test]
fn every_error_is_reported_in_the_order_of_the_source() {
    let source = "hba1c >= 6.55 %\nand (sex = x or not wieght > 3 kg)";
    let errors = check(source).unwrap_err();
    let places: Vec<_> = errors.iter().map(|e| e.span.text(source)).collect();
    assert_eq!(places, ["6.55 %", "x", "wieght"]);
}

#[test]
fn warnings_name_exclusions_that_pass_on_missing_data() {
    let warned = |source: &str| {
        let criteria = check(source).unwrap();
        let shown: Vec<_> = criteria
            .warnings()
            .iter()
            .map(|w| w.span.text(source).to_owned())
            .collect();
        shown
    };
    let culprit = "egfr < 30 mL/min/{1.73_m2}";
    assert_eq!(warned(&format!("not ({culprit})")), [culprit]);
    assert_eq!(
        warned(&format!("not ({culprit} or any diagnosis in icd10:N18)")),
        [culprit]
    );
    assert_eq!(warned("glucose >= 7 mmol/L"), [""; 0]);
    assert_eq!(warned("glucose >= 7.01 mmol/L"), ["7.01 mmol/L"]);
    assert_eq!(warned("not age < 18 years"), ["age < 18 years"]);
    assert_eq!(warned("not no diagnosis"), ["no diagnosis"]);
    assert_eq!(warned("hba1c >= 90 %"), ["hba1c >= 90 %", "hba1c >= 90 %"]);
    for quiet in [
        "not not hba1c < 6 %",
        "not deceased",
        "not present hba1c",
        "not any diagnosis in icd10:I48",
        "no diagnosis in icd10:I48",
        "hba1c != 6 %",
    ] {
        assert_eq!(warned(quiet), [""; 0], "{quiet}");
    }
}

#[test]
fn comments_case_and_layout_do_not_matter() {
    let plain = "age between 40 and 80 years and (hba1c >= 6.5 % or any medication in atc:A10)";
    let airy = "# who\nAGE".to_lowercase()
        + " BETWEEN 40 and 80 years # inclusive\n\tAND ( hba1c>=6.5% OR any medication in atc:a10 )\r\n# end";
    assert_eq!(
        check(plain).unwrap().program().digest(),
        check(&airy).unwrap().program().digest()
    );
}

#[test]
fn the_depth_and_length_of_expressions_are_limited() {
    let nested = |n: usize| format!("{}deceased{}", "(".repeat(n), ")".repeat(n));
    assert!(Expression::parse(&nested(MAX_NESTING)).is_ok());
    assert!(
        Expression::parse(&nested(MAX_NESTING + 1))
            .unwrap_err()
            .message
            .contains("nest")
    );
    assert!(Expression::parse(&"not ".repeat(100_000)).is_err());
    assert!(
        Expression::parse(&" ".repeat(300_000))
            .unwrap_err()
            .message
            .contains("long")
    );
    // As deep as can be written, alternating, still a program.
    let mut deep = "hba1c >= 6 %".to_owned();
    for _ in 0..MAX_NESTING {
        deep = format!("present egfr and (present score or present glucose and not ({deep}))");
    }
    assert!(Expression::parse(&deep).is_err());
    let mut deep = "hba1c >= 6 %".to_owned();
    for _ in 0..MAX_NESTING {
        deep = format!("present egfr or present score and ({deep})");
    }
    assert!(check(&deep).is_ok());
    let wide = vec!["present score"; 4095].join(" and ");
    assert!(check(&wide).is_ok());
    let wide = vec!["present score"; 4096].join(" and ");
    assert!(check(&wide).unwrap_err()[0].message.contains("4096 tests"));
}

#[test]
fn printing_is_canonical() {
    for (source, printed) in [
        ("a=b", "a = b"),
        ("((a = b))", "a = b"),
        (
            "not not (a=b or c=d) and e",
            "not not (a = b or c = d) and e",
        ),
        ("(a and b) and c or (d or e)", "(a and b) and c or (d or e)"),
        ("a and (b or c)", "a and (b or c)"),
        ("(a and b) or c", "a and b or c"),
        (
            "x<1.50 mg/(min.m2) WITHIN 1 a",
            "x < 1.5 mg/(min.m2) within 1 year",
        ),
        (
            "x between 1 and 2 % between 3 and 6 mo ago",
            "x between 1 and 2 % between 3 and 6 months ago",
        ),
        (
            "any d in a:X-Y,b:1 since 2020-01-01",
            "any d in a:X-Y, b:1 since 2020-01-01",
        ),
    ] {
        let parsed = Expression::parse(source).unwrap();
        assert_eq!(parsed.to_string(), printed);
        assert_eq!(
            Expression::parse(printed).unwrap().root(),
            parsed.root(),
            "{source}"
        );
    }
}

#[test]
fn the_example_of_the_specification_checks() {
    let source = "
        age between 40 and 80 years
        and any diagnosis in icd10:I63, snomed:230690007
        and systolic_bp < 140 mm[Hg] within 24 months
        and no diagnosis in icd10:I48
        and (hba1c >= 6.5 % or any medication in atc:A10)";
    let criteria = check(source).unwrap();
    assert_eq!(criteria.warnings(), []);
    // Alive, age, two families, value and date, no, value, any.
    assert_eq!(criteria.program().formula().tests().len(), 9);
    assert_eq!(criteria.program().schema(), schema().id());
}
