//! When the patient cannot: a relative under a delegation, authorities in an emergency; and the history that
//! shows all of it.

use std::time::Instant;

use eligo_marketplace::{
    agent::{Account, AgentError, Sent},
    care::act::Hand,
    transaction::Body,
};
use eligo_sharing::{letter::LetterKey, wallet::Visit};
use rand_core::OsRng;

use super::{Figures, Records, Region, Tour, note};
use crate::{
    care::{
        emergency,
        form::Form as _,
        history::{history, subjects},
        mandate::{self, Entrusting, Mandate},
        permitting::{self, Answering, Asked, Own},
    },
    failure::{Attempt, Failure},
    file::Access,
    market::refusal::rejected,
    moment,
};

const DAY_S: u64 = 86_400;
const REGION: &str = "north";
const EPOCH: u64 = 1;

impl Tour<'_> {
    /// A relative permits under a delegation, and cannot after its end.
    pub(super) fn stand_in(
        &self,
        region: &Region,
        [_, second]: Records,
        figures: &mut Figures,
    ) -> Attempt<()> {
        self.chapter(
            "A relative acts for the patient, with the secrets of two encounters and no more",
        );
        let at = Instant::now();
        let until = moment::now()? + DAY_S;
        let [_, secondary, tertiary] = &region.hospitals;
        let entrusting: Vec<Entrusting> = [(secondary, vec![second]), (tertiary, Vec::new())]
            .into_iter()
            .map(|(hospital, records)| Entrusting {
                hospital: hospital.id.clone(),
                encounter: region.wallet.encounter(&hospital.id, Visit::FIRST),
                records,
            })
            .collect();
        let relative = eligo_marketplace::name::AccountId::of(&region.relative.verifying_key());
        let (act, handed) = mandate::delegate(&region.id(), relative, &entrusting, until)?;
        region.act(&region.relative, act)?;
        self.write(
            "relative.mandate",
            handed.text()?.as_bytes(),
            Access::Secret,
        )?;
        // Off the ledger it is a letter, under a key the relative made for it.
        let letters = LetterKey::generate(&mut OsRng);
        let letter = handed.write_to(&letters.public(), relative.as_bytes(), &mut OsRng)?;
        let mandate = Mandate::open(&letter, &letters, relative.as_bytes())?;
        self.line(
            at,
            "care delegate",
            "two encounters entrusted to a relative for a day",
        );

        let first = self.relatives_permit(region, &mandate, "Visit of the daughter")?;
        let accepted = first.is_ok();
        let text = "the relative permits one record, on the ledger in the relative's name";
        self.line(at, "care permit --mandate", text);
        let at = Instant::now();
        let encounter = region.wallet.encounter(&tertiary.id, Visit::FIRST);
        let act = mandate::end(&region.id(), mandate.delegation, &encounter);
        region.act(&region.relative, act)?;
        let second = self.relatives_permit(region, &mandate, "Another visit")?;
        let refusal = match second {
            Err(reason) => rejected(reason),
            Ok(()) => return Err(Failure::unexpected("permitted after the delegation's end")),
        };
        self.line(
            at,
            "care undelegate",
            &format!("{} (the patient ended it)", refusal.what()),
        );
        note(figures, "delegate_permitted", accepted);
        note(figures, "after_delegation_denied", true);
        if accepted {
            Ok(())
        } else {
            Err(Failure::unexpected("the relative could not permit"))
        }
    }

    /// An ask that the relative answers; the contract's refusal, if it refuses.
    fn relatives_permit(
        &self,
        region: &Region,
        mandate: &Mandate,
        reason: &str,
    ) -> Attempt<Result<(), eligo_marketplace::rejection::Rejection>> {
        let until = moment::now()? + DAY_S / 2;
        let keys = self.ask(region, "neurology", reason, until)?;
        let [_, _, tertiary] = &region.hospitals;
        let inbox = mandate.at(&region.encounter(tertiary));
        let inbox = inbox.ok_or_else(|| Failure::unexpected("not entrusted"))?;
        let asked: Asked = permitting::read_ask(&region.client, &keys.ask(), &inbox.letters()?)?;
        let all: Vec<_> = mandate
            .entrusted
            .iter()
            .flat_map(|e| e.records.iter().map(move |record| (*record, e.key())))
            .map(|(record, key)| Ok((record, key?)))
            .collect::<Attempt<_>>()?;
        let own: Vec<Own<'_>> = all
            .iter()
            .map(|(record, key)| Own {
                record: *record,
                key,
                signer: &region.relative,
            })
            .collect();
        let answering = Answering {
            signer: &region.relative,
            hand: Hand::Delegate(mandate.delegation),
        };
        let act = permitting::permit(&region.client, &asked, answering, (&own, &[]), until)?;
        let account = Account::new(&region.client, &region.relative);
        match account.send(Body::Care(act)).and_then(Sent::accepted) {
            Ok(_) => Ok(Ok(())),
            Err(AgentError::Refused(reason)) => Ok(Err(reason)),
            Err(error) => Err(error.into()),
        }
    }

    /// The patient is unconscious: authorities open the summary together, and leave a trace.
    pub(super) fn emergency(
        &self,
        region: &Region,
        [_, second]: Records,
        figures: &mut Figures,
    ) -> Attempt<()> {
        self.chapter("The patient is unconscious: three authorities together open the summary");
        let at = Instant::now();
        let [_, secondary, tertiary] = &region.hospitals;
        let (ceremony, key) = emergency::identity_key(&region.client)?;
        let summary = "Ischaemic stroke, hypertension. Takes aspirin. No known allergies.";
        let act = emergency::entry(&key, second, (REGION, EPOCH), summary)?;
        region.act(&secondary.ledger, act)?;
        let text = "a summary, sealed to the emergencies of the region";
        self.line(at, "care emergency enter", text);
        let at = Instant::now();
        let doctor = tertiary.doctors.first();
        let doctor = doctor.ok_or_else(|| Failure::unexpected("no doctor"))?;
        let keys = (doctor.account(), doctor.letters());
        let reason = "Unconscious after a fall";
        let call = emergency::call(&region.client, keys, tertiary.account(), second, reason)?;
        self.line(
            at,
            "care emergency ask",
            &format!("{}: {reason}", doctor.name()),
        );
        let answering = region.authorities.iter().enumerate().take(key.threshold());
        for (number, member) in answering {
            let at = Instant::now();
            let found = emergency::find(&region.client, &second, &call)?;
            let (key, share) = self.share_of(number, &ceremony)?;
            let act = found.answer(&region.id(), &key, share)?;
            region.act(member.signer(), act)?;
            let text = format!("{} answers, in a letter to the doctor", member.name());
            self.line(at, "care emergency answer", &text);
        }
        let at = Instant::now();
        let found = emergency::find(&region.client, &second, &call)?;
        let opened = found.open(&region.id(), &key, doctor.letters())?;
        let same = opened.as_slice() == summary.as_bytes();
        let text = String::from_utf8_lossy(&opened).into_owned();
        self.line(at, "care emergency open", &format!("\"{text}\""));
        note(figures, "emergency_opened", same);
        if same {
            Ok(())
        } else {
            Err(Failure::unexpected("another summary was opened"))
        }
    }

    /// All of it, checked against the validators' keys.
    pub(super) fn look_at_history(
        &self,
        region: &Region,
        records: Records,
        figures: &mut Figures,
    ) -> Attempt<()> {
        self.chapter("The patient looks back: every read is there, each step proved by the ledger");
        let at = Instant::now();
        // The chain commits to a block's results in the next one.
        region.beacon()?;
        let encounters: Vec<_> = region
            .hospitals
            .iter()
            .map(|h| region.encounter(h))
            .collect();
        let history = history(&region.client, &subjects(&encounters, &records))?;
        self.line(at, "care history", &format!("{} steps", history.len()));
        for line in history.brief() {
            self.console.say(format!("{:13}{line}", ""));
        }
        let json = history.to_json().to_string();
        self.write("history.json", json.as_bytes(), Access::Public)?;
        note(figures, "reads", history.reads().len());
        note(figures, "emergency_trace", history.has_emergency());
        note(figures, "audit_verified", history.verified());
        Ok(())
    }
}
