//! No secret can be copied: this file compiles only while that holds. (The documentation of each type has
//! the same as an example that must not compile; this list shows that those fail for that reason.)

#![allow(missing_docs)]

use eligo_sharing::{beacon, dkg, ibe, keys, letter, oms, search, tcpre, team, wallet};

/// Two implementations apply to a type that is `Copy`, and the compiler cannot choose.
trait NotCopy<A> {
    const HOLDS: bool = true;
}
struct Any;
struct IfCopy;
impl<T: ?Sized> NotCopy<Any> for T {}
impl<T: Copy> NotCopy<IfCopy> for T {}

macro_rules! not_copy {
    ($($secret:ty),* $(,)?) => {
        [$((stringify!($secret), <$secret as NotCopy<_>>::HOLDS)),*]
    };
}

#[test]
fn secrets_are_not_copy() {
    let secrets = not_copy![
        keys::RecordKey,
        keys::ReceivingKey,
        keys::ProxyKey,
        tcpre::ShareKey,
        tcpre::ContentKey,
        tcpre::GateKey,
        dkg::Dealer<'static>,
        dkg::Checker<'static>,
        dkg::Exposer<'static>,
        dkg::KeyShare,
        ibe::Authority,
        ibe::IdentityKey,
        ibe::DelegationKey,
        beacon::BeaconSigner,
        letter::LetterKey,
        oms::MultiSigner,
        team::Prekey,
        team::PendingKey,
        team::TeamKey,
        team::Sender,
        team::Receiver,
        search::SearchKey,
        search::WriterKey,
        search::SharedIndexKey,
        wallet::Seed,
        wallet::Wallet,
        wallet::Encounter,
        wallet::HolderSecret,
        wallet::BackupWords,
        wallet::Passphrase,
    ];
    assert!(secrets.iter().all(|(_, holds)| *holds));
}
