//! What the contract's refusals come to at a command line: an exit code, and what to do.

use eligo_marketplace::rejection::Rejection;

use crate::failure::{Failure, Kind};

/// A refusal by the contract, with the exit code of its kind and what to do.
pub fn rejected(reason: Rejection) -> Failure {
    let place = format!("rejection {} ({})", reason.code(), reason.name());
    Failure::new(kind(reason), format!("the contract refuses: {reason}"))
        .at(place)
        .help(help(reason))
}

/// Refusals of what a file holds, of a proof, of a hospital, and of the moment have the exit codes that these
/// have without a ledger; all others are about what the ledger knows.
fn kind(reason: Rejection) -> Kind {
    use Rejection as R;
    match reason {
        R::Malformed
        | R::Signature
        | R::OtherChain
        | R::CertificateSignature
        | R::IssuerKey
        | R::Capsule
        | R::RecordKeyPossession
        | R::PatientSignature
        | R::HospitalSignature
        | R::CiphertextDigest
        | R::ProxyKey
        | R::ProxyPossession
        | R::ReceivingKey
        | R::ReceivingPossession
        | R::GrantMalformed
        | R::GrantRecord
        | R::GrantRecipient
        | R::GrantProxies
        | R::GrantRequirement
        | R::GrantSignature
        | R::GrantShares
        | R::ShareMalformed
        | R::RevocationSignature
        | R::BeaconSignature
        | R::SignerKey
        | R::Prekey
        | R::ChainMalformed
        | R::WriterKey
        | R::RowMalformed
        | R::Inbox
        | R::CeremonyMessage => Kind::File,
        R::Proof
        | R::ProofMalformed
        | R::Context
        | R::OtherRequirement
        | R::OtherRecord
        | R::Inputs
        | R::OtherIssuers
        | R::FalseShare
        | R::DisputeTranscript
        | R::OtherWelcome
        | R::OtherDraw
        | R::ChainContinuation
        | R::ChainSignature
        | R::PermitSignature
        | R::DelegationSignature
        | R::EmergencyCapsule => Kind::ProofInvalid,
        R::HospitalNotAccepted
        | R::HospitalDismissed
        | R::HospitalBond
        | R::IssuerNotAdmitted
        | R::NotEmployed => Kind::UntrustedIssuer,
        R::Today
        | R::DeadlinePassed
        | R::RequirementClosed
        | R::InstitutionDismissed
        | R::OfferFull
        | R::DrawPending
        | R::NullifierUsed
        | R::ExclusiveLicence
        | R::RecordWithdrawn
        | R::ClaimState
        | R::ClaimExpired
        | R::Revoked
        | R::AlreadyRevoked
        | R::NotDue
        | R::DisputeWindow
        | R::GrantWindow
        | R::OldEpoch
        | R::NotInTurn
        | R::SlotOver
        | R::SlotRunning
        | R::RetriesUsed
        | R::DiagnosisComplete
        | R::AskPeriod
        | R::AskOver
        | R::AskPending
        | R::PermitPeriod
        | R::PermitOver
        | R::PermitRevoked
        | R::NotGranted
        | R::DelegationOver
        | R::ProxyBusy
        | R::CeremonyStage
        | R::NoAuthorities
        | R::NoIdentityKey
        | R::TooManyAsks
        | R::EmergencyOpen
        | R::EmergencyOver
        | R::TooManyEmergencies => Kind::Closed,
        R::UnsafeKey | R::KeyNotStatement => Kind::UnsafeKey,
        _ => Kind::Refused,
    }
}

/// What to do.
fn help(reason: Rejection) -> &'static str {
    use Rejection as R;
    match reason {
        R::Malformed => "the node may be of another version than this eligo",
        R::Signature | R::OtherChain => {
            "make it anew, for this chain: `--genesis` names the genesis document it is made for"
        }
        R::Replayed => "another command used this account at the same time; try again",
        R::NotPermitted => {
            "`eligo market status` shows what an account is; on a development chain `eligo node admit` admits it"
        }
        R::Unfunded => {
            "`eligo market status` shows what the account holds; offer less, or have it funded first"
        }
        R::Overflow | R::NoAmount => "give an amount from 1 credit on that fits into 64 bits",
        R::NotReady => "the operators must look into this ledger; nothing can be sold on it now",
        R::CertificateSignature => "the certificate must be made with this chain's registrar key",
        R::CertificateStale => "certify it with a higher serial number",
        R::NameTaken | R::PartyName => "choose another name",
        R::IssuerKey => "give the public part of a key that `eligo hospital keygen` made",
        R::IssuerKeyTaken => "each hospital has an issuer key of its own: `eligo hospital keygen`",
        R::UnknownParty => {
            "the registrar admits it first; on a development chain with `eligo node admit`"
        }
        R::RoleFixed => "admit a new account for another role, or for another key",
        R::BondCommitted => "wait until these claims are finished",
        R::Capsule | R::CiphertextDigest => {
            "the capsule or the ciphertext was changed since it was sealed; have the record sealed again"
        }
        R::RecordKeyPossession | R::PatientSignature => {
            "the patient makes the entry anew on the device that holds the wallet: `eligo market entry`"
        }
        R::HospitalSignature => "the hospital named in the entry must sign it with its own key",
        R::RecordTwice => "nothing needs to be done: `eligo market status` shows it",
        R::LabelTwice => "choose another label for this record, or supersede the one that has it",
        R::UnknownRecord => {
            "compare the name with that on the ledger; a record is sold after it is registered"
        }
        R::Supersedes => "the hospital that registered the record must do this",
        R::RecordWithdrawn => {
            "nothing can be done with it any more; another version of it can be registered"
        }
        R::ProxyKey | R::ProxyPossession => "make another key for the proxy",
        R::ProxyTwice => "make another key and another account for another proxy",
        R::StakeTooSmall => "stake more; the chain's genesis document says how much",
        R::UnknownProxy => "`eligo convene show` lists the proxies that serve",
        R::ProxyBusy => "it can go when the requirements it was drawn for are over",
        R::Issuers | R::IssuerNotAdmitted => {
            "the requirement must accept hospitals that are admitted: ask the registrar"
        }
        R::ReceivingKey | R::ReceivingPossession => {
            "make the receiving key anew: `eligo institution keygen`"
        }
        R::UnsafeKey | R::KeyNotStatement => {
            "make keys for this very requirement; `eligo keys inspect` says what a key is for"
        }
        R::ProxyPolicy => "n = 2f + 1 proxies and t = f + 1 shares: such as 2 of 3, or 3 of 5",
        R::DeadlinePassed => "nothing can be offered or claimed after a deadline",
        R::RequirementTwice => "it is on the ledger: `eligo market offers` shows it",
        R::NothingWanted => "ask for one record at least",
        R::UnknownRequirement => "`eligo market offers` lists the requirements",
        R::NotOwner => "only who published a requirement may do this, with the same key",
        R::RequirementClosed => "`eligo market offers` lists the requirements that are open",
        R::LicenceTerms => {
            "the licence must last longer than the offer, with codes as in the documents"
        }
        R::Electorate => {
            "ask for fewer, or wait until more stand for it: `eligo convene show` lists who does"
        }
        R::SchemaElement => "publish with a schema and a program that this version of eligo made",
        R::DrawPending => "try again when the beacon has made its round",
        R::OfferFull => "`eligo market offers` lists the requirements that are open",
        R::Kind => {
            "sell to a sale, and be counted in a count: `eligo market offers` says which it is"
        }
        R::Inputs | R::ProofMalformed | R::Proof => {
            "prove again with this requirement's keys; `eligo verify` checks the proof here"
        }
        R::OtherRequirement | R::OtherIssuers | R::Context => {
            "a proof is good for one requirement, account and grant: claim anew"
        }
        R::Today => "a proof is good for two days; prove again, and look at this machine's clock",
        R::HospitalNotAccepted => "a record from an accepted hospital is needed",
        R::HospitalBond => "the hospital must raise its bond before its records are sold",
        R::OtherRecord => "claim with the credential of the record that was registered",
        R::ExclusiveLicence => "the record can be sold again when that licence is over",
        R::NullifierUsed => "a person claims once on a requirement, with whatever record",
        R::GrantMalformed
        | R::GrantRecord
        | R::GrantRecipient
        | R::GrantRequirement
        | R::GrantSignature
        | R::GrantShares => "make the grant anew, from this offer and with this record's wallet",
        R::GrantProxies => {
            "the node named other proxies than were drawn, or left out that one of them renewed its key; use another \
             node"
        }
        R::GrantWindow => "make the grant anew, until after the delivery is due",
        R::NotOneTime => "be counted from a fresh account: make another key",
        R::HospitalDismissed | R::InstitutionDismissed => "ask the registrar why",
        R::UnknownClaim => "compare the claim's name with what `eligo market claim` printed",
        R::ClaimState => "`eligo market status` shows which state it is in",
        R::NotDrawn => "only the proxies that were drawn for it may post shares",
        R::ShareTwice => "nothing needs to be done: the share is on the ledger",
        R::ShareMalformed | R::FalseShare => {
            "make the share with the key that the proxy registered, for this grant"
        }
        R::ClaimExpired => {
            "what was locked for it goes back to the institution; `eligo market status` shows how it ended"
        }
        R::Revoked => "nothing more is opened under a grant that was revoked",
        R::NotDue => "try again later; the ledger's time counts, not this machine's",
        R::RevocationSignature => "revoke with the wallet that made the grant",
        R::AlreadyRevoked => "nothing needs to be done",
        R::DisputeWindow => {
            "a dispute must be opened in the time that the requirement leaves for it"
        }
        R::DisputeTranscript => {
            "open the record again: `eligo market open` says whether it is what was sold"
        }
        R::NotArbiter => "arbiters are admitted by the registrar, one for each voting replica",
        R::VerdictTwice => "nothing needs to be done: the verdict is on the ledger",
        R::DisputeLetters => "open the dispute anew: the arbiters may have changed",
        R::BeaconRound => "wait for the next round; the ledger shows the last",
        R::BeaconSignature => "sign with the beacon's key of this chain",
        R::Roster => "change one replica at a time, and never to fewer than four voters",
        R::SignerKey | R::Prekey => "make the doctor's card anew: `eligo care doctor`",
        R::SignerTwice | R::WriterTwice => "nothing needs to be done, if it was this party's",
        R::UnknownSigner => "the doctor enters first: `eligo care enter`",
        R::NotEmployed => "the hospital says who works for it: `eligo care employ`",
        R::EmploymentPeriod => {
            "employ until a day in the future; who is not employed cannot be let go"
        }
        R::TeamTwice => "the hospital changes a team with `eligo care amend`",
        R::TeamPlan => "name each doctor once, the lead among them, and a time slot above zero",
        R::UnknownTeam => "the hospital assigns the team first: `eligo care assign`",
        R::OldEpoch => "the team was changed; go on with its latest welcome",
        R::OtherWelcome => "ask the hospital for the welcome it assigned",
        R::ConfirmedTwice => "nothing needs to be done",
        R::Unconfirmed => "each doctor of the team confirms first: `eligo care confirm`",
        R::NotInTurn | R::SlotRunning | R::SlotOver => {
            "`eligo care team` shows whose turn it is, and until when"
        }
        R::RetriesUsed => "the hospital changes the team or its order: `eligo care amend`",
        R::TeamUnchanged => "name another team, or wait until the retries are used up",
        R::DiagnosisComplete => "nothing more can be signed for it",
        R::ChainMalformed | R::ChainContinuation | R::ChainSignature => {
            "sign again on top of what is on the ledger now: `eligo care sign`"
        }
        R::UnknownDiagnosis => {
            "the team completes the diagnosis first: `eligo care sign`, doctor by doctor"
        }
        R::WriterKey => "index with the hospital's own key: `eligo care index`",
        R::UnknownWriter => "the hospital enters its writer key first: `eligo care index` does",
        R::RowMalformed | R::RowTwice => {
            "index the diagnosis again; rows that are on the ledger are left out"
        }
        R::AskTwice => "nothing needs to be done: the ask is on the ledger",
        R::AskPeriod => {
            "ask for less time: 90 days at a tertiary hospital, 60 at a secondary, 30 at a community one"
        }
        R::Inbox => "make the ask anew: it draws a fresh inbox",
        R::ReceiverTwice => "ask again: each ask has a fresh receiving key",
        R::UnknownAsk => "compare the ask's name with what `eligo care ask` printed",
        R::AskOver => "ask again: `eligo care ask`",
        R::AskPending => "try again when the beacon has made its round",
        R::NotAsker => "only the doctor who asked may do this",
        R::PermitSignature => "permit with the wallet that the visit's card is of",
        R::PermitTwice => "nothing needs to be done: the permit is on the ledger",
        R::PermitPeriod => "permit for a time that ends before the ask's does",
        R::PermitSize => "permit fewer records at once",
        R::GrantedTwice => "leave out the record that is permitted already",
        R::NotGranted => "the patient permits it first: `eligo care permit`",
        R::PermitOver | R::PermitRevoked => "ask the patient again: `eligo care ask`",
        R::ReadTwice => "go on with `eligo care open`: the record is read in this ask",
        R::NotRead => "the doctor reads it first: `eligo care read`",
        R::NotReadable => "wait for the proxies' shares, and open a record once",
        R::TooManyAsks => {
            "wait until one of them is over; one that waits for its draw counts until then"
        }
        R::DelegationTwice => "nothing needs to be done: the delegation is on the ledger",
        R::DelegationTerms => {
            "name each encounter once, and a period of a year at most that ends in the future"
        }
        R::DelegationSignature => "delegate with the wallet that the encounters are of",
        R::UnknownDelegation => "the patient delegates first: `eligo care delegate`",
        R::DelegationOver | R::DelegationScope => {
            "ask the patient for a delegation that covers this"
        }
        R::AskThreshold => "leave the threshold out: it is that of the earlier ask",
        R::NoIdentityKey | R::NoAuthorities => {
            "authorities make a key in a ceremony first: `eligo convene begin`; `eligo convene show` says how far they are"
        }
        R::EmergencyCapsule => "seal the capsule anew for this record and the hospital's region",
        R::EmergencyTwice => "nothing needs to be done: it is on the ledger",
        R::UnknownEmergency => {
            "compare the names; the hospital enters a capsule before an emergency: `eligo care emergency enter`"
        }
        R::NotKeyholder => "only the authorities of the epoch that the capsule names may answer",
        R::EmergencyShareTwice | R::SpokenAlready => {
            "nothing needs to be done: it is on the ledger"
        }
        R::EmergencyOver => "call again",
        R::EmergencyOpen => "go on with the call that is open",
        R::TooManyEmergencies => "a day after a call another one may be made",
        R::CeremonyTerms => {
            "a threshold t and at least 2t - 1 authorities, all admitted, each named once, and rounds of a block at least"
        }
        R::UnknownCeremony => "`eligo convene show` lists the ceremonies",
        R::NotParticipant => {
            "only those that the ceremony names take part; `eligo convene show` lists them"
        }
        R::CeremonyStage => "`eligo convene show` says which round it is in, and until when",
        R::CeremonyMessage => "speak with the account's own key, on the journal of this ceremony",
        R::ReplicaHost => {
            "name a replica of the ledger; a hospital that runs another one keeps that: `eligo convene show` lists them"
        }
        R::Region => "the registrar says where a hospital is: `eligo convene place`",
        R::NameNotTheirs => "an account has the keys of names it holds now: `eligo name ask`",
        R::UnknownName => "ask for it first: `eligo name ask`",
        R::OtherDraw => "the node named others than were drawn; use another node",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn every_refusal_says_what_to_do() {
        for reason in Rejection::ALL {
            let shown = rejected(*reason).to_string();
            assert!(shown.contains("\nhelp: "), "{shown}");
            assert!(!help(*reason).contains("  ") && !help(*reason).ends_with('.'));
        }
    }

    #[test]
    fn what_refusals_tell_to_run_can_be_run() {
        let eligo = crate::commands::Cli::command();
        let runs = |quoted: &str| {
            let mut words = quoted.split(' ').skip(1);
            let named = words.try_fold(&eligo, |command, word| command.find_subcommand(word));
            named.is_some_and(|command| !command.is_subcommand_required_set())
        };
        let quoted = Rejection::ALL
            .iter()
            .flat_map(|reason| help(*reason).split('`').skip(1).step_by(2))
            .filter(|quoted| quoted.starts_with("eligo "));
        let wrong: Vec<&str> = quoted.filter(|quoted| !runs(quoted)).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
