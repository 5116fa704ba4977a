//! Fuzzes Eligo's decoders with a seeded mutator; see README.md.

mod allocation;
mod mutation;
mod targets;

use std::{
    collections::BTreeSet,
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    process::ExitCode,
};

use mutation::Mutator;
use targets::Target;

/// What was asked for.
struct Arguments {
    target: String,
    runs: u64,
    seed: u64,
    files: Vec<PathBuf>,
}

const USAGE: &str = "usage: eligo-fuzz list | TARGET|GROUP|all [--runs N] [--seed S] [FILE..]";

fn main() -> ExitCode {
    let Some(arguments) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let all = targets::all();
    if arguments.target == "list" {
        all.iter().for_each(|target| println!("{}", target.name));
        return ExitCode::SUCCESS;
    }
    let chosen = choose(&all, &arguments.target);
    if chosen.is_empty() {
        eprintln!("no target `{}`; `list` names them", arguments.target);
        return ExitCode::from(2);
    }
    // `all` goes on after a failure, so that one run shows them all.
    let failures = chosen
        .iter()
        .filter(|target| !fuzz(target, &arguments))
        .count();
    ExitCode::from(u8::from(failures > 0))
}

/// The target of a name, or those whose names begin with it.
fn choose<'a>(all: &'a [Target], name: &str) -> Vec<&'a Target> {
    let group = format!("{name}_");
    match all.iter().find(|target| target.name == name) {
        Some(target) => vec![target],
        None => all
            .iter()
            .filter(|target| name == "all" || target.name.starts_with(&group))
            .collect(),
    }
}

fn parse(mut words: impl Iterator<Item = String>) -> Option<Arguments> {
    let mut arguments = Arguments {
        target: words.next()?,
        runs: 10_000,
        seed: 1,
        files: vec![],
    };
    while let Some(word) = words.next() {
        match &*word {
            "--runs" => arguments.runs = words.next()?.parse().ok()?,
            "--seed" => arguments.seed = words.next()?.parse().ok()?,
            option if option.starts_with('-') => return None,
            file => arguments.files.push(file.into()),
        }
    }
    Some(arguments)
}

/// Runs one target; whether nothing failed.
fn fuzz(target: &Target, arguments: &Arguments) -> bool {
    let mut corpus = (target.seeds)();
    if !arguments.files.is_empty() {
        return arguments.files.iter().all(|path| match fs::read(path) {
            Ok(input) => attempt(target, &input)
                .map(|end| println!("{end}"))
                .is_some(),
            Err(error) => {
                eprintln!("{}: {error}", path.display());
                false
            }
        });
    }
    let mut ends = BTreeSet::new();
    for seed in &corpus {
        match attempt(target, seed) {
            Some(end) => drop(ends.insert(end)),
            None => return failed(target, arguments, "seed", seed),
        }
    }
    let runs = (arguments.runs / target.cost).max(1);
    let mut mutator = Mutator::new(arguments.seed, target.dictionary);
    for run in 0..runs {
        let input = mutator.next(&corpus);
        match attempt(target, &input) {
            Some(end) if !ends.contains(&end) => {
                ends.insert(end);
                corpus.push(input);
            }
            Some(_) => {}
            None => return failed(target, arguments, &run.to_string(), &input),
        }
    }
    println!(
        "{}: {runs} runs, {} ways to end, no failure",
        target.name,
        ends.len()
    );
    true
}

/// How the target ends on an input, or nothing if it panics or allocates too much.
fn attempt(target: &Target, input: &[u8]) -> Option<String> {
    allocation::start();
    let end = catch_unwind(AssertUnwindSafe(|| (target.run)(input))).ok()?;
    let (peak, limit) = (allocation::peak(), (16 << 20) + 64 * input.len());
    if peak > limit {
        eprintln!(
            "{} bytes of input took {peak} bytes of memory; limit {limit}",
            input.len()
        );
        return None;
    }
    Some(end)
}

fn failed(target: &Target, arguments: &Arguments, run: &str, input: &[u8]) -> bool {
    let name = format!("{}-{}-{run}", target.name, arguments.seed);
    match keep(&name, input) {
        Ok(path) => eprintln!("{}: FAILED, input kept in {}", target.name, path.display()),
        Err(error) => eprintln!("{}: FAILED, input not kept: {error}", target.name),
    }
    false
}

fn keep(name: &str, input: &[u8]) -> io::Result<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("artifacts");
    fs::create_dir_all(&folder)?;
    let path = folder.join(name);
    fs::write(&path, input)?;
    Ok(path)
}
