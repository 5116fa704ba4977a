//! A smaller scenario that still fails.

use crate::sim::scenario::{Network, Scenario};
use crate::sim::world::run;

/// Takes disturbances away one at a time while the run still violates something.
#[must_use]
pub fn minimise(failing: &Scenario) -> Scenario {
    let mut best = failing.clone();
    let fails = |s: &Scenario| !run(s).violations.is_empty();
    let mut shrunk = true;
    while shrunk {
        shrunk = false;
        for smaller in smaller(&best) {
            if smaller != best && fails(&smaller) {
                best = smaller;
                shrunk = true;
                break;
            }
        }
    }
    best
}

/// Every scenario with one thing less.
fn smaller(s: &Scenario) -> Vec<Scenario> {
    let mut out = Vec::new();
    for i in 0..s.faults.len() {
        let mut less = s.clone();
        less.faults.remove(i);
        out.push(less);
    }
    for i in 0..s.liars.len() {
        let mut less = s.clone();
        less.liars.remove(i);
        out.push(less);
    }
    let networks = [
        Network {
            loss: 0,
            ..s.network
        },
        Network {
            duplicates: 0,
            ..s.network
        },
        Network {
            encoded: 0,
            ..s.network
        },
        Network {
            delay_ms: s.network.delay_ms / 2 + 1,
            ..s.network
        },
    ];
    out.extend(networks.map(|network| Scenario {
        network,
        ..s.clone()
    }));
    let halves = [
        Scenario {
            requests: s.requests / 2,
            ..s.clone()
        },
        Scenario {
            clients: 1,
            ..s.clone()
        },
        Scenario {
            skew_ms: 0,
            ..s.clone()
        },
        Scenario {
            disk_ms: 0,
            ..s.clone()
        },
        Scenario {
            joiner: false,
            ..s.clone()
        },
        Scenario {
            prune: false,
            ..s.clone()
        },
    ];
    out.extend(halves.into_iter().filter(|h| h.requests > 0));
    out
}
