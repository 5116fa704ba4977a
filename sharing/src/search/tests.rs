use ark_bls12_381::{G1Affine, G2Affine};
use ed25519_dalek::SigningKey;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::domain::{dst, hash_to_g1, lp};
use crate::keys::test_rng;
use crate::letter::LetterKey;
use crate::pairing::{count, pair};

const WORDS: [&[u8]; 6] = [b"I63.9", b"I63", b"E11.9", b"I48.0", b"C50.9", b"Z38.0"];

struct Scene {
    hospital: WriterKey,
    patient: SearchKey,
    shared: SharedIndexKey,
    march: Bucket,
    april: Bucket,
    rng: ChaCha20Rng,
}

fn scene() -> Scene {
    let mut rng = test_rng(1);
    let (hospital, patient) = (WriterKey::generate(&mut rng), SearchKey::generate(&mut rng));
    let shared = hospital.share_with(&patient.card());
    let bucket = |name: &str| Bucket::new(name).unwrap();
    Scene {
        hospital,
        patient,
        shared,
        march: bucket("2025-03"),
        april: bucket("2025-04"),
        rng,
    }
}

fn diagnosis(value: &[u8]) -> Keyword {
    Keyword::new(Field::Diagnosis, value).unwrap()
}

impl Scene {
    fn entry(&mut self, bucket: &Bucket, words: &[&[u8]], pointer: &str) -> Vec<Row> {
        let entry = IndexEntry {
            diagnoses: words,
            pseudonym: b"nym-1",
            department: b"neurology",
            bucket,
            pointer: &Pointer::new(pointer).unwrap(),
        };
        Row::of(&entry, &self.shared, &self.patient.public(), &mut self.rng).unwrap()
    }

    fn trapdoor(&self, keyword: &Keyword, bucket: &Bucket) -> Trapdoor {
        self.patient.trapdoor(&self.shared, keyword, bucket)
    }
}

#[test]
fn both_sides_share_a_key_and_cards_are_checked() {
    let mut s = scene();
    let card = SearchCard::from_bytes(&s.patient.card().to_bytes()).unwrap();
    assert_eq!(card.check(), Ok(()));
    let theirs = s.patient.share_with(&s.hospital.public());
    assert_eq!(theirs.expose(), s.shared.expose());
    let other = SearchKey::generate(&mut s.rng).card();
    let (a, b) = (card.to_bytes(), other.to_bytes());
    // Y1 of one, Y2 and proof of the other
    let spliced = [&a[..52], &b[52..]].concat();
    assert!(SearchCard::from_bytes(&spliced).unwrap().check().is_err());
    let proof = s.hospital.prove_possession();
    assert_eq!(s.hospital.public().check_possession(&proof), Ok(()));
    let stranger = WriterKey::generate(&mut s.rng).public();
    assert!(stranger.check_possession(&proof).is_err());
    assert_eq!(count::of(|| card.check()), (2, 1));
    let key = s.hospital.public();
    assert_eq!(count::of(|| key.check_possession(&proof)), (2, 1));
}

#[test]
fn each_kind_of_row_answers_its_own_trapdoor() {
    let mut s = scene();
    let march = s.march.clone();
    let mut rows = s.entry(&march, &[b"I63.9", b"E11.9"], "s3://one");
    rows.extend(s.entry(&march, &[b"I48.0"], "s3://two"));
    assert_eq!(rows.len(), 6 + 4);
    let rows: Vec<_> = rows
        .iter()
        .map(|r| Row::from_bytes(&r.to_bytes()).unwrap())
        .collect();
    let found = |keyword: &Keyword, s: &Scene| {
        let trapdoor = s.trapdoor(keyword, &s.march);
        let mut found: Vec<_> = trapdoor
            .search(&rows)
            .map(|(_, p)| String::from_utf8(p.as_bytes().to_vec()).unwrap())
            .collect();
        found.sort();
        found
    };
    assert_eq!(found(&diagnosis(b"I63.9"), &s), ["s3://one"]);
    assert_eq!(found(&diagnosis(b"I63"), &s), [""; 0]);
    assert_eq!(
        found(&Keyword::both(b"I48.0", b"nym-1").unwrap(), &s),
        ["s3://two"]
    );
    let nym = Keyword::new(Field::Pseudonym, *b"nym-1").unwrap();
    assert_eq!(found(&nym, &s), ["s3://one", "s3://two"]);
    let department = Keyword::new(Field::Department, *b"neurology").unwrap();
    assert_eq!(found(&department, &s).len(), 2);
    // the same value in another field
    assert_eq!(
        found(&Keyword::new(Field::Department, *b"I63.9").unwrap(), &s),
        [""; 0]
    );
}

#[test]
fn a_trapdoor_does_not_match_the_next_bucket() {
    let mut s = scene();
    let april = s.april.clone();
    let rows = s.entry(&april, &[b"I63.9"], "s3://later");
    let march = s.trapdoor(&diagnosis(b"I63.9"), &s.march);
    assert_eq!(march.search(&rows).count(), 0);
    let april = s.trapdoor(&diagnosis(b"I63.9"), &s.april);
    assert_eq!(april.search(&rows).count(), 1);
}

/// Guessing needs kSR: no word of a dictionary explains a trapdoor, though the pairing of the unkeyed scheme
/// is computable by anyone.
#[test]
fn dictionary_guesses_find_nothing_without_the_shared_key() {
    let s = scene();
    let trapdoor = s.trapdoor(&diagnosis(b"I63.9"), &s.march);
    let p2 = <G2Affine as ark_ec::AffineRepr>::generator();
    let left = pair(trapdoor.point(), &p2);
    let y2 = s.patient.public().0;
    for word in WORDS {
        for guess in [
            word.to_vec(),
            lp(&[b"dx", word, b"2025-03"]),
            lp(&[&[0; 32], b"dx", word, b"2025-03"]),
        ] {
            assert_ne!(left, pair(&hash_to_g1(dst::KEYWORD, &guess), &y2));
        }
    }
    // with kSR the equation does hold: the guesses above would have hit
    let keyed = lp(&[s.shared.expose(), b"dx", b"I63.9", b"2025-03"]);
    assert_eq!(left, pair(&hash_to_g1(dst::KEYWORD, &keyed), &y2));
    // and the published scheme falls to it: T = yH(w), no key in the hash
    let unkeyed: G1Affine = s.patient.0.times_hash(dst::KEYWORD, b"I63.9");
    let hit = WORDS
        .iter()
        .find(|w| pair(&hash_to_g1(dst::KEYWORD, w), &y2) == pair(&unkeyed, &p2));
    assert_eq!(hit, Some(&WORDS[0]));
}

#[test]
fn rows_of_one_record_share_no_value() {
    let mut s = scene();
    let march = s.march.clone();
    let rows = s.entry(&march, &[b"I63.9", b"E11.9"], "s3://one");
    let us: std::collections::BTreeSet<_> = rows
        .iter()
        .map(|row| crate::curve::encode_g2(row.u()))
        .collect();
    assert_eq!(us.len(), rows.len());
    let places: std::collections::BTreeSet<_> = (0..6)
        .map(|_| {
            let rows = s.entry(&march, &[b"I63.9", b"E11.9"], "s3://one");
            let trapdoor = s.trapdoor(&diagnosis(b"I63.9"), &s.march);
            trapdoor.search(&rows).next().unwrap().0
        })
        .collect();
    assert!(places.len() > 1, "rows stay where they were inserted");
}

#[test]
fn tokens_are_for_one_audience_one_time_and_until_then() {
    let mut s = scene();
    let march = s.march.clone();
    let rows = s.entry(&march, &[b"I63.9"], "s3://one");
    let signer = SigningKey::from_bytes(&[4; 32]);
    let verifier = signer.verifying_key();
    let node = LetterKey::generate(&mut s.rng);
    let trapdoors = vec![s.trapdoor(&diagnosis(b"I63.9"), &s.march)];
    let token = SearchToken::new(trapdoors, "node-1", 100, &signer, &mut s.rng).unwrap();
    let letter = token.write_to(&node.public(), &mut s.rng).unwrap();
    assert!(SearchToken::read_from(&letter, &node, "node-2").is_err());
    let token = SearchToken::read_from(&letter, &node, "node-1").unwrap();
    let verify =
        |audience: &str, now, used| token.clone().verify(&verifier, audience, now, |_| used);
    assert_eq!(
        verify("node-1", 100, false).unwrap().search(&rows).count(),
        1
    );
    assert!(matches!(
        verify("node-2", 100, false),
        Err(TokenError::OtherAudience { .. })
    ));
    assert_eq!(
        verify("node-1", 101, false),
        Err(TokenError::Expired { not_after: 100 })
    );
    assert_eq!(verify("node-1", 100, true), Err(TokenError::Used));
    let stranger = SigningKey::from_bytes(&[5; 32]).verifying_key();
    let refused = token.clone().verify(&stranger, "node-1", 1, |_| false);
    assert_eq!(refused, Err(TokenError::Signature));
    let empty = SearchToken::new(Vec::new(), "node-1", 1, &signer, &mut s.rng);
    assert_eq!(empty.unwrap_err(), TokenError::Size);
}

#[test]
fn values_are_limited_and_pairings_counted() {
    let mut s = scene();
    assert!(Keyword::new(Field::Diagnosis, *b"").is_err());
    assert!(Keyword::new(Field::Diagnosis, vec![0; 257]).is_err());
    assert!(Bucket::new("").is_err());
    assert_eq!(Pointer::new(vec![0; 127]), Err(PointerError(127)));
    let pointer = Pointer::new(vec![7; 126]).unwrap();
    let (word, public) = (diagnosis(b"I63.9"), s.patient.public());
    let make = |s: &mut Scene| Row::new(&s.shared, &public, &word, &s.march, &pointer, &mut s.rng);
    assert_eq!(count::of(|| make(&mut s)), (1, 1));
    let row = make(&mut s);
    let trapdoor = s.trapdoor(&word, &s.march);
    assert_eq!(count::of(|| trapdoor.find(&row)), (1, 1));
    assert_eq!(trapdoor.find(&row), Some(pointer));
    let mut bytes = row.to_bytes();
    assert_eq!(bytes.len(), Row::BYTES);
    bytes[200] ^= 1;
    assert_eq!(trapdoor.find(&Row::from_bytes(&bytes).unwrap()), None);
    assert!(Row::from_bytes(&bytes[1..]).is_err());
}
