//! Certificates: q signatures on one digest.

use crate::digest::{Digest, Purpose};
use crate::height::{Height, ReplicaId, View};
use crate::identity::{Domain, Kind, Signature, Statement};
use crate::roster::{MAX_MEMBERS, Roster};
use crate::wire::{Reader, Wire, WireError, encode_list, wire_struct};

/// Which engine signed: each signs different bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EngineTag {
    /// The PBFT of this crate.
    Pbft,
    /// Malachite's Tendermint.
    Malachite,
}

impl Wire for EngineTag {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(match self {
            EngineTag::Pbft => 1,
            EngineTag::Malachite => 2,
        });
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::decode(r)? {
            1 => EngineTag::Pbft,
            2 => EngineTag::Malachite,
            tag => {
                return Err(WireError::UnknownTag {
                    what: "engine",
                    tag,
                });
            }
        })
    }
}

/// Why signatures do not certify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Too few signatures.
    #[error("{found} signatures, {quorum} needed")]
    TooFew {
        /// How many there are.
        found: usize,
        /// How many it takes.
        quorum: usize,
    },
    /// Signers out of order, or one twice.
    #[error("signers are not in order at {0}")]
    NotSorted(ReplicaId),
    /// A signer who does not vote in this epoch.
    #[error("{0} has no vote in this epoch")]
    NotAVoter(ReplicaId),
    /// A wrong signature.
    #[error("the signature of {0} is wrong")]
    BadSignature(ReplicaId),
}

/// Checks that `signers`, in order, are at least `quorum` distinct voters who signed `statement`.
pub(crate) fn check_signers(
    domain: &Domain,
    roster: &Roster,
    quorum: usize,
    statement: &Statement,
    signers: &[(ReplicaId, Signature)],
    known: impl Fn(ReplicaId, &Signature) -> bool,
) -> Result<(), CertificateError> {
    if signers.len() < quorum {
        return Err(CertificateError::TooFew {
            found: signers.len(),
            quorum,
        });
    }
    let mut before = None;
    for (id, signature) in signers {
        if before.is_some_and(|b| b >= *id) {
            return Err(CertificateError::NotSorted(*id));
        }
        before = Some(*id);
        let member = roster.voter(*id).ok_or(CertificateError::NotAVoter(*id))?;
        if !known(*id, signature) && !domain.verify(&member.key, statement, signature) {
            return Err(CertificateError::BadSignature(*id));
        }
    }
    Ok(())
}

/// Proof that a block is final: a quorum of COMMITs, or of precommits, of the roster of its height.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitCert {
    /// Which engine's votes these are.
    pub engine: EngineTag,
    /// The block's height.
    pub height: Height,
    /// The view (or round) in which it was committed.
    pub view: View,
    /// The block's digest.
    pub block: Digest,
    /// The signers in order of their numbers.
    pub signatures: Vec<(ReplicaId, Signature)>,
}

impl CommitCert {
    /// Checks the certificate against the roster of its height.
    ///
    /// # Errors
    /// [`CertificateError`], naming the signer.
    pub fn verify(&self, domain: &Domain, roster: &Roster) -> Result<(), CertificateError> {
        self.verify_knowing(domain, roster, |_, _| false)
    }

    /// [`CommitCert::verify`], not repeating what `known` says was verified.
    pub(crate) fn verify_knowing(
        &self,
        domain: &Domain,
        roster: &Roster,
        known: impl Fn(ReplicaId, &Signature) -> bool,
    ) -> Result<(), CertificateError> {
        let statement = self.statement(roster);
        let quorum = match self.engine {
            EngineTag::Pbft => roster.quorum(),
            // Tendermint: more than two thirds. Never less than a PBFT quorum.
            EngineTag::Malachite => roster.voters() * 2 / 3 + 1,
        };
        check_signers(domain, roster, quorum, &statement, &self.signatures, known)
    }

    fn statement(&self, roster: &Roster) -> Statement {
        Statement {
            epoch: roster.epoch(),
            kind: match self.engine {
                EngineTag::Pbft => Kind::Commit,
                EngineTag::Malachite => Kind::Precommit,
            },
            view: self.view,
            height: self.height,
            digest: self.block,
        }
    }

    /// The digest that the next block's header carries.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Purpose::Certificate.hash_wire(self)
    }
}

impl Wire for CommitCert {
    const MIN_SIZE: usize = 53;
    fn encode(&self, out: &mut Vec<u8>) {
        self.engine.encode(out);
        self.height.encode(out);
        self.view.encode(out);
        self.block.encode(out);
        encode_list(self.signatures.iter(), out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(CommitCert {
            engine: Wire::decode(r)?,
            height: Wire::decode(r)?,
            view: Wire::decode(r)?,
            block: Wire::decode(r)?,
            signatures: r.list("signatures", MAX_MEMBERS)?,
        })
    }
}

/// Proof that q replicas had this state at a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointCert {
    /// The height.
    pub height: Height,
    /// The digest of the state after that block.
    pub state: Digest,
    /// The signers in order of their numbers.
    pub signatures: Vec<(ReplicaId, Signature)>,
}

impl CheckpointCert {
    /// Checks it against the roster of its height.
    ///
    /// # Errors
    /// [`CertificateError`], naming the signer.
    pub fn verify(&self, domain: &Domain, roster: &Roster) -> Result<(), CertificateError> {
        let statement = checkpoint_statement(roster, self.height, self.state);
        let quorum = roster.quorum();
        check_signers(
            domain,
            roster,
            quorum,
            &statement,
            &self.signatures,
            |_, _| false,
        )
    }
}

/// What a CHECKPOINT signs: the view is always 0.
pub(crate) fn checkpoint_statement(roster: &Roster, height: Height, state: Digest) -> Statement {
    Statement {
        epoch: roster.epoch(),
        kind: Kind::Checkpoint,
        view: View::FIRST,
        height,
        digest: state,
    }
}

impl Wire for CheckpointCert {
    const MIN_SIZE: usize = 44;
    fn encode(&self, out: &mut Vec<u8>) {
        self.height.encode(out);
        self.state.encode(out);
        encode_list(self.signatures.iter(), out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(CheckpointCert {
            height: Wire::decode(r)?,
            state: Wire::decode(r)?,
            signatures: r.list("signatures", MAX_MEMBERS)?,
        })
    }
}

/// One replica's signed statement, with its author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ballot {
    /// The epoch.
    pub epoch: crate::height::Epoch,
    /// The type.
    pub kind: Kind,
    /// The view.
    pub view: View,
    /// The height.
    pub height: Height,
    /// The digest voted for.
    pub digest: Digest,
    /// The author.
    pub from: ReplicaId,
    /// The author's signature, not yet checked.
    pub signature: Signature,
}

wire_struct!(Ballot {
    epoch: crate::height::Epoch,
    kind: Kind,
    view: View,
    height: Height,
    digest: Digest,
    from: ReplicaId,
    signature: Signature,
});

impl Ballot {
    /// What is signed.
    #[must_use]
    pub const fn statement(&self) -> Statement {
        Statement {
            epoch: self.epoch,
            kind: self.kind,
            view: self.view,
            height: self.height,
            digest: self.digest,
        }
    }

    /// True if the author votes in `roster`, the epoch is the roster's and the signature is right.
    #[must_use]
    pub fn verify(&self, domain: &Domain, roster: &Roster) -> bool {
        self.epoch == roster.epoch()
            && roster
                .voter(self.from)
                .is_some_and(|m| domain.verify(&m.key, &self.statement(), &self.signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::SecretKey;
    use crate::roster::{Class, Member};

    /// Each engine's certificate takes its own statement and its own quorum: with six voters, four
    /// COMMITs or five precommits.
    #[test]
    fn an_engines_certificate_is_worth_nothing_as_the_others() {
        let keys: Vec<SecretKey> = (1..=6u8)
            .map(|i| SecretKey::from_seed([i; 32].into()))
            .collect();
        let members = (0..).zip(&keys).map(|(i, key)| Member {
            id: ReplicaId::new(i),
            key: key.public(),
            power: 1,
            class: Class::Tertiary,
            may_propose: true,
            votes: true,
            region: String::new(),
        });
        let roster = Roster::first(members.collect()).unwrap();
        let domain = Domain::new(Digest::new([1; 32]));
        let signed = |engine, signers: usize| {
            let mut certificate = CommitCert {
                engine,
                height: Height::new(3),
                view: View::new(1),
                block: Digest::new([2; 32]),
                signatures: Vec::new(),
            };
            let statement = certificate.statement(&roster);
            certificate.signatures = (0..)
                .zip(&keys)
                .take(signers)
                .map(|(i, key)| (ReplicaId::new(i), domain.sign(key, &statement)))
                .collect();
            certificate
        };
        for (engine, other, quorum) in [
            (EngineTag::Pbft, EngineTag::Malachite, 4),
            (EngineTag::Malachite, EngineTag::Pbft, 5),
        ] {
            assert_eq!(signed(engine, quorum).verify(&domain, &roster), Ok(()));
            let few = signed(engine, quorum - 1).verify(&domain, &roster);
            assert!(
                matches!(few, Err(CertificateError::TooFew { .. })),
                "{few:?}"
            );
            let mut taken = signed(engine, 6);
            taken.engine = other;
            let taken = taken.verify(&domain, &roster);
            assert_eq!(
                taken,
                Err(CertificateError::BadSignature(ReplicaId::new(0)))
            );
        }
    }
}
