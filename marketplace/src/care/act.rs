//! What parties of a patient's care ask of the ledger.
//!
//! Nothing here names a patient, a diagnosis or a department. An encounter is known by the hash of its
//! one-time key, opinions are salted commitments, asks are letters, rows of the index are encrypted.

use eligo_ledger::wire::Wire;
use eligo_sharing::domain::{lp, sha256};
use eligo_sharing::ibe::Identity;

use crate::certificate::MAX_NAME;
use crate::encoding::{Blob, List, Text, wire_enum, wire_struct};
use crate::name::{
    AccountId, AskId, ChainId, DelegationId, EmergencyId, EncounterName, RecordName,
};
use crate::transaction::{MAX_GRANT, MAX_LETTER, MAX_SHARE};

/// The most doctors of a team.
pub const MAX_TEAM: usize = 20;
/// The longest ordered multisignature of a team, in bytes.
pub const MAX_CHAIN: usize = 4096;
/// The longest signing key or proof of its possession, in bytes.
pub const MAX_SIGNER: usize = 512;
/// The longest signed prekey, in bytes.
pub const MAX_PREKEY: usize = 512;
/// The most rows of the index in one transaction.
pub const MAX_ROWS: usize = 256;
/// Bytes of an encrypted row.
pub const ROW_BYTES: usize = eligo_sharing::search::Row::BYTES;
/// The most records in one permit.
pub const MAX_GRANTS: usize = 16;
/// The most search nodes that one permit writes to.
pub const MAX_TOKENS: usize = 8;
/// The longest letter with a search token, in bytes.
pub const MAX_TOKEN: usize = 16_384;
/// The most encounters of one delegation.
pub const MAX_SCOPE: usize = 16;
/// The longest capsule for emergencies, in bytes.
pub const MAX_EMERGENCY: usize = 8192;

wire_enum! {
    /// An act of care. Its sender's account signs it, as every transaction.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[allow(clippy::large_enum_variant)] // Lives as long as its decoding.
    pub enum Act("act of care") {
        /// Enters the key a doctor signs diagnoses with, and a prekey. By the doctor. A later key replaces it
        /// for later teams.
        1 => EnterSigner(SignerEntry),
        /// Replaces the prekey, which serves once. By the doctor.
        2 => RenewPrekey {
            /// A [`SignedPrekey`](eligo_sharing::team::SignedPrekey) of a doctor named as the account.
            prekey: Blob<MAX_PREKEY>,
        },
        /// Employs a doctor, or until another time. By the hospital.
        3 => Employ {
            /// The doctor.
            doctor: AccountId,
            /// The employment's last millisecond since 1970.
            until_ms: u64,
        },
        /// Ends an employment at once. By the hospital.
        4 => Release {
            /// The doctor.
            doctor: AccountId,
        },
        /// Assigns an encounter a team: its epoch 0. By the hospital.
        5 => AssignTeam {
            /// The encounter.
            encounter: EncounterName,
            /// Who, in which order.
            team: TeamPlan,
        },
        /// Confirms that the doctor has the team's key. By a doctor of the team.
        6 => ConfirmTeam {
            /// Which team.
            team: TeamName,
            /// Its epoch.
            epoch: u64,
            /// SHA-256 of the welcome the doctor has accepted: the assigned one, or somebody stands between.
            welcome: [u8; 32],
            /// SHA-256 of the doctor's [`Confirmation`](eligo_sharing::team::Confirmation).
            confirmation: [u8; 32],
        },
        /// Adds an opinion to the diagnosis; the last one completes it. By the doctor whose turn it is.
        7 => SignOpinion {
            /// Which team.
            team: TeamName,
            /// Its epoch.
            epoch: u64,
            /// The [`Chain`](eligo_sharing::oms::Chain) with this doctor's signature.
            chain: Blob<MAX_CHAIN>,
        },
        /// Asks the doctor whose slot ran out once more: a new slot. By the hospital.
        8 => AskAgain {
            /// The encounter.
            encounter: EncounterName,
        },
        /// Another team or order: a new epoch, in which opinions begin anew. By the hospital.
        9 => AmendTeam {
            /// The encounter.
            encounter: EncounterName,
            /// Who, in which order.
            team: TeamPlan,
        },
        /// Enters the key a hospital's index is written with. By the hospital.
        10 => EnterWriter {
            /// A [`WriterPublicKey`](eligo_sharing::search::WriterPublicKey).
            key: [u8; 48],
            /// That the hospital has its secret.
            possession: [u8; 96],
        },
        /// Writes a shuffled batch of encrypted rows. By a hospital that entered a writer key.
        11 => WriteRows {
            /// The rows.
            rows: List<[u8; ROW_BYTES], MAX_ROWS>,
        },
        /// Asks a patient for records. By a doctor whom the hospital employs.
        12 => Ask(AskTerms),
        /// Takes an ask back. By its doctor.
        13 => Withdraw {
            /// The ask.
            ask: AskId,
        },
        /// Answers an ask with grants and search tokens. By anyone who has the signature.
        14 => Permit(SignedPermit),
        /// Begins to read a granted record; proxies answer nothing else. By the ask's doctor.
        15 => Read {
            /// The ask.
            ask: AskId,
            /// The record.
            record: RecordName,
        },
        /// A proxy's share of a record that is read. By a proxy drawn for the ask.
        16 => Share {
            /// The ask.
            ask: AskId,
            /// The record.
            record: RecordName,
            /// The share's bytes.
            share: Blob<MAX_SHARE>,
        },
        /// Says what came of opening a record. By the ask's doctor, who need not.
        17 => Opened {
            /// The ask.
            ask: AskId,
            /// The record.
            record: RecordName,
            /// Whether the content is what hospital and team signed.
            right: bool,
        },
        /// Takes back what was permitted, at once. By anyone who has the signature.
        18 => RevokePermit {
            /// The ask.
            ask: AskId,
            /// Who signs.
            hand: Hand,
            /// Over [`revocation_bytes`].
            signature: [u8; 64],
        },
        /// Lets a relative act for encounters. By anyone who has the signatures.
        19 => Delegate(SignedDelegation),
        /// Ends a delegation. By anyone who has the signature of one of its encounters.
        20 => RevokeDelegation {
            /// The delegation.
            delegation: DelegationId,
            /// One of its encounters' keys.
            encounter: [u8; 32],
            /// Over [`delegation_end_bytes`], by that key.
            signature: [u8; 64],
        },
        /// Enters a record's capsule for emergencies. By the record's hospital.
        21 => EnterEmergency {
            /// The record.
            record: RecordName,
            /// The region whose authorities may open it.
            region: Text<MAX_NAME>,
            /// The epoch of that name.
            epoch: u64,
            /// A [`Sealed`](eligo_sharing::ibe::Sealed) to this record's [`emergency_name`].
            sealed: Blob<MAX_EMERGENCY>,
        },
        /// Asks the authorities to open a record of a patient who cannot answer. By an employed doctor.
        22 => AskEmergency(EmergencyTerms),
        /// An authority's part, in a letter to the doctor. By the authority's account.
        23 => EmergencyShare {
            /// What it answers.
            emergency: EmergencyId,
            /// A [`DecryptionShare`](eligo_sharing::ibe::DecryptionShare) in a letter to the doctor.
            letter: Blob<MAX_LETTER>,
        },
    }
}

wire_struct! {
    /// How a doctor enters the signers' roster.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct SignerEntry {
        /// A [`SignerKey`](eligo_sharing::oms::SignerKey).
        pub key: Blob<MAX_SIGNER>,
        /// A [`SignerProof`](eligo_sharing::oms::SignerProof) of it: without it a rogue key could forge.
        pub possession: Blob<MAX_SIGNER>,
        /// A [`SignedPrekey`](eligo_sharing::team::SignedPrekey) of a doctor named as the account.
        pub prekey: Blob<MAX_PREKEY>,
    }
}

wire_struct! {
    /// A team: the encounter of a hospital it was assigned to. Another hospital cannot take that name first.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub struct TeamName {
        /// The hospital.
        pub hospital: AccountId,
        /// The encounter.
        pub encounter: EncounterName,
    }
}

wire_struct! {
    /// A team as a hospital assigns it.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct TeamPlan {
        /// 1 to 20 doctors in the order in which they sign.
        pub doctors: List<AccountId, MAX_TEAM>,
        /// One of them, who founds the team's key.
        pub lead: AccountId,
        /// How long each has, in milliseconds of block time.
        pub slot_ms: u64,
        /// N: how often a doctor is asked again at most.
        pub retries: u8,
        /// SHA-256 of the lead's [`Welcome`](eligo_sharing::team::Welcome), which travels elsewhere.
        pub welcome: [u8; 32],
    }
}

wire_struct! {
    /// A doctor's ask: the one standard form.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct AskTerms {
        /// The hospital that employs the doctor.
        pub hospital: AccountId,
        /// The patient's one-time key of the encounter at that hospital: signs the answer.
        pub inbox: [u8; 32],
        /// B, made for this ask alone.
        pub receiver: [u8; 48],
        /// Proof that the doctor has b.
        pub possession: [u8; 96],
        /// t of n = 2t - 1 proxies.
        pub threshold: u16,
        /// Until when, milliseconds since 1970.
        pub until_ms: u64,
        /// Who, what and why, sealed to the patient.
        pub letter: Blob<MAX_LETTER>,
        /// Sets it apart from every other.
        pub nonce: [u8; 32],
    }
}

wire_enum! {
    /// Whose hand signs for an encounter.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Hand("hand") {
        /// The encounter's own key.
        1 => Patient,
        /// The account of a relative under this delegation.
        2 => Delegate(DelegationId),
    }
}

wire_struct! {
    /// A record that is granted.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct RecordGrant {
        /// The record.
        pub record: RecordName,
        /// A [`SignedGrant`](eligo_sharing::tcpre::SignedGrant) for the ask's receiver, proxies and name,
        /// until the permit ends; by the record's encounter key or, in its scope, the delegate's.
        pub grant: Blob<MAX_GRANT>,
    }
}

wire_struct! {
    /// A search token for one node.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct TokenLetter {
        /// The node's account.
        pub node: AccountId,
        /// A [`SearchToken`](eligo_sharing::search::SearchToken) in a letter to it.
        pub letter: Blob<MAX_TOKEN>,
    }
}

wire_struct! {
    /// The patient's answer to an ask.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Permit {
        /// The ask.
        pub ask: AskId,
        /// Until when, whole seconds in milliseconds since 1970; not after what was asked.
        pub until_ms: u64,
        /// Records, also of several hospitals.
        pub grants: List<RecordGrant, MAX_GRANTS>,
        /// What nodes may search for.
        pub tokens: List<TokenLetter, MAX_TOKENS>,
    }
}

wire_struct! {
    /// A permit with its signature, not yet checked.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct SignedPermit {
        /// What is permitted.
        pub permit: Permit,
        /// Who signs for the ask's inbox.
        pub hand: Hand,
        /// Over [`Permit::signed_bytes`].
        pub signature: [u8; 64],
    }
}

wire_struct! {
    /// That a relative acts for encounters. With it, off the ledger, go exactly their re-encryption secrets.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Delegation {
        /// The relative's account.
        pub delegate: AccountId,
        /// The keys of the encounters; together they show that these belong together, so a patient who
        /// would not have that known makes one delegation for each.
        pub encounters: List<[u8; 32], MAX_SCOPE>,
        /// Until when, milliseconds since 1970.
        pub until_ms: u64,
        /// Sets it apart from every other.
        pub nonce: [u8; 32],
    }
}

wire_struct! {
    /// A delegation with the signature of every encounter, not yet checked.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct SignedDelegation {
        /// What is delegated.
        pub delegation: Delegation,
        /// Over [`Delegation::signed_bytes`], by each encounter's key in order.
        pub signatures: List<[u8; 64], MAX_SCOPE>,
    }
}

wire_struct! {
    /// A doctor's call to the authorities.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct EmergencyTerms {
        /// The record.
        pub record: RecordName,
        /// The hospital that employs the doctor.
        pub hospital: AccountId,
        /// Where the authorities' letters are sealed to, a
        /// [`LetterPublicKey`](eligo_sharing::letter::LetterPublicKey).
        pub letters: [u8; 32],
        /// SHA-256 of the reason, salted; the reason itself is told to the authorities.
        pub reason: [u8; 32],
        /// Sets it apart from every other.
        pub nonce: [u8; 32],
    }
}

impl AskTerms {
    /// The ask's name: `SHA-256(LP("ELIGO-CARE-V01-ASK", chain, doctor, terms))`. Grants are bound to it.
    #[must_use]
    pub fn name(&self, chain: &ChainId, doctor: &AccountId) -> AskId {
        let (tag, terms) = (b"ELIGO-CARE-V01-ASK", self.to_wire());
        let bytes = lp(&[tag, chain.as_bytes(), doctor.as_bytes(), &terms]);
        AskId::new(sha256(&bytes))
    }
}

impl Permit {
    /// What is signed: `LP("ELIGO-CARE-V01-PERMIT", chain, permit)`.
    #[must_use]
    pub fn signed_bytes(&self, chain: &ChainId) -> Vec<u8> {
        lp(&[b"ELIGO-CARE-V01-PERMIT", chain.as_bytes(), &self.to_wire()])
    }
}

impl Delegation {
    /// What every encounter signs: `LP("ELIGO-CARE-V01-DELEGATION", chain, delegation)`.
    #[must_use]
    pub fn signed_bytes(&self, chain: &ChainId) -> Vec<u8> {
        let tag = b"ELIGO-CARE-V01-DELEGATION";
        lp(&[tag, chain.as_bytes(), &self.to_wire()])
    }

    /// Its name, the digest of what is signed.
    #[must_use]
    pub fn name(&self, chain: &ChainId) -> DelegationId {
        DelegationId::new(sha256(&self.signed_bytes(chain)))
    }
}

impl EmergencyTerms {
    /// The call's name: `SHA-256(LP("ELIGO-CARE-V01-EMERGENCY", chain, doctor, terms))`.
    #[must_use]
    pub fn name(&self, chain: &ChainId, doctor: &AccountId) -> EmergencyId {
        let (tag, terms) = (b"ELIGO-CARE-V01-EMERGENCY", self.to_wire());
        let bytes = lp(&[tag, chain.as_bytes(), doctor.as_bytes(), &terms]);
        EmergencyId::new(sha256(&bytes))
    }
}

/// What the revocation of a permit signs: `LP("ELIGO-CARE-V01-REVOKE", chain, ask)`.
#[must_use]
pub fn revocation_bytes(chain: &ChainId, ask: &AskId) -> Vec<u8> {
    lp(&[b"ELIGO-CARE-V01-REVOKE", chain.as_bytes(), ask.as_bytes()])
}

/// What the end of a delegation signs: `LP("ELIGO-CARE-V01-DELEGATION-END", chain, delegation)`.
#[must_use]
pub fn delegation_end_bytes(chain: &ChainId, delegation: &DelegationId) -> Vec<u8> {
    let tag = b"ELIGO-CARE-V01-DELEGATION-END";
    lp(&[tag, chain.as_bytes(), delegation.as_bytes()])
}

/// What the letter of an ask is sealed for: `LP("ELIGO-CARE-V01-ASK-LETTER", chain, inbox)`.
#[must_use]
pub fn ask_letter_info(chain: &ChainId, inbox: &[u8; 32]) -> Vec<u8> {
    lp(&[b"ELIGO-CARE-V01-ASK-LETTER", chain.as_bytes(), inbox])
}

/// To whom a record's capsule for emergencies is sealed: to this record's name in a region's epoch. An
/// authority answers for no other.
#[must_use]
pub fn emergency_name(region: &str, epoch: u64, record: &RecordName) -> Identity {
    Identity::of_emergency(region, epoch, record.as_bytes())
}

/// What an authority's letter is sealed for: `LP("ELIGO-CARE-V01-EMERGENCY-LETTER", chain, emergency)`.
#[must_use]
pub fn emergency_letter_info(chain: &ChainId, emergency: &EmergencyId) -> Vec<u8> {
    let tag = b"ELIGO-CARE-V01-EMERGENCY-LETTER";
    lp(&[tag, chain.as_bytes(), emergency.as_bytes()])
}
