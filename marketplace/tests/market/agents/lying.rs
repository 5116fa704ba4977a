//! A node that lies as well as a node can: it shows refused transactions as accepted and hides the block that would
//! give it away, and leaves events out.

use crate::desk::passes_on;
use eligo_marketplace::event::Event;

use super::*;

/// A refused transaction that is shown as if it had brought this about.
pub struct Lie {
    pub height: Height,
    pub index: u32,
    pub event: Event,
}

type Hides = dyn Fn(&Event) -> bool + Send + Sync;
type Alters = dyn Fn(&mut Event) + Send + Sync;

/// The node, what it says of it, and what it does not say.
pub struct Lying {
    pub node: Arc<Node<Market>>,
    /// The last block it shows.
    tip: Option<Height>,
    lie: Option<Lie>,
    hides: Box<Hides>,
    alters: Box<Alters>,
}

impl Lying {
    /// Shows a refused transaction as accepted, and no block after it.
    pub fn about(fair: &Fair, at: &Committed, event: Event) -> Client<Self> {
        assert!(!at.accepted(), "true already");
        let (height, index) = (at.height, at.index);
        let lie = Lie {
            height,
            index,
            event,
        };
        Self::over(fair, Some(lie), Box::new(|_| false), Box::new(|_| ()))
    }

    /// Leaves events out.
    pub fn hiding(fair: &Fair, hides: fn(&Event) -> bool) -> Client<Self> {
        Self::over(fair, None, Box::new(hides), Box::new(|_| ()))
    }

    /// Tells events otherwise than they were.
    pub fn altering(
        fair: &Fair,
        alters: impl Fn(&mut Event) + Send + Sync + 'static,
    ) -> Client<Self> {
        Self::over(fair, None, Box::new(|_| false), Box::new(alters))
    }

    fn over(fair: &Fair, lie: Option<Lie>, hides: Box<Hides>, alters: Box<Alters>) -> Client<Self> {
        let desk = Self {
            node: fair.client.desk().clone(),
            tip: lie.as_ref().map(|l| l.height),
            lie,
            hides,
            alters,
        };
        Client::new(fair.market.genesis.clone(), desk).unwrap()
    }

    /// Whether the path asks for events about something that the lie is about.
    fn is_about(&self, path: &str) -> Option<&Lie> {
        let lie = self.lie.as_ref()?;
        let asked = path.split(['/', '?']).nth(2)?;
        let mut subjects = lie.event.subjects().into_iter();
        let named = |s: Subject| match s {
            Subject::Record(n) => n.to_string(),
            Subject::Party(n) => n.to_string(),
            Subject::Encounter(n) => n.to_string(),
            Subject::Ask(n) => n.to_string(),
            Subject::Requirement(n) => n.to_string(),
            _ => String::new(),
        };
        subjects.any(|s| named(s) == asked).then_some(lie)
    }
}

impl Desk for Lying {
    passes_on!(genesis submit objects);
    fn height(&self) -> Result<Height, DeskError> {
        self.tip.map_or_else(|| self.node.height(), Ok)
    }
    fn query(&self, path: &str, data: &[u8]) -> Result<Option<Vec<u8>>, DeskError> {
        let honest = self.node.query(path, data)?;
        if !path.starts_with("events/") {
            return Ok(honest);
        }
        let told = honest.unwrap_or_else(|| b"[]".to_vec());
        let mut told: Vec<serde_json::Value> = serde_json::from_slice(&told).unwrap();
        told.retain(|step| {
            let event: Event = serde_json::from_value(step["event"].clone()).unwrap();
            !(self.hides)(&event)
        });
        for step in &mut told {
            let mut event: Event = serde_json::from_value(step["event"].clone()).unwrap();
            (self.alters)(&mut event);
            step["event"] = serde_json::to_value(event).unwrap();
        }
        if let Some(lie) = self.is_about(path) {
            told.push(serde_json::json!({
                "height": lie.height.get(),
                "number": 0,
                "time_ms": 0,
                "transaction": lie.index,
                "event": lie.event,
            }));
        }
        Ok(Some(serde_json::to_vec(&told).unwrap()))
    }
    fn block(&self, height: Height) -> Result<Option<Delivery>, DeskError> {
        if self.tip.is_some_and(|tip| height > tip) {
            return Ok(None);
        }
        let mut block = self.node.block(height)?;
        let lie = self.lie.as_ref().filter(|lie| lie.height == height);
        if let (Some(lie), Some(block)) = (lie, &mut block) {
            let outcome = &mut block.done.outcomes[lie.index as usize];
            let events = List::<Event, MAX_EVENTS>::new(vec![lie.event.clone()]).unwrap();
            (outcome.code, outcome.data) = (0, events.to_wire());
        }
        Ok(block)
    }
    fn proof(&self, height: Height, index: u32) -> Result<Option<LedgerProof>, DeskError> {
        if self.tip.is_some_and(|tip| height > tip) {
            return Ok(None);
        }
        self.node.proof(height, index)
    }
}
