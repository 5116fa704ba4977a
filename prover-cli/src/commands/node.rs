//! `eligo node`: four replicas, five proxies, their arbiters, a beacon and a registrar in one process, served over HTTP; or
//! one replica of a cluster of processes.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::{Args, Subcommand, ValueEnum};
use eligo_circuits::jubjub::Point;
use eligo_ledger::pool::PoolLimits;
use eligo_marketplace::{
    agent::{Agent, ArbiterAgent, BeaconAgent, Journal, ProxyAgent},
    application::Market,
    certificate::{Level, Role},
    client::Client,
    name::AccountId,
    node::{
        HttpLimits, Node as MarketNode, NodeConfig, Server,
        dev::{DevChain, DevTerms},
    },
    storage::Objects,
};
use rand_core::OsRng;
use serde_json::json;

use super::care::AuthorityCard;
use crate::{
    care::{doctor::DoctorCard, form::Form},
    console::Console,
    failure::{Attempt, Failure, Kind, shown},
    file::Source,
    interrupt,
    ledger_key::LedgerKeyCard,
    market::{admission::admit, connection::NodeArgs, judging::DisputeJudge},
    moment,
    publisher::PublisherPublic,
    schemas::SchemaArgs,
};

#[cfg(feature = "malachite")]
mod member;

/// Run a node: four replicas in one process, with no set-up
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
#[command(
    after_help = "Example:\n  eligo node --dev\n  eligo node admit --hospital hospital.ledger --credits 10000\n\n\
    Makes the folder at the first start: genesis document, everyone's keys (mode 0600), the ledger. Stop it with\n\
    Ctrl-C and start it again at any time. Who can read the folder is everyone on that chain: it is for trying\n\
    things out."
)]
pub struct Node {
    #[command(subcommand)]
    command: Option<NodeCommand>,
    /// A chain of one's own
    #[arg(long)]
    dev: bool,
    /// Folder of the chain
    #[arg(long, value_name = "DIR", default_value = "eligo-node")]
    dir: PathBuf,
    /// Where to listen; port 0 for any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7117")]
    listen: SocketAddr,
    /// Leave the five proxies to `eligo proxy`
    #[arg(long)]
    no_proxies: bool,
    /// How long institutions may dispute, in milliseconds; for a chain that is made now
    #[arg(long, value_name = "MS", default_value_t = 2000)]
    dispute_ms: u64,
    /// Log requests to standard error, as JSON
    #[arg(long)]
    log: bool,
    #[cfg(feature = "malachite")]
    #[command(flatten)]
    member: member::Member,
    /// A replica's configuration, which this build cannot run
    #[cfg(not(feature = "malachite"))]
    #[arg(long, value_name = "FILE", hide = true)]
    cluster: Option<PathBuf>,
}

/// What else can be done with a development chain.
#[derive(Subcommand, Debug)]
enum NodeCommand {
    /// Certify a party with the development chain's registrar, and give it credits
    Admit(Admit),
}

/// Certify a party, and give it credits
#[derive(Args, Debug)]
struct Admit {
    /// Folder of the chain
    #[arg(long, value_name = "DIR", default_value = "eligo-node")]
    dir: PathBuf,
    /// A hospital, by its card (eligo hospital ledger-key)
    #[arg(long, value_name = "CARD", required_unless_present_any = ["institution", "doctor", "authority"])]
    hospital: Option<Source>,
    /// The hospital's level
    #[arg(long, value_name = "LEVEL", default_value = "tertiary")]
    level: HospitalLevel,
    /// An institution, by its public key (eligo institution public)
    #[arg(long, value_name = "FILE", conflicts_with = "hospital")]
    institution: Option<Source>,
    /// A doctor, by its card (eligo care doctor)
    #[arg(long, value_name = "CARD", conflicts_with_all = ["hospital", "institution"])]
    doctor: Option<Source>,
    /// An authority, by its card (eligo care emergency authority)
    #[arg(long, value_name = "CARD", conflicts_with_all = ["hospital", "institution", "doctor"])]
    authority: Option<Source>,
    /// How many credits to give
    #[arg(long, value_name = "N", default_value_t = 0)]
    credits: u64,
    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum HospitalLevel {
    Tertiary,
    Secondary,
    Community,
}

pub fn run(args: &Node, console: &Console) -> Attempt<u8> {
    match &args.command {
        Some(NodeCommand::Admit(args)) => admit_party(args, console),
        None if args.dev => serve(args, console),
        #[cfg(feature = "malachite")]
        None if args.member.is_given() => member::serve(args, console),
        #[cfg(not(feature = "malachite"))]
        None if args.cluster.is_some() => Err(super::cluster::without_engine()),
        None => Err(Failure::usage("which chain?")
            .help("`eligo node --dev` makes one of its own and serves it")),
    }
}

/// The development chain in a folder; made there if there is none.
pub fn open(dir: &Path, dispute_ms: u64) -> Attempt<DevChain> {
    let mut terms = DevTerms::quick("eligo-dev", moment::now()? * 1000);
    terms.parameters.dispute_ms = dispute_ms;
    DevChain::open(dir, &terms, &mut OsRng).map_err(|e| Failure::new(Kind::File, e).of(shown(dir)))
}

/// The development chain of a folder that has one.
pub fn existing(dir: &Path) -> Attempt<DevChain> {
    if DevChain::genesis_file(dir).exists() {
        return open(dir, 2000);
    }
    let failure = Failure::usage("no development chain there").of(shown(dir));
    Err(failure.help("name the folder that `eligo node --dev` made"))
}

fn log_requests() {
    let log = tracing_subscriber::fmt()
        .json()
        .with_writer(std::io::stderr);
    // Only a second subscriber could fail, and there is none.
    log.try_init().ok();
}

fn serve(args: &Node, console: &Console) -> Attempt<u8> {
    if args.log {
        log_requests();
    }
    interrupt::be_patient();
    let chain = open(&args.dir, args.dispute_ms)?;
    let objects = Objects::local(&args.dir.join("objects")).map_err(Failure::unexpected)?;
    let config = NodeConfig {
        directory: args.dir.clone(),
        genesis: chain.genesis().clone(),
        keys: chain.replicas().clone(),
        pool: PoolLimits::default(),
        objects,
        patience: Duration::from_secs(30),
    };
    let started = |e| Failure::new(Kind::File, e).of(shown(&args.dir));
    let node = MarketNode::start(config, |_| Market::new()).map_err(started)?;
    let genesis = DevChain::genesis_file(&args.dir);
    let server = listen(node, args.listen, &genesis, console)?;
    let helpers = Helpers {
        keys: &chain,
        journals: args.dir.join("journals"),
        proxies: !args.no_proxies,
    };
    let node = server.node().clone();
    run_until_stopped(&node, Some(&helpers))?;
    console.say("stopped");
    Ok(0)
}

/// Serves a node over HTTP, and says where.
fn listen(
    node: MarketNode<Market>,
    address: SocketAddr,
    genesis: &Path,
    console: &Console,
) -> Attempt<Server<Market>> {
    let server = Server::start(Arc::new(node), address, HttpLimits::default());
    let server = server.map_err(|e| {
        Failure::new(Kind::Network, format!("cannot listen on {address}: {e}"))
            .help("name another address with --listen")
    })?;
    let client = Client::trusting(server.node().clone())?;
    let id = client.chain().to_string();
    console.say(format!(
        "{}\nchain {id}\ngenesis {}",
        server.url(),
        shown(genesis)
    ));
    console.object(json!({
        "url": server.url(),
        "chain": id,
        "genesis": shown(genesis),
    }));
    Ok(server)
}

/// Beacon, arbiters and proxies of a development chain, which run beside a node.
struct Helpers<'a> {
    keys: &'a DevChain,
    journals: PathBuf,
    proxies: bool,
}

/// Runs until an interrupt, or until the node's replica stopped by itself.
fn run_until_stopped(node: &Arc<MarketNode<Market>>, helpers: Option<&Helpers<'_>>) -> Attempt<()> {
    let client = Client::trusting(node.clone())?;
    let going = || interrupt::going() && node.going();
    std::thread::scope(|scope| -> Attempt<()> {
        let mut running = Vec::new();
        let every = Duration::from_millis(200);
        let (client, going) = (&client, &going);
        if let Some(helpers) = helpers {
            let chain = helpers.keys;
            running.push(scope.spawn(move || {
                let mut beacon = BeaconAgent::new(client, chain.beacon(), chain.registrar());
                beacon.run(every, going, &mut |_| ())
            }));
            let proxies = chain.proxies().iter().filter(|_| helpers.proxies);
            for (replica, account, letters) in chain.arbiters() {
                let folder = helpers.journals.join(format!("arbiter-{}", replica.get()));
                let journal = Journal::open(&folder).map_err(Failure::unexpected)?;
                running.push(scope.spawn(move || {
                    let judge = DisputeJudge::new(client, SchemaArgs::default());
                    let arbiter = (*replica, account, letters);
                    let mut agent = ArbiterAgent::new(client, arbiter, journal, judge);
                    agent.run(every, going, &mut |_| ())
                }));
            }
            for (number, proxy) in (1..).zip(proxies) {
                let folder = helpers.journals.join(format!("proxy-{number}"));
                let journal = Journal::open(&folder).map_err(Failure::unexpected)?;
                running.push(scope.spawn(move || {
                    let mut agent = ProxyAgent::new(client, proxy, journal);
                    agent.run(every, going, &mut |_| ())
                }));
            }
        }
        while going() {
            std::thread::sleep(Duration::from_millis(100));
        }
        for helper in running {
            match helper.join() {
                Ok(done) => done?,
                Err(_) => return Err(Failure::unexpected("a helper of the node panicked")),
            }
        }
        Ok(())
    })?;
    if node.going() {
        return Ok(());
    }
    Err(Failure::new(
        Kind::File,
        "the replica stopped: its disk failed, or its state contradicts a certificate",
    )
    .help("keep its folder for inspection; do not start a copy of it"))
}

/// A doctor or an authority, by its card.
fn carer(args: &Admit) -> Attempt<(AccountId, String, Role)> {
    if let Some(card) = &args.doctor {
        let card = DoctorCard::read(card)?;
        return Ok((card.account, card.name, Role::Doctor));
    }
    let card = args.authority.as_ref();
    let card = card.ok_or_else(|| Failure::usage("whom?").help("--doctor or --authority"))?;
    let card = AuthorityCard::read(card)?;
    Ok((card.account, card.name, Role::Institution))
}

fn admit_party(args: &Admit, console: &Console) -> Attempt<u8> {
    let chain = existing(&args.dir)?;
    let client = args.node.connect(console)?;
    let (subject, name, role) = match (&args.hospital, &args.institution) {
        _ if args.doctor.is_some() || args.authority.is_some() => carer(args)?,
        (Some(card), _) => {
            let card = LedgerKeyCard::read(card)?;
            let issuer = Point::from_hex(&card.baby_jubjub).map_err(Failure::unexpected)?;
            let level = match args.level {
                HospitalLevel::Tertiary => Level::Tertiary,
                HospitalLevel::Secondary => Level::Secondary,
                HospitalLevel::Community => Level::Community,
            };
            let issuer_key = issuer.to_bytes();
            let role = Role::Hospital { level, issuer_key };
            (AccountId::of(&card.key()?), card.name, role)
        }
        (None, Some(source)) => {
            let public = PublisherPublic::read(source)?;
            let account = public
                .ed25519
                .parse()
                .map_err(|e| Failure::file(source, e))?;
            (account, public.name, Role::Institution)
        }
        (None, None) => return Err(Failure::usage("whom?").help("--hospital or --institution")),
    };
    let role_name = role.name();
    admit(
        &client,
        chain.registrar(),
        subject,
        (&name, role),
        args.credits,
    )?;
    console.say(format!(
        "{name}: admitted as {role_name}, account {subject}"
    ));
    console.object(json!({
        "account": subject.to_string(),
        "name": name,
        "role": role_name,
        "credits": args.credits,
    }));
    Ok(0)
}
