//! Work for all cores, or for one where the `parallel` feature is off.

/// Runs both, at the same time if a core is free.
#[cfg(feature = "parallel")]
pub(crate) fn join<A: Send, B: Send>(
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    rayon::join(a, b)
}

/// Runs both, one after the other.
#[cfg(not(feature = "parallel"))]
pub(crate) fn join<A: Send, B: Send>(
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    (a(), b())
}

/// The images of `0..count`, in order.
#[cfg(feature = "parallel")]
pub(crate) fn map<R: Send>(count: usize, f: impl Fn(usize) -> R + Send + Sync) -> Vec<R> {
    use rayon::prelude::*;
    (0..count).into_par_iter().map(f).collect()
}

/// The images of `0..count`, in order.
#[cfg(not(feature = "parallel"))]
pub(crate) fn map<R: Send>(count: usize, f: impl Fn(usize) -> R + Send + Sync) -> Vec<R> {
    (0..count).map(f).collect()
}
