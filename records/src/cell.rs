//! Cells and their packing.
//!
//! A cell is 0 when the attribute is absent, else `1 + value` with `0 <= value <= 2^w - 2`. Cells are
//! packed in schema order, little-endian, into elements of at most [`ELEMENT_BITS`] bits; none
//! straddles two elements.

#[cfg(any(test, feature = "test-util"))]
mod arbitrary;
mod value;

#[cfg(any(test, feature = "test-util"))]
pub use arbitrary::{arb_cells, arb_record};
pub use value::CellValue;

use crate::{
    civil::CIVIL_BITS,
    schema::{Kind, Schema, SchemaId},
};

/// Bits of a packed element.
pub const ELEMENT_BITS: u32 = 248;

/// Position of a cell in its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CellId(pub u16);

/// What a cell holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The value of a number, choice, flag or date attribute.
    Value,
    /// The date on which the value was observed.
    Date,
    /// 1 + 1 if the hospital asserts that the family lists what it knows (a flag cell).
    Recorded,
    /// A code of a family, by rank.
    Code(u16),
    /// The onset date of the code of the same rank.
    Onset(u16),
}

/// One cell's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Index of the attribute in the schema.
    pub attribute: u16,
    /// What it holds.
    pub role: Role,
    /// Bits.
    pub width: u8,
    /// Index of the packed element.
    pub element: u16,
    /// Lowest bit within the element.
    pub offset: u8,
}

/// The cells of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FamilyCells {
    /// The `recorded` flag cell.
    pub recorded: CellId,
    /// The first (lowest) code cell; the others follow.
    pub first: CellId,
    /// How many code cells.
    pub size: u16,
    /// Bits of a code cell.
    pub width: u8,
    /// The first onset cell, if the family carries onsets.
    pub first_onset: Option<CellId>,
}

impl FamilyCells {
    /// The code cells, lowest first.
    pub fn codes(&self) -> impl Iterator<Item = CellId> + use<> {
        let first = self.first.0;
        (0..self.size).map(move |i| CellId(first + i))
    }

    /// The onset cells, in the order of the codes.
    pub fn onsets(&self) -> Option<impl Iterator<Item = CellId> + use<>> {
        let size = self.size;
        self.first_onset
            .map(|first| (0..size).map(move |i| CellId(first.0 + i)))
    }
}

/// Where every cell of a schema lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    schema: SchemaId,
    places: Vec<Place>,
    first_cell: Vec<CellId>,
    elements: u16,
}

/// Number of cells an attribute of this kind takes.
pub(crate) fn cells_of(kind: &Kind) -> usize {
    match kind {
        Kind::Number(n) => 1 + usize::from(n.dated),
        Kind::Choice(c) => 1 + usize::from(c.dated),
        Kind::Date(_) | Kind::Flag(_) => 1,
        Kind::Family(f) => 1 + usize::from(f.size) * (1 + usize::from(f.onset)),
    }
}

/// Bits of a flag cell: absent, false, true.
pub const FLAG_BITS: u8 = 2;
const DATE_BITS: u8 = CIVIL_BITS as u8;

impl Layout {
    /// Lays a schema out.
    pub fn of(schema: &Schema) -> Self {
        let mut places = Vec::new();
        let mut first_cell = Vec::new();
        let (mut element, mut used) = (0u16, 0u32);
        for (attribute, a) in (0u16..).zip(schema.attributes()) {
            first_cell.push(CellId(places.len() as u16)); // at most MAX_CELLS, checked by Schema
            for (role, width) in roles(&a.kind) {
                if used + u32::from(width) > ELEMENT_BITS {
                    element += 1;
                    used = 0;
                }
                places.push(Place {
                    attribute,
                    role,
                    width,
                    element,
                    offset: used as u8,
                });
                used += u32::from(width);
            }
        }
        Self {
            schema: schema.id(),
            places,
            first_cell,
            elements: element + 1,
        }
    }

    /// The schema laid out.
    pub const fn schema(&self) -> SchemaId {
        self.schema
    }

    /// All places, in cell order.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// One cell's place.
    pub fn place(&self, cell: CellId) -> Option<&Place> {
        self.places.get(usize::from(cell.0))
    }

    /// Number of packed elements.
    pub const fn elements(&self) -> u16 {
        self.elements
    }

    /// The first cell of an attribute: its value cell, or a family's `recorded` cell.
    pub fn first_cell(&self, attribute: usize) -> Option<CellId> {
        self.first_cell.get(attribute).copied()
    }

    /// The date cell that belongs to a number or choice.
    pub fn date_cell(&self, attribute: usize) -> Option<CellId> {
        let next = CellId(self.first_cell(attribute)?.0 + 1);
        let place = self.place(next)?;
        (usize::from(place.attribute) == attribute && place.role == Role::Date).then_some(next)
    }

    /// The cells of a family attribute.
    pub fn family(&self, schema: &Schema, attribute: usize) -> Option<FamilyCells> {
        let Kind::Family(family) = &schema.attributes().get(attribute)?.kind else {
            return None;
        };
        let recorded = self.first_cell(attribute)?;
        let first = CellId(recorded.0 + 1);
        Some(FamilyCells {
            recorded,
            first,
            size: family.size,
            width: family.coding.width(),
            first_onset: family.onset.then_some(CellId(first.0 + family.size)),
        })
    }
}

fn roles(kind: &Kind) -> Vec<(Role, u8)> {
    let dated = |width: u8, dated: bool| {
        let mut cells = vec![(Role::Value, width)];
        cells.extend(dated.then_some((Role::Date, DATE_BITS)));
        cells
    };
    match kind {
        Kind::Number(n) => dated(n.width, n.dated),
        Kind::Choice(c) => dated(c.width, c.dated),
        Kind::Date(_) => vec![(Role::Value, DATE_BITS)],
        Kind::Flag(_) => vec![(Role::Value, FLAG_BITS)],
        Kind::Family(f) => {
            let mut cells = vec![(Role::Recorded, FLAG_BITS)];
            cells.extend((0..f.size).map(|i| (Role::Code(i), f.coding.width())));
            if f.onset {
                cells.extend((0..f.size).map(|i| (Role::Onset(i), DATE_BITS)));
            }
            cells
        }
    }
}

/// The cells of one record: every value within its width, families sorted with absent cells first and
/// without duplicates. What each code's onset is, is not constrained beyond its width.
#[derive(Clone, PartialEq, Eq)]
pub struct Cells {
    schema: SchemaId,
    values: Vec<u64>,
}

impl core::fmt::Debug for Cells {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Cells({} values, redacted)", self.values.len())
    }
}

/// Why a list of integers is no record of a schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CellError {
    /// Wrong number of cells.
    #[error("{found} cells where the schema has {expected}")]
    Count {
        /// Cells given.
        found: usize,
        /// Cells of the schema.
        expected: usize,
    },
    /// A value does not fit its width.
    #[error("cell {0:?} does not fit its width")]
    Width(CellId),
    /// A family is not sorted, or holds a duplicate.
    #[error("the family at cell {0:?} is not sorted or holds a duplicate")]
    Unsorted(CellId),
}

impl Cells {
    /// Checks cells against a layout.
    pub fn new(layout: &Layout, values: Vec<u64>) -> Result<Self, CellError> {
        if values.len() != layout.places.len() {
            return Err(CellError::Count {
                found: values.len(),
                expected: layout.places.len(),
            });
        }
        let mut previous = 0;
        for (i, (value, place)) in values.iter().zip(&layout.places).enumerate() {
            let id = CellId(i as u16);
            if value >> place.width != 0 {
                return Err(CellError::Width(id));
            }
            if let Role::Code(rank) = place.role {
                if rank > 0 && (*value < previous || (*value == previous && *value != 0)) {
                    return Err(CellError::Unsorted(id));
                }
                previous = *value;
            }
        }
        Ok(Self {
            schema: layout.schema,
            values,
        })
    }

    /// The schema these cells follow.
    pub const fn schema(&self) -> SchemaId {
        self.schema
    }

    /// All values, in cell order.
    pub fn values(&self) -> &[u64] {
        &self.values
    }

    /// One value; 0 (absent) for a cell the schema does not have.
    pub fn get(&self, cell: CellId) -> u64 {
        self.values
            .get(usize::from(cell.0))
            .copied()
            .unwrap_or_default()
    }

    /// The packed elements, each 31 bytes little-endian.
    pub fn elements(&self, layout: &Layout) -> Vec<[u8; 31]> {
        let mut elements = vec![[0u8; 31]; usize::from(layout.elements)];
        for (value, place) in self.values.iter().zip(&layout.places) {
            let Some(element) = elements.get_mut(usize::from(place.element)) else {
                continue;
            };
            let shifted = u128::from(*value) << (place.offset % 8);
            for (byte, part) in element
                .iter_mut()
                .skip(usize::from(place.offset / 8))
                .zip(shifted.to_le_bytes())
            {
                *byte |= part;
            }
        }
        elements
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn elements_unpack_to_the_cells((schema, cells) in arb_record()) {
            let layout = Layout::of(&schema);
            let elements = cells.elements(&layout);
            assert_eq!(elements.len(), usize::from(layout.elements()));
            for (place, cell) in layout.places().iter().zip(cells.values()) {
                let element = &elements[usize::from(place.element)];
                let bit = |i: u32| u64::from(element[i as usize / 8] >> (i % 8) & 1);
                let offset = u32::from(place.offset);
                let width = u32::from(place.width);
                assert!(offset + width <= ELEMENT_BITS);
                let unpacked = (0..width).fold(0, |n, i| n | bit(offset + i) << i);
                assert_eq!(unpacked, *cell);
            }
        }

        #[test]
        fn records_of_a_shipped_schema_are_made(
            cells in arb_cells(crate::schema::shipped("core").unwrap()),
        ) {
            assert_eq!(cells.schema(), crate::schema::shipped("core").unwrap().id());
        }

        #[test]
        fn what_decodes_encodes_again((schema, cells) in arb_record()) {
            let layout = Layout::of(&schema);
            for (place, cell) in layout.places().iter().zip(cells.values()) {
                if let Some(value) = CellValue::decode(&schema, place, *cell) {
                    assert_eq!(value.encode(&schema, place), Some(*cell));
                }
            }
        }
    }
}
