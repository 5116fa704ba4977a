//! A visit's keys: the patient's own from the wallet, the public ones from a card.

use clap::Args;
use eligo_sharing::wallet::{
    Encounter, EncounterCard, EncounterCardError, HospitalId, Visit, Wallet,
};

use crate::{
    commands::wallet::WalletArgs,
    console::Console,
    failure::{Attempt, Failure},
    file::Source,
};

/// Largest card or holder document read.
const LIMIT: usize = 4096;

/// Which visit of which wallet.
#[derive(Args, Clone, Debug)]
pub struct VisitArgs {
    #[command(flatten)]
    wallet: WalletArgs,
    /// The hospital visited, as the wallet knows it
    #[arg(long, value_name = "ID")]
    hospital: HospitalId,
    /// Number of the visit, from 0; each visit has its own keys
    #[arg(long, value_name = "N", default_value_t = 0)]
    visit: u32,
}

impl VisitArgs {
    /// A visit of a wallet.
    pub const fn new(wallet: WalletArgs, hospital: HospitalId, visit: u32) -> Self {
        Self {
            wallet,
            hospital,
            visit,
        }
    }

    /// The hospital visited, as the wallet knows it.
    pub const fn hospital(&self) -> &HospitalId {
        &self.hospital
    }

    /// Number of the visit.
    pub const fn number(&self) -> u32 {
        self.visit
    }

    /// Opens the wallet; also the visit's keys.
    pub fn open_wallet(&self, console: &Console) -> Attempt<(Wallet, Encounter)> {
        let wallet = self.wallet.open(console)?;
        let encounter = wallet.encounter(&self.hospital, Visit::new(self.visit));
        Ok((wallet, encounter))
    }

    /// Opens the wallet and derives the visit's keys.
    pub fn open(&self, console: &Console) -> Attempt<Encounter> {
        let wallet = self.wallet.open(console)?;
        Ok(wallet.encounter(&self.hospital, Visit::new(self.visit)))
    }

    /// What to do when the keys are not those of a capsule or grant.
    pub fn other_visit(&self, source: &Source) -> Failure {
        Failure::file(
            source,
            format!(
                "of another visit than number {} to {}, or of another wallet",
                self.visit, self.hospital
            ),
        )
        .help("give the wallet, --hospital and --visit whose card the record was sealed to")
    }
}

/// Reads an encounter card, or the card in a holder document; its proof of possession holds.
pub fn read_card(source: &Source) -> Attempt<EncounterCard> {
    EncounterCard::from_json(&source.read(LIMIT)?).map_err(|e| {
        let help = match e {
            EncounterCardError::None => {
                "make one with the keys of the visit: eligo wallet holder --hospital ID --visit N"
            }
            EncounterCardError::Document(_) => "expected a file made by `eligo wallet encounter`",
        };
        Failure::file(source, e).help(help)
    })
}
