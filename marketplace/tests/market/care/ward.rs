//! Two hospitals with doctors, records of one patient, everything ready for an ask.

use eligo_ledger::block::Transaction;
use eligo_marketplace::care::Act;
use eligo_marketplace::care::act::{Permit, TeamName};
use eligo_marketplace::care::scenario::{DoctorActor, MadeAsk, plan, verified};
use eligo_marketplace::name::{AccountId, AskId};
use eligo_marketplace::query;
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::{Config, Scenario, SealedRecord};
use eligo_marketplace::solo::Solo;
use eligo_sharing::tcpre::VerifiedGrant;
use eligo_sharing::wallet::{Encounter, HospitalId, Visit, Wallet};

use crate::support::Toy;

/// Digest of a welcome that all accepted.
pub const WELCOME: [u8; 32] = [7; 32];

/// Hospital 0 employs doctors 0, 1, 2 and has records of the patient; hospital 1 employs doctor 3, who asks.
pub struct Ward {
    pub market: Scenario<Toy>,
    pub solo: Solo,
    pub doctors: Vec<DoctorActor>,
    pub wallet: Wallet,
    pub records: Vec<SealedRecord>,
    pub round: u64,
}

impl Ward {
    pub fn open() -> Self {
        Self::with_seed(1)
    }

    pub fn with_seed(seed: u64) -> Self {
        Self::with(&Config {
            seed,
            ..Config::default()
        })
    }

    pub fn with(config: &Config) -> Self {
        let mut market = Scenario::new(Toy::new(2), config).unwrap();
        let mut solo = Solo::new(&market.genesis);
        let mut doctors = Vec::new();
        for n in 0..4 {
            let (doctor, entering) = market.doctor(&format!("Doctor {n}")).unwrap();
            for transaction in entering {
                solo.submit(transaction).unwrap();
            }
            let employ = market.employ(usize::from(n == 3), doctor.account());
            solo.submit(employ).unwrap();
            doctors.push(doctor);
        }
        let wallet = Wallet::generate(&mut market.rng);
        let mut ward = Self {
            market,
            solo,
            doctors,
            wallet,
            records: Vec::new(),
            round: 0,
        };
        for hospital in 0..2 {
            let record = ward.register(hospital);
            ward.records.push(record);
        }
        ward
    }

    pub fn register(&mut self, hospital: usize) -> SealedRecord {
        let record = self.market.seal(hospital, None);
        let registration = self.market.register(hospital, &record);
        self.solo.submit(registration).unwrap();
        record
    }

    /// The patient's keys of a visit to the asking hospital.
    pub fn visit(&self, number: u32) -> Encounter {
        let hospital = HospitalId::new("Hospital 1").unwrap();
        self.wallet.encounter(&hospital, Visit::new(number))
    }

    pub fn two_rounds(&mut self) {
        for _ in 0..2 {
            self.round += 1;
            let round = self.market.round(self.round);
            self.solo.submit(round).unwrap();
        }
    }

    pub fn by_doctor(&mut self, doctor: usize, act: Act) -> Transaction {
        let key = self.doctors[doctor].actor.key.clone();
        self.market.act(&key, act)
    }

    pub fn doctor_acts(&mut self, doctor: usize, act: Act) -> Result<(), Rejection> {
        let transaction = self.by_doctor(doctor, act);
        self.solo.submit(transaction)
    }

    pub fn hospital_acts(&mut self, hospital: usize, act: Act) -> Result<(), Rejection> {
        let transaction = self.market.hospital_acts(hospital, act);
        self.solo.submit(transaction)
    }

    pub fn anyone_acts(&mut self, act: Act) -> Result<(), Rejection> {
        let transaction = self.market.anyone_acts(act);
        self.solo.submit(transaction)
    }

    /// An ask by doctor 3 at a visit, not submitted.
    pub fn make_ask(&mut self, visit: u32) -> MadeAsk {
        let inbox = self.visit(visit).signer;
        self.market.make_ask(&self.doctors[3].actor, 1, &inbox)
    }

    /// An ask that is made and drawn for.
    pub fn ask(&mut self, visit: u32) -> MadeAsk {
        let ask = self.make_ask(visit);
        self.doctor_acts(3, Act::Ask(ask.terms.clone())).unwrap();
        self.two_rounds();
        ask
    }

    pub fn drawn(&self, ask: AskId) -> Vec<(AccountId, [u8; 48])> {
        self.solo.contract().drawn_for_ask(&ask).unwrap_or_default()
    }

    /// A permit of these records until the ask ends.
    pub fn make_permit(&mut self, ask: &MadeAsk, records: &[usize]) -> Permit {
        let drawn = self.drawn(ask.id);
        let records: Vec<&SealedRecord> = records.iter().map(|n| &self.records[*n]).collect();
        let until = ask.terms.until_ms;
        self.market
            .make_permit(ask, &records, &drawn, until)
            .unwrap()
    }

    pub fn permit(&mut self, visit: u32, permit: Permit) -> Result<(), Rejection> {
        let signed = self.market.sign_permit(permit, &self.visit(visit).signer);
        self.anyone_acts(Act::Permit(signed))
    }

    /// An ask with both records permitted.
    pub fn permitted(&mut self, visit: u32) -> (MadeAsk, Permit) {
        let ask = self.ask(visit);
        let permit = self.make_permit(&ask, &[0, 1]);
        self.permit(visit, permit.clone()).unwrap();
        (ask, permit)
    }

    pub fn read(&mut self, doctor: usize, ask: AskId, record: usize) -> Result<(), Rejection> {
        let record = self.records[record].name();
        self.doctor_acts(doctor, Act::Read { ask, record })
    }

    pub fn grant(&self, ask: &MadeAsk, permit: &Permit, record: usize) -> VerifiedGrant {
        let (drawn, record) = (self.drawn(ask.id), &self.records[record]);
        let until = permit.until_ms;
        let terms = self.market.care_terms(ask, record, &drawn, until).unwrap();
        verified(permit, &record.name(), &terms).unwrap()
    }

    /// The honest share of the proxy drawn at this place, not submitted.
    pub fn make_share(
        &mut self,
        place: usize,
        ask: &MadeAsk,
        permit: &Permit,
        record: usize,
    ) -> (usize, Act) {
        let account = self.drawn(ask.id)[place].0;
        let grant = self.grant(ask, permit, record);
        let now = self.solo.time_ms;
        let record = &self.records[record];
        self.market
            .care_share(&account, ask.id, (record, &grant), now)
            .unwrap()
    }

    pub fn proxy_acts(&mut self, (proxy, act): (usize, Act)) -> Result<(), Rejection> {
        let key = self.market.proxies[proxy].actor.key.clone();
        let transaction = self.market.act(&key, act);
        self.solo.submit(transaction)
    }

    pub fn share(
        &mut self,
        place: usize,
        ask: &MadeAsk,
        permit: &Permit,
        record: usize,
    ) -> Result<(), Rejection> {
        let share = self.make_share(place, ask, permit, record);
        self.proxy_acts(share)
    }

    /// The team of doctors 0, 1 and 2 for record 0's encounter, all confirmed.
    pub fn team(&mut self) -> TeamName {
        let encounter = eligo_marketplace::care::scenario::encounter_of(&self.records[0]);
        self.team_for(encounter)
    }

    pub fn team_for(&mut self, encounter: eligo_marketplace::name::EncounterName) -> TeamName {
        let team = plan(&self.accounts(&[0, 1, 2]), WELCOME);
        self.hospital_acts(0, Act::AssignTeam { encounter, team })
            .unwrap();
        let name = self.market.team_name(0, encounter);
        for doctor in 0..3 {
            self.confirm(doctor, name, 0).unwrap();
        }
        name
    }

    pub fn accounts(&self, doctors: &[usize]) -> Vec<AccountId> {
        doctors.iter().map(|n| self.doctors[*n].account()).collect()
    }

    pub fn confirm(&mut self, doctor: usize, team: TeamName, epoch: u64) -> Result<(), Rejection> {
        let doctor = &self.doctors[doctor];
        let confirm = self.market.confirm(doctor, team, epoch, WELCOME);
        self.solo.submit(confirm)
    }

    /// The chain with the next opinion, of a team of these doctors.
    pub fn opine(
        &mut self,
        doctors: &[usize],
        at: (TeamName, u64),
        before: &[u8],
        text: &str,
    ) -> Vec<u8> {
        let doctors: Vec<&DoctorActor> = doctors.iter().map(|n| &self.doctors[*n]).collect();
        self.market.opine(&doctors, at, before, text).unwrap().0
    }

    pub fn sign(
        &mut self,
        doctor: usize,
        (team, epoch): (TeamName, u64),
        chain: &[u8],
    ) -> Result<(), Rejection> {
        let chain = eligo_marketplace::encoding::Blob::new(chain.to_vec()).unwrap();
        self.doctor_acts(doctor, Act::SignOpinion { team, epoch, chain })
    }

    /// The answer to a query.
    pub fn see(&self, path: &str) -> serde_json::Value {
        let answer = query::answer(self.solo.contract(), path).unwrap();
        serde_json::from_slice(&answer).unwrap()
    }

    /// Submits; it must be refused for this reason and change nothing but a counter.
    pub fn refused(&mut self, transaction: Transaction, reason: Rejection) {
        let before = self.seen();
        assert_eq!(self.solo.submit(transaction), Err(reason));
        assert_eq!(self.seen(), before, "{reason:?} changed something");
        self.solo.contract().check_books().unwrap();
    }

    pub fn doctor_refused(&mut self, doctor: usize, act: Act, reason: Rejection) {
        let transaction = self.by_doctor(doctor, act);
        self.refused(transaction, reason);
    }

    pub fn hospital_refused(&mut self, hospital: usize, act: Act, reason: Rejection) {
        let transaction = self.market.hospital_acts(hospital, act);
        self.refused(transaction, reason);
    }

    pub fn anyone_refused(&mut self, act: Act, reason: Rejection) {
        let transaction = self.market.anyone_acts(act);
        self.refused(transaction, reason);
    }

    /// All of the care's state but what time changes.
    fn seen(&self) -> Option<eligo_ledger::digest::Digest> {
        self.solo.contract().care_digest()
    }

    /// The names of the events about something, oldest first.
    pub fn history(&self, name: &impl std::fmt::Display) -> Vec<String> {
        let events = self.see(&format!("care/history/{name}"));
        let name = |event: &serde_json::Value| {
            let event = event["event"].as_object().unwrap();
            let (kind, inner) = event.iter().next().unwrap();
            match inner.as_object().filter(|_| kind == "care") {
                Some(inner) => inner.keys().next().unwrap().clone(),
                None => kind.clone(),
            }
        };
        events.as_array().unwrap().iter().map(name).collect()
    }
}
