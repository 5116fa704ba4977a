//! A record sealed to its name is passed on to an institution's name; neither a proxy nor too few
//! authorities open it, and a delegation opens one record.

use eligo_marketplace::ceremony::generate_in_process;
use eligo_marketplace::convene::named::{
    OpenNamedError, RecordAddress, open_named, open_passed_on, pass_on, seal_to_name,
};
use eligo_sharing::dkg::{GroupKey, Purpose};
use eligo_sharing::ibe::{
    Authority, ExtractError, Identity, IdentityKey, ProxyCiphertext, ProxyCiphertextError,
    TransformedCiphertext, VerifiedIdentityShare,
};
use eligo_sharing::tcpre::{ContentKey, RecordId, SchemaId};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

struct Consortium {
    key: GroupKey,
    authorities: Vec<Authority>,
    rng: ChaCha20Rng,
}

impl Consortium {
    fn found() -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(22);
        let made = generate_in_process(Purpose::Identity, b"names", (5, 3), &mut rng);
        let (key, shares) = made.unwrap();
        let authorities = shares.into_iter().map(|s| Authority::new(s).unwrap());
        Self {
            key,
            authorities: authorities.collect(),
            rng,
        }
    }

    fn parts(&self, name: &Identity) -> Vec<VerifiedIdentityShare> {
        let parts = self.authorities.iter().map(|authority| {
            let part = authority.extract(&self.key, name).unwrap();
            part.verify(&self.key, name).unwrap()
        });
        parts.collect()
    }

    fn key_of(&self, name: &Identity) -> IdentityKey {
        IdentityKey::combine(&self.key, &self.parts(name)[1..4]).unwrap()
    }

    fn seal(&mut self, address: &RecordAddress, record: &[u8]) -> (ProxyCiphertext, Vec<u8>) {
        let (schema, mut sealed) = (SchemaId::new([2; 32]), Vec::new());
        let capsule = seal_to_name(
            &self.key,
            address,
            schema,
            record,
            &mut sealed,
            &mut self.rng,
        );
        let bytes = capsule.unwrap().to_bytes();
        (ProxyCiphertext::from_bytes(&bytes).unwrap(), sealed)
    }
}

fn read(key: &ContentKey, sealed: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    key.open(sealed, &mut record).unwrap();
    record
}

fn address(version: u64) -> RecordAddress {
    RecordAddress {
        organisation: "Second Hospital".into(),
        record: RecordId::new([9; 32]),
        version,
    }
}

#[test]
fn a_record_goes_from_one_institution_to_another_by_their_names() {
    let mut consortium = Consortium::found();
    let record = vec![5; 100_000];
    let (capsule, sealed) = consortium.seal(&address(1), &record);
    let own = consortium.key_of(&address(1).identity());
    assert_eq!(read(&open_named(&capsule, &own).unwrap(), &sealed), record);
    let other = Identity::of_role("Third Hospital", "neurology", 7);
    let delegation = pass_on(&own, &other, &consortium.key, &mut consortium.rng).unwrap();
    let passed = capsule.transform(&delegation).unwrap();
    let passed = TransformedCiphertext::from_bytes(&passed.to_bytes()).unwrap();
    let key = consortium.key_of(&other);
    let content = open_passed_on(&passed, &key).unwrap();
    assert_eq!(read(&content, &sealed), record);
    // Its next epoch's key is another: not renewing it revokes.
    let later = consortium.key_of(&Identity::of_role("Third Hospital", "neurology", 8));
    let refused = OpenNamedError::Capsule(ProxyCiphertextError::OtherIdentity);
    assert_eq!(open_passed_on(&passed, &later).unwrap_err(), refused);
    // What was not passed on to it, it does not open.
    assert_eq!(open_named(&capsule, &key).unwrap_err(), refused);
}

#[test]
fn a_delegation_is_for_one_version_of_one_record() {
    let mut consortium = Consortium::found();
    let (_, _) = consortium.seal(&address(1), b"first");
    let (second, _) = consortium.seal(&address(2), b"second");
    let own = consortium.key_of(&address(1).identity());
    let other = Identity::of_role("Third Hospital", "neurology", 7);
    let delegation = pass_on(&own, &other, &consortium.key, &mut consortium.rng).unwrap();
    let refused = second.transform(&delegation).unwrap_err();
    assert_eq!(refused, ProxyCiphertextError::OtherIdentity);
    let refused = OpenNamedError::Capsule(ProxyCiphertextError::OtherIdentity);
    assert_eq!(open_named(&second, &own).unwrap_err(), refused);
}

#[test]
fn too_few_authorities_make_no_name_and_an_altered_capsule_is_not_passed_on() {
    let mut consortium = Consortium::found();
    let (capsule, _) = consortium.seal(&address(1), b"first");
    let parts = consortium.parts(&address(1).identity());
    let short = IdentityKey::combine(&consortium.key, &parts[..2]).unwrap_err();
    assert_eq!(short, ExtractError::NotEnough { have: 2, need: 3 });
    let own = consortium.key_of(&address(1).identity());
    let other = Identity::of_role("Third Hospital", "neurology", 7);
    let delegation = pass_on(&own, &other, &consortium.key, &mut consortium.rng).unwrap();
    // The last byte of the content before the tag.
    let mut bytes = capsule.to_bytes();
    let content = bytes.len() - 48 - 4 - 1;
    bytes[content] ^= 1;
    let altered = ProxyCiphertext::from_bytes(&bytes).unwrap();
    let refused = altered.transform(&delegation).unwrap_err();
    assert_eq!(refused, ProxyCiphertextError::Altered);
}
