use std::collections::BTreeSet;

use ark_bls12_381::{Fr, G2Affine};
use ark_ec::AffineRepr;
use ark_ec::CurveGroup;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::bfkem::lagrange_at_zero;
use crate::keys::test_rng;
use crate::letter::LetterKey;

fn letter_keys(n: usize, rng: &mut ChaCha20Rng) -> Vec<LetterKey> {
    (0..n).map(|_| LetterKey::generate(rng)).collect()
}

fn ceremony(keys: &[LetterKey], threshold: u64) -> Ceremony {
    let public = keys.iter().map(LetterKey::public).collect();
    Ceremony::new(Purpose::Identity, b"test", threshold, public).unwrap()
}

/// What corrupt participants do in a run; the numbers are theirs, from 0.
#[derive(Default)]
struct Cheats {
    /// Make no deal.
    silent: Vec<usize>,
    /// Send a wrong share (to the participant given), and answer the complaint.
    wrong_share: Vec<(usize, usize)>,
    /// Of these, who does not answer.
    unanswered: Vec<usize>,
    /// Complain about everyone without cause.
    slanderers: Vec<usize>,
    /// Expose a wrong A.
    wrong_exposure: Vec<usize>,
    /// Expose nothing.
    no_exposure: Vec<usize>,
    /// Open nothing afterwards.
    mute: Vec<usize>,
}

struct Run {
    key: GroupKey,
    shares: Vec<Result<KeyShare, FinishError>>,
    faults: std::collections::BTreeMap<Participant, Fault>,
}

fn run(n: usize, threshold: u64, cheats: &Cheats, seed: u64) -> Run {
    let mut rng = test_rng(seed);
    let keys = letter_keys(n, &mut rng);
    let ceremony = ceremony(&keys, threshold);
    // 1: deals
    let (dealers, mut deals): (Vec<_>, Vec<_>) = keys
        .iter()
        .map(|key| deal(&ceremony, key, &mut rng).unwrap())
        .unzip();
    for &(dealer, holder) in &cheats.wrong_share {
        deals[dealer].spoil_letter(holder);
    }
    let mut sent: Vec<_> = (0..n)
        .filter(|i| !cheats.silent.contains(i))
        .map(|i| deals[i].clone())
        .collect();
    for deal in &sent {
        assert_eq!(Deal::from_bytes(&deal.to_bytes()).as_ref(), Ok(deal));
    }
    sent.push(sent[0].clone());
    let deals = Deals::collect(&ceremony, sent);
    // 2: complaints
    let (checkers, complaints): (Vec<_>, Vec<_>) = dealers
        .into_iter()
        .map(|dealer| dealer.check(&deals))
        .unzip();
    let mut complaints: Vec<_> = complaints.into_iter().flatten().collect();
    for &liar in &cheats.slanderers {
        for (dealer, _) in ceremony.participants() {
            let liar = Participant::new(liar as u64 + 1).unwrap();
            complaints.push(Complaint::new(ceremony.id(), dealer, liar));
        }
    }
    // 3: answers
    let answering = checkers
        .iter()
        .enumerate()
        .filter(|(i, _)| !cheats.unanswered.contains(i));
    let answers: Vec<_> = answering.flat_map(|(_, c)| c.answer(&complaints)).collect();
    let qualified = deals.qualify(&complaints, &answers).unwrap();
    let faults = qualified.faults().clone();
    // 4: exposures
    let (exposers, exposures): (Vec<_>, Vec<_>) = checkers
        .into_iter()
        .map(|checker| checker.expose(&qualified))
        .unzip();
    let mut exposures: Vec<_> = exposures.into_iter().enumerate().collect();
    exposures.retain(|(i, _)| !cheats.no_exposure.contains(i));
    for (i, exposure) in &mut exposures {
        if let Some(exposure) = exposure
            .as_mut()
            .filter(|_| cheats.wrong_exposure.contains(i))
        {
            exposure.spoil();
        }
    }
    let exposures: Vec<_> = exposures.into_iter().filter_map(|(_, e)| e).collect();
    // 5 and 6: objections, reconstruction
    let honest = || {
        exposers
            .iter()
            .enumerate()
            .filter(|(i, _)| !cheats.mute.contains(i))
    };
    let objections: Vec<_> = honest()
        .flat_map(|(_, e)| e.object(&qualified, &exposures))
        .collect();
    let exposed = qualified.expose(&exposures, &objections);
    let mut revealed: Vec<_> = honest().flat_map(|(_, e)| e.reveal(&exposed)).collect();
    // a liar opens a share that does not fit
    if let Some(first) = revealed.first().cloned() {
        revealed.insert(
            0,
            OpenedShare {
                s: first.s + Fr::from(1u64),
                ..first
            },
        );
    }
    let key = exposed.settle(&revealed).unwrap();
    let shares = exposers.into_iter().map(|e| e.finish(&key)).collect();
    Run {
        key,
        shares,
        faults,
    }
}

/// Any t shares interpolate to the master secret.
fn assert_shares_fit(run: &Run, threshold: usize) {
    let good: Vec<_> = run.shares.iter().flatten().collect();
    for some in [&good[..threshold], &good[good.len() - threshold..]] {
        let ids: Vec<u64> = some.iter().map(|s| s.participant().x()).collect();
        let x: Fr = some
            .iter()
            .map(|s| *s.scalar().expose() * lagrange_at_zero(s.participant().x(), &ids))
            .sum();
        assert_eq!((G2Affine::generator() * x).into_affine(), *run.key.master());
    }
}

fn id(at: usize) -> Participant {
    Participant::new(at as u64 + 1).unwrap()
}

#[test]
fn honest_runs_end_in_a_shared_key() {
    for (n, t) in [(1, 1), (3, 2), (4, 2), (7, 4)] {
        let run = run(n, t, &Cheats::default(), n as u64);
        assert!(run.shares.iter().all(Result::is_ok));
        assert_eq!(run.key.dealers().len(), n);
        assert_shares_fit(&run, t as usize);
        assert_eq!(
            GroupKey::from_bytes(&run.key.to_bytes()).as_ref(),
            Ok(&run.key)
        );
        let share = run.shares.into_iter().next().unwrap().unwrap();
        let again = KeyShare::from_bytes(&share.to_bytes(), &run.key).unwrap();
        assert_eq!(again.to_bytes(), share.to_bytes());
    }
}

#[test]
fn silent_and_false_dealers_are_left_out_and_named() {
    let cheats = Cheats {
        silent: vec![6],
        wrong_share: vec![(1, 0), (2, 0)],
        unanswered: vec![2],
        ..Cheats::default()
    };
    let run = run(7, 3, &cheats, 1);
    // dealer 1 answered, so it is qualified and participant 0 has the opened share
    let qualified: BTreeSet<_> = run.key.dealers().iter().copied().collect();
    assert_eq!(qualified, [0, 1, 3, 4, 5].map(id).into());
    assert_eq!(run.faults.get(&id(6)), Some(&Fault::NoDeal));
    assert_eq!(run.faults.get(&id(2)), Some(&Fault::Unanswered(id(0))));
    assert!(run.shares.iter().all(Result::is_ok));
    assert_shares_fit(&run, 3);
}

#[test]
fn slander_by_fewer_than_t_disqualifies_nobody() {
    let cheats = Cheats {
        slanderers: vec![5, 6],
        ..Cheats::default()
    };
    let run = run(7, 3, &cheats, 2);
    assert_eq!(run.key.dealers().len(), 7);
    assert_shares_fit(&run, 3);
}

#[test]
fn many_complaints_disqualify() {
    let cheats = Cheats {
        wrong_share: vec![(4, 0), (4, 1), (4, 2)],
        ..Cheats::default()
    };
    let run = run(7, 3, &cheats, 3);
    assert_eq!(run.faults.get(&id(4)), Some(&Fault::ManyComplaints));
}

/// Whoever qualified is in the key, whatever it does afterwards: the key of a run in which cheats expose
/// wrongly or not at all is that of the honest run with the same randomness.
#[test]
fn refusing_to_expose_does_not_change_the_key() {
    let honest = run(7, 3, &Cheats::default(), 4);
    for cheats in [
        Cheats {
            wrong_exposure: vec![2],
            ..Cheats::default()
        },
        Cheats {
            no_exposure: vec![2, 5],
            mute: vec![2, 5],
            ..Cheats::default()
        },
        Cheats {
            wrong_exposure: vec![2],
            no_exposure: vec![5],
            mute: vec![2, 5],
            ..Cheats::default()
        },
    ] {
        let cheated = run(7, 3, &cheats, 4);
        assert_eq!(cheated.key, honest.key);
        assert!(cheated.shares.iter().all(Result::is_ok));
    }
}

/// However many object, and to whatever: one equation for each share that bears out no objection, two for
/// each that does. A participant who objects to everyone costs everyone else one equation a dealer.
#[test]
fn each_objection_is_judged_once() {
    let (n, mut rng) = (7, test_rng(31));
    let keys = letter_keys(n, &mut rng);
    let ceremony = ceremony(&keys, 4);
    let (dealers, deals): (Vec<_>, Vec<_>) = keys
        .iter()
        .map(|key| deal(&ceremony, key, &mut rng).unwrap())
        .unzip();
    let deals = Deals::collect(&ceremony, deals);
    let checkers: Vec<_> = dealers.into_iter().map(|d| d.check(&deals).0).collect();
    let qualified = deals.qualify(&[], &[]).unwrap();
    let (exposers, exposures): (Vec<_>, Vec<_>) = checkers
        .into_iter()
        .map(|checker| checker.expose(&qualified))
        .unzip();
    let mut exposures: Vec<_> = exposures.into_iter().flatten().collect();
    // As if nobody had exposed anything, so that everything is opened.
    let nobody = qualified.clone().expose(&[], &[]);
    let everything: Vec<_> = exposers.iter().flat_map(|e| e.reveal(&nobody)).collect();
    let judged = |exposures: &[Exposure], objections: &[OpenedShare]| {
        let qualified = qualified.clone();
        count::equations_of(|| qualified.expose(exposures, objections))
    };
    let (exposed, equations) = judged(&exposures, &exposers[2].reveal(&nobody));
    assert_eq!(equations, n);
    assert!(exposed.missing().is_empty());
    let by_two: BTreeSet<_> = (0..n).map(|dealer| (id(2), id(dealer))).collect();
    assert_eq!(*exposed.unfounded(), by_two);
    let (exposed, equations) = judged(&exposures, &everything);
    assert_eq!((exposed.unfounded().len(), equations), (n * n, n * n));
    // One lies: whoever objects to it does so rightly, also after another did.
    exposures[4].spoil();
    let (exposed, equations) = judged(&exposures, &everything);
    assert_eq!(exposed.missing(), &BTreeSet::from([id(4)]));
    assert_eq!(exposed.unfounded().len(), n * (n - 1));
    assert!(
        exposed
            .unfounded()
            .iter()
            .all(|(_, dealer)| *dealer != id(4))
    );
    assert_eq!(equations, n * (n - 1) + 2 * n);
    // Whoever exposed nothing cannot be objected to: nothing is computed.
    exposures.remove(4);
    let (exposed, equations) = judged(&exposures, &everything);
    assert_eq!((exposed.unfounded().len(), equations), (n * n, n * (n - 1)));
}

#[test]
fn too_few_opened_shares_are_an_error_that_names_the_dealer() {
    let mut rng = test_rng(9);
    let keys = letter_keys(3, &mut rng);
    let ceremony = ceremony(&keys, 2);
    let (dealers, deals): (Vec<_>, Vec<_>) = keys
        .iter()
        .map(|key| deal(&ceremony, key, &mut rng).unwrap())
        .unzip();
    let deals = Deals::collect(&ceremony, deals);
    let (checkers, _): (Vec<_>, Vec<_>) = dealers.into_iter().map(|d| d.check(&deals)).unzip();
    let qualified = deals.qualify(&[], &[]).unwrap();
    let (exposers, exposures): (Vec<_>, Vec<_>) =
        checkers.into_iter().map(|c| c.expose(&qualified)).unzip();
    let exposures: Vec<_> = exposures.into_iter().flatten().skip(1).collect();
    let exposed = qualified.expose(&exposures, &[]);
    let one = exposers[1].reveal(&exposed);
    let error = exposed.clone().settle(&one).unwrap_err();
    assert_eq!(
        error,
        SettleError::NotEnough {
            dealer: id(0),
            have: 1,
            need: 2
        }
    );
    let two = [one, exposers[2].reveal(&exposed)].concat();
    assert!(exposed.settle(&two).is_ok());
}

#[test]
fn inconsistent_keys_are_refused() {
    let good = run(4, 2, &Cheats::default(), 5).key;
    let other = run(4, 2, &Cheats::default(), 6).key;
    let (a, b) = (good.to_bytes(), other.to_bytes());
    // one verification key of another run
    let spliced = [&a[..a.len() - 96], &b[b.len() - 96..]].concat();
    assert_eq!(
        GroupKey::from_bytes(&spliced),
        Err(GroupKeyError::Inconsistent)
    );
    // degree higher than it says
    let seven = run(7, 4, &Cheats::default(), 7).key.to_bytes();
    let t = seven.iter().position(|&byte| byte == 4).unwrap();
    let at = (t..seven.len())
        .find(|&i| seven[i - 7..=i] == [0, 0, 0, 0, 0, 0, 0, 4])
        .unwrap();
    let mut lower = seven;
    lower[at] = 3;
    assert_eq!(
        GroupKey::from_bytes(&lower),
        Err(GroupKeyError::Inconsistent)
    );
}

#[test]
fn messages_of_another_ceremony_count_for_nothing() {
    let mut rng = test_rng(8);
    let keys = letter_keys(3, &mut rng);
    let (here, there) = (ceremony(&keys, 2), {
        let public = keys.iter().map(LetterKey::public).collect();
        Ceremony::new(Purpose::Beacon, b"test", 2, public).unwrap()
    });
    assert_ne!(here.id(), there.id());
    let (_, foreign) = deal(&there, &keys[0], &mut rng).unwrap();
    let deals = Deals::collect(&here, [foreign]);
    let error = deals.qualify(&[], &[]).unwrap_err();
    assert_eq!(
        error,
        QualifyError {
            qualified: 0,
            threshold: 2
        }
    );
    let outsider = LetterKey::generate(&mut rng);
    assert_eq!(
        deal(&here, &outsider, &mut rng).unwrap_err(),
        NotParticipant
    );
    let complaint = Complaint::new(here.id(), id(0), id(1));
    assert_eq!(Complaint::from_bytes(&complaint.to_bytes()), Ok(complaint));
}

#[test]
fn impossible_ceremonies_are_refused() {
    let mut rng = test_rng(10);
    let keys: Vec<_> = letter_keys(4, &mut rng)
        .iter()
        .map(LetterKey::public)
        .collect();
    let new = |t, keys: &[_]| Ceremony::new(Purpose::Gate, b"", t, keys.to_vec());
    assert!(matches!(
        new(3, &keys),
        Err(CeremonyError::Threshold { .. })
    ));
    assert!(matches!(
        new(0, &keys),
        Err(CeremonyError::Threshold { .. })
    ));
    assert_eq!(new(1, &[]).unwrap_err(), CeremonyError::Size(0));
    assert_eq!(
        new(2, &[keys[0], keys[1], keys[0]]).unwrap_err(),
        CeremonyError::SameKey
    );
}

/// Key generation compares points of one group, so it needs no pairing, nor does reading its key.
#[test]
fn pairings_are_counted_as_documented() {
    use crate::pairing::count;
    let mut rng = test_rng(11);
    assert_eq!(
        count::of(|| simulate(Purpose::Gate, 4, 2, &mut rng)),
        (0, 0)
    );
    let (key, shares) = simulate(Purpose::Gate, 4, 2, &mut rng);
    assert_eq!(count::of(|| GroupKey::from_bytes(&key.to_bytes())), (0, 0));
    let share = shares[0].to_bytes();
    assert_eq!(count::of(|| KeyShare::from_bytes(&share, &key)), (0, 0));
}

/// A key shared by an honest run.
pub(crate) fn simulate(
    purpose: Purpose,
    n: usize,
    threshold: u64,
    rng: &mut ChaCha20Rng,
) -> (GroupKey, Vec<KeyShare>) {
    let keys = letter_keys(n, rng);
    let public = keys.iter().map(LetterKey::public).collect();
    let ceremony = Ceremony::new(purpose, b"simulation", threshold, public).unwrap();
    let (dealers, deals): (Vec<_>, Vec<_>) = keys
        .iter()
        .map(|key| deal(&ceremony, key, rng).unwrap())
        .unzip();
    let deals = Deals::collect(&ceremony, deals);
    let (checkers, _): (Vec<_>, Vec<_>) = dealers.into_iter().map(|d| d.check(&deals)).unzip();
    let qualified = deals.qualify(&[], &[]).unwrap();
    let (exposers, exposures): (Vec<_>, Vec<_>) =
        checkers.into_iter().map(|c| c.expose(&qualified)).unzip();
    let exposures: Vec<_> = exposures.into_iter().flatten().collect();
    let key = qualified.expose(&exposures, &[]).settle(&[]).unwrap();
    let shares = exposers
        .into_iter()
        .map(|e| e.finish(&key).unwrap())
        .collect();
    (key, shares)
}
