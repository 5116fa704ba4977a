//! A distributed key generation among participants of one process, message by message: for a node whose
//! replicas are threads, and for tests. Between processes the same messages travel.

use eligo_sharing::beacon::{BeaconOutput, BeaconSigner, Round, combine};
use eligo_sharing::dkg::{Ceremony, Deals, GroupKey, KeyShare, Purpose, deal};
use eligo_sharing::letter::LetterKey;
use rand_core::{CryptoRng, RngCore};

/// Runs a ceremony of `n` honest participants, `threshold` of whom can sign. `context` sets it apart from
/// other ceremonies. None if the numbers allow no ceremony.
pub fn generate_in_process(
    purpose: Purpose,
    context: &[u8],
    (n, threshold): (usize, u64),
    rng: &mut (impl CryptoRng + RngCore),
) -> Option<(GroupKey, Vec<KeyShare>)> {
    let keys: Vec<LetterKey> = (0..n).map(|_| LetterKey::generate(rng)).collect();
    let public = keys.iter().map(LetterKey::public).collect();
    let ceremony = Ceremony::new(purpose, context, threshold, public).ok()?;
    let mut dealers = Vec::new();
    let mut messages = Vec::new();
    for key in &keys {
        let (dealer, message) = deal(&ceremony, key, rng).ok()?;
        dealers.push(dealer);
        messages.push(message);
    }
    let deals = Deals::collect(&ceremony, messages);
    let mut checkers = Vec::new();
    let mut complaints = Vec::new();
    for dealer in dealers {
        let (checker, found) = dealer.check(&deals);
        checkers.push(checker);
        complaints.extend(found);
    }
    let answers: Vec<_> = checkers
        .iter()
        .flat_map(|c| c.answer(&complaints))
        .collect();
    let qualified = deals.qualify(&complaints, &answers).ok()?;
    let (exposers, exposures): (Vec<_>, Vec<_>) =
        checkers.into_iter().map(|c| c.expose(&qualified)).unzip();
    let exposures: Vec<_> = exposures.into_iter().flatten().collect();
    let objections: Vec<_> = exposers
        .iter()
        .flat_map(|e| e.object(&qualified, &exposures))
        .collect();
    let exposed = qualified.expose(&exposures, &objections);
    let opened: Vec<_> = exposers.iter().flat_map(|e| e.reveal(&exposed)).collect();
    let key = exposed.settle(&opened).ok()?;
    let shares: Option<Vec<_>> = exposers.into_iter().map(|e| e.finish(&key).ok()).collect();
    Some((key, shares?))
}

/// A beacon's round by all its signers at once.
pub fn sign_round(key: &GroupKey, signers: &[BeaconSigner], round: u64) -> Option<BeaconOutput> {
    let round = Round::new(round);
    let partials = signers.iter().map(|signer| signer.sign(round).verify(key));
    let partials: Vec<_> = partials.filter_map(Result::ok).collect();
    combine(key, round, &partials).ok()
}
