//! One progress display for many pieces of work, on standard error, for a person only.

use std::{io::Read, time::Duration};

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

    /// Starts a display of how much of a file is read; invisible unless a person watches.
    pub fn of_bytes(console: &Console, doing: &'static str, bytes: Option<u64>) -> Self {
        let progress = Self::start(console, doing, 0);
        let template = match bytes {
            Some(bytes) => {
                progress.0.set_length(bytes);
                "{prefix} {bar:30} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}"
            }
            None => "{prefix} {spinner} {bytes} {binary_bytes_per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            progress.0.set_style(style);
        }
        progress
    }

    /// Counts what is read through it.
    pub fn reading<R: Read>(&self, reader: R) -> impl Read {
        self.0.wrap_read(reader)
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
