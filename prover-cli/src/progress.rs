//! One progress display for many pieces of work, on standard error, for a person only.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console::Console;

/// A display of how many pieces are done.
pub struct Progress(ProgressBar);

impl Progress {
    /// Starts a display of `pieces` pieces; invisible unless a person watches.
    pub fn start(console: &Console, doing: &'static str, pieces: usize) -> Self {
        let target = if console.watched() && !console.json() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(pieces as u64), target);
        let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {elapsed}  {msg}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.set_prefix(doing);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// Names the piece being worked on.
    pub fn working_on(&self, name: &str) {
        self.0.set_message(name.to_owned());
    }

    /// One piece more is done.
    pub fn advance(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
