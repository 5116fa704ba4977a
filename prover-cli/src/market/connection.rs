//! Where the node is, and which chain it must serve.

use std::{path::Path, time::Duration};

use clap::Args;
use eligo_ledger::{
    application::{Genesis, MAX_GENESIS_STATE},
    wire::Wire,
};
use eligo_marketplace::client::{Client, HttpDesk};

use crate::{
    console::Console,
    failure::{Attempt, Failure, Kind},
    file::Source,
};

/// Longest answer waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// Where `eligo node --dev` leaves its genesis document.
const USUAL: &str = "eligo-node/genesis";

/// The node to use, and the genesis document that its proofs are checked against
#[derive(Args, Clone, Debug)]
pub struct NodeArgs {
    /// Address of the node
    #[arg(
        long,
        value_name = "URL",
        env = "ELIGO_NODE",
        default_value = "http://127.0.0.1:7117"
    )]
    pub node: String,
    /// The chain's genesis document, against which everything the node says is checked; eligo-node/genesis, or
    /// else whatever the node serves
    #[arg(long, value_name = "FILE", env = "ELIGO_GENESIS")]
    pub genesis: Option<Source>,
}

impl NodeArgs {
    /// Connects, and refuses a node of another chain.
    pub fn connect(&self, console: &Console) -> Attempt<Client<HttpDesk>> {
        if !self.node.starts_with("http://") {
            return Err(
                Failure::usage(format!("`{}` is no address of a node", self.node)).help(
                    "expected http://HOST:PORT; for another machine, put a TLS tunnel before it",
                ),
            );
        }
        let desk = HttpDesk::new(&self.node, PATIENCE);
        let usual = Path::new(USUAL);
        let source = match &self.genesis {
            Some(source) => Some(source.clone()),
            None => usual.is_file().then(|| Source::File(usual.to_owned())),
        };
        let Some(source) = source else {
            let client = Client::trusting(desk)?;
            console.warn(format!(
                "taking the node's word that it serves chain {}; name the genesis document with --genesis to be sure",
                client.chain()
            ));
            return Ok(client);
        };
        let bytes = source.read(MAX_GENESIS_STATE + (1 << 20))?;
        let genesis = Genesis::from_wire(&bytes).map_err(|e| {
            Failure::new(Kind::File, e)
                .of(&source)
                .help("expected the `genesis` file of a node's folder")
        })?;
        Ok(Client::new(genesis, desk)?)
    }
}
