//! The encrypted index: written in batches, found with trapdoors, and silent to everybody else.

use eligo_marketplace::care::Act;
use eligo_marketplace::care::act::ROW_BYTES;
use eligo_marketplace::encoding::List;
use eligo_marketplace::rejection::Rejection;
use eligo_sharing::search::{
    Bucket, Field, IndexEntry, Keyword, Pointer, Row, SearchKey, SharedIndexKey, WriterKey,
};

use super::ward::Ward;

const CODES: [&[u8]; 4] = [b"I63", b"I63.5", b"I10", b"E11.9"];

struct Index {
    ward: Ward,
    writer: WriterKey,
    patient: SearchKey,
    shared: SharedIndexKey,
    march: Bucket,
}

fn batch(rows: &[Row]) -> Act {
    let bytes = |row: &Row| <[u8; ROW_BYTES]>::try_from(row.to_bytes()).unwrap();
    let rows = List::new(rows.iter().map(bytes).collect()).unwrap();
    Act::WriteRows { rows }
}

impl Index {
    fn open() -> Self {
        let mut ward = Ward::open();
        let writer = WriterKey::generate(&mut ward.market.rng);
        let patient = SearchKey::generate(&mut ward.market.rng);
        let enter = Act::EnterWriter {
            key: writer.public().to_bytes(),
            possession: writer.prove_possession().to_bytes(),
        };
        ward.hospital_acts(0, enter).unwrap();
        Self {
            ward,
            shared: writer.share_with(&patient.card()),
            writer,
            patient,
            march: Bucket::new("2025-03").unwrap(),
        }
    }

    fn rows(&mut self, codes: &[&[u8]], department: &[u8], pointer: &str) -> Vec<Row> {
        let entry = IndexEntry {
            diagnoses: codes,
            pseudonym: b"nym-1",
            department,
            bucket: &self.march,
            pointer: &Pointer::new(pointer).unwrap(),
        };
        let rng = &mut self.ward.market.rng;
        Row::of(&entry, &self.shared, &self.patient.public(), rng).unwrap()
    }

    fn written(&self) -> Vec<(u64, u64, Row)> {
        let rows = self.ward.see("care/rows");
        let row = |row: &serde_json::Value| {
            let bytes = hex::decode(row["row"].as_str().unwrap()).unwrap();
            let at = |name: &str| row[name].as_u64().unwrap();
            (
                at("height"),
                at("position"),
                Row::from_bytes(&bytes).unwrap(),
            )
        };
        rows.as_array().unwrap().iter().map(row).collect()
    }

    fn find(&self, field: Field, word: &[u8]) -> Vec<Pointer> {
        let word = Keyword::new(field, word).unwrap();
        let trapdoor = self.patient.trapdoor(&self.shared, &word, &self.march);
        let rows = self.written();
        rows.iter()
            .filter_map(|(_, _, row)| trapdoor.find(row))
            .collect()
    }
}

#[test]
fn rows_are_found_by_code_by_prefix_and_by_department() {
    let mut index = Index::open();
    let mut rows = index.rows(&[b"I63", b"I63.5"], b"neurology", "record a");
    rows.extend(index.rows(&[b"E11", b"E11.9"], b"endocrinology", "record b"));
    index.ward.hospital_acts(0, batch(&rows)).unwrap();
    let more = index.rows(&[b"I63"], b"cardiology", "record c");
    index.ward.hospital_acts(0, batch(&more)).unwrap();
    let found = |field, word: &[u8]| {
        let mut found: Vec<_> = index
            .find(field, word)
            .iter()
            .map(|p| String::from_utf8(p.as_bytes().to_vec()).unwrap())
            .collect();
        found.sort();
        found
    };
    assert_eq!(found(Field::Diagnosis, b"I63"), ["record a", "record c"]);
    assert_eq!(found(Field::Diagnosis, b"I63.5"), ["record a"]);
    assert_eq!(found(Field::Department, b"endocrinology"), ["record b"]);
    assert!(found(Field::Department, b"oncology").is_empty());
    // Straight to the block, and by position in it.
    let places = index.written();
    let (height, _, _) = places[rows.len()];
    let block = index.ward.see(&format!("care/rows/{height}"));
    assert_eq!(block.as_array().unwrap().len(), more.len());
    assert!(
        places[..rows.len()]
            .iter()
            .zip(0..)
            .all(|((_, at, _), n)| *at == n)
    );
}

#[test]
fn two_batches_of_a_block_share_its_positions() {
    let mut index = Index::open();
    let (one, two) = (
        index.rows(&[b"I63"], b"neurology", "a"),
        index.rows(&[b"I10"], b"cardiology", "b"),
    );
    let transactions = [&one, &two].map(|rows| index.ward.market.hospital_acts(0, batch(rows)));
    let outcomes = index.ward.solo.block(transactions.to_vec());
    assert!(outcomes.iter().all(|outcome| outcome.code == 0));
    let places: Vec<u64> = index.written().iter().map(|(_, at, _)| *at).collect();
    let count = u64::try_from(one.len() + two.len()).unwrap();
    assert_eq!(places, (0..count).collect::<Vec<_>>());
}

#[test]
fn only_hospitals_with_a_writer_key_write_new_and_valid_rows() {
    let mut index = Index::open();
    let rows = index.rows(&[b"I63"], b"neurology", "a");
    let ward = &mut index.ward;
    ward.hospital_refused(1, batch(&rows), Rejection::UnknownWriter);
    ward.doctor_refused(0, batch(&rows), Rejection::NotPermitted);
    ward.hospital_refused(0, batch(&[]), Rejection::RowMalformed);
    let doubled = [rows.clone(), rows.clone()].concat();
    ward.hospital_refused(0, batch(&doubled), Rejection::RowTwice);
    ward.hospital_acts(0, batch(&rows)).unwrap();
    ward.hospital_refused(0, batch(&rows), Rejection::RowTwice);
    let noise = List::new(vec![[7; ROW_BYTES]]).unwrap();
    ward.hospital_refused(0, Act::WriteRows { rows: noise }, Rejection::RowMalformed);
    // A writer key is its hospital's alone, and proved.
    let (key, other) = (
        index.writer.public(),
        WriterKey::generate(&mut ward.market.rng),
    );
    let copied = Act::EnterWriter {
        key: key.to_bytes(),
        possession: index.writer.prove_possession().to_bytes(),
    };
    ward.hospital_refused(1, copied, Rejection::WriterTwice);
    let rogue = Act::EnterWriter {
        key: other.public().to_bytes(),
        possession: index.writer.prove_possession().to_bytes(),
    };
    ward.hospital_refused(1, rogue, Rejection::WriterKey);
}

#[test]
fn guessing_a_whole_dictionary_without_the_shared_key_finds_nothing() {
    let mut index = Index::open();
    let rows = index.rows(&CODES, b"neurology", "record a");
    index.ward.hospital_acts(0, batch(&rows)).unwrap();
    let written = index.written();
    // Every keyword, under every key an outsider can make of what is public: its own writer key with the
    // patient's card, its own search key with the hospital's public key, and its own with its own.
    let rng = &mut index.ward.market.rng;
    let (writer, search) = (WriterKey::generate(rng), SearchKey::generate(rng));
    let guesses = [
        writer.share_with(&index.patient.card()),
        search.share_with(&index.writer.public()),
        writer.share_with(&search.card()),
    ];
    let words = CODES.iter().map(|code| (Field::Diagnosis, *code));
    let words = words.chain([
        (Field::Department, &b"neurology"[..]),
        (Field::Pseudonym, b"nym-1"),
    ]);
    for (field, word) in words {
        assert!(!index.find(field, word).is_empty(), "the patient finds it");
        let keyword = Keyword::new(field, word).unwrap();
        for shared in &guesses {
            let trapdoor = search.trapdoor(shared, &keyword, &index.march);
            let stolen = index.patient.trapdoor(shared, &keyword, &index.march);
            let hits = written.iter();
            let hits = hits
                .filter(|(_, _, row)| trapdoor.find(row).is_some() || stolen.find(row).is_some());
            assert_eq!(hits.count(), 0);
        }
    }
    // Nor does anything but the place tell rows of one record from those of another.
    let mut marks: Vec<&[u8]> = Vec::new();
    let bytes: Vec<Vec<u8>> = written.iter().map(|(_, _, row)| row.to_bytes()).collect();
    for row in &bytes {
        marks.extend(row.chunks(16));
    }
    let all = marks.len();
    marks.sort_unstable();
    marks.dedup();
    assert_eq!(marks.len(), all, "two rows share a value");
}
