//! Keys that authorities make together, and a proxy's own.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use eligo_marketplace::{
    agent::{Account, AgentError, ProxyIdentity},
    client::{Client, Desk},
    convene::act::{Act, KeyPurpose},
    transaction::Body,
};
use eligo_sharing::keys::ProxyKey;
use rand_core::OsRng;
use serde_json::json;

use crate::{
    commands::{
        care::emergency::{self, ConveneArgs},
        proxy,
    },
    console::Console,
    failure::{Attempt, Failure, shown},
    file::{self, Access, Source},
    market::connection::NodeArgs,
};

/// Begin a ceremony
#[derive(Args, Debug)]
pub struct Begin {
    /// What the key is for
    #[arg(long = "for", value_name = "PURPOSE")]
    purpose: Purpose,
    #[command(flatten)]
    ceremony: ConveneArgs,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Purpose {
    /// Emergencies, and sealing to names
    Identity,
    /// The expiry gate of re-encryption
    Gate,
    /// The randomness beacon
    Beacon,
}

pub fn begin(args: &Begin, console: &Console) -> Attempt<u8> {
    let purpose = match args.purpose {
        Purpose::Identity => KeyPurpose::Identity,
        Purpose::Gate => KeyPurpose::Gate,
        Purpose::Beacon => KeyPurpose::Beacon,
    };
    emergency::begin(purpose, &args.ceremony, console)
}

/// Take another key
#[derive(Args, Debug)]
pub struct Renew {
    /// The proxy's key file
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// The key file to write: with the new key and the ones before it (mode 0600)
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn renew(args: &Renew, console: &Console) -> Attempt<u8> {
    let identity = proxy::read_identity(&args.key, console)?;
    let account = identity.account();
    let client = args.node.connect(console)?;
    let next = next_identity(identity, &args.output, console)?;
    let key = next.key().public().to_bytes();
    let act = Act::RenewProxyKey {
        key,
        possession: next.key().prove_possession().to_bytes(),
    };
    let known = || {
        let found = seen_key(&client, &next)?;
        Ok(found == Some(hex::encode(key)))
    };
    let sent = Account::new(&client, next.signer()).send_unless(Body::Convene(act), known);
    let sent = sent.map_err(|error| unsent(error, &args.output))?;
    let height = sent.map(|sent| sent.height.get());
    let since = height.map_or_else(|| "already".to_owned(), |h| format!("from block {h} on"));
    console.say(format!(
        "{}: {}'s new key, in force {since}\nnext: eligo proxy --key {} --journal FOLDER, the one it has",
        shown(&args.output),
        next.name(),
        shown(&args.output)
    ));
    console.object(json!({
        "account": account.to_string(),
        "key": hex::encode(key),
        "former": next.former().len(),
        "height": height,
        "output": shown(&args.output),
    }));
    Ok(0)
}

/// Why the ledger did not hear of the key. The file stays whatever was said: that it was refused may be a node's
/// word alone, and it may hold the only copy of the key in force.
fn unsent(error: AgentError, output: &Path) -> Failure {
    let refused = matches!(error, AgentError::Refused(_));
    let failure = Failure::from(error);
    if !refused {
        return failure;
    }
    let output = shown(output);
    failure.also(format!(
        "{output} is kept, for a node can say so of a key that is in force; run this again with -o {output}, which \
         goes on with that key, best at another node"
    ))
}

/// The proxy with its new key, which lies in the file before the ledger hears of it; the one of a run that was
/// cut short, if that is what lies there.
fn next_identity(
    identity: ProxyIdentity,
    output: &Path,
    console: &Console,
) -> Attempt<ProxyIdentity> {
    if output.is_file() {
        let begun = proxy::read_identity(&Source::File(output.to_owned()), console).ok();
        let begun = begun.filter(|begun| {
            let before = begun.former().first().map(ProxyKey::public);
            begun.account() == identity.account() && before == Some(identity.key().public())
        });
        return begun.ok_or_else(|| {
            Failure::usage("exists already; nothing was written")
                .of(shown(output))
                .help("choose another name")
        });
    }
    let next = identity.renewed(ProxyKey::generate(&mut OsRng));
    let text = next.to_json();
    file::write(output, text.as_bytes(), Access::Secret, false)?;
    Ok(next)
}

/// The key that the roster has of a proxy.
fn seen_key<D: Desk>(
    client: &Client<D>,
    proxy: &ProxyIdentity,
) -> Result<Option<String>, AgentError> {
    let all = client.proxies()?.into_iter();
    let mut mine = all.filter(|seen| seen.account == proxy.account());
    Ok(mine.next().map(|seen| seen.key))
}
