//! Proxies take other keys: who grants comes to the very keys that the contract noted, before the rotation and after
//! it, and a node that hides a rotation gets no grant.

use eligo_marketplace::agent::trail::AskTrail;
use eligo_marketplace::care::Act;
use eligo_marketplace::care::scenario::MadeAsk;
use eligo_marketplace::convene::act::Act as Convene;
use eligo_marketplace::convene::event::Convened;
use eligo_sharing::keys::{ProxyKey, ProxyPublicKey};
use eligo_sharing::tcpre::combine;

use super::lying::Lying;
use super::trust::Clinic;
use super::*;

impl Fair {
    /// Every proxy takes another key.
    fn rotate(&mut self) {
        for at in 0..self.market.proxies.len() {
            let key = ProxyKey::generate(&mut self.market.rng);
            let renew = Body::Convene(Convene::RenewProxyKey {
                key: key.public().to_bytes(),
                possession: key.prove_possession().to_bytes(),
            });
            let sender = self.market.proxies[at].actor.key.clone();
            let renewed = self.sends(&sender, renew);
            assert!(renewed.accepted(), "{:?}", renewed.outcome);
            self.market.proxies[at].key = key;
        }
    }

    /// The keys that every proxy has now, in the order of their accounts.
    fn keys_of(&self, accounts: &[AccountId]) -> Vec<ProxyPublicKey> {
        let key = |account: &AccountId| {
            let mut proxies = self.market.proxies.iter();
            let proxy = proxies.find(|p| p.actor.account() == *account).unwrap();
            proxy.key.public()
        };
        accounts.iter().map(key).collect()
    }

    /// The keys a grant in answer to an ask names, and who they are of.
    fn roster_of<D: Desk>(
        client: &Client<D>,
        ask: &MadeAsk,
    ) -> (Vec<AccountId>, Vec<ProxyPublicKey>) {
        let trail = AskTrail::proved(client, &ask.id).unwrap().unwrap();
        let roster = trail.roster(client).unwrap().unwrap();
        let keys = roster.iter().map(|(_, key)| *key).collect();
        (trail.drawn().unwrap().to_vec(), keys)
    }

    /// Asks, permits, reads; proxies serve; the doctor can open. Then the doctor takes the ask back.
    fn served_ask(&mut self, clinic: &Clinic, folder: &Path) -> MadeAsk {
        let ask = self.ask(clinic);
        let client = Client::new(self.market.genesis.clone(), self.client.desk().clone()).unwrap();
        let (drawn, keys) = Self::roster_of(&client, &ask);
        assert_eq!(keys, self.keys_of(&drawn));
        let permit = self.permit_by(&client, &ask);
        let permitted = self.hand_in(clinic, permit);
        assert!(permitted.accepted(), "{:?}", permitted.outcome);
        let record = self.record.name();
        let read = Act::Read {
            ask: ask.id,
            record,
        };
        let doctor = &clinic.doctor.actor.key;
        assert!(self.acts(doctor, read).accepted());
        for at in 0..self.market.proxies.len() {
            let journal = Journal::open(&folder.join(format!("proxy-{at}"))).unwrap();
            let identity = self.identity(at);
            ProxyAgent::new(&self.client, &identity, journal)
                .step()
                .unwrap();
        }
        let trail = AskTrail::proved(&self.client, &ask.id).unwrap().unwrap();
        let granted = trail.granted_record(&self.client, &record).unwrap();
        let shares = trail.shares(&granted);
        let opened = combine(&ask.receiving, &granted.grant, &granted.capsule, &shares);
        assert!(opened.is_ok(), "{} shares", shares.len());
        let withdraw = Act::Withdraw { ask: ask.id };
        assert!(self.acts(doctor, withdraw).accepted());
        ask
    }

    /// Claims on the requirement at hand and is paid.
    fn served_claim(&mut self, folder: &Path, purchase: &str) {
        self.publish();
        let seen = self.client.requirement(&self.wanted.name).unwrap().unwrap();
        let drawn = seen.sale.unwrap().drawn.unwrap();
        self.client.check_drawn(&self.wanted.name, &drawn).unwrap();
        let accounts: Vec<_> = drawn.iter().map(|proxy| proxy.account).collect();
        let keys = self.keys_of(&accounts);
        let keys: Vec<_> = keys.iter().map(|k| hex::encode(k.to_bytes())).collect();
        let named: Vec<_> = drawn.iter().map(|proxy| proxy.key.clone()).collect();
        assert_eq!(named, keys);
        let claim = self.claim();
        self.delivered(folder);
        let journals = folder.join(purchase);
        std::fs::create_dir_all(&journals).unwrap();
        buy(self, &journals, &claim.id, &Judgement::Sound);
        assert_eq!(self.status(&claim.id), "settled");
    }
}

#[test]
fn asks_and_claims_name_the_keys_that_proxies_stood_with() {
    let folder = tempfile::tempdir().unwrap();
    let mut fair = open(folder.path(), SHORT_MS);
    fair.registered(folder.path());
    let clinic = fair.clinic();
    fair.served_claim(folder.path(), "first");
    let before = fair.served_ask(&clinic, folder.path());
    let (drawn, old) = Fair::roster_of(&fair.client, &before);
    let requirement = fair.wanted.name;
    fair.rotate();
    // What was before stays what it was.
    assert_eq!(Fair::roster_of(&fair.client, &before), (drawn, old));
    let seen = fair.client.requirement(&requirement).unwrap().unwrap();
    let seen = seen.sale.unwrap().drawn.unwrap();
    fair.client.check_drawn(&requirement, &seen).unwrap();

    fair.wanted = fair.market.want(1, false);
    fair.wanted.offer.question.deadline += 36_500;
    let chain = fair.market.chain;
    fair.wanted.name = fair
        .wanted
        .offer
        .requirement(&chain, "Institute 0")
        .unwrap();
    fair.served_claim(folder.path(), "second");
    // An old key for a new requirement: refused before anything is granted.
    let new = fair.client.requirement(&fair.wanted.name).unwrap().unwrap();
    let mut new = new.sale.unwrap().drawn.unwrap();
    for proxy in &mut new {
        let mut first = seen.iter();
        let earlier = first.find(|s| s.account == proxy.account).unwrap();
        proxy.key.clone_from(&earlier.key);
    }
    assert!(fair.client.check_drawn(&fair.wanted.name, &new).is_err());
    fair.served_ask(&clinic, folder.path());
    // Once more, with the keys of two rotations before it.
    fair.rotate();
    fair.served_ask(&clinic, folder.path());
}

#[test]
fn a_node_that_hides_a_rotation_gets_no_grant() {
    let folder = tempfile::tempdir().unwrap();
    let mut fair = open(folder.path(), LONG_MS);
    fair.registered(folder.path());
    let clinic = fair.clinic();
    fair.rotate();
    let ask = fair.ask(&clinic);
    let liar = Lying::hiding(&fair, |event| {
        matches!(event, Event::Convened(Convened::ProxyKeyRenewed { .. }))
    });
    let trail = AskTrail::proved(&liar, &ask.id).unwrap().unwrap();
    assert!(trail.roster(&liar).unwrap().is_some());
    let none = trail.witnessed_roster(&liar);
    assert!(matches!(none, Err(AgentError::Nonsense { .. })), "{none:?}");
    // With an honest one it is granted.
    let client = Client::new(fair.market.genesis.clone(), fair.client.desk().clone()).unwrap();
    let permit = fair.permit_by(&client, &ask);
    assert!(fair.hand_in(&clinic, permit).accepted());
}

#[test]
fn a_refused_rotation_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let mut fair = open(folder.path(), LONG_MS);
    fair.registered(folder.path());
    let clinic = fair.clinic();
    // A proxy with a duty takes no other key, and nobody takes one for it.
    let before = fair.ask(&clinic);
    let proxy = Fair::roster_of(&fair.client, &before).0[0];
    let key = ProxyKey::generate(&mut fair.market.rng);
    let renew = Body::Convene(Convene::RenewProxyKey {
        key: key.public().to_bytes(),
        possession: key.prove_possession().to_bytes(),
    });
    let stranger = fair.stranger();
    let refused = fair.sends(&stranger.key, renew);
    let event = Event::Convened(Convened::ProxyKeyRenewed { proxy });
    let liar = Lying::about(&fair, &refused, event);
    // It came after the ask, so it is not even looked at.
    assert!(
        Fair::roster_of(&liar, &before)
            .1
            .contains(&fair.keys_of(&[proxy])[0])
    );
    // Nor, said to have come before, is it believed.
    let steps = liar.history(&Subject::Party(proxy)).unwrap();
    let told = steps.into_iter().rev().find(|s| s.transaction.is_some());
    let mut told = told.unwrap();
    assert_eq!(told.height, refused.height);
    told.height = Height::new(refused.height.get() + 1);
    let later = eligo_marketplace::client::Place::of(&told).unwrap();
    assert!(liar.proxy_key(&proxy, later).is_err());
    assert!(fair.client.proxy_key(&proxy, later).is_ok());
}
