//! Hospitals and their teams: who is certified and employed, how a diagnosis is signed, a record sealed,
//! registered and indexed.

use std::{sync::Arc, time::Instant};

use eligo_marketplace::{
    agent::{Account, HospitalAgent, Journal, Registration, sealed_entry},
    application::Market,
    care::{Act, act::TeamName},
    certificate::{Level, Role},
    client::Client,
    name::{AccountId, RecordName},
    node::{Node, dev::DevChain},
    transaction::Body,
};
use eligo_sharing::{
    letter::Letter,
    team::{Confirmation, Receiver, Sender, Welcome},
    wallet::{HospitalId, Visit},
};
use rand_core::OsRng;
use serde_json::Value;

use super::{BUNDLE, Figures, Hospital, MARTA, Records, Region, Tour, note};
use crate::{
    care::{
        card::{VisitCard, letter_key},
        crumbs::{Crumb, Receipt},
        doctor::Doctor,
        form::Form,
        indexing::{self, Entry},
        opinion::{self, Note},
        teams::{self, PrekeySeed, TeamTrail},
        words::{self, Month},
    },
    commands::hospital::{self, Issue, SealingArgs},
    document,
    failure::{Attempt, Failure},
    file::Access,
    ledger_key::ledger_key,
    market::{admission::admit, audit::short},
    moment,
};

/// Name, wallet's name, level, doctors.
const HOSPITALS: [(&str, &str, Level, &[&str]); 3] = [
    (
        "Hillside Community Hospital",
        "hillside.example",
        Level::Community,
        &["Dr Ana Costa", "Dr Ben Okafor"],
    ),
    (
        "Riverside Secondary Hospital",
        "riverside.example",
        Level::Secondary,
        &["Dr Chen Wei", "Dr Dora Lind", "Dr Emil Haas"],
    ),
    (
        "University Hospital",
        "university.example",
        Level::Tertiary,
        &["Dr Farah Aziz"],
    ),
];
/// What the doctors of the first two find.
const OPINIONS: [&[&str]; 2] = [
    &[
        "Sudden weakness of the left arm, treated as a stroke; known hypertension.",
        "Stable on arrival of the ambulance; referred.",
    ],
    &[
        "Left-sided weakness and neglect, four hours after onset.",
        "CT: no haemorrhage. Infarction in the territory of the right middle cerebral artery.",
        "Ischaemic stroke. Aspirin, rehabilitation, control of the blood pressure.",
    ],
];
const DEPARTMENTS: [&str; 2] = ["general medicine", "neurology"];
/// What the first hospital saw of it.
const SEEN_FIRST: [&str; 2] = ["I63.9", "I10"];
/// How long a doctor has to sign, in milliseconds of block time.
const SLOT_MS: u64 = 600_000;
const DAY_S: u64 = 86_400;

impl Tour<'_> {
    /// Hospitals with their keys and doctors, certified and employed.
    pub(super) fn hospitals(
        &self,
        client: &Client<Arc<Node<Market>>>,
        chain: &DevChain,
    ) -> Attempt<[Hospital; 3]> {
        let mut all = Vec::new();
        for (number, (name, id, level, doctors)) in (1..).zip(HOSPITALS) {
            let at = Instant::now();
            let key = format!("hospital-{number}.key");
            hospital::keygen(name, &self.target(&key), self.force, &self.silent)?;
            let issuer = hospital::read_key(&self.source(&key), &self.silent)?;
            let ledger = ledger_key(&issuer)?;
            let issuer_key = issuer.public().schnorr().to_bytes();
            let role = Role::Hospital { level, issuer_key };
            let account = AccountId::of(&ledger.verifying_key());
            admit(client, chain.registrar(), account, (name, role), 0)?;
            let until_ms = (moment::now()? + 365 * DAY_S) * 1000;
            let mut employed = Vec::new();
            for name in doctors {
                let doctor = Doctor::generate(name)?;
                let role = (*name, Role::Doctor);
                admit(client, chain.registrar(), doctor.id(), role, 0)?;
                let act = Act::Employ {
                    doctor: doctor.id(),
                    until_ms,
                };
                Account::new(client, &ledger)
                    .send(Body::Care(act))?
                    .accepted()?;
                let file = format!("{}.doctor", name.replace(' ', "-").to_lowercase());
                self.write(&file, doctor.to_text()?.as_bytes(), Access::Secret)?;
                employed.push(doctor);
            }
            let text = format!("{name}, {level:?}: employs {}", doctors.join(", "));
            self.line(at, "registrar", &text);
            all.push(Hospital {
                name,
                id: HospitalId::new(id).map_err(Failure::unexpected)?,
                key,
                ledger,
                doctors: employed,
            });
        }
        let all = <[Hospital; 3]>::try_from(all);
        all.map_err(|_| Failure::unexpected("another number of hospitals"))
    }

    /// Both hospitals treat the patient: diagnosis by a team, sealed record, rows of the index.
    pub(super) fn treat(&self, region: &mut Region, figures: &mut Figures) -> Attempt<Records> {
        self.chapter("Two hospitals treat the patient; their teams sign, their records are sealed");
        let mut records = Vec::new();
        let mut words = Vec::new();
        let bundles = [seen_first()?, BUNDLE.as_bytes().to_vec()];
        for (which, bundle) in bundles.iter().enumerate() {
            let (notes, team) = self.diagnose(region, which)?;
            let bundle = opinion::attach(bundle, &notes)?;
            let (record, codes) = self.seal(region, which, &bundle, team)?;
            records.push(record);
            words.push(codes);
        }
        let records = Records::try_from(records);
        let records = records.map_err(|_| Failure::unexpected("another number of records"))?;
        self.index(region, &records, words, figures)?;
        Ok(records)
    }

    /// A team's diagnosis: key, confirmations, opinions in order; the notes, and the diagnosis's name.
    fn diagnose(&self, region: &Region, which: usize) -> Attempt<(Vec<Note>, [u8; 32])> {
        let missing = || Failure::unexpected("no such hospital");
        let hospital = region.hospitals.get(which).ok_or_else(missing)?;
        let opinions = OPINIONS.get(which).ok_or_else(missing)?;
        let at = Instant::now();
        let name = TeamName {
            hospital: hospital.account(),
            encounter: region.encounter(hospital),
        };
        let channels = self.establish(region, hospital, name)?;
        let size = hospital.doctors.len();
        let text = format!(
            "{}: key of a team of {size}, confirmed by all",
            hospital.name
        );
        self.line(at, "care assign, confirm", &text);
        let at = Instant::now();
        let mut notes = Vec::new();
        for ((doctor, text), mut channel) in hospital.doctors.iter().zip(*opinions).zip(channels) {
            let trail = TeamTrail::of(&region.client, name)?;
            let trail = trail.ok_or_else(|| Failure::unexpected("a team that is not there"))?;
            let (note, act) = trail.sign(&region.client, doctor, text)?;
            region.act(doctor.account(), act)?;
            // To the others it goes under the team's key.
            let message = channel.0.send(note.text()?.as_bytes());
            drop(message.map_err(Failure::unexpected)?);
            notes.push(note);
        }
        let done = TeamTrail::of(&region.client, name)?.and_then(|t| t.completed);
        let done = done.ok_or_else(|| Failure::unexpected("a diagnosis that is not complete"))?;
        let digest = short(&hex::encode(done));
        let text = format!(
            "{size} opinions in order, diagnosis {digest} complete; texts stay off the ledger"
        );
        self.line(at, "care sign", &text);
        Ok((notes, done))
    }

    /// The team's key: the lead founds, everyone accepts and confirms.
    fn establish(
        &self,
        region: &Region,
        hospital: &Hospital,
        name: TeamName,
    ) -> Attempt<Vec<(Sender, Receiver)>> {
        let client = &region.client;
        let mut prekeys = Vec::new();
        for doctor in &hospital.doctors {
            let (prekey, signed) = PrekeySeed::generate().prekey(doctor)?;
            region.act(doctor.account(), teams::entry(doctor, &signed)?)?;
            prekeys.push(prekey);
        }
        let ids: Vec<AccountId> = hospital.doctors.iter().map(Doctor::id).collect();
        let lead = hospital.doctors.first();
        let lead = lead.ok_or_else(|| Failure::unexpected("a hospital without doctors"))?;
        let welcome: Welcome = teams::found(client, lead, &name, 0, &ids)?;
        let team = teams::plan(&ids, &welcome, SLOT_MS, 1)?;
        let encounter = name.encounter;
        region.act(&hospital.ledger, Act::AssignTeam { encounter, team })?;
        let mut pending = Vec::new();
        let mut confirmations: Vec<Confirmation> = Vec::new();
        for (doctor, prekey) in hospital.doctors.iter().zip(prekeys) {
            let accepted = teams::accept(doctor, prekey, welcome.clone(), name)?;
            region.act(doctor.account(), accepted.2)?;
            pending.push(accepted.0);
            confirmations.push(accepted.1);
        }
        let keys = pending.into_iter().map(|p| {
            let key = p.confirm(&confirmations);
            key.map(eligo_sharing::team::TeamKey::into_channel)
                .map_err(Failure::unexpected)
        });
        keys.collect()
    }

    /// Seals the record, and registers it with the team's diagnosis; its name and its diagnoses' codes.
    fn seal(
        &self,
        region: &Region,
        which: usize,
        bundle: &[u8],
        team: [u8; 32],
    ) -> Attempt<(RecordName, Vec<words::Code>)> {
        let hospital = region.hospitals.get(which);
        let hospital = hospital.ok_or_else(|| Failure::unexpected("no such hospital"))?;
        let at = Instant::now();
        let stem = format!("{MARTA}-{}", which + 1);
        self.write(&format!("{stem}.bundle.json"), bundle, Access::Secret)?;
        let holder = self.target(&format!("{stem}.holder.json"));
        crate::commands::wallet::holder(
            &self.wallet(MARTA),
            Some(hospital.id.clone()),
            Visit::FIRST,
            &holder,
            self.force,
            &self.silent,
        )?;
        let report = hospital::issue_credential(&self.issue_of(hospital, &stem), &self.silent)?;
        let sealed = self.path(&format!("{stem}.sealed"));
        let capsule = document::read_capsule(&self.source(&format!("{stem}.sealed.capsule")))?;
        let encounter = region.wallet.encounter(&hospital.id, Visit::FIRST);
        let uri = format!("eligo-object:{}", hex::encode(capsule.ciphertext_digest()));
        let chain = region.id();
        let mut entry = sealed_entry(&chain, &capsule, &uri, &encounter, &hospital.ledger, None)?;
        entry.entry.team = Some(team);
        entry.patient = entry.entry.sign(&chain, &encounter.signer);
        entry.hospital = entry.entry.sign(&chain, &hospital.ledger);
        let name = entry.entry.name();
        let journal =
            Journal::open(&self.path("journals/hospital")).map_err(Failure::unexpected)?;
        let inbox = self.path("journals/inbox");
        let agent = HospitalAgent::new(&region.client, &hospital.ledger, &inbox, journal);
        let registration = Registration {
            entry,
            ciphertext: sealed,
        };
        let deed = agent.register(&registration)?;
        if deed.is_none_or(|d| d.what != "record registered") {
            return Err(Failure::unexpected("the record was not registered"));
        }
        let record = short(&name.to_string());
        let text = format!(
            "{}: record {record} on the ledger, with the team's name",
            hospital.name
        );
        self.line(at, "agent hospital", &text);
        Ok((name, words::diagnoses(&report)?))
    }

    fn issue_of(&self, hospital: &Hospital, stem: &str) -> Issue {
        Issue {
            key: self.source(&hospital.key),
            schema: "core".to_owned(),
            holder: self.source(&format!("{stem}.holder.json")),
            record: vec![self.source(&format!("{stem}.bundle.json"))],
            patient: None,
            issued: Some(self.today),
            until: Some(self.today),
            valid_months: 12,
            incomplete: Vec::new(),
            output: self.target(&format!("{stem}.credential.json")),
            report: Some(self.target(&format!("{stem}.report.json"))),
            sealing: SealingArgs {
                sealed_out: Some(self.target(&format!("{stem}.sealed"))),
                ..SealingArgs::default()
            },
            force: self.force,
        }
    }

    /// Both hospitals write their rows; the patient's device keeps the crumbs.
    fn index(
        &self,
        region: &mut Region,
        records: &Records,
        words: Vec<Vec<words::Code>>,
        figures: &mut Figures,
    ) -> Attempt<()> {
        let month = Month::of(self.today)?;
        let mut crumbs = Vec::new();
        let mut rows = 0;
        let both = region
            .hospitals
            .iter()
            .zip(records)
            .zip(words)
            .zip(DEPARTMENTS);
        for (((hospital, record), diagnoses), department) in both {
            let at = Instant::now();
            let card = region.card(hospital)?;
            let department = department.parse().map_err(Failure::unexpected)?;
            let entry = Entry {
                record: *record,
                card: &card,
                diagnoses,
                department,
                month,
            };
            let written = indexing::index(&region.client, &hospital.ledger, &[entry])?;
            rows += written.rows;
            for receipt in written.receipts {
                crumbs.push(delivered(region, hospital, receipt)?);
            }
            let text = format!(
                "{}: {} encrypted rows in block {}, shuffled",
                hospital.name, written.rows, written.height
            );
            self.line(at, "care index", &text);
        }
        for crumb in crumbs {
            region.crumbs.keep(crumb)?;
        }
        let target = self.target("marta.crumbs");
        region.crumbs.write(&target, &region.wallet)?;
        note(figures, "rows", rows);
        Ok(())
    }
}

/// A receipt as it reaches the patient's device: in a letter to the visit.
fn delivered(region: &Region, hospital: &Hospital, receipt: Receipt) -> Attempt<Crumb> {
    let encounter = region.wallet.encounter(&hospital.id, Visit::FIRST);
    let card = VisitCard::of(&region.wallet, &hospital.id, &encounter).check()?;
    let occasion = card.pseudonym();
    let letter: Letter = receipt.write_to(&card.letters, occasion.as_bytes(), &mut OsRng)?;
    let receipt = Receipt::open(&letter, &letter_key(&encounter), occasion.as_bytes())?;
    Ok(Crumb {
        hospital: hospital.id.clone(),
        visit: Visit::FIRST.number(),
        receipt,
    })
}

/// What the first hospital saw: the patient, the stroke, the blood pressure it treats.
fn seen_first() -> Attempt<Vec<u8>> {
    let mut bundle: Value = serde_json::from_str(BUNDLE).map_err(Failure::unexpected)?;
    let entries = bundle.get_mut("entry").and_then(Value::as_array_mut);
    let entries = entries.ok_or_else(|| Failure::unexpected("a bundle without entries"))?;
    entries.retain(|entry| {
        let resource = entry.get("resource");
        let text = |name: &str| resource.and_then(|r| r.get(name)).and_then(Value::as_str);
        let code = resource
            .and_then(|r| r.pointer("/code/coding/0/code"))
            .and_then(Value::as_str);
        match text("resourceType") {
            Some("Patient") => true,
            Some("Condition") => code.is_some_and(|c| SEEN_FIRST.contains(&c)),
            _ => false,
        }
    });
    serde_json::to_vec(&bundle).map_err(Failure::unexpected)
}
