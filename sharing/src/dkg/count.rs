//! Counts equations in G2 of the current thread, so that tests can pin what others' words cost to judge.

use std::cell::Cell;

thread_local! {
    static EQUATIONS: Cell<usize> = const { Cell::new(0) };
}

pub(super) fn record() {
    EQUATIONS.with(|count| count.set(count.get() + 1));
}

/// What `work` gives, and how many times it compares a share with commitments or an exposure: each an
/// evaluation of t points.
pub fn equations_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = EQUATIONS.with(Cell::get);
    let done = work();
    (done, EQUATIONS.with(Cell::get) - before)
}
