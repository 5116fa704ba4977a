//! The sale: requirement, claim, re-encryption, opening, payment, audit.

use std::{fs, path::PathBuf, time::Instant};

use ed25519_dalek::SigningKey;
use eligo_circuits::groth16::ProvingKey;
use eligo_ledger::height::ReplicaId;
use eligo_marketplace::{
    agent::{Account, Agent, BeaconAgent, Deed, InstitutionAgent, Journal, ProxyAgent},
    client::{Desk, seen::SeenRosterProxy},
    event::Event,
    name::{ClaimId, RecordName},
    transaction::Body,
};
use eligo_records::requirement::{Requirement, document::Document};
use eligo_sharing::{document::ReceivingKeyCard, keys::ReceivingKey};
use eligo_verifier_contract::{field, snarkjs};
use rand_core::{OsRng, RngCore};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::{
    Tour,
    parties::{INSTITUTE_NAME, MARTA, NORA},
    stage::Stage,
};
use crate::{
    commands::{
        explain,
        keys::{self, size},
        prove,
        verify::{self, Verify},
    },
    day,
    failure::{Attempt, Failure, Kind},
    file::{self, Access},
    folder,
    held::Held,
    keyring::KeyFolder,
    market::{
        audit::{audit, short},
        claiming::{CheckedOffer, Claimant, HandedIn, ProvedClaim, check_offer, claim, claim_as},
        judging::RecordJudge,
        offering::{self, OfferTerms},
        refusal::rejected,
    },
    publication::{Publication, read_issuer},
    schemas::SchemaArgs,
};

const STROKE: &str = include_str!("../../../demo/market.toml");
const REWARD: u64 = 300;
const PROXY_FEE: u64 = 5;
/// The replica that is stopped half-way.
const STOPPED: ReplicaId = ReplicaId::new(3);
/// The proxy that is down, and the one that lies; from 1.
const DOWN: usize = 2;
const LIAR: usize = 4;
/// How many steps agents are given to finish.
const PATIENCE: usize = 200;

/// The requirement as it was published.
struct Published {
    publication: Publication,
    receiving: ReceivingKey,
    offer: CheckedOffer,
}

type Figures = Map<String, Value>;

fn note(figures: &mut Figures, name: &str, value: impl Into<Value>) {
    figures.insert(name.to_owned(), value.into());
}

impl Tour<'_> {
    /// The whole path.
    pub fn sell(&self, figures: &mut Figures) -> Attempt<()> {
        self.prepare()?;
        let stage = self.set()?;
        let published = self.publish(&stage, figures)?;
        let (claimed, record) = self.claim(&stage, &published, figures)?;
        self.deliver(&stage, claimed.claim, figures)?;
        self.open(&stage, &published, &claimed, figures)?;
        self.look_back(&stage, record, figures)
    }

    /// Completes the requirement, makes its keys, locks the reward, and has its proxies drawn.
    fn publish(&self, stage: &Stage, figures: &mut Figures) -> Attempt<Published> {
        self.chapter("The institute publishes what it looks for, and locks the reward");
        let receiving = ReceivingKey::generate(&mut OsRng);
        let card = ReceivingKeyCard::of(&receiving);
        self.write(
            "institute.receiving.key",
            receiving.to_secret_json().as_bytes(),
            Access::Secret,
        )?;
        self.write("institute.card", card.to_json().as_bytes(), Access::Public)?;
        let requirement = self.requirement(stage, &receiving)?;
        let text = requirement.to_toml();
        self.write("stroke.toml", text.as_bytes(), Access::Public)?;
        for line in requirement.expression().source().trim().lines() {
            self.console.say(format!("{:13}{line}", ""));
        }
        let publication = Publication::read(&self.source("stroke.toml"), &[])?;
        self.keys(&publication, figures)?;

        let at = Instant::now();
        let verifying = KeyFolder::find(&self.path("keys"), publication.id())?.verifying_key()?;
        let offer = offering::offer(&publication, &verifying, &receiving, PROXY_FEE)?;
        let name = offering::agree(&offer, &publication, &stage.id(), INSTITUTE_NAME)?;
        let account = Account::new(&stage.client, &stage.institute);
        let sent = account.send(Body::Publish(offer))?;
        let height = sent.height;
        let events = sent.accepted()?;
        let escrow = events.iter().find_map(|e| match e {
            Event::RequirementPublished { escrow, .. } => Some(escrow.get()),
            _ => None,
        });
        let escrow = escrow.ok_or_else(|| Failure::unexpected("a publication without escrow"))?;
        let short_name = short(&name.to_string());
        let text = format!("requirement {short_name} in block {height}: {escrow} credits locked");
        self.line(at, "market publish", &text);

        let at = Instant::now();
        let registrar = stage.chain.registrar();
        let mut beacon = BeaconAgent::new(&stage.client, stage.chain.beacon(), registrar);
        let rounds = beacon.step()?.len();
        let text =
            format!("{rounds} rounds nobody could foresee drew 5 proxies, of whom 3 must help");
        self.line(at, "beacon", &text);
        let seen = stage.client.requirement(&name)?;
        let seen = seen.ok_or_else(|| Failure::unexpected("the requirement is not there"))?;
        let offer = check_offer(seen, &SchemaArgs::default())?;
        note(figures, "requirement", name.to_string());
        Ok(Published {
            publication,
            receiving,
            offer,
        })
    }

    fn requirement(&self, stage: &Stage, receiving: &ReceivingKey) -> Attempt<Requirement> {
        let mut document: Document = Requirement::from_toml(STROKE)
            .map_err(Failure::unexpected)?
            .document()
            .clone();
        let hospital = read_issuer(&self.source("hospital.pub"))?;
        document.issuers = vec![hospital.schnorr().to_hex()];
        let terms = OfferTerms {
            reward: Some(REWARD),
            number: Some(2),
            delivery: (3, 5),
            deadline: Some(day::months_after(self.today, 6)?.to_string()),
        };
        let public = receiving.public();
        offering::complete(document, &stage.id(), INSTITUTE_NAME, &public, &terms)
    }

    fn keys(&self, publication: &Publication, figures: &mut Figures) -> Attempt<()> {
        let at = Instant::now();
        let one = std::slice::from_ref(publication);
        let made = keys::generate(one, &self.path("keys"), None, self.force, &self.silent)?;
        let [made] = made.as_slice() else {
            return Err(Failure::unexpected("one requirement, other than one key"));
        };
        let (proving, verifying) = (made.written.proving, made.written.verifying);
        let text = format!(
            "keys/stroke: {} constraints, proving key {}, verifying key {}",
            made.constraints,
            size(proving as u64),
            size(verifying as u64)
        );
        self.line(at, "keys generate", &text);
        note(figures, "constraints", made.constraints);
        note(figures, "proving_key_bytes", proving);
        note(figures, "verification_key_bytes", verifying);
        note(figures, "keygen_ms", made.elapsed_ms);
        Ok(())
    }

    fn proving_key(&self) -> Attempt<ProvingKey> {
        KeyFolder::find(&self.path("keys"), "stroke")?.proving_key()
    }

    fn journal(&self, party: &str) -> Attempt<Journal> {
        Journal::open(&self.path("journals").join(party)).map_err(Failure::unexpected)
    }

    fn held(&self, name: &str) -> Attempt<Held> {
        let source = self.source(&format!("{name}.credential.json"));
        Held::read(&source, &[], &self.silent)
    }

    /// One patient claims, the other cannot; the first cannot claim twice.
    fn claim(
        &self,
        stage: &Stage,
        published: &Published,
        figures: &mut Figures,
    ) -> Attempt<(HandedIn, RecordName)> {
        self.chapter("The patients' devices read the offer; nothing leaves them but a proof");
        let offer = &published.offer;
        let proving = || self.proving_key();
        for name in [MARTA, NORA] {
            let at = Instant::now();
            let exit = explain::run(&self.explain_args(name), &self.silent)?;
            let verdict = if exit == 0 {
                "eligible"
            } else {
                "not eligible"
            };
            let text = format!("{name}, on her device: {verdict} (exit {exit})");
            self.line(at, "market offers --for", &text);
        }
        let at = Instant::now();
        let nora = self.attempt(stage, offer, NORA, &proving);
        let refusal = match nora {
            Err(failure) if failure.kind() == Kind::NotEligible => failure,
            Err(failure) => return Err(failure),
            Ok(_) => {
                return Err(Failure::unexpected(
                    "a record that is not eligible was proved",
                ));
            }
        };
        let code = refusal.kind().code();
        let text = format!("{NORA}: {} (exit {code}); nothing is sent", refusal.what());
        self.line(at, "market claim", &text);
        note(figures, "ineligible_exit", code);

        let at = Instant::now();
        let handed = self.attempt(stage, offer, MARTA, &proving)?;
        if let Err(reason) = &handed.sent.result {
            return Err(rejected(*reason));
        }
        let proved = handed.proved.as_ref();
        let proved = proved.ok_or_else(|| Failure::unexpected("a claim without a proof"))?;
        let claim = short(&handed.claim.to_string());
        let bytes = proved.proof.to_bytes().len();
        let text = format!(
            "{MARTA}: proof of {bytes} bytes in {:.0} ms; claim {claim} accepted in block {}, its inclusion checked",
            proved.elapsed_ms, handed.sent.height
        );
        self.line(at, "market claim", &text);
        self.check_proof(proved, figures)?;

        let at = Instant::now();
        let again = self.second_attempt(stage, offer, &proving)?;
        let text = format!("{MARTA} again, from another account: {}", again.what());
        self.line(at, "market claim", &text);
        note(figures, "second_claim_exit", again.kind().code());
        let record = crate::market::claiming::record_of(&self.held(MARTA)?)?;
        Ok((handed, record))
    }

    fn attempt(
        &self,
        stage: &Stage,
        offer: &CheckedOffer,
        name: &str,
        proving: &dyn Fn() -> Attempt<ProvingKey>,
    ) -> Attempt<HandedIn> {
        let (wallet, held) = (self.wallet(name).open(&self.silent)?, self.held(name)?);
        let claimant = Claimant {
            wallet: &wallet,
            encounter: &self.encounter(name)?,
            held: &held,
            today: self.today,
        };
        let journal = self.journal(name)?;
        claim(&stage.client, offer, &claimant, proving, &journal)
    }

    /// The same person, with a fresh account and a fresh proof: the contract must refuse.
    fn second_attempt(
        &self,
        stage: &Stage,
        offer: &CheckedOffer,
        proving: &dyn Fn() -> Attempt<ProvingKey>,
    ) -> Attempt<Failure> {
        let (wallet, held) = (self.wallet(MARTA).open(&self.silent)?, self.held(MARTA)?);
        let claimant = Claimant {
            wallet: &wallet,
            encounter: &self.encounter(MARTA)?,
            held: &held,
            today: self.today,
        };
        let mut seed = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(seed.as_mut_slice());
        let account = SigningKey::from_bytes(&seed);
        let journal = self.journal("marta-again")?;
        let handed = claim_as(&stage.client, offer, &claimant, proving, &journal, &account)?;
        match handed.sent.result {
            Err(reason) => Ok(rejected(reason)),
            Ok(_) => Err(Failure::unexpected("one person claimed twice")),
        }
    }

    /// The proof as files, verified as anyone can, as is that an altered copy is refused.
    fn check_proof(&self, proved: &ProvedClaim, figures: &mut Figures) -> Attempt<()> {
        let verifying = KeyFolder::find(&self.path("keys"), "stroke")?.verifying_key()?;
        let elements = proved.inputs.to_field_elements();
        let mut altered = elements;
        if let Some(context) = altered.last_mut() {
            *context += eligo_verifier_contract::Fr::from(1u64);
        }
        // The altered copy does not stay: everything that lies in the folder holds.
        let scratch = tempfile::tempdir().map_err(|e| Failure::unexpected(file::plain(&e)))?;
        let (sound, tampered) = (self.path("marta.proof"), scratch.path().join("proof"));
        for (to, inputs) in [(&sound, elements), (&tampered, altered)] {
            let parts = [
                (
                    prove::PROOF,
                    snarkjs::write_proof(&proved.proof).into_bytes(),
                ),
                (prove::PUBLIC, snarkjs::write_public(&inputs).into_bytes()),
                (
                    prove::VERIFYING,
                    snarkjs::write_key(&verifying).into_bytes(),
                ),
            ];
            folder::write(to, &parts, self.force)?;
        }
        let at = Instant::now();
        let verified = verify::verify(&self.verify_args(sound, proved))?;
        let valid = verified.proofs.into_iter().next().map(|p| p.outcome);
        let accepted = valid.ok_or_else(|| Failure::unexpected("no proof was read"))??;
        let text = format!("marta.proof: valid, checked in {} ms", verified.elapsed_ms);
        self.line(at, "verify", &text);
        let tampered = verify::verify(&self.verify_args(tampered, proved))?;
        let tampered = match tampered.proofs.into_iter().next().map(|p| p.outcome) {
            Some(Err(failure)) => failure,
            _ => return Err(Failure::unexpected("an altered proof was accepted")),
        };
        let nullifier = accepted.inputs.nullifier.to_field();
        note(figures, "proof_bytes", proved.proof.to_bytes().len());
        note(figures, "prove_ms", proved.elapsed_ms);
        note(figures, "verify_ms", json!(verified.elapsed_ms));
        note(figures, "valid", true);
        note(figures, "nullifier", field::to_decimal(&nullifier));
        note(figures, "tampered_exit", tampered.kind().code());
        Ok(())
    }

    fn verify_args(&self, proof: PathBuf, proved: &ProvedClaim) -> Verify {
        Verify {
            requirement: vec![self.source("stroke.toml")],
            schemas: SchemaArgs::default(),
            keys: Some(self.path("keys")),
            vk: None,
            proof: vec![proof],
            public: None,
            issuers: Some(self.source("hospital.pub")),
            today: Some(self.today),
            context: Some(proved.inputs.context),
        }
    }

    /// One replica stops; the proxies re-encrypt, but for one that is down, and one lies.
    fn deliver(&self, stage: &Stage, id: ClaimId, figures: &mut Figures) -> Attempt<()> {
        self.chapter("Proxies re-encrypt the record to the institute; none of them can read it");
        let at = Instant::now();
        stage.node().stop_replica(STOPPED);
        let running = stage.node().status().replicas.len();
        let text = format!("replica {STOPPED} stopped; {running} go on");
        self.line(at, "node", &text);
        note(figures, "replicas_running", running);
        let proxies = stage.chain.proxies();
        for (number, proxy) in (1usize..).zip(proxies) {
            let at = Instant::now();
            if number == DOWN {
                self.line(
                    at,
                    "proxy",
                    &format!("{}: down, never answers", proxy.name()),
                );
                continue;
            }
            let journal = self.journal(&format!("proxy-{number}"))?;
            let mut agent = ProxyAgent::new(&stage.client, proxy, journal);
            if number == LIAR {
                // A share that is well formed, and another one's: its proof cannot hold.
                agent = agent.distorting(|share, _| lie(&share.to_bytes()));
            }
            let deeds = agent.step()?;
            let told: Vec<&str> = deeds.iter().map(|d| d.what.as_str()).collect();
            self.line(
                at,
                "proxy",
                &format!("{}: {}", proxy.name(), told.join(", ")),
            );
        }
        let seen = stage.client.claim(&id)?;
        let status = seen.map(|c| c.status).unwrap_or_default();
        if status != "delivered" {
            return Err(Failure::unexpected(format!(
                "the claim is {status}, not delivered"
            )));
        }
        let liars: Vec<SeenRosterProxy> = stage.client.proxies()?;
        let mut liars = liars.into_iter().filter(|p| p.false_shares > 0);
        let liar = liars.next().map(|p| p.name);
        let liar = liar.ok_or_else(|| Failure::unexpected("nobody was caught lying"))?;
        let text = format!("delivered; {liar} lied, was named and lost part of its stake");
        self.line(Instant::now(), "contract", &text);
        note(figures, "lying_proxy", liar);
        Ok(())
    }

    /// The institute opens, checks, settles; the patient is paid.
    fn open(
        &self,
        stage: &Stage,
        published: &Published,
        claimed: &HandedIn,
        figures: &mut Figures,
    ) -> Attempt<()> {
        self.chapter("The institute opens exactly the record that was proved; the patient is paid");
        let opened = self.path("opened");
        fs::create_dir_all(&opened).map_err(|e| file::unwritable(&opened, &e))?;
        let judge = RecordJudge::new(&published.publication, Vec::new(), &opened);
        let name = published.offer.seen.requirement;
        let mut agent = InstitutionAgent::new(
            &stage.client,
            &stage.institute,
            name,
            &published.receiving,
            self.journal("institute")?,
            judge,
        );
        let mut at = Instant::now();
        let mut settled = false;
        for _ in 0..PATIENCE {
            for Deed { what, .. } in agent.step()? {
                self.line(at, "agent institution", &what);
                settled |= what == "settled";
                at = Instant::now();
            }
            if settled {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let bundle = RecordJudge::file(&opened, &claimed.claim);
        let matches = self.same_bundle(&bundle)?;
        let paid = stage.client.account(&claimed.account)?;
        let paid = paid.map_or(0, |a| a.credits.get());
        let text = format!("{MARTA}'s one-time account holds {paid} credits");
        self.line(Instant::now(), "market status", &text);
        note(figures, "settled", settled && paid == REWARD);
        note(figures, "paid", paid);
        note(figures, "opened_matches_proof", matches);
        if !(settled && matches && paid == REWARD) {
            return Err(Failure::unexpected("the sale did not end as it must"));
        }
        Ok(())
    }

    /// Whether the bundle that was opened is the very one the hospital sealed.
    fn same_bundle(&self, opened: &PathBuf) -> Attempt<bool> {
        let read = |path: &PathBuf| -> Attempt<Value> {
            let bytes = fs::read(path).map_err(|e| file::unreadable(path, &e))?;
            serde_json::from_slice(&bytes).map_err(Failure::unexpected)
        };
        Ok(read(opened)? == read(&self.path(&format!("{MARTA}.bundle.json")))?)
    }

    /// The record's history, checked against the validators' keys.
    fn look_back(&self, stage: &Stage, record: RecordName, figures: &mut Figures) -> Attempt<()> {
        self.chapter("Anyone can audit the record's history; every step is proved by the ledger");
        let at = Instant::now();
        let audit = audit(&stage.client, record)?;
        self.line(at, "market audit", &format!("{} steps", audit.len()));
        for line in audit.brief() {
            self.console.say(format!("{:13}{line}", ""));
        }
        let json = audit.to_json().to_string();
        self.write("audit.json", json.as_bytes(), Access::Public)?;
        let height = stage.client.desk().height()?;
        note(figures, "blocks", height.get());
        note(figures, "audit_verified", audit.verified());
        note(figures, "record", record.to_string());
        Ok(())
    }
}

/// Flips a bit of the response z at the end, which keeps the form.
fn lie(share: &[u8]) -> Vec<u8> {
    let mut lie = share.to_vec();
    // The challenge c, a scalar: its last byte but the length and the point behind it.
    let at = lie.len().checked_sub(4 + 48 + 1);
    if let Some(byte) = at.and_then(|at| lie.get_mut(at)) {
        *byte ^= 1;
    }
    lie
}
