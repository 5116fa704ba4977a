use ed25519_dalek::SigningKey;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::keys::test_rng;

struct Doctor {
    id: DoctorId,
    signer: SigningKey,
}

fn doctor(name: &str, seed: u8) -> Doctor {
    Doctor {
        id: DoctorId::new(name).unwrap(),
        signer: SigningKey::from_bytes(&[seed; 32]),
    }
}

impl Doctor {
    fn prekey(&self, rng: &mut ChaCha20Rng) -> (Prekey, Member) {
        let (secret, signed) = Prekey::generate(self.id.clone(), &self.signer, rng);
        let signed = SignedPrekey::from_bytes(&signed.to_bytes()).unwrap();
        (secret, signed.verify(&self.signer.verifying_key()).unwrap())
    }

    fn accept(
        &self,
        welcome: &Welcome,
        lead: &Doctor,
        prekey: Prekey,
        last: Option<u64>,
    ) -> Result<(PendingKey, Confirmation), WelcomeError> {
        let (lead, me) = (lead.signer.verifying_key(), self.signer.verifying_key());
        welcome.clone().accept(&lead, &self.id, &me, prekey, last)
    }
}

fn assemble(team: &[&Doctor], epoch: u64, rng: &mut ChaCha20Rng) -> (Welcome, Vec<TeamKey>) {
    let (secrets, members): (Vec<_>, Vec<_>) = team.iter().map(|d| d.prekey(rng)).unzip();
    let lead = team[0];
    let welcome = found([9; 32], epoch, &lead.id, &lead.signer, members, rng).unwrap();
    let welcome = Welcome::from_bytes(&welcome.to_bytes()).unwrap();
    let last = epoch.checked_sub(1);
    let (pending, taus): (Vec<_>, Vec<_>) = team
        .iter()
        .zip(secrets)
        .map(|(doctor, prekey)| doctor.accept(&welcome, lead, prekey, last).unwrap())
        .unzip();
    let taus: Vec<_> = taus
        .iter()
        .map(|t| Confirmation::from_bytes(&t.to_bytes()).unwrap())
        .collect();
    let keys = pending
        .into_iter()
        .map(|p| p.confirm(&taus).unwrap())
        .collect();
    (welcome, keys)
}

#[test]
fn a_team_talks_and_who_left_does_not_read_on() {
    let mut rng = test_rng(1);
    let (a, b, c) = (doctor("anna", 1), doctor("bela", 2), doctor("cem", 3));
    let (_, keys) = assemble(&[&a, &b, &c], 0, &mut rng);
    let mut channels: Vec<_> = keys.into_iter().map(TeamKey::into_channel).collect();
    let sent = channels[0].0.send(b"first opinion").unwrap();
    let sent = Message::from_bytes(&sent.to_bytes()).unwrap();
    for (_, receiver) in &mut channels {
        assert_eq!(
            receiver.receive(&sent).unwrap().as_slice(),
            b"first opinion"
        );
        let again = receiver.receive(&sent).unwrap_err();
        assert!(matches!(
            again,
            ChannelError::Replayed {
                last: 1,
                found: 1,
                ..
            }
        ));
    }
    // cem leaves: epoch 1
    let (_, keys) = assemble(&[&a, &b], 1, &mut rng);
    let mut next: Vec<_> = keys.into_iter().map(TeamKey::into_channel).collect();
    let secret = next[0].0.send(b"without cem").unwrap();
    assert_eq!(
        channels[2].1.receive(&secret).unwrap_err(),
        ChannelError::OtherTeam
    );
    // even if it pretends the message were of its epoch
    let old = channels[0].0.send(b"x").unwrap();
    let spliced = [&old.to_bytes()[..36], &secret.to_bytes()[36..]].concat();
    let spliced = Message::from_bytes(&spliced).unwrap();
    assert!(channels[2].1.receive(&spliced).is_err());
    assert_eq!(
        next[1].1.receive(&secret).unwrap().as_slice(),
        b"without cem"
    );
}

#[test]
fn altered_rosters_strangers_and_old_epochs_are_refused() {
    let mut rng = test_rng(2);
    let (a, b, mallory) = (doctor("anna", 1), doctor("bela", 2), doctor("mallory", 66));
    let (prekey_a, member_a) = a.prekey(&mut rng);
    let (prekey_b, member_b) = b.prekey(&mut rng);
    let (_, member_m) = mallory.prekey(&mut rng);
    let roster = vec![member_a.clone(), member_b.clone()];
    let welcome = found([9; 32], 4, &a.id, &a.signer, roster, &mut rng).unwrap();
    // mallory founds a team in anna's name
    let forged = found(
        [9; 32],
        5,
        &a.id,
        &mallory.signer,
        vec![member_a, member_b],
        &mut rng,
    );
    assert!(matches!(forged, Err(WelcomeError::NotMember(_))));
    // somebody adds mallory to the signed roster
    let bytes = welcome.to_bytes();
    let other = found(
        [9; 32],
        4,
        &mallory.id,
        &mallory.signer,
        vec![member_m],
        &mut rng,
    )
    .unwrap();
    assert!(other.members().eq([&mallory.id]));
    let at = bytes.windows(4).position(|w| w == b"bela").unwrap();
    let mut altered = bytes;
    altered[at..at + 4].copy_from_slice(b"belb");
    let altered = Welcome::from_bytes(&altered).unwrap();
    assert_eq!(
        a.accept(&altered, &a, prekey_a, None).unwrap_err(),
        WelcomeError::Signature(a.id.clone())
    );
    let old = b.accept(&welcome, &a, prekey_b, Some(4)).unwrap_err();
    assert_eq!(old, WelcomeError::Epoch { last: 4, found: 4 });
    let (wrong, _) = b.prekey(&mut rng);
    let other_prekey = b.accept(&welcome, &a, wrong, None).unwrap_err();
    assert_eq!(other_prekey, WelcomeError::NotMember(b.id.clone()));
}

#[test]
fn a_key_is_used_only_when_all_have_the_same() {
    let mut rng = test_rng(3);
    let (a, b) = (doctor("anna", 1), doctor("bela", 2));
    let make = |rng: &mut ChaCha20Rng| {
        let (prekey_a, member_a) = a.prekey(rng);
        let (prekey_b, member_b) = b.prekey(rng);
        let welcome = found([9; 32], 0, &a.id, &a.signer, vec![member_a, member_b], rng).unwrap();
        let one = a.accept(&welcome, &a, prekey_a, None).unwrap();
        let two = b.accept(&welcome, &a, prekey_b, None).unwrap();
        (one, two)
    };
    // the lead gives the two different keys
    let ((pending, tau), _) = make(&mut rng);
    let (_, (_, other)) = make(&mut rng);
    let refused = pending.confirm(&[tau, other]).unwrap_err();
    assert_eq!(refused, ConfirmError::Other(b.id.clone()));
    let ((pending, tau), _) = make(&mut rng);
    assert_eq!(
        pending.confirm(&[tau]).unwrap_err(),
        ConfirmError::Missing(b.id.clone())
    );
}

#[test]
fn prekeys_are_their_doctors() {
    let mut rng = test_rng(4);
    let (a, b) = (doctor("anna", 1), doctor("bela", 2));
    let (_, signed) = Prekey::generate(a.id.clone(), &a.signer, &mut rng);
    assert_eq!(signed.verify(&b.signer.verifying_key()), Err(PrekeyError));
    assert!(DoctorId::new("").is_err() && DoctorId::new("a\u{7}").is_err());
}
