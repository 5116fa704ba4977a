//! Asking, permitting, finding, reading, opening; and what happens when the period is over, or the patient
//! takes it back.

use std::time::{Duration, Instant};

use eligo_marketplace::{
    agent::Account,
    care::{Act, act::Hand},
    client::Desk as _,
    name::{AskId, RecordName},
    transaction::Body,
};
use eligo_sharing::wallet::Visit;

use super::{Figures, Records, Region, Tour, note};
use crate::{
    care::{
        asking::{self, AskKeys, Question},
        card::letter_key,
        form::Form as _,
        opening,
        order::{Answer, AnswerLetter},
        permitting::{self, Answering, Asked, Own},
        searching::Searcher,
        words::{Month, Wanted},
    },
    failure::{Attempt, Failure},
    file::Access,
    market::{audit::short, refusal::rejected},
    moment,
};

const HOUR_S: u64 = 3600;
/// How long the short permit holds, in seconds.
const SHORT_S: u64 = 3;

/// What is asked for.
pub fn wanted(text: &str) -> Attempt<Vec<Wanted>> {
    let department = text.parse().map(Wanted::Department);
    let code = text.parse().map(Wanted::Diagnosis);
    let wanted = if text.starts_with('I') {
        code
    } else {
        department
    };
    Ok(vec![wanted.map_err(Failure::unexpected)?])
}

impl Tour<'_> {
    /// The doctor at the third hospital asks; the ask's proxies are drawn.
    pub(super) fn ask(
        &self,
        region: &Region,
        what: &str,
        reason: &str,
        until: u64,
    ) -> Attempt<AskKeys> {
        let at = Instant::now();
        let [_, _, hospital] = &region.hospitals;
        let doctor = hospital.doctors.first();
        let doctor = doctor.ok_or_else(|| Failure::unexpected("no doctor"))?;
        let card = region.card(hospital)?;
        let month = Month::of(self.today)?;
        let question = Question {
            hospital: hospital.account(),
            card: &card,
            wanted: wanted(what)?,
            months: (month, month),
            reason,
            until,
            threshold: 3,
        };
        let draft = asking::draft(&region.client, doctor, question)?;
        let name = short(&draft.keys.ask().to_string());
        let file = format!("ask-{name}.keys");
        self.write(&file, draft.keys.to_text()?.as_bytes(), Access::Secret)?;
        let height = asking::send(&region.client, doctor, draft.act)?;
        let round = region.beacon()?;
        let text = format!(
            "{} asks for {what} in block {height}; the beacon's round {round} draws 5 proxies",
            doctor.name()
        );
        self.line(at, "care ask", &text);
        Ok(draft.keys)
    }

    /// The patient's device reads an ask.
    pub(super) fn read_ask(&self, region: &Region, ask: &AskId) -> Attempt<Asked> {
        let [_, _, hospital] = &region.hospitals;
        let encounter = region.wallet.encounter(&hospital.id, Visit::FIRST);
        let asked = permitting::read_ask(&region.client, ask, &letter_key(&encounter))?;
        if !asked.is_as_it_says() {
            return Err(Failure::unexpected("the letter names somebody else"));
        }
        Ok(asked)
    }

    /// The patient permits what the ask is about; the records granted.
    pub(super) fn permit(
        &self,
        region: &Region,
        asked: &Asked,
        until: u64,
    ) -> Attempt<Vec<RecordName>> {
        let at = Instant::now();
        let request = &asked.request;
        let crumbs = permitting::matching(request, region.crumbs.all())?;
        let encounters: Vec<_> = crumbs
            .iter()
            .map(|c| region.wallet.encounter(&c.hospital, Visit::new(c.visit)))
            .collect();
        let own: Vec<Own<'_>> = crumbs
            .iter()
            .zip(&encounters)
            .map(|(crumb, encounter)| Own {
                record: crumb.receipt.record,
                key: &encounter.key,
                signer: &encounter.signer,
            })
            .collect();
        let card = region.searcher.card();
        let search = permitting::search(&region.client, &region.wallet, request, &crumbs, &card)?;
        let trapdoors = search.trapdoors.len();
        let [_, _, hospital] = &region.hospitals;
        let inbox = region.wallet.encounter(&hospital.id, Visit::FIRST);
        let answering = Answering {
            signer: &inbox.signer,
            hand: Hand::Patient,
        };
        let act = permitting::permit(&region.client, asked, answering, (&own, &[search]), until)?;
        // From an account that nothing links to the patient.
        let account = permitting::account_for(&region.wallet, &region.id(), &asked.trail.ask());
        region.act(&account, act)?;
        let text = format!(
            "{} of {}: \"{}\"; {} records and {trapdoors} trapdoors, until {}",
            request.doctor,
            request.hospital,
            request.reason,
            own.len(),
            moment::show(until)
        );
        self.line(at, "care permit", &text);
        Ok(own.iter().map(|o| o.record).collect())
    }

    /// The search node finds the rows, and answers the doctor.
    pub(super) fn find(&self, region: &Region, keys: &AskKeys) -> Attempt<Answer> {
        let at = Instant::now();
        let node = Searcher::new(&region.client, &region.searcher);
        node.follow()?;
        let ask = keys.ask();
        let told = node.answer(&ask, moment::now()?)?;
        let letter = AnswerLetter::from_text(told.text.as_bytes(), "answer")?.letter()?;
        let answer = Answer::open(&letter, keys.answers(), ask.as_bytes())?;
        let held = node.len();
        let text = match answer.fetched {
            0 => format!(
                "{} of {held} rows answer; the node learned no word",
                answer.found.len()
            ),
            n => format!(
                "{} of {held} rows, straight from {n} of {} blocks by the device's crumbs",
                answer.found.len(),
                region.client.desk().height().map_err(Failure::from)?
            ),
        };
        self.line(at, "care find", &text);
        Ok(answer)
    }

    /// Begins to read a record; the doctor's act alone, before any share exists.
    pub(super) fn begin(&self, region: &Region, ask: AskId, record: RecordName) -> Attempt<()> {
        let [_, _, hospital] = &region.hospitals;
        let doctor = hospital.doctors.first();
        let doctor = doctor.ok_or_else(|| Failure::unexpected("no doctor"))?;
        let act = Act::Read { ask, record };
        asking::send(&region.client, doctor, act).map(|_| ())
    }

    /// The referral itself: ask, permit, find, read, open.
    pub(super) fn refer_on(
        &self,
        region: &Region,
        records: Records,
        figures: &mut Figures,
    ) -> Attempt<()> {
        self.chapter(
            "At the third hospital a doctor asks; the patient sees who, what, why, until when",
        );
        let until = moment::now()? + HOUR_S;
        let reason = "Stroke of unknown cause, second admission";
        let keys = self.ask(region, "I63", reason, until)?;
        let asked = self.read_ask(region, &keys.ask())?;
        let granted = self.permit(region, &asked, until)?;
        let answer = self.find(region, &keys)?;
        let found = answer.records();
        note(figures, "found", found.len());
        note(figures, "rows_tested", answer.tested);
        if found.len() != records.len() || granted.len() != found.len() {
            return Err(Failure::unexpected(
                "other records were found than there are",
            ));
        }
        self.chapter(
            "Every read is on the ledger before a proxy answers; the doctor opens both records",
        );
        let mut opened = 0;
        for record in &found {
            let at = Instant::now();
            self.begin(region, keys.ask(), *record)?;
            let shares = region.proxies(self)?;
            let name = short(&record.to_string());
            self.line(
                at,
                "care read",
                &format!("record {name}: {shares} proxies answered"),
            );
            self.open_record(region, &keys, record)?;
            opened += 1;
        }
        note(figures, "opened", opened);
        let text = "the patient revokes; what was not begun is refused from now on";
        let at = Instant::now();
        self.revoke(region, keys.ask())?;
        self.line(at, "care revoke", text);
        Ok(())
    }

    fn open_record(&self, region: &Region, keys: &AskKeys, record: &RecordName) -> Attempt<()> {
        let at = Instant::now();
        let opened = opening::open(&region.client, keys, record, &[])?;
        let name = short(&record.to_string());
        let (signed, notes) = opened
            .diagnosis
            .as_ref()
            .ok_or_else(|| Failure::unexpected("a record without a team"))?;
        let text = format!(
            "record {name} of {}: content signature right, {} doctors' signatures right",
            opened.hospital_name,
            signed.doctors.len()
        );
        self.line(at, "care open", &text);
        for note in notes {
            self.console.say(format!("{:13}\"{}\"", "", note.text));
        }
        let mut lines = opened.summary.lines();
        lines.retain(|l| !l.trim().is_empty());
        for line in lines.iter().take(6) {
            self.console.say(format!("{:13}{}", "", line.trim_start()));
        }
        if !opened.summary.agrees() {
            return Err(Failure::unexpected(
                "the bundle says other than the signed cells",
            ));
        }
        std::fs::create_dir_all(self.path("opened"))
            .map_err(|e| crate::file::unwritable(&self.path("opened"), &e))?;
        let file = format!("opened/{record}.bundle.json");
        self.write(&file, &opened.opened.bundle, Access::Secret)?;
        let [_, _, hospital] = &region.hospitals;
        let doctor = hospital.doctors.first();
        let doctor = doctor.ok_or_else(|| Failure::unexpected("no doctor"))?;
        let act = Act::Opened {
            ask: keys.ask(),
            record: *record,
            right: true,
        };
        asking::send(&region.client, doctor, act).map(|_| ())
    }

    fn revoke(&self, region: &Region, ask: AskId) -> Attempt<()> {
        let [_, _, hospital] = &region.hospitals;
        let inbox = region.wallet.encounter(&hospital.id, Visit::FIRST);
        let answering = Answering {
            signer: &inbox.signer,
            hand: Hand::Patient,
        };
        let act = permitting::revocation(&region.id(), ask, answering);
        let account = permitting::account_for(&region.wallet, &region.id(), &ask);
        region.act(&account, act).map(|_| ())
    }

    /// Not after the revocation, not after the period; and the bread crumbs.
    pub(super) fn after(
        &self,
        region: &Region,
        [_, second]: Records,
        figures: &mut Figures,
    ) -> Attempt<()> {
        self.chapter("Not after the revocation, and not after the period");
        let until = moment::now()? + HOUR_S;
        let keys = self.ask(region, "neurology", "Report for the insurer", until)?;
        let asked = self.read_ask(region, &keys.ask())?;
        self.permit(region, &asked, until)?;
        let answer = self.find(region, &keys)?;
        note(figures, "blocks_fetched", answer.fetched);
        self.revoke(region, keys.ask())?;
        let denied = self.denied(region, keys.ask(), second, "revoked")?;
        note(figures, "after_revocation_denied", denied);

        let keys = self.ask(region, "I63", "Second look at the images", until)?;
        let asked = self.read_ask(region, &keys.ask())?;
        let soon = moment::now()? + SHORT_S;
        self.permit(region, &asked, soon)?;
        std::thread::sleep(Duration::from_millis(1000 * (SHORT_S + 1)));
        let denied = self.denied(region, keys.ask(), second, "over")?;
        note(figures, "after_period_denied", denied);
        Ok(())
    }

    /// A read that must be refused.
    fn denied(&self, region: &Region, ask: AskId, record: RecordName, why: &str) -> Attempt<bool> {
        let at = Instant::now();
        let [_, _, hospital] = &region.hospitals;
        let doctor = hospital.doctors.first();
        let doctor = doctor.ok_or_else(|| Failure::unexpected("no doctor"))?;
        let account = Account::new(&region.client, doctor.account());
        let sent = account.send(Body::Care(Act::Read { ask, record }));
        let refused = match sent.and_then(eligo_marketplace::agent::Sent::accepted) {
            Err(eligo_marketplace::agent::AgentError::Refused(reason)) => reason,
            Err(error) => return Err(error.into()),
            Ok(_) => return Err(Failure::unexpected(format!("read although it was {why}"))),
        };
        let told = rejected(refused);
        self.line(at, "care read", &format!("{} ({why})", told.what()));
        Ok(true)
    }
}
