//! With which keys proxies stood when they were chosen from.
//!
//! The contract notes the roster when a requirement is published, an ask is made or an election called, and later
//! compares a grant with the keys it noted. A proxy may take another key only while it has no duty, and who stands
//! has one from then on. So the key in force just before a requirement or an ask is the one that the contract
//! compares with, also where an earlier election put the proxy in office.

use std::collections::BTreeSet;

use eligo_ledger::height::Height;
use eligo_sharing::keys::ProxyPublicKey;

use super::history::{Standing, Step, nonsense};
use super::seen::SeenProxy;
use super::{Client, ClientError, Desk};
use crate::convene::act::Act;
use crate::convene::event::Convened;
use crate::event::{Event, Subject};
use crate::name::{AccountId, RequirementName};
use crate::transaction::{Body, SignedTransaction};

/// Where a transaction was executed: whatever has a smaller place was executed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    height: Height,
    transaction: u32,
}

impl Place {
    /// Where a step was brought about; none for what the contract did by itself.
    #[must_use]
    pub fn of(step: &Step) -> Option<Self> {
        let height = step.height;
        step.transaction.map(|transaction| Self {
            height,
            transaction,
        })
    }

    /// The block.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.height
    }
}

/// What an event says of a proxy's key: it has another one from here on, or none.
fn is_about_key(event: &Event, proxy: &AccountId) -> bool {
    match event {
        Event::ProxyRegistered { proxy: who, .. }
        | Event::ProxyWithdrawn { proxy: who }
        | Event::Convened(Convened::ProxyKeyRenewed { proxy: who }) => who == proxy,
        _ => false,
    }
}

impl<D: Desk> Client<D> {
    /// The key with which a proxy stood before this place: of its last registration or renewal, by a transaction of
    /// its own that the contract accepted, or of the genesis document, which needs no proof. A node cannot pass
    /// another's key off, but it can leave a renewal out: who grants has the contract bear
    /// [witness](crate::agent::trail::witnessed) to the keys.
    ///
    /// # Errors
    /// [`ClientError`], also if it had none then.
    pub fn proxy_key(
        &self,
        proxy: &AccountId,
        before: Place,
    ) -> Result<ProxyPublicKey, ClientError> {
        let first = self.market_genesis()?.proxies;
        let mut first = first.as_slice().iter();
        let mut key = first.find(|f| f.account == *proxy).map(|f| f.entry.key);
        let steps = self.history(&Subject::Party(*proxy))?.into_iter();
        let changes = steps.filter(|step| is_about_key(&step.event, proxy));
        // What the genesis document brought about has no transaction.
        let placed = changes.filter_map(|step| Some((Place::of(&step)?, step)));
        let mut earlier: Vec<(Place, Step)> = placed.filter(|(at, _)| *at < before).collect();
        earlier.sort_by_key(|(at, _)| *at);
        for (_, step) in earlier {
            key = self.key_after(proxy, step)?;
        }
        let key = key.and_then(|key| ProxyPublicKey::from_bytes(&key).ok());
        key.ok_or_else(|| nonsense("a proxy that never registered"))
    }

    /// The key a proxy has after a step about it; none if it left.
    fn key_after(&self, proxy: &AccountId, step: Step) -> Result<Option<[u8; 48]>, ClientError> {
        let proven = self.prove_step(step)?;
        let own = proven.signed.as_ref().filter(|s| s.sender() == *proxy);
        let own = own.filter(|_| proven.standing == Standing::Proved);
        match own.map(SignedTransaction::body) {
            Some(Body::RegisterProxy(entry)) => Ok(Some(entry.key)),
            Some(Body::Convene(Act::RenewProxyKey { key, .. })) => Ok(Some(*key)),
            Some(Body::WithdrawProxy) => Ok(None),
            _ => Err(nonsense("a proxy's key")),
        }
    }

    /// Whether every proxy that a node says was drawn for a requirement is one of the roster, with the key it stood
    /// with when the requirement was published. Who of them was drawn is the node's word here; who grants asks for
    /// [more](crate::agent::trail::witnessed_offer).
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn check_drawn(
        &self,
        requirement: &RequirementName,
        drawn: &[SeenProxy],
    ) -> Result<(), ClientError> {
        let accounts: BTreeSet<AccountId> = drawn.iter().map(|proxy| proxy.account).collect();
        if accounts.len() != drawn.len() {
            return Err(nonsense("a proxy drawn twice"));
        }
        let published = self.published(requirement)?;
        for proxy in drawn {
            let key = self.proxy_key(&proxy.account, published)?;
            if hex::encode(key.to_bytes()) != proxy.key {
                return Err(nonsense("another key than the proxy stood with"));
            }
        }
        Ok(())
    }

    /// Where a requirement was published, as the chain shows it.
    fn published(&self, requirement: &RequirementName) -> Result<Place, ClientError> {
        let steps = self.history(&Subject::Requirement(*requirement))?;
        let published = steps.into_iter().find(|step| {
            matches!(step.event, Event::RequirementPublished { requirement: r, .. } if r == *requirement)
        });
        let published = published.ok_or_else(|| nonsense("an offer that nobody published"))?;
        let proven = self.prove_step(published)?;
        let place = Place::of(&proven.step).filter(|_| proven.standing == Standing::Proved);
        place.ok_or_else(|| nonsense("an offer that the chain does not show"))
    }
}
