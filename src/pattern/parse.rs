//! From text to an expression.
//!
//! Owns: the grammar of JSON patterns; `&&` binds tighter than `||`. Must not: evaluate.

use super::test::{Number, Order, Selector, Step, Term, Test, Wanted};
use super::{Expression, PatternError};

/// Parentheses deeper than this are refused.
const DEEPEST: usize = 50;
/// Wildcard selectors in one selector and in one pattern (CloudWatch Logs' own limits).
const WILDCARDS_IN_SELECTOR: usize = 1;
const WILDCARDS_IN_PATTERN: usize = 3;

/// Whether a field's name can be written without brackets.
pub(super) fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(in_name)
}

fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// What may stand in a value without quotes. The guide names letters, digits and `_`, and uses `.`, `-`, `+` and `*` too.
fn in_bare_value(c: char) -> bool {
    in_name(c) || matches!(c, '.' | '*' | '+')
}

/// Reads a whole pattern.
pub(super) fn pattern(text: &str) -> Result<Expression, PatternError> {
    let unsupported = |what| Err(PatternError::Unsupported { what });
    match text.trim_start().chars().next() {
        None => return unsupported("an empty pattern"),
        Some('{') => {}
        Some('[') => return unsupported("a pattern of space-delimited fields"),
        Some('%') => return unsupported("a regular expression"),
        Some(_) => return unsupported("a pattern of terms"),
    }
    let mut parser = Parser { chars: text.chars().collect(), at: 0, depth: 0, wildcards: 0 };
    parser.skip_space();
    parser.expect("{")?;
    let expression = parser.any_of()?;
    parser.skip_space();
    parser.expect("}")?;
    parser.skip_space();
    if parser.at < parser.chars.len() {
        return Err(parser.error("the pattern goes on after its `}`, remove the rest"));
    }
    Ok(expression)
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    depth: usize,
    wildcards: usize,
}

impl Parser {
    fn error(&self, message: impl Into<String>) -> PatternError {
        PatternError::Syntax { column: self.at + 1, message: message.into() }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    /// Takes `text` if it comes next.
    fn take(&mut self, text: &str) -> bool {
        let mut end = self.at;
        for wanted in text.chars() {
            if self.chars.get(end) != Some(&wanted) {
                return false;
            }
            end += 1;
        }
        self.at = end;
        true
    }

    fn expect(&mut self, text: &str) -> Result<(), PatternError> {
        if self.take(text) { Ok(()) } else { Err(self.error(format!("expected `{text}`"))) }
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.peek().filter(|c| fits(*c)) {
            taken.push(c);
            self.at += 1;
        }
        taken
    }

    fn any_of(&mut self) -> Result<Expression, PatternError> {
        let mut parts = vec![self.all_of()?];
        self.skip_space();
        while self.take("||") {
            parts.push(self.all_of()?);
            self.skip_space();
        }
        Ok(joined(parts, Expression::Or))
    }

    fn all_of(&mut self) -> Result<Expression, PatternError> {
        let mut parts = vec![self.one()?];
        self.skip_space();
        while self.take("&&") {
            parts.push(self.one()?);
            self.skip_space();
        }
        Ok(joined(parts, Expression::And))
    }

    fn one(&mut self) -> Result<Expression, PatternError> {
        self.skip_space();
        if !self.take("(") {
            return self.test().map(Expression::Test);
        }
        if self.depth == DEEPEST {
            return Err(self.error(format!("more than {DEEPEST} parentheses inside each other")));
        }
        self.depth += 1;
        let inner = self.any_of()?;
        self.skip_space();
        self.expect(")")?;
        self.depth -= 1;
        Ok(inner)
    }

    fn test(&mut self) -> Result<Test, PatternError> {
        let selector = self.selector()?;
        self.skip_space();
        let wanted = if self.take("!=") {
            Wanted::NotEqual(self.term()?)
        } else if self.take("<=") {
            Wanted::Order(Order::LessOrEqual, self.number()?)
        } else if self.take(">=") {
            Wanted::Order(Order::GreaterOrEqual, self.number()?)
        } else if self.take("<") {
            Wanted::Order(Order::Less, self.number()?)
        } else if self.take(">") {
            Wanted::Order(Order::Greater, self.number()?)
        } else if self.take("=") {
            Wanted::Equal(self.term()?)
        } else {
            self.words()?
        };
        Ok(Test { selector, wanted })
    }

    /// `IS NULL`, `IS TRUE`, `IS FALSE`, `NOT EXISTS`.
    fn words(&mut self) -> Result<Wanted, PatternError> {
        let start = self.at;
        let first = self.take_while(|c| c.is_ascii_alphabetic()).to_ascii_uppercase();
        self.skip_space();
        let second = self.take_while(|c| c.is_ascii_alphabetic()).to_ascii_uppercase();
        match (first.as_str(), second.as_str()) {
            ("IS", "NULL") => Ok(Wanted::Null),
            ("IS", "TRUE") => Ok(Wanted::Boolean(true)),
            ("IS", "FALSE") => Ok(Wanted::Boolean(false)),
            ("NOT", "EXISTS") => Ok(Wanted::Missing),
            ("EXISTS", _) => {
                self.at = start;
                Err(self.error("`EXISTS` is not an operator, use `= \"*\"`"))
            }
            ("IS", "NOT") => {
                self.at = start;
                Err(self.error("`IS NOT` is not an operator, use `!=` or the opposite of `IS`"))
            }
            _ => {
                self.at = start;
                Err(self.error(
                    "expected `=`, `!=`, `<`, `<=`, `>`, `>=`, `IS NULL`, `IS TRUE`, `IS FALSE` or `NOT EXISTS`",
                ))
            }
        }
    }

    fn selector(&mut self) -> Result<Selector, PatternError> {
        if !self.take("$.") {
            return Err(self.error("expected a selector such as `$.eventName`"));
        }
        let mut steps = vec![self.field()?];
        loop {
            if self.take(".") {
                steps.push(self.field()?);
            } else if self.peek() == Some('[') {
                steps.push(self.bracket()?);
            } else {
                break;
            }
        }
        let wildcards = steps.iter().filter(|step| **step == Step::Any).count();
        if wildcards > WILDCARDS_IN_SELECTOR {
            return Err(self.error("a selector can have one wildcard only"));
        }
        self.wildcards += wildcards;
        if self.wildcards > WILDCARDS_IN_PATTERN {
            return Err(self.error(format!("a pattern can have {WILDCARDS_IN_PATTERN} wildcard selectors at most")));
        }
        Ok(Selector(steps))
    }

    /// What follows a point.
    fn field(&mut self) -> Result<Step, PatternError> {
        if self.take("*") {
            return Ok(Step::Any);
        }
        if self.peek() == Some('[') {
            return self.bracket();
        }
        let name = self.take_while(in_name);
        if name.is_empty() {
            return Err(
                self.error("expected a field's name; one with other characters goes into brackets, `$.['a.b']`")
            );
        }
        Ok(Step::Field(name))
    }

    /// `[0]`, `[*]`, `['name']` or `["name"]`.
    fn bracket(&mut self) -> Result<Step, PatternError> {
        self.expect("[")?;
        let step = if self.take("*") {
            Step::Any
        } else if let Some(quote) = self.peek().filter(|c| matches!(c, '\'' | '"')) {
            self.at += 1;
            let name = self.take_while(|c| c != quote && c != '\'');
            if !self.take(&quote.to_string()) {
                return Err(self.error(format!("expected {quote} after the field's name")));
            }
            Step::Field(name)
        } else {
            let digits = self.take_while(|c| c.is_ascii_digit());
            Step::Element(
                digits.parse().map_err(|_| self.error("expected a number, `*` or a quoted name in brackets"))?,
            )
        };
        self.expect("]")?;
        Ok(step)
    }

    fn term(&mut self) -> Result<Term, PatternError> {
        self.skip_space();
        match self.peek() {
            Some('"') => self.quoted(),
            Some('%') => Err(PatternError::Unsupported { what: "a regular expression" }),
            _ => {
                let text = self.take_while(in_bare_value);
                if text.is_empty() {
                    return Err(self.error("expected a value; one with other characters goes into double quotes"));
                }
                if let Some(number) = as_number(&text) {
                    return Ok(Term::Number(number));
                }
                let (text, open_start) = text.strip_prefix('*').map_or((text.as_str(), false), |rest| (rest, true));
                let (text, open_end) = text.strip_suffix('*').map_or((text, false), |rest| (rest, true));
                // A star alone is open on both sides.
                let open_end = open_end || (open_start && text.is_empty());
                Ok(Term::Text { quoted: false, text: text.to_owned(), open_start, open_end })
            }
        }
    }

    /// A quoted string. A backslash makes the next character plain; a star is a wildcard at either end only.
    fn quoted(&mut self) -> Result<Term, PatternError> {
        self.expect("\"")?;
        let mut chars: Vec<(char, bool)> = Vec::new();
        loop {
            let Some(c) = self.peek() else {
                return Err(self.error("expected `\"` at the end of the string"));
            };
            self.at += 1;
            match c {
                '"' => break,
                '\\' => {
                    let Some(plain) = self.peek() else {
                        return Err(self.error("expected a character after `\\`"));
                    };
                    self.at += 1;
                    chars.push((plain, true));
                }
                c => chars.push((c, false)),
            }
        }
        let open_start = chars.first() == Some(&('*', false));
        let open_end = chars.last() == Some(&('*', false));
        let from = usize::from(open_start);
        let to = chars.len().saturating_sub(usize::from(open_end)).max(from);
        let text = chars.get(from..to).unwrap_or_default().iter().map(|(c, _)| *c).collect();
        Ok(Term::Text { quoted: true, text, open_start, open_end })
    }

    fn number(&mut self) -> Result<Number, PatternError> {
        self.skip_space();
        let text = self.take_while(in_bare_value);
        as_number(&text).ok_or_else(|| self.error("`<`, `<=`, `>` and `>=` need a number without quotes"))
    }
}

/// One part as it is, several joined.
fn joined(mut parts: Vec<Expression>, join: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => join(parts.into_iter().chain(last).collect()),
    }
}

/// A number such as `400`, `-1`, `1e-3`.
fn as_number(text: &str) -> Option<Number> {
    let looks = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E'));
    let value: f64 = text.parse().ok().filter(|_| looks)?;
    value.is_finite().then(|| Number { text: text.to_owned(), value })
}
