//! The rules of the view change as a model: four replicas, one height, exhaustive search.
//!
//! An executable specification beside the simulator, which runs the real core. What a replica sent
//! stays readable for all; a Byzantine replica's PREPAREs and COMMITs for anything are always there.

use stateright::{Checker, HasDiscoveries, Model, Property};
use std::collections::BTreeSet;

const N: u8 = 4;
const Q: usize = 3;
const WEAK: usize = 2;

/// How the rules are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variant {
    Correct,
    /// A VIEW-CHANGE carries no prepared certificate.
    WithoutPrepared,
    /// Votes go on in the old view after a VIEW-CHANGE.
    KeepVoting,
    /// The Byzantine replica's unproven claims are believed.
    UnprovenPrepared,
    /// A NEW-VIEW needs f+1 VIEW-CHANGEs.
    WeakNewView,
    /// Any prepared certificate is taken, not the one of the highest view.
    AnyPrepared,
}

struct Rules {
    variant: Variant,
    byzantine: Option<u8>,
    last_view: u8,
}

type Value = u8;
type Claim = Option<(u8, Value)>;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Replica {
    view: u8,
    changing: bool,
    /// The last view it voted in, for the variant that keeps voting.
    active: u8,
    accepted: Vec<(u8, Value)>,
    prepared: Claim,
    decided: Option<Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct State {
    replicas: Vec<Replica>,
    proposals: BTreeSet<(u8, Value)>,
    prepares: BTreeSet<(u8, Value, u8)>,
    commits: BTreeSet<(u8, Value, u8)>,
    wishes: BTreeSet<(u8, u8, Claim)>,
    opened: BTreeSet<(u8, Value)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Action {
    Propose(Value),
    Accept(u8, u8, Value),
    Prepared(u8, u8, Value),
    Decide(u8, Value),
    TimeOut(u8),
    Open(u8, Value),
    Enter(u8, u8, Value),
}

impl Rules {
    fn primary(view: u8) -> u8 {
        view % N
    }

    fn honest(&self) -> impl Iterator<Item = u8> + '_ {
        (0..N).filter(|i| Some(*i) != self.byzantine)
    }

    fn votes(&self, set: &BTreeSet<(u8, Value, u8)>, view: u8, value: Value) -> BTreeSet<u8> {
        let cast = set.iter().filter(|(v, x, _)| (*v, *x) == (view, value));
        cast.map(|(_, _, i)| *i).chain(self.byzantine).collect()
    }

    /// PRE-PREPARE and q-1 PREPAREs of backups.
    fn is_prepared(&self, s: &State, view: u8, value: Value) -> bool {
        let mut backups = self.votes(&s.prepares, view, value);
        backups.remove(&Self::primary(view));
        self.is_proposed(s, view, value) && backups.len() >= Q - 1
    }

    fn is_proposed(&self, s: &State, view: u8, value: Value) -> bool {
        let liar = self.byzantine == Some(Self::primary(view));
        s.proposals.contains(&(view, value)) || liar
    }

    fn voting(&self, r: &Replica, view: u8) -> bool {
        let current = r.view == view && !r.changing;
        let old = r.changing && r.active == view && self.variant == Variant::KeepVoting;
        current || old
    }

    /// What the Byzantine replica can put into a wish for `view`.
    fn lies(&self, s: &State, view: u8) -> Vec<Claim> {
        let mut claims = vec![None];
        for v in 0..view {
            for x in 1..=2 {
                if self.variant == Variant::UnprovenPrepared || self.is_prepared(s, v, x) {
                    claims.push(Some((v, x)));
                }
            }
        }
        claims
    }

    /// Every value that some quorum of wishes lets the primary of `view` propose.
    fn openings(&self, s: &State, view: u8) -> BTreeSet<Value> {
        let mut candidates: Vec<Vec<Claim>> = Vec::new();
        for i in 0..N {
            if Some(i) == self.byzantine {
                candidates.push(self.lies(s, view));
            } else {
                let own = s.wishes.iter().filter(|(j, v, _)| (*j, *v) == (i, view));
                candidates.push(own.map(|(_, _, c)| *c).collect());
            }
        }
        let needed = if self.variant == Variant::WeakNewView {
            WEAK
        } else {
            Q
        };
        let mut found = BTreeSet::new();
        self.choose(&candidates, 0, &mut Vec::new(), needed, view, &mut found);
        found
    }

    fn choose(
        &self,
        candidates: &[Vec<Claim>],
        at: usize,
        chosen: &mut Vec<Claim>,
        needed: usize,
        view: u8,
        found: &mut BTreeSet<Value>,
    ) {
        if chosen.len() == needed {
            let claims: Vec<(u8, Value)> = chosen.iter().flatten().copied().collect();
            match claims.iter().max() {
                // Nothing is forced: an honest primary has its own value, a liar either.
                None if self.byzantine == Some(Self::primary(view)) => found.extend([1, 2]),
                None => drop(found.insert(1 + view % 2)),
                Some(_) if self.variant == Variant::AnyPrepared => {
                    found.extend(claims.iter().map(|(_, x)| *x));
                }
                Some((_, x)) => drop(found.insert(*x)),
            }
            return;
        }
        let Some(options) = candidates.get(at) else {
            return;
        };
        self.choose(candidates, at + 1, chosen, needed, view, found);
        for claim in options {
            chosen.push(*claim);
            self.choose(candidates, at + 1, chosen, needed, view, found);
            chosen.pop();
        }
    }

    fn replica_actions(&self, s: &State, i: u8, r: &Replica, out: &mut Vec<Action>) {
        for view in 0..=self.last_view {
            for x in 1..=2 {
                let accepted = r.accepted.iter().find(|(v, _)| *v == view);
                let opened = view == 0 || s.opened.contains(&(view, x));
                if self.voting(r, view)
                    && accepted.is_none()
                    && opened
                    && self.is_proposed(s, view, x)
                {
                    out.push(Action::Accept(i, view, x));
                }
                if self.voting(r, view)
                    && accepted == Some(&(view, x))
                    && r.prepared != Some((view, x))
                    && self.is_prepared(s, view, x)
                {
                    out.push(Action::Prepared(i, view, x));
                }
                if r.decided.is_none() && self.votes(&s.commits, view, x).len() >= Q {
                    out.push(Action::Decide(i, x));
                }
                let ahead = view > r.view || (view == r.view && r.changing);
                if view > 0 && ahead && s.opened.contains(&(view, x)) {
                    out.push(Action::Enter(i, view, x));
                }
            }
        }
        if r.view < self.last_view {
            out.push(Action::TimeOut(i));
        }
    }
}

impl Model for Rules {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            replicas: vec![Replica::default(); usize::from(N)],
            ..State::default()
        }]
    }

    fn actions(&self, s: &State, out: &mut Vec<Action>) {
        if s.proposals.is_empty() && self.byzantine != Some(0) {
            out.push(Action::Propose(1));
        }
        for i in self.honest() {
            self.replica_actions(s, i, &s.replicas[usize::from(i)], out);
        }
        for view in 1..=self.last_view {
            let primary = Self::primary(view);
            let liar = self.byzantine == Some(primary);
            let r = &s.replicas[usize::from(primary)];
            let may =
                liar || (r.view == view && r.changing && !s.opened.iter().any(|(v, _)| *v == view));
            if may {
                let fresh = self.openings(s, view).into_iter();
                let fresh = fresh.filter(|x| !s.opened.contains(&(view, *x)));
                out.extend(fresh.map(|x| Action::Open(view, x)));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut s = last.clone();
        match action {
            Action::Propose(x) => drop(s.proposals.insert((0, x))),
            Action::Accept(i, v, x) => {
                s.replicas[usize::from(i)].accepted.push((v, x));
                if Self::primary(v) != i {
                    s.prepares.insert((v, x, i));
                }
            }
            Action::Prepared(i, v, x) => {
                s.replicas[usize::from(i)].prepared = Some((v, x));
                s.commits.insert((v, x, i));
            }
            Action::Decide(i, x) => s.replicas[usize::from(i)].decided = Some(x),
            Action::TimeOut(i) => {
                let r = &mut s.replicas[usize::from(i)];
                if !r.changing {
                    r.active = r.view;
                }
                r.view += 1;
                r.changing = true;
                let carried = self.variant != Variant::WithoutPrepared;
                let claim = r.prepared.filter(|_| carried);
                s.wishes.insert((i, r.view, claim));
            }
            Action::Open(v, x) => {
                s.opened.insert((v, x));
                s.proposals.insert((v, x));
            }
            Action::Enter(i, v, _) => {
                let r = &mut s.replicas[usize::from(i)];
                r.view = v;
                r.active = v;
                r.changing = false;
            }
        }
        Some(s)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("agreement", |m: &Rules, s: &State| {
            let decided = m
                .honest()
                .filter_map(|i| s.replicas[usize::from(i)].decided);
            decided.collect::<BTreeSet<Value>>().len() <= 1
        })]
    }
}

fn search(variant: Variant, byzantine: Option<u8>, last_view: u8) -> (bool, usize) {
    let rules = Rules {
        variant,
        byzantine,
        last_view,
    };
    let checker = rules
        .checker()
        .finish_when(HasDiscoveries::Any)
        .target_state_count(1_500_000)
        .spawn_bfs()
        .join();
    (
        checker.discovery("agreement").is_some(),
        checker.unique_state_count(),
    )
}

/// Random walks from a fixed seed, for what lies too deep to search.
fn walk(variant: Variant, byzantine: Option<u8>, last_view: u8) -> bool {
    let rules = Rules {
        variant,
        byzantine,
        last_view,
    };
    let checker = rules
        .checker()
        .finish_when(HasDiscoveries::Any)
        .target_state_count(4_000_000)
        .spawn_simulation(7, stateright::UniformChooser)
        .join();
    checker.discovery("agreement").is_some()
}

#[test]
fn the_rules_agree_without_and_with_a_byzantine_replica() {
    for byzantine in [None, Some(0), Some(1), Some(3)] {
        let (forked, states) = search(Variant::Correct, byzantine, 1);
        println!("correct, byzantine {byzantine:?}: {states} states");
        assert!(!forked, "byzantine {byzantine:?}");
        assert!(states < 1_000_000, "the search was not exhaustive");
    }
}

#[test]
fn a_view_change_without_prepared_certificates_forks_even_without_a_liar() {
    assert!(search(Variant::WithoutPrepared, None, 1).0);
}

#[test]
fn voting_on_after_a_view_change_forks() {
    assert!(walk(Variant::KeepVoting, None, 1));
}

#[test]
fn believing_an_unproven_certificate_forks() {
    assert!(search(Variant::UnprovenPrepared, Some(1), 1).0);
}

#[test]
fn a_new_view_from_f_plus_one_forks() {
    assert!(search(Variant::WeakNewView, Some(3), 1).0);
}

#[test]
fn taking_any_prepared_certificate_forks_within_three_views() {
    assert!(walk(Variant::AnyPrepared, Some(0), 2));
}
