//! Where words go: stdout is data, stderr is talk, as wide as the terminal it goes to. Progress is a bar on a terminal, plain
//! lines elsewhere, in CI and with `--progress lines`, nothing with `--quiet`.

use super::exit::Failure;
use crate::report::text::{Paint, Style, plain};
use crate::store::{self, Streamed};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::{LazyLock, Mutex};
use terminal_size::{Height, Width};

/// When to paint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Shown {
    /// A bar on a terminal, lines elsewhere and where CI is set or TERM is dumb.
    #[default]
    Auto,
    /// Lines, on a terminal too: nothing is drawn over.
    Lines,
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

/// The bars that are drawn: there is one terminal, and what is said there goes above them.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// The narrowest terminal that tables are made for.
const NARROWEST: usize = 40;

/// How many columns the lines of a terminal have: `COLUMNS`, or what it says itself; a pipe has no end of lines.
fn width(terminal: bool, size: impl FnOnce() -> Option<(Width, Height)>) -> Option<usize> {
    if !terminal {
        return None;
    }
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    said.or_else(|| size().map(|(width, _)| usize::from(width.0))).map(|width: usize| width.max(NARROWEST))
}

/// Whether a line of a message shows source: a number or none, and a bar. Such lines are aligned with each other.
fn is_source(line: &str) -> bool {
    line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start().starts_with('|')
}

/// A message as wide as `paint` says, its label in front. Every line of it goes on indented, lines of source as they are. Whoever
/// wrote it, each line is made safe here: names, messages of AWS and words of files are in it.
fn broken(label: &str, text: &str, paint: Paint) -> String {
    let mut out = String::new();
    for (n, line) in text.trim_end_matches('\n').split('\n').enumerate() {
        let line = &*plain(line.trim_end_matches('\r'));
        let words = line.trim_start_matches(' ');
        let (indent, _) = line.split_at(line.len() - words.len());
        out += &match n {
            _ if is_source(line) => format!("{line}\n"),
            0 if !label.is_empty() => paint.sentence(label, line),
            _ => paint.entry(indent, words),
        };
    }
    out
}

impl Ui {
    /// From the flags and what stdout and stderr are.
    pub fn new(color: Color, progress: Shown, quiet: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let wanted = |terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !dumb && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        let (stdout, stderr) = (std::io::stdout(), std::io::stderr());
        let (data, talk) = (stdout.is_terminal(), stderr.is_terminal());
        Self {
            out: Paint { on: wanted(data), width: width(data, || terminal_size::terminal_size_of(&stdout)) },
            err: Paint { on: wanted(talk), width: width(talk, || terminal_size::terminal_size_of(&stderr)) },
            quiet,
            bars: talk && progress == Shown::Auto && std::env::var_os("CI").is_none() && !dumb,
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
            self.stderr(&broken("", text, self.err));
        }
    }

    /// A warning to stderr, even with `--quiet`.
    pub fn warn(&self, text: &str) {
        self.stderr(&broken(&format!("{} ", self.err.paint(Style::Yellow, "warning:")), text, self.err));
    }

    /// A failure to stderr.
    pub fn fail(&self, failure: &Failure) {
        for message in &failure.messages {
            let label = format!("{} ", self.err.paint(Style::Red, "error:"));
            self.stderr(&broken(&label, message, self.err));
        }
    }

    /// Text that may be painted for stderr.
    pub fn paint(&self) -> Paint {
        self.err
    }

    fn stderr(&self, text: &str) {
        // Nothing is left to tell if stderr itself is gone.
        let write = || drop(writeln!(std::io::stderr().lock(), "{}", text.trim_end_matches('\n')));
        // A bar that is drawn would stay where it was.
        if self.bars { BARS.suspend(write) } else { write() }
    }

    /// A bar, where one can be seen.
    pub fn bar(&self) -> Option<ProgressBar> {
        let seen = self.bars && !self.quiet;
        seen.then(|| BARS.add(ProgressBar::new(0)))
    }

    /// Progress over `total` things.
    pub fn progress(&self, total: usize, what: &'static str) -> Progress<'_> {
        let bar = self.bar().unwrap_or_else(ProgressBar::hidden);
        bar.set_length(total as u64);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_as_wide_as_the_terminal_and_source_stays_aligned() {
        let text = "ours.yaml:3:5: there is no action `pasword-policy`: did you mean `password-policy`?\n  3 |   - action: pasword-policy that is a very long line of a file\n    |             ^\n  hint: valid words: `alarm`, `password-policy`, `scp`, `scp-rollout`";
        let at = |width| broken("error: ", text, Paint { on: false, width });
        assert_eq!(at(None), format!("error: {text}\n"));
        assert_eq!(
            at(Some(60)),
            "error: ours.yaml:3:5: there is no action `pasword-policy`:\n       did you mean `password-policy`?\n  3 |   - action: pasword-policy that is a very long line of a file\n    |             ^\n  hint: valid words: `alarm`, `password-policy`, `scp`,\n    `scp-rollout`\n"
        );
    }

    #[test]
    fn nothing_in_a_message_steers_the_terminal() {
        let text = "the way back of \u{1b}[2J\u{202e}evil\r is refused\n  at \u{9b}31m";
        let told = broken("warning: ", text, Paint { on: false, width: None });
        assert_eq!(told, "warning: the way back of \\u{1b}[2J\\u{202e}evil\\u{d} is refused\n  at \\u{9b}31m\n");
    }

    #[test]
    fn only_a_terminal_has_a_width() {
        let size = || Some((Width(80), Height(24)));
        assert_eq!(width(false, size), None);
        assert!(width(true, || Some((Width(10), Height(24)))).is_some_and(|width| width >= NARROWEST));
    }
}
