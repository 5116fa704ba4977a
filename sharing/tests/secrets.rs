//! No secret can be copied, printed or left in memory: this file compiles only while the first holds. (The
//! documentation of each type has the same as an example that must not compile; this list shows that those
//! fail for that reason, and that no type lacks one.)

#![allow(missing_docs, unsafe_code, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::mem::{MaybeUninit, needs_drop, size_of};
use std::path::Path;
use std::{fs, ptr};

use eligo_sharing::keys::{ProxyKey, ReceivingKey, RecordKey};
use eligo_sharing::letter::LetterKey;
use eligo_sharing::search::{SearchKey, WriterKey};
use eligo_sharing::tcpre::ContentKey;
use eligo_sharing::wallet::{Seed, Wallet};
use eligo_sharing::{beacon, dkg, ibe, keys, letter, oms, search, tcpre, team, wallet};

/// Two implementations apply to a type that is `Copy`, and the compiler cannot choose.
trait NotCopy<A> {
    const HOLDS: bool = true;
}
struct Any;
struct IfCopy;
impl<T: ?Sized> NotCopy<Any> for T {}
impl<T: Copy> NotCopy<IfCopy> for T {}

macro_rules! secrets {
    ($($secret:ty),* $(,)?) => {
        vec![$((stringify!($secret), <$secret as NotCopy<_>>::HOLDS && needs_drop::<$secret>())),*]
    };
}

/// Every secret type, and whether it is no `Copy` and has something to do when it is dropped.
fn secrets() -> Vec<(&'static str, bool)> {
    secrets![
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
        ibe::IdentityShare,
        ibe::VerifiedIdentityShare,
        ibe::IdentityKey,
        ibe::DecryptionShare,
        ibe::VerifiedDecryptionShare,
        ibe::DelegationKey,
        beacon::BeaconSigner,
        letter::LetterKey,
        oms::MultiSigner,
        oms::OpinionSalt,
        team::Prekey,
        team::PendingKey,
        team::TeamKey,
        team::Sender,
        team::Receiver,
        search::SearchKey,
        search::WriterKey,
        search::SharedIndexKey,
        search::Trapdoor,
        search::SearchToken,
        search::VerifiedToken,
        wallet::Seed,
        wallet::Wallet,
        wallet::Encounter,
        wallet::HolderSecret,
        wallet::BackupWords,
        wallet::Passphrase,
    ]
}

/// A type's name without its module and lifetimes.
fn bare(path: &str) -> &str {
    let name = path.split('<').next().unwrap();
    name.rsplit("::").next().unwrap().trim()
}

#[test]
fn secrets_are_not_copy_and_do_something_when_dropped() {
    for (secret, holds) in secrets() {
        assert!(holds, "{secret}");
    }
}

/// The types that sources show an example for which must not compile: `fn twice(x: path::Type) {`.
fn examples(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            examples(&path, found);
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let mut before = "";
        for line in source.lines().map(str::trim) {
            if let Some((_, rest)) = line.split_once("fn twice(") {
                assert_eq!(before, "/// ```compile_fail", "{line}");
                let name = rest.split_once(": ").unwrap().1.split(')').next().unwrap();
                found.insert(bare(name).to_owned());
            }
            before = line;
        }
    }
}

#[test]
fn each_secret_has_an_example_that_must_not_compile() {
    let mut shown = BTreeSet::new();
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    examples(Path::new(sources), &mut shown);
    let listed: BTreeSet<_> = secrets().iter().map(|(s, _)| bare(s).to_owned()).collect();
    assert_eq!(shown, listed);
}

/// The bytes a value occupies before and after it is dropped in place.
fn memory<T>(value: T) -> (Vec<u8>, Vec<u8>) {
    let mut slot = MaybeUninit::new(value);
    let bytes = |slot: &MaybeUninit<T>| {
        let start = slot.as_ptr().cast::<u8>();
        // SAFETY: all reads are within the slot, which stays allocated; the types below have no padding.
        let at = |i| unsafe { ptr::read_volatile(start.add(i)) };
        (0..size_of::<T>()).map(at).collect()
    };
    let before = bytes(&slot);
    // SAFETY: the slot was initialised above and is not used as a `T` afterwards.
    unsafe { slot.assume_init_drop() };
    (before, bytes(&slot))
}

fn holds(memory: &[u8], secret: &[u8]) -> bool {
    memory.windows(secret.len()).any(|window| window == secret)
}

#[test]
fn dropped_secrets_leave_nothing_in_memory() {
    let scalar = [7; 32];
    let wiped = [
        memory(RecordKey::from_bytes(&scalar).unwrap()),
        memory(ReceivingKey::from_bytes(&scalar).unwrap()),
        memory(ProxyKey::from_bytes(&scalar).unwrap()),
        memory(SearchKey::from_bytes(&scalar).unwrap()),
        memory(WriterKey::from_bytes(&scalar).unwrap()),
        memory(Seed::from_bytes(scalar)),
        memory(Wallet::from_seed(Seed::from_bytes(scalar))),
        memory(Wallet::from_seed(Seed::from_bytes(scalar)).holder_secret()),
        memory(oms::OpinionSalt::new(scalar)),
    ];
    for (before, after) in wiped {
        assert_eq!(before.len(), 32);
        assert!(before.iter().any(|byte| *byte != 0));
        assert_eq!(after, [0; 32]);
    }
    // these hold public bytes besides
    let mut key = [1; ContentKey::BYTES];
    key[..32].fill(0xab);
    let content = memory(ContentKey::from_bytes(&key).unwrap());
    let letter = memory(LetterKey::from_bytes(&[0xab; 32]).unwrap());
    for (before, after) in [content, letter] {
        assert!(holds(&before, &[0xab; 32]));
        assert!(!holds(&after, &[0xab; 4]));
    }
}
