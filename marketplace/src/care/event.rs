//! What happened in a patient's care: the trail that history is read from.

use crate::credits::Credits;
use crate::encoding::{List, wire_enum};
use crate::event::{Event, Subject};
use crate::name::{
    AccountId, AskId, DelegationId, DiagnosisName, EmergencyId, EncounterName, RecordName,
    SignerName,
};

use super::act::{MAX_SCOPE, MAX_TEAM};
use super::permission::MAX_RECORDS;

wire_enum! {
    /// Something that happened in a patient's care.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum CareEvent("care event") {
        /// A doctor entered a signing key.
        1 => SignerEntered {
            /// The doctor.
            doctor: AccountId,
            /// The key's name.
            signer: SignerName,
        },
        /// A doctor replaced its prekey.
        2 => PrekeyRenewed {
            /// The doctor.
            doctor: AccountId,
        },
        /// A hospital employs a doctor.
        3 => Employed {
            /// The hospital.
            hospital: AccountId,
            /// The doctor.
            doctor: AccountId,
            /// Until when, milliseconds since 1970.
            until_ms: u64,
        },
        /// A hospital let a doctor go.
        4 => Released {
            /// The hospital.
            hospital: AccountId,
            /// The doctor.
            doctor: AccountId,
        },
        /// A team was assigned or, from epoch 1 on, amended.
        5 => TeamAssigned {
            /// The hospital.
            hospital: AccountId,
            /// The encounter.
            encounter: EncounterName,
            /// The epoch.
            epoch: u64,
            /// Who, in order.
            doctors: List<AccountId, MAX_TEAM>,
        },
        /// A doctor confirmed the team's key.
        6 => TeamConfirmed {
            /// The hospital.
            hospital: AccountId,
            /// The encounter.
            encounter: EncounterName,
            /// The epoch.
            epoch: u64,
            /// The doctor.
            doctor: AccountId,
        },
        /// A doctor signed an opinion.
        7 => OpinionSigned {
            /// The hospital.
            hospital: AccountId,
            /// The encounter.
            encounter: EncounterName,
            /// The epoch.
            epoch: u64,
            /// The doctor.
            doctor: AccountId,
            /// The doctor's place in the order, from 1.
            place: u8,
        },
        /// The last doctor signed.
        8 => DiagnosisCompleted {
            /// The hospital.
            hospital: AccountId,
            /// The encounter.
            encounter: EncounterName,
            /// The epoch.
            epoch: u64,
            /// SHA-256 of all signatures: what a record's entry names.
            diagnosis: DiagnosisName,
        },
        /// A doctor's slot ran out, and it was asked again.
        9 => AskedAgain {
            /// The hospital.
            hospital: AccountId,
            /// The encounter.
            encounter: EncounterName,
            /// The epoch.
            epoch: u64,
            /// The doctor.
            doctor: AccountId,
            /// For the how-manieth time.
            times: u8,
        },
        /// A hospital entered the key of its index.
        10 => WriterEntered {
            /// The hospital.
            hospital: AccountId,
        },
        /// Rows of an index were written in this block.
        11 => RowsWritten {
            /// Their first position in the block.
            first: u32,
            /// How many.
            rows: u32,
        },
        /// A doctor asked a patient.
        12 => Asked {
            /// The ask.
            ask: AskId,
            /// The encounter asked at.
            encounter: EncounterName,
            /// The doctor.
            doctor: AccountId,
            /// The doctor's hospital.
            hospital: AccountId,
            /// Until when, milliseconds since 1970.
            until_ms: u64,
        },
        /// An ask's proxies were drawn.
        13 => AskDrawn {
            /// The ask.
            ask: AskId,
            /// The beacon's round.
            round: u64,
            /// The proxies in order: the first has number 1.
            proxies: List<AccountId, 64>,
        },
        /// The doctor took an ask back.
        14 => AskWithdrawn {
            /// The ask.
            ask: AskId,
            /// The encounter.
            encounter: EncounterName,
            /// What was granted in it.
            records: List<RecordName, MAX_RECORDS>,
        },
        /// The patient answered an ask.
        15 => Permitted {
            /// The ask.
            ask: AskId,
            /// The encounter.
            encounter: EncounterName,
            /// What was granted.
            records: List<RecordName, MAX_RECORDS>,
            /// How many nodes may search.
            searches: u32,
            /// Until when, milliseconds since 1970.
            until_ms: u64,
            /// The relative who acted for the patient.
            delegate: Option<AccountId>,
        },
        /// The patient revoked.
        16 => PermitRevoked {
            /// The ask.
            ask: AskId,
            /// The encounter.
            encounter: EncounterName,
            /// What had been granted.
            records: List<RecordName, MAX_RECORDS>,
            /// The relative who acted for the patient.
            delegate: Option<AccountId>,
        },
        /// The period asked for is over.
        17 => AskEnded {
            /// The ask.
            ask: AskId,
            /// The encounter.
            encounter: EncounterName,
            /// What had been granted.
            records: List<RecordName, MAX_RECORDS>,
        },
        /// The doctor reads a record.
        18 => RecordRead {
            /// The ask.
            ask: AskId,
            /// The encounter asked at.
            encounter: EncounterName,
            /// The record.
            record: RecordName,
            /// The doctor.
            doctor: AccountId,
        },
        /// A proxy re-encrypted for that read.
        19 => CareShared {
            /// The ask.
            ask: AskId,
            /// The record.
            record: RecordName,
            /// The proxy.
            proxy: AccountId,
        },
        /// A proxy's share was false: evidence against it.
        20 => FalseCareShare {
            /// The ask.
            ask: AskId,
            /// The record.
            record: RecordName,
            /// The proxy.
            proxy: AccountId,
            /// SHA-256 of the share's bytes.
            share: [u8; 32],
            /// What it lost.
            slashed: Credits,
        },
        /// Enough shares are there: the doctor can open the record.
        21 => Readable {
            /// The ask.
            ask: AskId,
            /// The encounter asked at.
            encounter: EncounterName,
            /// The record.
            record: RecordName,
        },
        /// The doctor opened the record.
        22 => RecordOpened {
            /// The ask.
            ask: AskId,
            /// The encounter asked at.
            encounter: EncounterName,
            /// The record.
            record: RecordName,
            /// The doctor.
            doctor: AccountId,
            /// Whether it is what hospital and team signed, as the doctor says.
            right: bool,
        },
        /// A relative may act for encounters.
        23 => Delegated {
            /// The delegation.
            delegation: DelegationId,
            /// The encounters.
            encounters: List<EncounterName, MAX_SCOPE>,
            /// The relative.
            delegate: AccountId,
            /// Until when, milliseconds since 1970.
            until_ms: u64,
        },
        /// A delegation was ended.
        24 => DelegationRevoked {
            /// The delegation.
            delegation: DelegationId,
            /// The encounters.
            encounters: List<EncounterName, MAX_SCOPE>,
            /// The relative.
            delegate: AccountId,
        },
        /// A record got a capsule for emergencies.
        25 => EmergencyEntered {
            /// The record.
            record: RecordName,
            /// Its hospital.
            hospital: AccountId,
        },
        /// A doctor called the authorities.
        26 => EmergencyAsked {
            /// The call.
            emergency: EmergencyId,
            /// The record.
            record: RecordName,
            /// The doctor.
            doctor: AccountId,
            /// The doctor's hospital.
            hospital: AccountId,
        },
        /// An authority answered.
        27 => EmergencyShared {
            /// The call.
            emergency: EmergencyId,
            /// The record.
            record: RecordName,
            /// The authority.
            authority: AccountId,
        },
        /// Enough authorities answered: the doctor can open the capsule.
        28 => EmergencyOpenable {
            /// The call.
            emergency: EmergencyId,
            /// The record.
            record: RecordName,
            /// The doctor.
            doctor: AccountId,
        },
    }
}

impl From<CareEvent> for Event {
    fn from(event: CareEvent) -> Self {
        Self::Care(event)
    }
}

impl CareEvent {
    /// Everything the event is about.
    #[must_use]
    pub fn subjects(&self) -> Vec<Subject> {
        use Subject::{Ask, Encounter, Party, Record};
        let with = |mut all: Vec<Subject>, records: &List<RecordName, MAX_RECORDS>| {
            all.extend(records.as_slice().iter().map(|name| Record(*name)));
            all
        };
        match self {
            Self::SignerEntered { doctor, .. } | Self::PrekeyRenewed { doctor } => {
                vec![Party(*doctor)]
            }
            Self::Employed {
                hospital, doctor, ..
            }
            | Self::Released { hospital, doctor } => vec![Party(*hospital), Party(*doctor)],
            Self::TeamAssigned {
                hospital,
                encounter,
                doctors,
                ..
            } => {
                let mut all = vec![Encounter(*encounter), Party(*hospital)];
                all.extend(doctors.as_slice().iter().map(|doctor| Party(*doctor)));
                all
            }
            Self::TeamConfirmed {
                hospital,
                encounter,
                doctor,
                ..
            }
            | Self::OpinionSigned {
                hospital,
                encounter,
                doctor,
                ..
            }
            | Self::AskedAgain {
                hospital,
                encounter,
                doctor,
                ..
            } => vec![Encounter(*encounter), Party(*hospital), Party(*doctor)],
            Self::DiagnosisCompleted {
                hospital,
                encounter,
                ..
            } => vec![Encounter(*encounter), Party(*hospital)],
            Self::WriterEntered { hospital } => vec![Party(*hospital)],
            // Whose rows they are is nobody's to look up.
            Self::RowsWritten { .. } => Vec::new(),
            Self::Asked {
                ask,
                encounter,
                doctor,
                hospital,
                ..
            } => vec![
                Ask(*ask),
                Encounter(*encounter),
                Party(*doctor),
                Party(*hospital),
            ],
            Self::AskDrawn { ask, proxies, .. } => {
                let mut all = vec![Ask(*ask)];
                all.extend(proxies.as_slice().iter().map(|proxy| Party(*proxy)));
                all
            }
            Self::AskWithdrawn {
                ask,
                encounter,
                records,
            }
            | Self::AskEnded {
                ask,
                encounter,
                records,
            } => with(vec![Ask(*ask), Encounter(*encounter)], records),
            Self::Permitted {
                ask,
                encounter,
                records,
                delegate,
                ..
            }
            | Self::PermitRevoked {
                ask,
                encounter,
                records,
                delegate,
            } => {
                let mut all = vec![Ask(*ask), Encounter(*encounter)];
                all.extend(delegate.map(Party));
                with(all, records)
            }
            Self::RecordRead {
                ask,
                encounter,
                record,
                doctor,
            }
            | Self::RecordOpened {
                ask,
                encounter,
                record,
                doctor,
                ..
            } => vec![
                Ask(*ask),
                Encounter(*encounter),
                Record(*record),
                Party(*doctor),
            ],
            Self::CareShared { ask, record, proxy }
            | Self::FalseCareShare {
                ask, record, proxy, ..
            } => vec![Ask(*ask), Record(*record), Party(*proxy)],
            Self::Readable {
                ask,
                encounter,
                record,
            } => vec![Ask(*ask), Encounter(*encounter), Record(*record)],
            Self::Delegated {
                encounters,
                delegate,
                ..
            }
            | Self::DelegationRevoked {
                encounters,
                delegate,
                ..
            } => {
                let mut all = vec![Party(*delegate)];
                all.extend(encounters.as_slice().iter().map(|name| Encounter(*name)));
                all
            }
            Self::EmergencyEntered { record, hospital } => vec![Record(*record), Party(*hospital)],
            Self::EmergencyAsked {
                record,
                doctor,
                hospital,
                ..
            } => vec![Record(*record), Party(*doctor), Party(*hospital)],
            Self::EmergencyShared {
                record, authority, ..
            } => vec![Record(*record), Party(*authority)],
            Self::EmergencyOpenable { record, doctor, .. } => {
                vec![Record(*record), Party(*doctor)]
            }
        }
    }

    /// Whether it happens at the end of a block, in no transaction's result.
    #[must_use]
    pub const fn happens_by_itself(&self) -> bool {
        matches!(self, Self::AskDrawn { .. } | Self::AskEnded { .. })
    }
}
