//! Traffic under a team's key: each sender has a key and a counter of its own.

use std::collections::BTreeMap;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use zeroize::Zeroizing;

use super::welcome::read_doctor;
use super::{DoctorId, TeamId, TeamKey};
use crate::domain::{self, int, lp};
use crate::wire::{Fields, WireError};

/// Longest message.
const MESSAGE_LIMIT: usize = 1 << 20;

/// Writes as one member. Its counter never repeats: keep one sender an epoch.
///
/// ```compile_fail
/// fn twice(s: eligo_sharing::team::Sender) { drop(s); drop(s); }
/// ```
pub struct Sender {
    cipher: ChaCha20Poly1305,
    team: TeamId,
    me: DoctorId,
    counter: u64,
}

/// Reads from all members, each counter once and in order.
///
/// ```compile_fail
/// fn twice(r: eligo_sharing::team::Receiver) { drop(r); drop(r); }
/// ```
pub struct Receiver {
    ciphers: BTreeMap<DoctorId, (ChaCha20Poly1305, u64)>,
    team: TeamId,
}

/// (team, sender, counter, ciphertext).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    team: TeamId,
    sender: DoctorId,
    counter: u64,
    ciphertext: Vec<u8>,
}

/// Why a message is not sent or not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// It is of another team or epoch.
    #[error("the message is of another team or epoch")]
    OtherTeam,
    /// Its sender is not in the roster.
    #[error("`{0}` is not in the team")]
    NotMember(DoctorId),
    /// It was read before, or overtaken by one that was.
    #[error("message {found} of `{sender}` comes after message {last} was read")]
    Replayed {
        /// The sender.
        sender: DoctorId,
        /// The last counter read.
        last: u64,
        /// The message's counter.
        found: u64,
    },
    /// More than 1 MiB.
    #[error("{0} bytes are too long for a message")]
    TooLong(usize),
    /// All counters are used.
    #[error("the sender has used all counters of the epoch")]
    Exhausted,
    /// The cipher refuses.
    #[error("the message does not decrypt")]
    Decrypt,
}

/// HKDF(K, "aead", LP(gid, sender)).
fn cipher(key: &TeamKey, sender: &DoctorId) -> ChaCha20Poly1305 {
    let info = lp(&[
        b"aead",
        &lp(&[key.team.as_bytes(), sender.as_str().as_bytes()]),
    ]);
    let key = domain::kdf::<32>(b"MEDGRP-V01", key.key.as_slice(), &info);
    ChaCha20Poly1305::new(key.as_slice().into())
}

fn nonce(counter: u64) -> Nonce {
    let mut nonce = Nonce::default();
    for (to, from) in nonce.iter_mut().skip(4).zip(counter.to_be_bytes()) {
        *to = from;
    }
    nonce
}

impl TeamKey {
    /// Splits the key into one's own sender and a receiver; the key itself is gone afterwards, so no second
    /// sender can repeat a counter.
    #[must_use]
    pub fn into_channel(self) -> (Sender, Receiver) {
        let (team, me) = (self.team, self.me.clone());
        let sender = Sender {
            cipher: cipher(&self, &me),
            team,
            me,
            counter: 0,
        };
        let ciphers = self
            .roster
            .iter()
            .map(|id| (id.clone(), (cipher(&self, id), 0)))
            .collect();
        (sender, Receiver { ciphers, team })
    }
}

impl Sender {
    /// Encrypts a message of at most 1 MiB.
    ///
    /// # Errors
    /// [`ChannelError`] if it is too long, or the counters are used up.
    pub fn send(&mut self, message: &[u8]) -> Result<Message, ChannelError> {
        if message.len() > MESSAGE_LIMIT {
            return Err(ChannelError::TooLong(message.len()));
        }
        self.counter = self.counter.checked_add(1).ok_or(ChannelError::Exhausted)?;
        let aad = aad(&self.team, &self.me, self.counter);
        let ciphertext = self
            .cipher
            .encrypt(
                &nonce(self.counter),
                Payload {
                    msg: message,
                    aad: &aad,
                },
            )
            .map_err(|_| ChannelError::TooLong(message.len()))?;
        Ok(Message {
            team: self.team,
            sender: self.me.clone(),
            counter: self.counter,
            ciphertext,
        })
    }
}

fn aad(team: &TeamId, sender: &DoctorId, counter: u64) -> Vec<u8> {
    lp(&[team.as_bytes(), sender.as_str().as_bytes(), &int(counter)])
}

impl Receiver {
    /// Decrypts a message. Each is read once, and none that was overtaken.
    ///
    /// # Errors
    /// [`ChannelError`] says why not.
    pub fn receive(&mut self, message: &Message) -> Result<Zeroizing<Vec<u8>>, ChannelError> {
        if message.team != self.team {
            return Err(ChannelError::OtherTeam);
        }
        let sender = &message.sender;
        let (cipher, last) = self
            .ciphers
            .get_mut(sender)
            .ok_or_else(|| ChannelError::NotMember(sender.clone()))?;
        if message.counter <= *last {
            let (last, found) = (*last, message.counter);
            return Err(ChannelError::Replayed {
                sender: sender.clone(),
                last,
                found,
            });
        }
        let aad = aad(&self.team, sender, message.counter);
        let plain = cipher
            .decrypt(
                &nonce(message.counter),
                Payload {
                    msg: &message.ciphertext,
                    aad: &aad,
                },
            )
            .map_err(|_| ChannelError::Decrypt)?;
        *last = message.counter;
        Ok(Zeroizing::new(plain))
    }
}

impl Message {
    /// Who says to have sent it.
    #[must_use]
    pub fn sender(&self) -> &DoctorId {
        &self.sender
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let sender = self.sender.as_str().as_bytes();
        lp(&[
            self.team.as_bytes(),
            sender,
            &int(self.counter),
            &self.ciphertext,
        ])
    }

    /// Decodes a message.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        let team = TeamId::new(fields.array("team")?);
        let sender = read_doctor(&mut fields)?;
        let counter = fields.int("counter")?;
        let ciphertext = fields.bytes("ciphertext", MESSAGE_LIMIT + 16)?.to_vec();
        fields.end()?;
        Ok(Self {
            team,
            sender,
            counter,
            ciphertext,
        })
    }
}

impl core::fmt::Debug for Sender {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Sender({})", self.me)
    }
}

impl core::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Receiver({})", self.team)
    }
}
