//! Two studies, as formulas over `core`.

use eligo_records::{
    cell::{CellId, Cells, FamilyCells, Layout},
    civil::CivilDay,
    code,
    program::{Formula, Program, Test},
    schema::{Schema, shipped},
};

/// The two studies of `fixtures/fhir/README.md`, written out over `core`.
pub struct Study {
    schema: &'static Schema,
    layout: Layout,
    today: CivilDay,
}

impl Study {
    /// As of 2021-06-01.
    pub fn new() -> Self {
        let schema = shipped("core").unwrap();
        Self {
            schema,
            layout: Layout::of(schema),
            today: CivilDay::parse("2021-06-01").unwrap(),
        }
    }

    fn cell(&self, name: &str) -> CellId {
        let position = self.schema.position(name).unwrap();
        self.layout.first_cell(position).unwrap()
    }

    fn within(&self, name: &str, lo: u64, hi: u64) -> Formula {
        let cell = self.cell(name);
        Formula::Test(Test::Within { cell, lo, hi })
    }

    fn age(&self, from: u32, to: u32) -> Formula {
        Formula::Test(Test::Elapsed {
            cell: self.cell("birth_date"),
            least: 372 * from,
            most: 372 * (to + 1) - 1,
        })
    }

    fn dated(&self, name: &str, from: &str, to: &str) -> Formula {
        let cell = CellId(self.cell(name).0 + 1);
        let number = |d| 1 + u64::from(CivilDay::parse(d).unwrap().number());
        let (lo, hi) = (number(from), number(to));
        Formula::Test(Test::Within { cell, lo, hi })
    }

    fn any(&self, family: &str, code: &str) -> Formula {
        let (family, lo, hi) = self.codes(family, code);
        Formula::Test(Test::AnyCode {
            family,
            lo,
            hi,
            onset: None,
        })
    }

    fn no(&self, family: &str, code: &str) -> Formula {
        let (family, lo, hi) = self.codes(family, code);
        Formula::Test(Test::NoCode { family, lo, hi })
    }

    fn codes(&self, family: &str, code: &str) -> (FamilyCells, u64, u64) {
        let position = self.schema.position(family).unwrap();
        let (_, f) = self
            .schema
            .group("diagnosis")
            .find(|(i, _)| *i == position)
            .unwrap();
        let (lo, hi) = code::range(f.coding, code).unwrap();
        (self.layout.family(self.schema, position).unwrap(), lo, hi)
    }

    fn alive(&self) -> Formula {
        let cell = self.cell("deceased");
        Formula::Test(Test::Outside { cell, lo: 2, hi: 2 })
    }

    pub fn stroke(&self, cells: &Cells) -> bool {
        let formula = Formula::All(vec![
            self.alive(),
            self.age(40, 80),
            Formula::Any(vec![
                self.any("diagnosis_icd10", "I63"),
                self.any("diagnosis_snomed", "432504007"),
                self.any("diagnosis_snomed", "230690007"),
            ]),
            // Below 140 at three decimals: at most 139.999, whose cell is 140000.
            self.within("systolic_bp", 1, 140_000),
            self.dated("systolic_bp", "2019-06-01", "2021-06-01"),
            self.no("diagnosis_icd10", "I48"),
            self.no("diagnosis_snomed", "49436004"),
        ]);
        Program::new(&self.layout, formula)
            .unwrap()
            .holds(cells, self.today)
    }

    pub fn diabetes(&self, cells: &Cells) -> bool {
        let egfr = self.cell("egfr");
        let formula = Formula::All(vec![
            self.alive(),
            self.age(18, 75),
            Formula::Any(vec![
                self.any("diagnosis_icd10", "E11"),
                self.any("diagnosis_snomed", "44054006"),
            ]),
            self.within("hba1c", 65_001, (1 << 20) - 1),
            self.dated("hba1c", "2020-06-01", "2021-06-01"),
            Formula::Test(Test::Outside {
                cell: egfr,
                lo: 1,
                hi: 30_000,
            }),
        ]);
        Program::new(&self.layout, formula)
            .unwrap()
            .holds(cells, self.today)
    }
}
