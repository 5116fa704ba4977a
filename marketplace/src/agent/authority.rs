//! The authority: takes its part in every key generation it is named in, round by round, gives the parties its
//! shares of their names' keys, and its part of the beacon's rounds while a key of its own verifies them.
//!
//! Everything it says follows from one secret seed and from what stands on the ledger, so a step that was cut
//! off is done again with the same words. The seed is forgotten when there is a share.

use ed25519_dalek::SigningKey;
use eligo_sharing::beacon::{BeaconSigner, Round};
use eligo_sharing::dkg::{GroupKey, KeyShare};
use eligo_sharing::ibe::Authority as Extractor;
use eligo_sharing::letter::LetterKey;
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, OsRng, RngCore, SeedableRng};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::beacon::last_wanted;
use super::{Account, Agent, AgentError, Deed, Journal, JournalError, for_each, now_ms};
use crate::client::{Client, Desk, Standing};
use crate::convene::act::{Act, Authority};
use crate::convene::naming::letter_binding;
use crate::convene::part;
use crate::convene::transcript::{Message, Stage, Transcript};
use crate::convene::view::{CeremonyView, NameView};
use crate::encoding::Blob;
use crate::name::{AccountId, CeremonyName, ChainId};
use crate::rejection::Rejection;
use crate::transaction::Body;

/// What a node tells that no ceremony could have led to.
const MESSAGES: AgentError = AgentError::Nonsense {
    what: "a ceremony's messages",
};
const FORMAT: &str = "eligo authority";
const VERSION: u32 = 1;

/// An authority's name and keys: the account it speaks from, and the key its shares are sealed to.
pub struct AuthorityIdentity {
    name: String,
    account: SigningKey,
    letters: LetterKey,
}

impl std::fmt::Debug for AuthorityIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthorityIdentity")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Not an authority's key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an authority's key file of this version")]
pub struct AuthorityIdentityError;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u32,
    name: String,
    account: String,
    letters: String,
}

impl Drop for Document {
    fn drop(&mut self) {
        self.account.zeroize();
        self.letters.zeroize();
    }
}

impl AuthorityIdentity {
    /// An authority with these keys; the account is an admitted party's.
    #[must_use]
    pub fn new(name: &str, account: SigningKey, letters: LetterKey) -> Self {
        let name = name.to_owned();
        Self {
            name,
            account,
            letters,
        }
    }

    /// Draws a letter key for an account.
    #[must_use]
    pub fn generate(name: &str, account: SigningKey, rng: &mut (impl CryptoRng + RngCore)) -> Self {
        Self::new(name, account, LetterKey::generate(rng))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The account's name.
    #[must_use]
    pub fn account(&self) -> AccountId {
        AccountId::of(&self.account.verifying_key())
    }

    /// The account's key.
    #[must_use]
    pub const fn signer(&self) -> &SigningKey {
        &self.account
    }

    /// The key its letters are sealed to.
    #[must_use]
    pub const fn letters(&self) -> &LetterKey {
        &self.letters
    }

    /// What the registrar names it by in a ceremony.
    #[must_use]
    pub fn card(&self) -> Authority {
        Authority {
            account: self.account(),
            letters: *self.letters.public().as_bytes(),
        }
    }

    /// The file.
    #[must_use]
    pub fn to_json(&self) -> Zeroizing<String> {
        let document = Document {
            format: FORMAT.to_owned(),
            version: VERSION,
            name: self.name.clone(),
            account: hex::encode(self.account.as_bytes()),
            letters: hex::encode(self.letters.expose()),
        };
        // Strings and a number: there is nothing in it that could fail.
        Zeroizing::new(serde_json::to_string(&document).unwrap_or_default())
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`AuthorityIdentityError`].
    pub fn from_json(file: &[u8]) -> Result<Self, AuthorityIdentityError> {
        let document: Document =
            serde_json::from_slice(file).map_err(|_| AuthorityIdentityError)?;
        if document.format != FORMAT || document.version != VERSION {
            return Err(AuthorityIdentityError);
        }
        let secret = |text: &str| {
            let mut bytes = Zeroizing::new([0; 32]);
            let read = hex::decode_to_slice(text, bytes.as_mut_slice());
            read.map(|()| bytes).map_err(|_| AuthorityIdentityError)
        };
        let letters = LetterKey::from_bytes(secret(&document.letters)?.as_slice());
        Ok(Self {
            name: document.name.clone(),
            account: SigningKey::from_bytes(&*secret(&document.account)?),
            letters: letters.map_err(|_| AuthorityIdentityError)?,
        })
    }
}

/// What an authority does to its words before it says them; silence is none. The honest do nothing.
type Distort = dyn Fn(Message) -> Option<Message> + Send;

/// An authority at work.
pub struct AuthorityAgent<'a, D> {
    client: &'a Client<D>,
    identity: &'a AuthorityIdentity,
    journal: Journal,
    distort: Option<Box<Distort>>,
}

impl<D> std::fmt::Debug for AuthorityAgent<'_, D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthorityAgent")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

impl<'a, D: Desk> AuthorityAgent<'a, D> {
    /// Works with a journal of its own.
    #[must_use]
    pub fn new(client: &'a Client<D>, identity: &'a AuthorityIdentity, journal: Journal) -> Self {
        Self {
            client,
            identity,
            journal,
            distort: None,
        }
    }

    /// Makes it a cheat, to show what becomes of cheats.
    #[must_use]
    pub fn distorting(
        mut self,
        distort: impl Fn(Message) -> Option<Message> + Send + 'static,
    ) -> Self {
        self.distort = Some(Box::new(distort));
        self
    }

    /// The key of a ceremony with this authority's share of it, once both are there.
    ///
    /// # Errors
    /// [`AgentError`] if the journal is damaged.
    pub fn share(
        &self,
        ceremony: &CeremonyName,
    ) -> Result<Option<(GroupKey, KeyShare)>, AgentError> {
        read_share(&self.journal, ceremony)
    }

    /// The secret of which everything said in a ceremony is made; drawn before anything is said.
    fn seed(&self, ceremony: &CeremonyName) -> Result<Zeroizing<[u8; 32]>, AgentError> {
        let entry = format!("seed-{ceremony}");
        if let Some(bytes) = self.journal.read(&entry)? {
            let bytes = Zeroizing::new(bytes);
            let seed = <[u8; 32]>::try_from(bytes.as_slice());
            return Ok(Zeroizing::new(
                seed.map_err(|_| JournalError::Damaged(entry))?,
            ));
        }
        let mut seed = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(seed.as_mut_slice());
        self.journal.write(&entry, seed.as_slice())?;
        Ok(seed)
    }

    fn attend(&self, view: &CeremonyView) -> Result<Vec<Deed>, AgentError> {
        let name = view.ceremony;
        let seed = format!("seed-{name}");
        if self.journal.has(&format!("share-{name}"))? {
            // Here and not only where the share is taken: that may have been cut off in between.
            self.journal.forget(&seed)?;
            return Ok(Vec::new());
        }
        if view.stage == Stage::Failed {
            if self.journal.has(&seed)? && self.witnessed(view)?.is_some() {
                self.journal.forget(&seed)?;
            }
            return Ok(Vec::new());
        }
        if view.stage == Stage::Settled {
            // What the share is made of is forgotten then, so nothing here may be the node's word.
            let transcript = self.witnessed(view)?;
            return transcript.map_or_else(|| Ok(Vec::new()), |t| self.finish(&t));
        }
        let mut transcript = self.client.transcript(view)?;
        let me = transcript
            .ceremony()
            .position(&self.identity.letters.public());
        let me = me.ok_or(AgentError::Nonsense { what: "a ceremony" })?;
        if transcript.has_spoken(me, view.stage) {
            return self.hurry(view);
        }
        if matches!(view.stage, Stage::Expose | Stage::Object | Stage::Open) {
            // What is said there follows from what others did not say: told too little or too early, it would
            // give the share away.
            let Some(witnessed) = self.witnessed(view)? else {
                return self.hurry(view);
            };
            transcript = witnessed;
        }
        let mut rng = ChaCha20Rng::from_seed(*self.seed(&name)?);
        let message = part::say(&transcript, view.stage, &self.identity.letters, &mut rng);
        let message = message.map_err(|_| MESSAGES)?;
        let message = match &self.distort {
            Some(distort) => message.and_then(distort),
            None => message,
        };
        let Some(message) = message else {
            return self.hurry(view);
        };
        let stage = message.stage();
        let entry = format!("say-{}-{name}", stage_name(stage));
        let account = Account::new(self.client, self.identity.signer());
        let sent = account.send_once(&self.journal, &entry, || {
            let ceremony = name;
            Ok(Body::Convene(Act::Say { ceremony, message }))
        });
        let what = match sent.and_then(super::Sent::accepted) {
            Ok(_) => stage_name(stage).to_owned(),
            // The round ended meanwhile.
            Err(AgentError::Refused(reason)) => format!("refused: {reason}"),
            Err(error) => return Err(error),
        };
        Ok(vec![Deed::new(name, what)])
    }

    /// The transcript, if the chain itself says that the ceremony is in this round after just these messages; it
    /// is made to, if nobody did before. None if the node's word does not hold.
    fn witnessed(&self, view: &CeremonyView) -> Result<Option<Transcript>, AgentError> {
        if let Some(transcript) = self.client.witnessed_transcript(view)? {
            return Ok(Some(transcript));
        }
        let account = Account::new(self.client, self.identity.signer());
        let witness = self.client.witness(view)?;
        match account.send(Body::Convene(witness)) {
            Ok(sent) if sent.result.is_ok() => account.cause_block()?,
            // It is elsewhere by now, or never was here.
            Ok(_) | Err(AgentError::Refused(_)) => return Ok(None),
            Err(error) => return Err(error),
        }
        Ok(self.client.witnessed_transcript(view)?)
    }

    /// Causes a block when a round's time is up and somebody keeps silent: without one it would not end.
    fn hurry(&self, view: &CeremonyView) -> Result<Vec<Deed>, AgentError> {
        if now_ms() > view.ends_ms {
            let ceremony = view.ceremony;
            let account = Account::new(self.client, self.identity.signer());
            drop(account.send(Body::Convene(Act::Close { ceremony }))?);
        }
        Ok(Vec::new())
    }

    /// Gives its share of a name's key to the party that asked for it, once the chain shows that it did and
    /// the contract let it.
    fn answer(&self, view: &NameView) -> Result<Option<Deed>, AgentError> {
        let Some((key, share)) = self.share(&view.ceremony)? else {
            return Ok(None);
        };
        let me = share.participant();
        if view.shares.iter().any(|(who, _)| *who == me.number()) {
            return Ok(None);
        }
        let account = Account::new(self.client, self.identity.signer());
        let mut proven = self.client.proven_name(view)?;
        if proven.is_none() {
            // The next block shows it, and if nobody else causes one, this does: there is no round to end.
            let ceremony = view.ceremony;
            drop(account.send(Body::Convene(Act::Close { ceremony }))?);
            proven = self.client.proven_name(view)?;
        }
        let Some((name, letters)) = proven else {
            return Ok(None);
        };
        let wrong = AgentError::Nonsense { what: "a name" };
        let authority = Extractor::new(share).map_err(|_| wrong)?;
        let ask = view.ask;
        let sent = account.send_once(&self.journal, &format!("name-{ask}"), || {
            let wrong = AgentError::Nonsense { what: "a name" };
            let part = authority.extract(&key, &name.identity(&view.party));
            let Ok(part) = part else { return Err(wrong) };
            let chain = ChainId::from(self.client.chain());
            let (info, aad) = letter_binding(&chain, ask, me);
            let letter = letters.write(&part.to_bytes(), &info, &aad, &mut OsRng);
            let letter = letter.map_err(|_| wrong)?.to_bytes();
            let letter = Blob::new(letter)?;
            Ok(Body::Convene(Act::ShareName { ask, letter }))
        });
        match sent.and_then(super::Sent::accepted) {
            Ok(_) => Ok(Some(Deed::new(format!("name {ask}"), "share given"))),
            Err(AgentError::Refused(reason)) => {
                let what = format!("share refused: {reason}");
                Ok(Some(Deed::new(format!("name {ask}"), what)))
            }
            Err(error) => Err(error),
        }
    }

    /// Gives its part of the beacon's next round, if somebody waits for it and its key verifies that round.
    ///
    /// The round before must stand on the chain: so a node that lies about where the beacon is gets at most the
    /// very next round early, which draws nothing that is called from now on.
    fn sign_round(&self) -> Result<Option<Deed>, AgentError> {
        let Some(beacon) = self.client.beacon()? else {
            return Ok(None);
        };
        let Some(ceremony) = beacon.ceremony else {
            return Ok(None);
        };
        let Some((_, share)) = self.share(&ceremony)? else {
            return Ok(None);
        };
        let round = beacon.round.saturating_add(1);
        let status = self.client.market_status()?;
        let waits = last_wanted(self.client, &status)?.is_some_and(|last| round <= last);
        if !waits || beacon.signed.contains(&share.participant().number()) {
            return Ok(None);
        }
        let account = Account::new(self.client, self.identity.signer());
        if beacon.round > 0 && self.client.round_standing(beacon.round)? != Standing::Proved {
            // The next block shows it, and if nobody else causes one, this does: there is no round to end.
            drop(account.send(Body::Convene(Act::Close { ceremony }))?);
            if self.client.round_standing(beacon.round)? != Standing::Proved {
                return Ok(None);
            }
        }
        let wrong = AgentError::Nonsense { what: "the beacon" };
        let Ok(signer) = BeaconSigner::new(share) else {
            return Err(wrong);
        };
        let part = Blob::new(signer.sign(Round::new(round)).to_bytes())?;
        let sent = account.send(Body::Convene(Act::SignRound { round, part }));
        match sent.and_then(super::Sent::accepted) {
            Ok(_) => Ok(Some(Deed::new(
                format!("round {round}"),
                "part of it given",
            ))),
            // The others were faster.
            Err(AgentError::Refused(Rejection::BeaconRound | Rejection::SpokenAlready)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes its share of the key that follows from the ledger, whatever the node says it is.
    fn finish(&self, transcript: &Transcript) -> Result<Vec<Deed>, AgentError> {
        let name = transcript.name();
        let mut rng = ChaCha20Rng::from_seed(*self.seed(&name)?);
        let finished = part::finish(transcript, &self.identity.letters, &mut rng);
        let (key, share) = finished.map_err(|_| MESSAGES)?;
        self.journal
            .write(&format!("key-{name}"), &key.to_bytes())?;
        self.journal
            .write(&format!("share-{name}"), &share.to_bytes())?;
        self.journal.forget(&format!("seed-{name}"))?;
        Ok(vec![Deed::new(name, "share of the key taken")])
    }
}

/// The key of a ceremony with the share that an authority's journal has of it.
///
/// # Errors
/// [`AgentError`] if the journal is damaged.
pub fn read_share(
    journal: &Journal,
    ceremony: &CeremonyName,
) -> Result<Option<(GroupKey, KeyShare)>, AgentError> {
    let (key, share) = (format!("key-{ceremony}"), format!("share-{ceremony}"));
    let Some(bytes) = journal.read(&share)?.map(Zeroizing::new) else {
        return Ok(None);
    };
    let damaged = |entry: &String| JournalError::Damaged(entry.clone());
    let group = journal.read(&key)?.ok_or_else(|| damaged(&key))?;
    let group = GroupKey::from_bytes(&group).map_err(|_| damaged(&key))?;
    let own = KeyShare::from_bytes(&bytes, &group).map_err(|_| damaged(&share))?;
    Ok(Some((group, own)))
}

const fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Deal => "deal",
        Stage::Complain => "complaints",
        Stage::Answer => "answers",
        Stage::Expose => "exposure",
        Stage::Object => "objections",
        Stage::Open => "openings",
        Stage::Settled => "settled",
        Stage::Failed => "failed",
    }
}

impl<D: Desk> Agent for AuthorityAgent<'_, D> {
    fn step(&mut self) -> Result<Vec<Deed>, AgentError> {
        let me = self.identity.account();
        let mine = self.client.ceremonies()?.into_iter();
        let mine = mine.filter(|c| c.authorities.iter().any(|a| a.account == me));
        let mut deeds = for_each(mine, |view| self.attend(&view))?;
        let asked = for_each(self.client.names()?, |view| {
            Ok(self.answer(&view)?.into_iter().collect())
        });
        deeds.extend(asked?);
        deeds.extend(self.sign_round()?);
        Ok(deeds)
    }
}
