//! The referral: a stroke patient's records, made by teams in two hospitals, are found and read in a third
//! one, for as long as the patient permits, and every step is on the ledger.

mod ceremony;
mod clinic;
mod permission;
mod trust;

use std::{sync::Arc, time::Instant};

use ed25519_dalek::SigningKey;
use eligo_marketplace::{
    agent::{Account, Agent, AuthorityIdentity, BeaconAgent, Journal, ProxyAgent},
    application::Market,
    care::Act,
    client::{Client, Desk as _},
    event::Event,
    name::{AccountId, ChainId, EncounterName, RecordName},
    node::{Node, dev::DevChain},
    transaction::Body,
};
use eligo_sharing::wallet::{HospitalId, Visit, Wallet};
use serde_json::{Map, Value};

use super::{Tour, stage};
use crate::{
    care::{
        card::{CheckedCard, VisitCard},
        crumbs::Crumbs,
        doctor::Doctor,
        searching::SearcherKey,
    },
    commands::wallet::{self, CostArgs},
    failure::{Attempt, Failure},
    file::Access,
    market::audit::short,
};

/// The patient; synthetic.
const BUNDLE: &str = include_str!("../../../../fixtures/fhir/marta-nowak.json");
/// The patient's wallet.
const MARTA: &str = "marta";

type Figures = Map<String, Value>;

fn note(figures: &mut Figures, name: &str, value: impl Into<Value>) {
    figures.insert(name.to_owned(), value.into());
}

/// A hospital of the demonstration.
struct Hospital {
    /// As the registrar certifies it.
    name: &'static str,
    /// As wallets know it.
    id: HospitalId,
    /// The file of its keys.
    key: String,
    /// Its account.
    ledger: SigningKey,
    doctors: Vec<Doctor>,
}

impl Hospital {
    fn account(&self) -> AccountId {
        AccountId::of(&self.ledger.verifying_key())
    }
}

/// Where the demonstration plays, and who takes part.
struct Region {
    chain: DevChain,
    client: Client<Arc<Node<Market>>>,
    /// Community, secondary, tertiary.
    hospitals: [Hospital; 3],
    searcher: SearcherKey,
    authorities: Vec<AuthorityIdentity>,
    relative: SigningKey,
    wallet: Wallet,
    /// What the patient's device keeps.
    crumbs: Crumbs,
}

impl Region {
    fn id(&self) -> ChainId {
        ChainId::from(self.client.chain())
    }

    /// A patient's card at a hospital, and the encounter's name.
    fn card(&self, hospital: &Hospital) -> Attempt<CheckedCard> {
        let encounter = self.wallet.encounter(&hospital.id, Visit::FIRST);
        VisitCard::of(&self.wallet, &hospital.id, &encounter).check()
    }

    fn encounter(&self, hospital: &Hospital) -> EncounterName {
        let encounter = self.wallet.encounter(&hospital.id, Visit::FIRST);
        EncounterName::of(encounter.signer.verifying_key().as_bytes())
    }

    /// Sends an act; its block and events.
    fn act(&self, key: &SigningKey, act: Act) -> Attempt<(u64, Vec<Event>)> {
        let sent = Account::new(&self.client, key).send(Body::Care(act))?;
        let height = sent.height.get();
        Ok((height, sent.accepted()?))
    }

    /// The beacon's rounds that an ask waits for: proxies are drawn with what nobody could foresee.
    fn beacon(&self) -> Attempt<u64> {
        let (signers, account) = (self.chain.beacon(), self.chain.registrar());
        BeaconAgent::new(&self.client, signers, account).step()?;
        Ok(self.client.market_status()?.beacon_round)
    }

    /// Every proxy does what there is to do.
    fn proxies(&self, tour: &Tour<'_>) -> Attempt<usize> {
        let mut deeds = 0;
        for (number, proxy) in (1..).zip(self.chain.proxies()) {
            let folder = tour.path("journals").join(format!("proxy-{number}"));
            let journal = Journal::open(&folder).map_err(Failure::unexpected)?;
            deeds += ProxyAgent::new(&self.client, proxy, journal).step()?.len();
        }
        Ok(deeds)
    }
}

impl Tour<'_> {
    /// The whole referral; what is said last.
    pub fn refer(&self, figures: &mut Figures) -> Attempt<&'static str> {
        self.console.say(format!(
            "A stroke patient was treated in a community and in a secondary hospital. At a tertiary one a doctor\n\
             finds and reads both records, for as long as the patient permits. Synthetic patient. Files: {}\n",
            crate::failure::shown(&self.folder)
        ));
        let mut region = self.found()?;
        self.make_key(&region, figures)?;
        let records = self.treat(&mut region, figures)?;
        self.refer_on(&region, records, figures)?;
        self.after(&region, records, figures)?;
        self.stand_in(&region, records, figures)?;
        self.emergency(&region, records, figures)?;
        self.look_at_history(&region, records, figures)?;
        let height = region.client.desk().height().map_err(Failure::from)?;
        note(figures, "blocks", height.get());
        Ok(
            "The ledger shows which doctor read which record, when, and by whose permission: not who the patient\n\
             is, no diagnosis and no department.",
        )
    }

    /// Ledger, hospitals, doctors, a search node, the patient's wallet.
    fn found(&self) -> Attempt<Region> {
        self.chapter(
            "Four replicas keep the ledger; the registrar certifies hospitals and doctors",
        );
        let at = Instant::now();
        let (chain, node) = stage::start(&self.path("node"))?;
        let client = Client::new(chain.genesis().clone(), node)?;
        let name = short(&client.chain().to_string());
        let text = format!("node/: chain {name}, beacon key by distributed generation, 5 proxies");
        self.line(at, "node", &text);
        let hospitals = self.hospitals(&client, &chain)?;
        let authorities = self.authorities(&client, &chain)?;
        self.write(
            "passphrase",
            b"correct horse battery staple\n",
            Access::Secret,
        )?;
        let file = format!("{MARTA}.wallet");
        self.step(
            "wallet new",
            "on the patient's device, encrypted",
            &file,
            || {
                let (target, passphrase) = (self.target(&file), self.passphrase());
                wallet::make(
                    &target,
                    &passphrase,
                    &CostArgs::low(),
                    self.force,
                    &self.silent,
                )
            },
        )?;
        let wallet = self.wallet(MARTA).open(&self.silent)?;
        let searcher = SearcherKey::generate("Search node 1");
        self.write(
            "searcher.key",
            searcher.to_text()?.as_bytes(),
            Access::Secret,
        )?;
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        rand_core::RngCore::fill_bytes(&mut rand_core::OsRng, seed.as_mut_slice());
        Ok(Region {
            chain,
            client,
            hospitals,
            searcher,
            authorities,
            relative: SigningKey::from_bytes(&seed),
            wallet,
            crumbs: Crumbs::default(),
        })
    }
}

/// The two records, as the ledger names them: of the community and of the secondary hospital.
type Records = [RecordName; 2];
