//! Wildcards and policy variables.
//!
//! Owns: `*`, `?` and `${...}` in actions, resources and condition values. Must not: know which element they stand in.
//!
//! Source: IAM User Guide, "IAM policy elements: Variables and tags" and "IAM JSON policy elements: Resource".

use super::document::Version;
use super::request::{Request, Value};
use super::shown;

/// One piece of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Literal(char),
    One,
    Many,
}

/// A pattern ready to match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob(Vec<Token>);

/// A text with its variables put in.
pub(super) enum Expanded {
    /// As a pattern.
    Glob(Glob),
    /// A variable without default is not in the request: the text is nothing and equals nothing.
    Nothing,
    /// A variable is not known, and why.
    Unknown(String),
}

/// Whether a whole text matches a pattern in which `*` and `?` are wildcards and nothing else is special; `fold` compares
/// letters without case. Every action of every statement is asked for many actions: nothing is made of the pattern before.
pub(super) fn wild(pattern: &str, text: &str, fold: bool) -> bool {
    matches(pattern.chars().map(token), text, fold)
}

impl Glob {
    /// Puts the variables in. Their values, and `${*}`, `${?}`, `${$}`, are never wildcards.
    pub(super) fn expand(text: &str, wildcards: bool, version: Version, request: &Request) -> Expanded {
        let plain = |c| if wildcards { token(c) } else { Token::Literal(c) };
        if version == Version::V2008 {
            return Expanded::Glob(Self(text.chars().map(plain).collect()));
        }
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            tokens.extend(before.chars().map(plain));
            let Some((name, after)) = after.split_once('}') else {
                return Expanded::Unknown(format!("`{}` has a variable without end", shown(text)));
            };
            match variable(name, request) {
                Ok(Some(value)) => tokens.extend(value.chars().map(Token::Literal)),
                Ok(None) => return Expanded::Nothing,
                Err(why) => return Expanded::Unknown(why),
            }
            rest = after;
        }
        tokens.extend(rest.chars().map(plain));
        Expanded::Glob(Self(tokens))
    }

    /// Whether the whole text matches; `fold` compares letters without case.
    pub(super) fn matches(&self, text: &str, fold: bool) -> bool {
        matches(self.0.iter().copied(), text, fold)
    }

    /// The text of a pattern without wildcards.
    pub(super) fn literal(&self) -> String {
        let text = |token: &Token| match token {
            Token::Literal(c) => *c,
            Token::One => '?',
            Token::Many => '*',
        };
        self.0.iter().map(text).collect()
    }

    /// Whether an ARN matches part by part, so that no wildcard reaches over a colon into the next part. `None` if the
    /// pattern or the text is not an ARN.
    pub(super) fn matches_arn(&self, text: &str) -> Option<bool> {
        let (pattern, parts) = (self.parts(), split(text)?);
        (pattern.len() == 6 && is_arn(&pattern)).then(|| all_match(&pattern, &parts))
    }

    /// Whether a resource matches. A pattern with fewer than six parts is filled up with `*`, as IAM does.
    pub(super) fn matches_resource(&self, text: &str) -> bool {
        let mut pattern = self.parts();
        match split(text) {
            Some(parts) if is_arn(&pattern) => {
                pattern.resize(6, &[Token::Many]);
                all_match(&pattern, &parts)
            }
            _ => self.matches(text, false),
        }
    }

    /// At most six parts, cut at colons.
    fn parts(&self) -> Vec<&[Token]> {
        self.0.splitn(6, |token| *token == Token::Literal(':')).collect()
    }
}

fn token(c: char) -> Token {
    match c {
        '*' => Token::Many,
        '?' => Token::One,
        c => Token::Literal(c),
    }
}

/// The six parts of an ARN.
fn split(text: &str) -> Option<Vec<&str>> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    (parts.len() == 6 && parts.first() == Some(&"arn")).then_some(parts)
}

fn is_arn(pattern: &[&[Token]]) -> bool {
    pattern.len() > 1 && pattern.first().is_some_and(|first| matches(first.iter().copied(), "arn", false))
}

fn all_match(pattern: &[&[Token]], parts: &[&str]) -> bool {
    pattern.iter().zip(parts).all(|(pattern, part)| matches(pattern.iter().copied(), part, false))
}

/// The value of `name` or `name, 'default'`; `None` if the request has none.
fn variable(name: &str, request: &Request) -> Result<Option<String>, String> {
    if matches!(name, "*" | "?" | "$") {
        return Ok(Some(name.to_owned()));
    }
    let (key, default) = match name.split_once(',') {
        Some((key, default)) => {
            let default = default.trim();
            let inner = default.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
            (key.trim(), Some(inner.ok_or_else(|| format!("the default of variable `{}` is not quoted", shown(key)))?))
        }
        None => (name.trim(), None),
    };
    match request.value(key) {
        Value::Present(values) => match values.as_slice() {
            [value] => Ok(Some(value.clone())),
            _ => Err(format!("variable `{}` has several values", shown(key))),
        },
        Value::Absent => Ok(default.map(str::to_owned)),
        Value::Unknown => Err(format!("variable `{}` is not known", shown(key))),
    }
}

/// Greedy matching that returns to the last `*` on a mismatch: at most pattern times text steps.
fn matches<P: Iterator<Item = Token> + Clone>(mut pattern: P, text: &str, fold: bool) -> bool {
    let mut text = text.chars();
    // What comes after the last `*`, and what it was tried on.
    let mut last_many: Option<(P, std::str::Chars<'_>)> = None;
    while let Some(c) = text.clone().next() {
        let fits = match pattern.next() {
            Some(Token::Many) => {
                last_many = Some((pattern.clone(), text.clone()));
                continue;
            }
            Some(Token::One) => true,
            Some(Token::Literal(literal)) => same(literal, c, fold),
            None => false,
        };
        if fits {
            text.next();
        } else if let Some((after, from)) = &mut last_many {
            from.next();
            (pattern, text) = (after.clone(), from.clone());
        } else {
            return false;
        }
    }
    pattern.all(|token| token == Token::Many)
}

fn same(a: char, b: char, fold: bool) -> bool {
    if !fold || a.is_ascii() && b.is_ascii() {
        return a == b || fold && a.eq_ignore_ascii_case(&b);
    }
    a == b || a.to_lowercase().eq(b.to_lowercase())
}
