//! `eligo care`: a patient's care between hospitals. Teams sign diagnoses, hospitals index what they sealed,
//! doctors ask, patients permit, and every read is on the ledger.

pub mod emergency;
mod indexing;
mod permitting;
mod reading;
mod relatives;
mod team;

use clap::Subcommand;

pub use emergency::AuthorityCard;

use crate::{console::Console, failure::Attempt};

/// Care between hospitals: teams, index, requests, permits, reads, emergencies, history
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a doctor's keys
    #[command(
        after_help = "Example:\n  eligo care doctor --name \"Dr Chen Wei\" -o chen.doctor --card chen.card\n\n\
        The registrar certifies the card: eligo node admit --doctor chen.card"
    )]
    Doctor(team::MakeDoctor),
    /// Enter a doctor's signing key and a one-time prekey on the ledger
    #[command(after_help = "Example:\n  eligo care enter --key chen.doctor --prekey chen.prekey")]
    Enter(team::Enter),
    /// Employ a doctor, or let one go
    #[command(
        after_help = "Example:\n  eligo care employ --key hospital.key --doctor chen.card --until 2027-12-31\n  \
        eligo care employ --key hospital.key --doctor chen.card --release"
    )]
    Employ(team::Employ),
    /// Found a team's key as its lead, for the hospital to assign
    #[command(
        after_help = "Example:\n  eligo care found --key chen.doctor --hospital 5f.. --encounter 8c.. \\\n    \
        --doctor chen.card --doctor dora.card -o team.welcome"
    )]
    Found(team::Found),
    /// Assign an encounter its team, in the order in which it signs
    #[command(
        after_help = "Example:\n  eligo care assign --key hospital.key --encounter 8c.. --doctor chen.card \\\n    \
        --doctor dora.card --welcome team.welcome --slot 24h --retries 2"
    )]
    Assign(team::Assign),
    /// Accept a team's key, and say so on the ledger; the prekey is then thrown away
    #[command(
        after_help = "Example:\n  eligo care confirm --key chen.doctor --prekey chen.prekey --hospital 5f.. \\\n    \
        --encounter 8c.. --welcome team.welcome"
    )]
    Confirm(team::Confirm),
    /// Verify what the doctors before you signed, add an opinion, sign
    #[command(
        after_help = "Example:\n  eligo care sign --key chen.doctor --hospital 5f.. --encounter 8c.. \\\n    \
        --opinion opinion.txt -o chen.opinion\n\n\
        The ledger gets a salted commitment; the text goes into the record with -o's file."
    )]
    Sign(team::Sign),
    /// Another team or order: a new epoch, in which opinions begin anew
    #[command(
        after_help = "Example:\n  eligo care amend --key hospital.key --encounter 8c.. --doctor dora.card \\\n    \
        --welcome team-2.welcome"
    )]
    Amend(team::Assign),
    /// Ask the doctor whose time ran out once more
    #[command(after_help = "Example:\n  eligo care remind --key hospital.key --encounter 8c..")]
    Remind(team::Remind),
    /// Put a team's opinions into a FHIR bundle, before it is issued and sealed
    #[command(
        after_help = "Example:\n  eligo care attach --record bundle.json --opinion chen.opinion \\\n    \
        --opinion dora.opinion -o signed.json"
    )]
    Attach(team::Attach),
    /// Where an encounter's team is
    #[command(after_help = "Example:\n  eligo care team --hospital 5f.. --encounter 8c..")]
    Team(team::ShowTeam),
    /// Print the card of a visit, which the patient shows at the desk
    #[command(
        after_help = "Example:\n  eligo care card --wallet wallet.json --hospital charite.example > visit.card"
    )]
    Card(indexing::Card),
    /// Sign a record's entry with its team's diagnosis; the hospital countersigns and registers it
    #[command(
        after_help = "Example:\n  eligo care entry --wallet wallet.json --hospital charite.example \\\n    \
        --capsule record.sealed.capsule --hospital-card hospital.ledger --diagnosis 3b.. -o record.entry"
    )]
    Entry(indexing::Entry),
    /// Write the encrypted rows by which a sealed record is found
    #[command(
        after_help = "Example:\n  eligo care index --key hospital.key --record 8c.. --card visit.card \\\n    \
        --report report.json --department neurology -o receipt\n\n\
        Every diagnosis is written with its prefixes: I63 finds I63.5. Give several records to shuffle them together."
    )]
    Index(indexing::Index),
    /// Keep a hospital's receipt on the patient's device: where the rows of a department are
    #[command(
        after_help = "Example:\n  eligo care keep --wallet wallet.json --hospital charite.example --receipt receipt \\\n    \
        --crumbs crumbs"
    )]
    Keep(indexing::Keep),
    /// Make a search node's keys
    #[command(
        after_help = "Example:\n  eligo care searcher --name \"Search node 1\" -o search.key --card search.card"
    )]
    Searcher(indexing::MakeSearcher),
    /// Search, as a search node: test the rows with the tokens of an ask, and write the answer to its doctor
    #[command(after_help = "Example:\n  eligo care match 4a.. --key search.key -o answer")]
    Match(indexing::Match),
    /// Serve a search node's answers over HTTP
    #[command(after_help = "Example:\n  eligo care serve --key search.key --listen 127.0.0.1:7118")]
    Serve(indexing::Serve),
    /// Ask a patient for records
    #[command(
        after_help = "Example:\n  eligo care ask --key farah.doctor --hospital 5f.. --card visit.card --diagnosis I63 \\\n    \
        --from 2026-01 --to 2026-06 --reason \"Second stroke\" --until 2026-07-31 -o ask.keys"
    )]
    Ask(reading::Ask),
    /// What doctors ask of the patient: who, what, why, until when
    #[command(
        after_help = "Example:\n  eligo care inbox --wallet wallet.json --hospital university.example --crumbs crumbs"
    )]
    Inbox(permitting::Inbox),
    /// Permit: grant records for a period, and allow a search for exactly what is asked
    #[command(
        after_help = "Example:\n  eligo care permit 4a.. --wallet wallet.json --hospital university.example --crumbs crumbs \\\n    \
        --searcher search.card --until 2026-07-31\n  \
        eligo care permit 4a.. --wallet relative.wallet --mandate mandate --until 2026-07-31"
    )]
    Permit(permitting::Permit),
    /// What was found: as a doctor from search nodes' answers, as a patient from one's own crumbs
    #[command(
        after_help = "Example:\n  eligo care find --keys ask.keys --at http://127.0.0.1:7118\n  \
        eligo care find --keys ask.keys --answer answer\n  \
        eligo care find --wallet wallet.json --crumbs crumbs --department oncology"
    )]
    Find(reading::Find),
    /// Begin to read a granted record: on the ledger, before any proxy answers
    #[command(
        after_help = "Example:\n  eligo care read 8c.. --key farah.doctor --ask-keys ask.keys"
    )]
    Read(reading::Read),
    /// Open a record that is read: check hospital and team, and print what it says and where that comes from
    #[command(
        after_help = "Example:\n  eligo care open 8c.. --key farah.doctor --ask-keys ask.keys -o bundle.json"
    )]
    Open(reading::Open),
    /// Take back what was permitted, at once
    #[command(
        after_help = "Example:\n  eligo care revoke 4a.. --wallet wallet.json --hospital university.example"
    )]
    Revoke(permitting::Revoke),
    /// Print a relative's card, for a delegation
    #[command(
        after_help = "Example:\n  eligo care relative --wallet relative.wallet > relative.card"
    )]
    Relative(relatives::Relative),
    /// Let a relative act for encounters
    #[command(
        after_help = "Example:\n  eligo care delegate --wallet wallet.json --to relative.card --encounter charite.example:0 \\\n    \
        --crumbs crumbs --until 2026-12-31 -o mandate"
    )]
    Delegate(relatives::Delegate),
    /// End a delegation
    #[command(
        after_help = "Example:\n  eligo care undelegate 77.. --wallet wallet.json --hospital charite.example"
    )]
    Undelegate(relatives::Undelegate),
    /// Emergencies: enter a summary, call the authorities, answer, open
    #[command(
        subcommand,
        after_help = "Example:\n  eligo care emergency ask --record 8c.. --key farah.doctor --hospital 5f.. --reason \"Unconscious\""
    )]
    Emergency(emergency::Command),
    /// Everything that happened to encounters and records, every step checked against the ledger
    #[command(
        after_help = "Example:\n  eligo care history --wallet wallet.json --hospital charite.example --crumbs crumbs\n  \
        eligo care history --record 8c.."
    )]
    History(reading::ShowHistory),
}

pub fn run(command: &Command, console: &Console) -> Attempt<u8> {
    match command {
        Command::Doctor(args) => team::make_doctor(args, console),
        Command::Enter(args) => team::enter(args, console),
        Command::Employ(args) => team::employ(args, console),
        Command::Found(args) => team::found(args, console),
        Command::Assign(args) => team::assign(args, false, console),
        Command::Confirm(args) => team::confirm(args, console),
        Command::Sign(args) => team::sign(args, console),
        Command::Amend(args) => team::assign(args, true, console),
        Command::Remind(args) => team::remind(args, console),
        Command::Attach(args) => team::attach(args, console),
        Command::Team(args) => team::show(args, console),
        Command::Card(args) => indexing::card(args, console),
        Command::Entry(args) => indexing::entry(args, console),
        Command::Index(args) => indexing::index(args, console),
        Command::Keep(args) => indexing::keep(args, console),
        Command::Searcher(args) => indexing::make_searcher(args, console),
        Command::Match(args) => indexing::search(args, console),
        Command::Serve(args) => indexing::serve(args, console),
        Command::Ask(args) => reading::ask(args, console),
        Command::Inbox(args) => permitting::inbox(args, console),
        Command::Permit(args) => permitting::permit(args, console),
        Command::Find(args) => reading::find(args, console),
        Command::Read(args) => reading::read(args, console),
        Command::Open(args) => reading::open(args, console),
        Command::Revoke(args) => permitting::revoke(args, console),
        Command::Relative(args) => relatives::relative(args, console),
        Command::Delegate(args) => relatives::delegate(args, console),
        Command::Undelegate(args) => relatives::undelegate(args, console),
        Command::Emergency(command) => emergency::run(command, console),
        Command::History(args) => reading::history(args, console),
    }
}
