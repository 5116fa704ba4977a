//! Why the marketplace refuses a transaction: one number each, never changed and never used again.

use eligo_ledger::application::Reject;

macro_rules! rejections {
    ($($(#[$meta:meta])* $code:literal $name:ident $text:literal;)*) => {
        /// Why a transaction is refused. Its number is the `code` of the ledger's outcome.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
        #[repr(u32)]
        pub enum Rejection {
            $(
                #[doc = $text]
                #[error($text)]
                $name = $code,
            )*
        }

        impl Rejection {
            /// Every reason, in order of its number.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The number; never 0, which is success.
            #[must_use]
            pub const fn code(self) -> u32 {
                self as u32
            }

            /// The reason with this number.
            #[must_use]
            pub const fn from_code(code: u32) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The name, as in this documentation.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

rejections! {
    1 Malformed "the transaction's bytes are not a transaction";
    2 Signature "the transaction is not signed by its sender";
    3 OtherChain "the transaction is for another chain";
    4 Replayed "the sender's counter was used or passed";
    5 NotPermitted "the sender does not hold the role this takes";
    6 Unfunded "the account does not hold that many credits";
    7 Overflow "the amounts exceed what can be counted";
    8 NoAmount "the amount is zero";
    9 NotReady "the marketplace is stopped: its books do not balance";

    10 CertificateSignature "the certificate is not signed by the registrar";
    11 CertificateStale "the party has a certificate of this or a later serial number";
    12 NameTaken "another party has this name";
    13 IssuerKey "the hospital's issuer key is no point of Baby Jubjub's prime-order subgroup";
    14 IssuerKeyTaken "another hospital has this issuer key";
    15 UnknownParty "there is no such party";
    16 RoleFixed "a party keeps its role and, while it has obligations, its key";
    17 BondCommitted "the bond stands for claims on the hospital's records that are not finished";
    18 PartyName "the party's name is empty";

    20 Capsule "the capsule was altered, or is none";
    21 RecordKeyPossession "the record key comes without proof that the patient has its secret";
    22 PatientSignature "the patient's encounter key did not sign";
    23 HospitalSignature "the hospital did not sign the entry";
    24 CiphertextDigest "the ciphertext's digest is not the one in the capsule";
    25 RecordTwice "this sealed record is registered already";
    26 LabelTwice "the record key has a record under this label already";
    27 UnknownRecord "there is no such record";
    28 Supersedes "only the hospital that registered a record may supersede it";
    29 RecordWithdrawn "the patient withdrew the record";

    30 ProxyKey "the proxy's key is no valid point";
    31 ProxyPossession "the proxy's key comes without proof of possession";
    32 ProxyTwice "the account or the key serves as a proxy already";
    33 StakeTooSmall "the stake is below the minimum";
    34 UnknownProxy "there is no such proxy";
    35 ProxyBusy "the proxy still serves requirements it was drawn for";

    40 Issuers "the accepted issuers make no tree";
    41 IssuerNotAdmitted "an accepted issuer is no admitted hospital";
    42 ReceivingKey "the receiving key is no valid point";
    43 ReceivingPossession "the receiving key comes without proof of possession";
    44 UnsafeKey "the verifying key cannot be read or is unsafe";
    45 KeyNotStatement "the verifying key is for another statement";
    46 ProxyPolicy "the numbers of proxies and shares are not n = 2f + 1 and t = f + 1 within the limits";
    47 DeadlinePassed "the deadline is past";
    48 RequirementTwice "this very requirement is published already";
    49 NothingWanted "the requirement wants nothing";
    50 UnknownRequirement "there is no such requirement";
    51 NotOwner "the requirement is another institution's";
    52 RequirementClosed "the requirement is withdrawn or complete";
    53 LicenceTerms "the licence ends before the offer, or its codes are malformed";
    54 Electorate "too few proxies or organisations to draw from";
    55 SchemaElement "the schema or the program is no field element";

    60 DrawPending "the requirement's proxies are not drawn yet";
    61 OfferFull "the requirement has all the records it wants";
    62 Kind "the requirement is of the other kind: sale or count";
    63 Inputs "the public inputs are malformed";
    64 OtherRequirement "the proof is for another requirement";
    65 OtherIssuers "the proof is for other accepted issuers";
    66 Context "the proof's context is not this chain, account and grant";
    67 Today "the proof's day is not the block's day or the one before";
    68 HospitalNotAccepted "the requirement does not accept the hospital that registered the record";
    69 HospitalBond "the hospital's bond is below the minimum";
    70 OtherRecord "the proof names another sealed record";
    71 ExclusiveLicence "a licence on this record or its lineage excludes this one";
    72 NullifierUsed "this person has claimed on this requirement already";
    73 GrantMalformed "the grant's bytes are no grant";
    74 GrantRecord "the grant is for another record";
    75 GrantRecipient "the grant is for another recipient";
    76 GrantProxies "the grant is for other proxies or another threshold";
    77 GrantRequirement "the grant answers another requirement";
    78 GrantWindow "the grant does not hold from now until delivery is due";
    79 GrantSignature "the record's encounter key did not sign the grant";
    80 GrantShares "the grant gives some proxy a wrong share";
    81 Proof "the proof is not valid";
    82 ProofMalformed "the proof's bytes are no proof";
    83 NotOneTime "a count is claimed from an account that did nothing before";
    84 HospitalDismissed "the hospital that registered the record is no longer admitted";
    85 InstitutionDismissed "the institution that published the requirement is no longer admitted";

    90 UnknownClaim "there is no such claim";
    91 ClaimState "the claim is not in the state this takes";
    92 NotDrawn "the sender is not one of the proxies drawn for this claim";
    93 ShareTwice "the proxy posted its share already";
    94 ShareMalformed "the share is malformed, or of another grant or proxy";
    95 FalseShare "the share is false";
    96 ClaimExpired "the claim's time for delivery is over";
    97 Revoked "the patient revoked the grant";
    98 NotDue "it is not time yet";
    99 RevocationSignature "the revocation is not of this grant, or not by its signer";
    100 AlreadyRevoked "the grant is revoked already";

    110 DisputeWindow "the time for disputes is over";
    111 DisputeTranscript "the dispute's transcript proves nothing";
    112 NotArbiter "the sender is no arbiter of a voting replica";
    113 VerdictTwice "the arbiter gave a verdict already";
    114 DisputeLetters "the dispute does not bring every voting arbiter one letter";

    120 BeaconRound "this is not the beacon's next round";
    121 BeaconSignature "the signature is not the beacon's";
    122 Roster "the change makes no valid roster, or another was made in this block";

    130 SignerKey "the signing key is no valid key, or comes without proof of possession";
    131 SignerTwice "this signing key is entered already";
    132 Prekey "the prekey is not the doctor's own";
    133 UnknownSigner "a doctor of the team has entered no signing key";
    134 NotEmployed "the hospital does not employ the doctor now";
    135 EmploymentPeriod "the employment would be over already, or there is none";
    136 TeamTwice "the encounter has a team already";
    137 TeamPlan "the team is empty, names a doctor twice, has a stranger for a lead, or no time";
    138 UnknownTeam "there is no such team";
    139 OldEpoch "this is not the team's epoch";
    140 OtherWelcome "the welcome is not the one the hospital assigned";
    141 ConfirmedTwice "the doctor confirmed already";
    142 Unconfirmed "not every doctor of the team has confirmed its key";
    143 NotInTurn "it is another doctor's turn";
    144 SlotOver "the doctor's time slot is over";
    145 SlotRunning "the doctor's time slot is not over";
    146 RetriesUsed "the doctor was asked as often as the team's plan allows";
    147 TeamUnchanged "the team is the same, or only its order changes before the retries are used up";
    148 DiagnosisComplete "the diagnosis is complete";
    149 ChainMalformed "the signatures' bytes are no signatures";
    150 ChainContinuation "the signatures do not continue the accepted ones by exactly this doctor";
    151 ChainSignature "the signatures do not verify for this hospital, encounter, epoch and team";
    152 UnknownDiagnosis "the hospital's team completed no such diagnosis of this encounter";

    155 WriterKey "the writer key is no valid key, or comes without proof of possession";
    156 WriterTwice "this writer key is entered already";
    157 UnknownWriter "the hospital entered no writer key";
    158 RowMalformed "a row is no encrypted row, or there is none";
    159 RowTwice "a row is in the index already";

    160 AskTwice "this very ask was made already";
    161 AskPeriod "the period asked for is past, or longer than the hospital's level allows";
    162 Inbox "the inbox is no valid key";
    163 ReceiverTwice "the receiving key served another ask";
    164 UnknownAsk "there is no such ask";
    165 AskOver "the ask was withdrawn or its period is over";
    166 AskPending "the ask's proxies are not drawn yet";
    167 NotAsker "the ask is another doctor's";
    168 PermitSignature "the permit or its revocation is not signed by the ask's inbox";
    169 PermitTwice "this very permit was given already";
    170 PermitPeriod "the permit is over already, ends after what was asked, or within a second";
    171 PermitSize "the permit permits nothing, or the ask would have too many records or permits";
    172 GrantedTwice "the record is granted in this ask already";
    173 NotGranted "no such record is granted in this ask";
    174 PermitOver "the permitted period is over";
    175 PermitRevoked "the patient revoked what was permitted";
    176 ReadTwice "the record is read in this ask already";
    177 NotRead "nobody reads this record in this ask";
    178 NotReadable "there are too few shares to open the record, or it was opened already";
    179 TooManyAsks "the doctor has as many asks open or waiting for a draw as may be";

    180 DelegationTwice "this very delegation was made already";
    181 DelegationTerms "the delegation is over already, too long, empty, or names an encounter twice";
    182 DelegationSignature "an encounter's key did not sign the delegation or its end";
    183 UnknownDelegation "there is no such delegation";
    184 DelegationOver "the delegation is over or was revoked";
    185 DelegationScope "the delegation is not for this encounter";
    186 AskThreshold "the hospital asked at this encounter before: the same proxies serve, by the same threshold";

    190 NoIdentityKey "no authorities have an identity key yet";
    191 EmergencyCapsule "the capsule is altered, or not sealed to this record's name in this region's emergencies";
    192 EmergencyTwice "the record has a capsule for emergencies already, or the call was made already";
    193 UnknownEmergency "there is no such capsule or call";
    194 NotKeyholder "the sender is none of the authorities the capsule is sealed to";
    195 EmergencyShareTwice "the authority answered already";
    196 EmergencyOver "the call is more than a day old";
    197 EmergencyOpen "the doctor has an open call for this record";
    198 TooManyEmergencies "the doctor has as many open calls as may be";

    300 CeremonyTerms "the terms allow no ceremony: threshold, participants or windows";
    301 UnknownCeremony "there is no such ceremony";
    302 NotParticipant "the sender takes no part in the ceremony";
    303 CeremonyStage "the ceremony is in another round";
    304 SpokenAlready "the authority has spoken in this round";
    305 CeremonyMessage "the message is malformed, or speaks for another authority";
    306 ReplicaHost "there is no such replica, or the hospital runs another";
    307 Region "the hospitals are in no region, or in different ones";
    308 NameNotTheirs "the name is no record of the sender's, and no role of its in the epoch that runs";
    309 NoAuthorities "no authorities have an identity key";
    310 UnknownName "nobody asked for this name's key";
    311 OtherDraw "others were drawn, with other keys, or in another order";
}

impl From<Rejection> for Reject {
    fn from(rejection: Rejection) -> Self {
        Self::Application(rejection.code())
    }
}

impl TryFrom<Reject> for Rejection {
    type Error = Reject;
    /// The marketplace's reason in a refusal by the ledger, if it is one.
    fn try_from(reject: Reject) -> Result<Self, Reject> {
        match reject {
            Reject::Application(code) => Self::from_code(code).ok_or(reject),
            other => Err(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_reasons_map_both_ways() {
        for reason in Rejection::ALL {
            assert_ne!(reason.code(), 0);
            assert_eq!(Rejection::from_code(reason.code()), Some(*reason));
            assert_eq!(Rejection::try_from(Reject::from(*reason)), Ok(*reason));
        }
        assert!(Rejection::ALL.is_sorted_by(|a, b| a.code() < b.code()));
        assert_eq!(Rejection::from_code(0), None);
        assert_eq!(Rejection::try_from(Reject::PoolFull), Err(Reject::PoolFull));
    }

    #[test]
    fn numbers_are_pinned() {
        let pinned = [
            (Rejection::Malformed, 1),
            (Rejection::Context, 66),
            (Rejection::NullifierUsed, 72),
            (Rejection::Proof, 81),
            (Rejection::FalseShare, 95),
            (Rejection::Roster, 122),
            (Rejection::UnknownDiagnosis, 152),
            (Rejection::PermitRevoked, 175),
            (Rejection::AskThreshold, 186),
            (Rejection::EmergencyOver, 196),
            (Rejection::TooManyEmergencies, 198),
            (Rejection::CeremonyTerms, 300),
            (Rejection::UnknownName, 310),
            (Rejection::OtherDraw, 311),
        ];
        for (reason, code) in pinned {
            assert_eq!(reason.code(), code);
        }
    }
}
