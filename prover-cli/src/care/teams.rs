//! A team at work, as the ledger shows it: who is in turn, what was signed, and how the next one signs.

use ed25519_dalek::VerifyingKey;
use eligo_marketplace::{
    agent::trail::{self, act, event},
    care::{
        Act, CareEvent,
        act::{SignerEntry, TeamName, TeamPlan},
    },
    client::{Client, Desk, ProvenStep},
    encoding::{Blob, List},
    event::Subject,
    name::{AccountId, ChainId, SignerName},
};
use eligo_sharing::{
    domain::sha256,
    oms::{Chain, Opinion, Roster, VerifiedChain},
    team::{self, Confirmation, DoctorId, Member, PendingKey, Prekey, SignedPrekey, Welcome},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};
use rand_core::{OsRng, RngCore};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::{
    doctor::Doctor,
    form::{self, Form},
    opinion::Note,
};
use crate::{
    console::Console,
    failure::{Attempt, Failure, Kind},
    file::Source,
};

/// A doctor's name in a team: the account's.
pub fn doctor_id(account: &AccountId) -> Attempt<DoctorId> {
    DoctorId::new(account.to_string()).map_err(Failure::unexpected)
}

fn verifier(account: &AccountId) -> Attempt<VerifyingKey> {
    VerifyingKey::from_bytes(account.as_bytes()).map_err(|e| Failure::new(Kind::File, e))
}

/// The seed of a one-time prekey, kept until the team's key is confirmed and then thrown away: what was said
/// under that key can then not be read again, whoever gets the doctor's other keys.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrekeySeed {
    seed: String,
}

impl Drop for PrekeySeed {
    fn drop(&mut self) {
        self.seed.zeroize();
    }
}

impl Form for PrekeySeed {
    const NAME: &'static str = "eligo prekey";
    const MADE_BY: &'static str = "care enter";
}

impl PrekeySeed {
    /// Draws a seed.
    pub fn generate() -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(seed.as_mut_slice());
        Self {
            seed: hex::encode(seed.as_slice()),
        }
    }

    /// Reads a file.
    pub fn open(source: &Source, console: &Console) -> Attempt<Self> {
        Self::read_secret(source, console)
    }

    /// The prekey and its public half.
    pub fn prekey(&self, doctor: &Doctor) -> Attempt<(Prekey, SignedPrekey)> {
        let seed = Zeroizing::new(form::bytes(&self.seed, "seed")?);
        let id = doctor_id(&doctor.id())?;
        let mut rng = ChaCha20Rng::from_seed(*seed);
        Ok(Prekey::generate(id, doctor.account(), &mut rng))
    }
}

/// What a doctor enters: the signing key with its proof, and a prekey.
pub fn entry(doctor: &Doctor, prekey: &SignedPrekey) -> Attempt<Act> {
    let blob = |bytes: Vec<u8>| Blob::new(bytes).map_err(Failure::unexpected);
    Ok(Act::EnterSigner(SignerEntry {
        key: blob(doctor.signer().public().to_bytes())?,
        possession: blob(doctor.signer().prove_possession().to_bytes())?,
        prekey: Blob::new(prekey.to_bytes()).map_err(Failure::unexpected)?,
    }))
}

/// A doctor with the prekey that the ledger has of it.
pub fn member<D: Desk>(client: &Client<D>, doctor: &AccountId) -> Attempt<Member> {
    let (_, prekey) = trail::signers(client, doctor)?;
    let prekey = prekey.ok_or_else(|| {
        Failure::new(Kind::File, "the doctor has entered no keys")
            .of(doctor)
            .help("the doctor enters them once: eligo care enter")
    })?;
    let prekey = SignedPrekey::from_bytes(&prekey).map_err(|e| Failure::new(Kind::File, e))?;
    prekey
        .verify(&verifier(doctor)?)
        .map_err(|e| Failure::new(Kind::ProofInvalid, e).of(doctor))
}

/// Founds an epoch of a team's key as its lead.
pub fn found<D: Desk>(
    client: &Client<D>,
    lead: &Doctor,
    team: &TeamName,
    epoch: u64,
    doctors: &[AccountId],
) -> Attempt<Welcome> {
    let members = doctors.iter().map(|d| member(client, d));
    let members = members.collect::<Attempt<Vec<_>>>()?;
    let (id, key) = (doctor_id(&lead.id())?, lead.account());
    let encounter = *team.encounter.as_bytes();
    team::found(encounter, epoch, &id, key, members, &mut OsRng)
        .map_err(|e| Failure::new(Kind::File, e))
}

/// A plan as a hospital assigns it.
pub fn plan(
    doctors: &[AccountId],
    welcome: &Welcome,
    slot_ms: u64,
    retries: u8,
) -> Attempt<TeamPlan> {
    let lead = welcome.lead().as_str().parse();
    Ok(TeamPlan {
        doctors: List::new(doctors.to_vec()).map_err(Failure::usage)?,
        lead: lead.map_err(|e| Failure::new(Kind::File, e))?,
        slot_ms,
        retries,
        welcome: sha256(&welcome.to_bytes()),
    })
}

/// Accepts a welcome: the pending key, the confirmation for the others, and the act for the ledger.
pub fn accept(
    doctor: &Doctor,
    prekey: Prekey,
    welcome: Welcome,
    team: TeamName,
) -> Attempt<(PendingKey, Confirmation, Act)> {
    let lead: AccountId = welcome
        .lead()
        .as_str()
        .parse()
        .map_err(|e| Failure::new(Kind::File, e))?;
    let (digest, epoch) = (sha256(&welcome.to_bytes()), welcome.epoch());
    let (me, key) = (doctor_id(&doctor.id())?, doctor.account().verifying_key());
    let accepted = welcome.accept(&verifier(&lead)?, &me, &key, prekey, None);
    let (pending, confirmation) = accepted.map_err(|e| Failure::new(Kind::ProofInvalid, e))?;
    let act = Act::ConfirmTeam {
        team,
        epoch,
        welcome: digest,
        confirmation: sha256(&confirmation.to_bytes()),
    };
    Ok((pending, confirmation, act))
}

/// A team's epoch, as the ledger shows it.
pub struct TeamTrail {
    /// Which team.
    pub team: TeamName,
    /// The epoch.
    pub epoch: u64,
    /// The plan.
    pub plan: TeamPlan,
    /// Who has confirmed the key.
    pub confirmed: Vec<AccountId>,
    /// The last accepted signatures.
    pub chain: Option<Chain>,
    /// The diagnosis's name, once all have signed.
    pub completed: Option<[u8; 32]>,
}

impl TeamTrail {
    /// The last epoch, the chain's word for every step; none if the hospital assigned no team to this encounter.
    pub fn of<D: Desk>(client: &Client<D>, team: TeamName) -> Attempt<Option<Self>> {
        let steps = trail::proved(client, &Subject::Encounter(team.encounter))?;
        Self::read_from(&steps, team)
    }

    /// The same to look at: what is in the last block, the contract may have refused.
    pub fn seen<D: Desk>(client: &Client<D>, team: TeamName) -> Attempt<Option<Self>> {
        let steps = client.history(&Subject::Encounter(team.encounter))?;
        Self::read_from(&client.prove(steps)?, team)
    }

    fn read_from(steps: &[ProvenStep], team: TeamName) -> Attempt<Option<Self>> {
        let mut last: Option<Self> = None;
        for step in steps {
            let by = |account: &AccountId| trail::sender(step).as_ref() == Some(account);
            match (event(step), act(step)) {
                (
                    Some(CareEvent::TeamAssigned {
                        hospital, epoch, ..
                    }),
                    Some(Act::AssignTeam { team: plan, .. } | Act::AmendTeam { team: plan, .. }),
                ) if *hospital == team.hospital && by(hospital) => {
                    last = Some(Self {
                        team,
                        epoch: *epoch,
                        plan: plan.clone(),
                        confirmed: Vec::new(),
                        chain: None,
                        completed: None,
                    });
                }
                (
                    Some(CareEvent::TeamConfirmed {
                        hospital, doctor, ..
                    }),
                    _,
                ) if *hospital == team.hospital && by(doctor) => {
                    if let Some(last) = &mut last {
                        last.confirmed.push(*doctor);
                    }
                }
                (
                    Some(CareEvent::OpinionSigned {
                        hospital, doctor, ..
                    }),
                    Some(Act::SignOpinion { chain, .. }),
                ) if *hospital == team.hospital && by(doctor) => {
                    let chain = Chain::from_bytes(chain.as_slice());
                    let chain = chain.map_err(|e| Failure::new(Kind::ProofInvalid, e))?;
                    if let Some(last) = &mut last {
                        last.chain = Some(chain);
                    }
                }
                (
                    Some(CareEvent::DiagnosisCompleted {
                        hospital,
                        diagnosis,
                        ..
                    }),
                    _,
                ) if *hospital == team.hospital => {
                    if let Some(last) = &mut last {
                        last.completed = Some(*diagnosis.as_bytes());
                    }
                }
                _ => {}
            }
        }
        Ok(last)
    }

    /// Whose turn it is; none when all have signed.
    pub fn in_turn(&self) -> Option<AccountId> {
        let signed = self.chain.as_ref().map_or(0, |c| c.steps().len());
        self.plan.doctors.as_slice().get(signed).copied()
    }

    /// Adds an opinion: every signature before it is verified first.
    pub fn sign<D: Desk>(
        &self,
        client: &Client<D>,
        doctor: &Doctor,
        text: &str,
    ) -> Attempt<(Note, Act)> {
        let (note, opinion) = Note::write(doctor.id(), text, &mut OsRng)?;
        let act = self.sign_opinion(client, doctor, opinion)?;
        Ok((note, act))
    }

    fn sign_opinion<D: Desk>(
        &self,
        client: &Client<D>,
        doctor: &Doctor,
        opinion: Opinion,
    ) -> Attempt<Act> {
        let doctors = self.plan.doctors.as_slice();
        let mut roster = Roster::new();
        let mut signers = Vec::new();
        for account in doctors {
            let (keys, _) = trail::signers(client, account)?;
            let newest = keys.last().copied();
            let newest = newest.ok_or_else(|| {
                Failure::new(Kind::File, "the doctor has entered no keys").of(account)
            })?;
            signers.push(SignerName::new(*newest.id().as_bytes()));
            roster.extend(keys.into_iter().map(|key| (key.id(), key)));
        }
        let chain = ChainId::from(client.chain());
        let case = eligo_marketplace::care::case(&chain, &self.team, self.epoch, &signers);
        let before = match &self.chain {
            None => VerifiedChain::begin(case),
            Some(chain) => chain.clone().verify(&case, &roster).map_err(|e| {
                Failure::new(Kind::ProofInvalid, e)
                    .help("what was signed before you does not hold: do not sign")
            })?,
        };
        let mine = roster.get(&doctor.signer().public().id());
        let mine = mine.ok_or_else(|| {
            Failure::new(Kind::File, "the signing key is not the one on the ledger")
                .help("enter it: eligo care enter")
        })?;
        let signed = before.sign(doctor.signer(), mine, opinion, &mut OsRng);
        let signed = signed.map_err(|e| Failure::new(Kind::File, e))?;
        Ok(Act::SignOpinion {
            team: self.team,
            epoch: self.epoch,
            chain: Blob::new(signed.to_bytes()).map_err(Failure::unexpected)?,
        })
    }
}

/// A welcome as a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WelcomeFile {
    welcome: String,
}

impl Form for WelcomeFile {
    const NAME: &'static str = "eligo team welcome";
    const MADE_BY: &'static str = "care found";
    const LIMIT: usize = 128 << 10;
}

impl WelcomeFile {
    /// The file of a welcome.
    pub fn of(welcome: &Welcome) -> Self {
        Self {
            welcome: hex::encode(welcome.to_bytes()),
        }
    }

    /// The welcome, not yet accepted.
    pub fn welcome(&self) -> Attempt<Welcome> {
        form::message(&self.welcome, "welcome", Welcome::from_bytes)
    }
}
