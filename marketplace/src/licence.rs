//! Licences on lineages: reserved when a claim is accepted, running when it is settled.

use crate::contract::Contract;
use crate::encoding::wire_struct;
use crate::name::{ClaimId, Lineage};
use crate::offer::Licence;
use crate::rejection::Rejection;

wire_struct! {
    /// A licence on a lineage.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Licensed {
        pub(crate) exclusive: bool,
        /// Its last day, a civil number.
        pub(crate) until: Option<u32>,
        pub(crate) running: bool,
    }
}

impl Licensed {
    pub(crate) fn is_live(&self, today: u32) -> bool {
        self.until.is_none_or(|until| until >= today)
    }
}

/// An exclusive licence tolerates no other, and none tolerates an exclusive one.
pub(crate) fn check(
    contract: &Contract,
    lineage: &Lineage,
    wanted: &Licence,
    today: u32,
) -> Result<(), Rejection> {
    let all = (*lineage, ClaimId::new([0; 32]))..=(*lineage, ClaimId::new([0xff; 32]));
    let mut live = contract
        .licences
        .range(all)
        .filter(|(_, l)| l.is_live(today));
    if live.any(|(_, licence)| licence.exclusive || wanted.exclusive) {
        return Err(Rejection::ExclusiveLicence);
    }
    Ok(())
}

pub(crate) fn reserve(contract: &mut Contract, lineage: Lineage, claim: ClaimId, of: &Licence) {
    let licence = Licensed {
        exclusive: of.exclusive,
        until: of.until,
        running: false,
    };
    contract.licences.insert((lineage, claim), licence);
}

pub(crate) fn run(contract: &mut Contract, lineage: Lineage, claim: ClaimId) {
    if let Some(licence) = contract.licences.get_mut(&(lineage, claim)) {
        licence.running = true;
    }
}

pub(crate) fn release(contract: &mut Contract, lineage: Lineage, claim: ClaimId) {
    contract.licences.remove(&(lineage, claim));
}
