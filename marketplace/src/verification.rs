//! The pairings of a block's claims, side by side: grants on all cores, proofs in one batch.
//!
//! A batch names its bad proofs, so every claim gets the verdict it would get alone.

use std::collections::BTreeMap;

use ark_bn254::Fr;
use eligo_verifier_contract::batch::Entry;
use eligo_verifier_contract::verify_batch;
use rayon::prelude::*;

use crate::admission::{Admitted, Findings};
use crate::claim::{Pairings, ParsedClaim, examine_grant};
use crate::contract::{Contract, Moment};
use crate::rejection::Rejection;
use crate::transaction::Body;

/// A block's transactions as they were admitted, or why not.
pub(crate) type Admissions = [Result<Admitted, Rejection>];

fn claim_of(admitted: &Admitted) -> Option<&ParsedClaim> {
    match admitted.examined() {
        Some(Findings::Claim(parsed)) => Some(parsed),
        _ => None,
    }
}

/// The pairings of every claim that gets that far, by its position in the block.
pub(crate) fn verify_claims(
    contract: &Contract,
    admissions: &Admissions,
    now: &Moment,
) -> BTreeMap<usize, Pairings> {
    let examined: Vec<_> = admissions
        .par_iter()
        .enumerate()
        .filter_map(|(position, admitted)| {
            let admitted = admitted.as_ref().ok()?;
            let parsed = claim_of(admitted)?;
            let Body::Claim(request) = admitted.transaction().body() else {
                return None;
            };
            let sender = admitted.transaction().sender();
            let grant = examine_grant(contract, &sender, request, parsed, now)?;
            Some((position, parsed, grant))
        })
        .collect();
    let mut verdicts = BTreeMap::new();
    let mut batch: Vec<(usize, &ParsedClaim, [Fr; 6])> = Vec::new();
    for (position, parsed, grant) in examined {
        if grant.is_ok() {
            batch.push((position, parsed, parsed.inputs.to_field_elements()));
        }
        // The proof's verdict follows; a claim whose grant fails is not asked for its proof.
        let proof = Err(Rejection::Proof);
        verdicts.insert(position, Pairings { grant, proof });
    }
    let entries: Vec<(usize, Entry<'_>)> = batch
        .iter()
        .filter_map(|(position, parsed, inputs)| {
            let key = contract.registry.key(parsed.inputs.requirement)?;
            let (proof, inputs) = (&parsed.proof, inputs.as_slice());
            Some((*position, Entry { key, proof, inputs }))
        })
        .collect();
    let only: Vec<Entry<'_>> = entries.iter().map(|(_, entry)| *entry).collect();
    let culprits = match verify_batch(&only) {
        Ok(()) => Vec::new(),
        Err(error) => error.culprits,
    };
    for (at, (position, _)) in entries.iter().enumerate() {
        let bad = culprits.iter().any(|(culprit, _)| *culprit == at);
        if let Some(verdict) = verdicts.get_mut(position)
            && !bad
        {
            verdict.proof = Ok(());
        }
    }
    verdicts
}
