//! MedBlock (Fan 2018) beside the paper: table 4 and figure 6, retrieval by bread crumbs against a scan of
//! the ledger; table 5 and figure 7, a day's load with endorsers in turn against real-time submission; and
//! Huang 2020's start-up nodes. `cargo bench -p eligo-benches --bench care`.
//!
//! Rows are encrypted: whoever searches without knowing the place tests row by row, a pairing each. The
//! patient's device keeps, for each department, where its rows are (the bread crumbs, encrypted on the
//! device): it fetches the rows there and opens them. The ledger here is a file of rows by height and
//! position; a thousand different rows are repeated to its size, since a row costs the same to test
//! whatever is in it.

#![allow(missing_docs, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use eligo_ledger::digest::Digest;
use eligo_ledger::height::{Height, ReplicaId, View};
use eligo_ledger::proposer::{ProposerOrder, ProposerPolicy};
use eligo_ledger::roster::{Class, MIN_VOTERS, Member, Roster};
use eligo_sharing::search::{Bucket, Field, Keyword, Pointer, Row, SearchKey, Trapdoor, WriterKey};
use plotters::prelude::*;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

/// Table 4: requests, seconds with MedBlock, seconds with MedShare.
const TABLE_4: [(usize, f64, f64); 5] = [
    (5, 83.4, 53.4),
    (10, 122.5, 145.3),
    (20, 188.8, 226.8),
    (50, 459.3, 553.8),
    (100, 925.1, 1286.7),
];
/// Rows on the ledger; the last is not filled, its scan is computed.
const LEDGERS: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// The most rows that are really tested for one cell of the table; above, the time is computed from a row's.
const MOST_TESTED: usize = 10_000;
/// Different rows.
const DIFFERENT: usize = 1_000;
/// Rows of a block.
const BLOCK_ROWS: u64 = 256;
const ROWS: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("rows");

struct Ledger {
    rows: Database,
    size: usize,
    _folder: tempfile::TempDir,
}

/// Where the patient's rows are, by department.
type Crumbs = BTreeMap<&'static str, Vec<(u64, u64)>>;

struct Patient {
    trapdoor: Trapdoor,
    crumbs: Crumbs,
}

const fn place(number: u64) -> (u64, u64) {
    (number / BLOCK_ROWS, number % BLOCK_ROWS)
}

/// A thousand rows of other patients, and a row of this patient's in oncology.
fn index(rng: &mut ChaCha20Rng) -> (Vec<Vec<u8>>, Vec<u8>, Trapdoor) {
    let (writer, reader, other) = (
        WriterKey::generate(rng),
        SearchKey::generate(rng),
        SearchKey::generate(rng),
    );
    let bucket = Bucket::new("2025-03").expect("short");
    let word = Keyword::new(Field::Department, "oncology").expect("short");
    let pointer = Pointer::new(vec![7; 64]).expect("short");
    let shared = writer.share_with(&reader.card());
    let mine = Row::new(&shared, &reader.card().key(), &word, &bucket, &pointer, rng);
    let shared_with_other = writer.share_with(&other.card());
    let others = (0..DIFFERENT)
        .map(|_| {
            let key = other.card().key();
            Row::new(&shared_with_other, &key, &word, &bucket, &pointer, rng).to_bytes()
        })
        .collect();
    let shared = reader.share_with(&writer.public());
    (
        others,
        mine.to_bytes(),
        reader.trapdoor(&shared, &word, &bucket),
    )
}

/// A ledger of `size` rows, one of them, in the middle, the patient's.
fn ledger(size: usize, others: &[Vec<u8>], mine: &[u8]) -> (Ledger, (u64, u64)) {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = Database::create(folder.path().join("rows.redb")).expect("a file");
    let at = size as u64 / 2;
    let write = rows.begin_write().expect("a transaction");
    {
        let mut table = write.open_table(ROWS).expect("a table");
        for (number, other) in (0..size as u64).zip(others.iter().cycle()) {
            let row = if number == at { mine } else { other };
            table.insert(place(number), row).expect("a row");
        }
    }
    write.commit().expect("on disk");
    let ledger = Ledger {
        rows,
        size,
        _folder: folder,
    };
    (ledger, place(at))
}

impl Ledger {
    /// Fetches the rows at the crumbs' places and opens them.
    fn by_crumbs(&self, patient: &Patient) -> usize {
        let read = self.rows.begin_read().expect("a transaction");
        let table = read.open_table(ROWS).expect("a table");
        let places = patient.crumbs.get("oncology").expect("a visit");
        let found = places.iter().filter_map(|place| {
            let bytes = table.get(*place).expect("readable")?;
            let row = Row::from_bytes(bytes.value()).expect("a row");
            patient.trapdoor.find(&row)
        });
        found.count()
    }

    /// Tests the first `most` rows.
    fn by_scan(&self, patient: &Patient, most: usize) -> usize {
        let read = self.rows.begin_read().expect("a transaction");
        let table = read.open_table(ROWS).expect("a table");
        let rows = table.iter().expect("readable").take(most);
        let found = rows.filter_map(|entry| {
            let (_, bytes) = entry.expect("readable");
            let row = Row::from_bytes(bytes.value()).expect("a row");
            patient.trapdoor.find(&row)
        });
        found.count()
    }
}

fn seconds(work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_secs_f64()
}

/// One cell of the retrieval table.
struct Cell {
    rows: usize,
    requests: usize,
    crumbs: f64,
    scan: f64,
    /// Whether the scan's time is computed from that of fewer rows.
    computed: bool,
}

fn retrieval(c: &mut Criterion) -> Vec<Cell> {
    let mut rng = ChaCha20Rng::seed_from_u64(2018);
    let (others, mine, trapdoor) = index(&mut rng);
    let mut patient = Patient {
        trapdoor,
        crumbs: Crumbs::new(),
    };
    let mut cells = Vec::new();
    for rows in LEDGERS {
        // A million rows are looked up in a file of a hundred thousand.
        let (ledger, at) = ledger(rows.min(100_000), &others, &mine);
        patient.crumbs.insert("oncology", vec![at]);
        assert_eq!(ledger.by_crumbs(&patient), 1, "the crumb leads to the row");
        if rows == 100_000 {
            let mut group = c.benchmark_group("medblock");
            group.sample_size(20);
            group.bench_function("one request by crumbs", |b| {
                b.iter(|| ledger.by_crumbs(&patient));
            });
            group.finish();
        }
        let tested = ledger.size.min(MOST_TESTED);
        let mut found = 0;
        let scan = seconds(|| found = ledger.by_scan(&patient, tested));
        assert_eq!(found, usize::from(tested > ledger.size / 2));
        let a_row = scan / tested as f64;
        for (requests, ..) in TABLE_4 {
            let crumbs = seconds(|| {
                for _ in 0..requests {
                    assert_eq!(ledger.by_crumbs(&patient), 1);
                }
            });
            let all = requests * rows;
            let computed = all > MOST_TESTED;
            let scan = if computed {
                a_row * all as f64
            } else {
                seconds(|| {
                    for _ in 0..requests {
                        ledger.by_scan(&patient, rows);
                    }
                })
            };
            cells.push(Cell {
                rows,
                requests,
                crumbs,
                scan,
                computed: computed || rows > ledger.size,
            });
        }
    }
    cells
}

fn print_retrieval(cells: &[Cell]) {
    println!("\nMedBlock, table 4: seconds for N requests; * computed from a row's time\n");
    println!("| requests | ledger, rows | by crumbs | by scan | ratio | MedBlock | MedShare |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (requests, medblock, medshare) in TABLE_4 {
        for cell in cells.iter().filter(|cell| cell.requests == requests) {
            let star = if cell.computed { "*" } else { "" };
            println!(
                "| {requests} | {} | {:.4} | {:.1}{star} | {:.0} | {medblock} | {medshare} |",
                cell.rows,
                cell.crumbs,
                cell.scan,
                cell.scan / cell.crumbs,
            );
        }
    }
}

/// Gigabytes that hospitals write in each hour of a day: 54.8 in all, between 0.02 at night and 8.4 at ten,
/// the least and the most of the paper's table 5.
const WRITTEN: [f64; 24] = [
    0.05, 0.03, 0.02, 0.02, 0.03, 0.1, 0.5, 1.8, 5.2, 7.6, 8.4, 6.1, 2.6, 2.9, 5.6, 5.9, 4.2, 1.9,
    0.8, 0.4, 0.3, 0.2, 0.1, 0.05,
];
/// What each of five regions writes of it.
const REGIONS: [f64; 5] = [0.34, 0.24, 0.18, 0.14, 0.10];
/// Seconds between blocks, and blocks of a turn.
const BLOCK_S: u64 = 10;
const TURN: u32 = 6;
/// What a block may hold, in parts of the day's average: just above it the load is level all day and waits
/// longest; with more room the queues are empty sooner, and the night quieter.
const ROOM: [f64; 2] = [1.005, 1.1];

/// A day with endorsers in turn: what each hour sends, and the longest that anything waits, in hours.
struct Day {
    room: f64,
    sent: [f64; 24],
    longest_wait: f64,
}

fn member(id: u16) -> Member {
    let seed = [id as u8 + 1; 32];
    Member {
        id: ReplicaId::new(id),
        key: eligo_ledger::identity::SecretKey::from_seed(seed.into()).public(),
        power: 1,
        class: Class::Tertiary,
        may_propose: true,
        votes: true,
        region: format!("region {id}"),
    }
}

/// Each region's endorser collects what its hospitals write, and in its turn proposes blocks up to the room
/// of a block. The day is the second of two alike, so that the first night's empty queues do not count.
fn in_turn(room: f64) -> Day {
    let roster = Roster::first((0..5).map(member).collect()).expect("five members");
    let policy = ProposerPolicy::Endorsers {
        order: (0..5).map(ReplicaId::new).collect(),
        turn: 0,
        since: Height::new(1),
        blocks_per_turn: TURN,
    };
    let blocks = 86_400 / BLOCK_S;
    let block = WRITTEN.iter().sum::<f64>() / blocks as f64 * room;
    // Of each region, oldest first: when it was written, and how much is left of it.
    let mut queues: [std::collections::VecDeque<(u64, f64)>; 5] = Default::default();
    let mut day = Day {
        room,
        sent: [0.0; 24],
        longest_wait: 0.0,
    };
    for height in 1..=2 * blocks {
        let hour = (height - 1) % blocks * BLOCK_S / 3600;
        let written = WRITTEN[hour as usize] * BLOCK_S as f64 / 3600.0;
        for (queue, part) in queues.iter_mut().zip(REGIONS) {
            queue.push_back((height, written * part));
        }
        let at = Height::new(height);
        let order = ProposerOrder::new(&policy, &roster, Digest::ZERO, at, &[]);
        let mut left = block;
        // An endorser whose queue is empty passes its turn's room on to the next.
        for view in 0..5 {
            let endorser = order.primary(View::new(view)).get();
            let queue = &mut queues[usize::from(endorser)];
            while let Some((since, much)) = queue.front_mut() {
                let taken = much.min(left);
                (*much, left) = (*much - taken, left - taken);
                if height > blocks {
                    day.sent[hour as usize] += taken;
                    let waited = (height - *since) * BLOCK_S;
                    day.longest_wait = day.longest_wait.max(waited as f64 / 3600.0);
                }
                if *much > 0.0 {
                    break;
                }
                queue.pop_front();
            }
        }
    }
    day
}

fn extent(hours: &[f64]) -> (f64, f64) {
    let least = hours.iter().copied().fold(f64::INFINITY, f64::min);
    let most = hours.iter().copied().fold(0.0, f64::max);
    (least, most)
}

fn print_load(days: &[Day]) {
    let (low, high) = extent(&WRITTEN);
    println!("\nMedBlock, table 5: gigabytes an hour over a simulated day\n");
    println!("| submission | least | most | most / mean | longest wait, h | the paper |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let mean = WRITTEN.iter().sum::<f64>() / 24.0;
    for day in days {
        let (least, most) = extent(&day.sent);
        println!(
            "| endorsers in turn, {:.1} % room | {least:.2} | {most:.2} | {:.2} | {:.1} | 2.0 to 2.6 |",
            (day.room - 1.0) * 100.0,
            most / mean,
            day.longest_wait
        );
    }
    println!(
        "| in real time | {low:.2} | {high:.2} | {:.2} | 0 | 0.02 to 8.4 |",
        high / mean
    );
    println!("\n| start-up nodes | here | Huang 2020 | MDSM |\n| --- | --- | --- | --- |");
    let three = Roster::first((0..3).map(member).collect());
    let four = Roster::first((0..4).map(member).collect());
    assert!(three.is_err() && four.is_ok());
    println!("| fewest that begin | {MIN_VOTERS} | 4 | 121 |");
}

/// `ELIGO_PLOTS=DIR` has both figures drawn there, as SVG.
fn plot(cells: &[Cell], days: &[Day]) -> Result<(), Box<dyn std::error::Error>> {
    let Some(folder) = std::env::var_os("ELIGO_PLOTS").map(PathBuf::from) else {
        return Ok(());
    };
    std::fs::create_dir_all(&folder)?;
    draw_retrieval(&folder.join("medblock-retrieval.svg"), cells)?;
    draw_load(&folder.join("medblock-load.svg"), days)
}

fn draw_retrieval(
    path: &std::path::Path,
    cells: &[Cell],
) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::new(path, (720, 440)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Retrieval, s (log)", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(72)
        .build_cartesian_2d((4f64..120f64).log_scale(), (1e-4f64..1e5f64).log_scale())?;
    chart.configure_mesh().x_desc("requests").draw()?;
    let of = |rows: usize, value: fn(&Cell) -> f64| {
        let cells = cells.iter().filter(move |cell| cell.rows == rows);
        cells
            .map(move |cell| (cell.requests as f64, value(cell)))
            .collect::<Vec<_>>()
    };
    let published = |value: fn(&(usize, f64, f64)) -> f64| {
        TABLE_4
            .iter()
            .map(|row| (row.0 as f64, value(row)))
            .collect::<Vec<_>>()
    };
    let lines = [
        ("by crumbs, any ledger", BLUE, of(100_000, |c| c.crumbs)),
        ("scan of 1,000 rows", GREEN, of(1_000, |c| c.scan)),
        ("scan of 100,000 rows", RED, of(100_000, |c| c.scan)),
        ("MedBlock, published", BLACK, published(|row| row.1)),
        ("MedShare, published", MAGENTA, published(|row| row.2)),
    ];
    for (label, colour, points) in lines {
        chart
            .draw_series(LineSeries::new(points, colour).point_size(3))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    area.present()?;
    Ok(())
}

fn draw_load(path: &std::path::Path, days: &[Day]) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::new(path, (720, 440)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Load over a simulated day, GB/h", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(0f64..24f64, 0f64..9f64)?;
    chart.configure_mesh().x_desc("hour").draw()?;
    let turns = days.iter().zip([BLUE, GREEN]).map(|(day, colour)| {
        let room = (day.room - 1.0) * 100.0;
        let label = format!("endorsers in turn, {room:.1} % room");
        (label, colour, &day.sent)
    });
    let real_time = ("in real time".to_owned(), RED, &WRITTEN);
    for (label, colour, hours) in std::iter::once(real_time).chain(turns) {
        let points = hours
            .iter()
            .zip(0u32..)
            .map(|(gb, hour)| (f64::from(hour) + 0.5, *gb));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
    }
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    area.present()?;
    Ok(())
}

fn medblock(c: &mut Criterion) {
    let days = ROOM.map(in_turn);
    print_load(&days);
    let cells = retrieval(c);
    print_retrieval(&cells);
    plot(&cells, &days).expect("the folder for plots can be written");
}

criterion_group!(benches, medblock);
criterion_main!(benches);
