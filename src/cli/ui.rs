//! Where words go: stdout is data, stderr is talk. Progress is a bar on a terminal, plain lines in CI, nothing with
//! `--quiet`.

use super::exit::Failure;
use crate::report::text::{Paint, Style, plain};
use crate::store::{self, Streamed};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::Mutex;

/// When to paint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How to talk.
#[derive(Debug, Clone, Copy)]
pub struct Ui {
    /// For what goes to stdout.
    pub out: Paint,
    /// For what goes to stderr.
    err: Paint,
    quiet: bool,
    bars: bool,
}

/// The narrowest terminal that tables are made for.
const NARROWEST: usize = 40;

/// How many characters fit in a line of stdout: `COLUMNS`, or what the terminal says; a pipe has no end of lines.
fn width() -> Option<usize> {
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let size = || terminal_size::terminal_size_of(&stdout).map(|(width, _)| usize::from(width.0));
    said.or_else(size).map(|width: usize| width.max(NARROWEST))
}

impl Ui {
    /// From the flags and what stdout and stderr are.
    pub fn new(color: Color, quiet: bool) -> Self {
        let wanted = |terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        let stderr = std::io::stderr().is_terminal();
        Self {
            out: Paint { on: wanted(std::io::stdout().is_terminal()), width: width() },
            err: Paint { on: wanted(stderr), width: None },
            quiet,
            bars: stderr && std::env::var_os("CI").is_none() && std::env::var("TERM").as_deref() != Ok("dumb"),
        }
    }

    /// Data to stdout. A reader that went away (`| head`) is no error.
    ///
    /// # Errors
    /// If stdout can't be written, for example on a full disk.
    pub fn data(&self, text: &str) -> Result<(), Failure> {
        self.data_with(|out| out.write_all(text.as_bytes()).map_err(Failure::error))
    }

    /// The same from what `write` writes, piece by piece; once the reader went away, `write` is not called to its end.
    ///
    /// # Errors
    /// If stdout can't be written, or as `write` fails.
    pub fn data_with(&self, write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>) -> Result<(), Failure> {
        match store::stream(std::io::stdout().lock(), write) {
            Ok(()) => Ok(()),
            Err(Streamed::Io(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            Err(Streamed::Io(error)) => Err(Failure::error(format!("stdout can't be written: {error}"))),
            Err(Streamed::Source(failure)) => Err(failure),
        }
    }

    /// A question to stderr; its answer is typed behind it.
    pub fn ask(&self, question: &str) {
        let mut err = std::io::stderr().lock();
        // Nobody is there to answer if stderr is gone.
        let _ = write!(err, "{question}").and_then(|()| err.flush());
    }

    /// Talk to stderr, unless `--quiet`.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            self.stderr(text);
        }
    }

    /// A warning to stderr, even with `--quiet`.
    pub fn warn(&self, text: &str) {
        self.stderr(&format!("{} {text}", self.err.paint(Style::Yellow, "warning:")));
    }

    /// A failure to stderr.
    pub fn fail(&self, failure: &Failure) {
        for message in &failure.messages {
            // Messages span lines where they show a source line; each line is made safe on its own.
            let safe: Vec<String> = message.lines().map(plain).collect();
            self.stderr(&format!("{} {}", self.err.paint(Style::Red, "error:"), safe.join("\n")));
        }
    }

    /// Text that may be painted for stderr.
    pub fn paint(&self) -> Paint {
        self.err
    }

    fn stderr(&self, text: &str) {
        // Nothing is left to tell if stderr itself is gone.
        let _ = writeln!(std::io::stderr().lock(), "{}", text.trim_end_matches('\n'));
    }

    /// A bar, where one can be seen.
    pub fn bar(&self) -> Option<ProgressBar> {
        let seen = self.bars && !self.quiet;
        seen.then(|| ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()))
    }

    /// Progress over `total` things.
    pub fn progress(&self, total: usize, what: &'static str) -> Progress<'_> {
        let bar = if self.quiet || !self.bars {
            ProgressBar::hidden()
        } else {
            ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr())
        };
        // The template is a constant; were it wrong, indicatif's own style would show.
        if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {elapsed} {wide_msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(what);
        Progress { ui: self, bar, total, what, done: Mutex::new(0) }
    }
}

/// A value as pretty JSON with a line feed at its end.
///
/// # Errors
/// If it has no form as JSON, which no value orgward makes is known to do.
pub fn pretty(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").map_err(Failure::error)
}

/// Progress over a known number of accounts or changes.
pub struct Progress<'a> {
    ui: &'a Ui,
    bar: ProgressBar,
    total: usize,
    what: &'static str,
    done: Mutex<usize>,
}

impl Progress<'_> {
    /// One more is done; `note` says which.
    pub fn step(&self, note: &str) {
        self.bar.set_message(plain(note));
        self.bar.inc(1);
        let Ok(mut done) = self.done.lock() else { return };
        *done += 1;
        // Without a bar: a line for each tenth, and for the last.
        let tenth = self.total.div_ceil(10).max(1);
        if !self.ui.bars && (*done % tenth == 0 || *done == self.total) {
            self.ui.say(&format!("{}: {} of {}", self.what, *done, self.total));
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
