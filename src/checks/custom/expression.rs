//! A CEL expression over the view: read once, evaluated for each target within a budget.
//!
//! Owns: what an expression may name, which fields it reads, and when its answer counts. Must not: know facts.
//!
//! An answer counts only if no unknown value was touched and the budget lasted. CEL's `||`, `&&`, `all` and `exists` absorb
//! errors, so both are looked up after the evaluation, whatever it said.

use super::quoted;
use super::value::{self, Touched};
use super::view::View;
use crate::model::{Cause, CauseKind};
use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, SourceInfo, operators};
use cel::common::functions::Function;
use cel::common::types::{CelBool, CelString, DYN_TYPE, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::parser::Parser;
use cel::{Context, Env, ExecutionError, Value};
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The longest expression, in bytes.
const LONGEST: usize = 4096;

/// How deep an expression may nest.
const DEEPEST: usize = 120;

/// How many steps one evaluation may take: a turn of a loop, or a copy of a value, by what it holds. Enough to look at a list of
/// 10,000 users 100 times.
const STEPS: u64 = 1_000_000;

/// The function that every loop's range is wrapped in; no expression can spell it.
const RANGE: &str = "@range";
/// What stands for `==`, `!=` and `in`: CEL's own know views on the left side only.
const EQUALS: &str = "@equals";
const DIFFERS: &str = "@differs";
const HELD: &str = "@held";

/// The functions behind these names.
const FUNCTIONS: [(&str, Function); 5] =
    [(RANGE, range), (COPIED, copied), (EQUALS, equals), (DIFFERS, differs), (HELD, held)];

/// What every value is wrapped in that is copied: an element of a list or a map, and what is added up. Without it a value that
/// doubles in each of thirty nested loops fills the memory in thirty turns.
const COPIED: &str = "@copied";

/// The variable that holds what is left of the budget.
const BUDGET: &str = "@budget";

/// Why an expression can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// The line within the expression, from 0.
    pub line: usize,
    /// What is wrong, with the fix.
    pub message: String,
}

/// The names an expression may use: variables, and the fields of those that are maps of facts.
pub(super) type Vocabulary<'v> = BTreeMap<&'v str, Option<Vec<&'v str>>>;

/// Fields that are read, as (variable, field).
pub(super) type Reads = BTreeSet<(String, String)>;

/// An expression that was read.
pub(super) struct Expression {
    tree: IdedExpr,
    /// The fields it reads.
    pub fields: Reads,
    env: Arc<Env>,
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Expression").field("fields", &self.fields).finish_non_exhaustive()
    }
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// Every mistake: syntax, unknown names, one that is too long or too deep.
    pub fn read(text: &str, vocabulary: &Vocabulary<'_>) -> Result<Self, Vec<Problem>> {
        let at_start = |message: String| vec![Problem { line: 0, message }];
        if text.len() > LONGEST {
            return Err(at_start(format!("has {} bytes, at most {LONGEST} are read: split the check", text.len())));
        }
        let read = on_a_deep_stack(|| Self::parse(text, vocabulary));
        let (tree, fields) = read.unwrap_or_else(|| Err(at_start("can't be read: nest it less".to_owned())))?;
        let mut env = Env::stdlib();
        for (name, does) in FUNCTIONS {
            env.add_overload(name, name, vec![DYN_TYPE, DYN_TYPE], does)
                .map_err(|error| at_start(error.to_string()))?;
        }
        Ok(Self { tree, fields, env: Arc::new(env) })
    }

    fn parse(text: &str, vocabulary: &Vocabulary<'_>) -> Result<(IdedExpr, Reads), Vec<Problem>> {
        let (mut tree, source) = Parser::default().parse_with_source_info(text).map_err(|errors| {
            let problem = |line: isize, message: String| Problem {
                line: usize::try_from(line - 1).unwrap_or(0),
                message: format!("is no CEL expression: {}", message.trim_end_matches('.').to_lowercase()),
            };
            errors.errors.into_iter().map(|error| problem(error.pos.0, error.msg)).collect::<Vec<_>>()
        })?;
        let mut reading =
            Reading { vocabulary, source: &source, text, bound: Vec::new(), fields: BTreeSet::new(), problems: vec![] };
        reading.look(&mut tree, 0);
        let Reading { fields, problems, .. } = reading;
        if problems.is_empty() { Ok((tree, fields)) } else { Err(problems) }
    }

    /// Evaluates to true or false.
    ///
    /// # Errors
    /// The cause of the first unknown value it touched; or that it failed, took too long, or said neither.
    pub fn test(&self, variables: &BTreeMap<&str, View>) -> Result<bool, Cause> {
        self.evaluate(
            variables,
            |answer| answer.downcast_ref::<CelBool>().map(|answer| *answer.inner()),
            "true or false",
        )
    }

    /// Evaluates to a list of texts.
    ///
    /// # Errors
    /// As [`Expression::test`].
    pub fn texts(&self, variables: &BTreeMap<&str, View>) -> Result<Vec<String>, Cause> {
        let texts = |answer: &dyn Val| {
            let mut items = answer.as_iterable()?.iter();
            let mut texts = Vec::new();
            while let Some(item) = items.next() {
                texts.push(item.downcast_ref::<CelString>()?.inner().to_owned());
            }
            Some(texts)
        };
        self.evaluate(variables, texts, "a list of texts")
    }

    fn evaluate<T>(
        &self,
        variables: &BTreeMap<&str, View>,
        take: impl FnOnce(&dyn Val) -> Option<T> + Send,
        wanted: &str,
    ) -> Result<T, Cause>
    where
        T: Send,
    {
        on_a_deep_stack(|| self.evaluate_here(variables, take, wanted))
            .unwrap_or_else(|| Err(failed("it could not be evaluated")))
    }

    fn evaluate_here<T>(
        &self,
        variables: &BTreeMap<&str, View>,
        take: impl FnOnce(&dyn Val) -> Option<T>,
        wanted: &str,
    ) -> Result<T, Cause> {
        let touched = Touched::default();
        let budget = Budget(Arc::new(AtomicU64::new(STEPS)));
        let mut context = Context::with_env(self.env.clone());
        for (name, view) in variables {
            context.add_variable_as_val(*name, value::value(view, &touched));
        }
        context.add_variable_as_val(BUDGET, Box::new(budget.clone()));
        let answer = Value::resolve_val(&self.tree, &context);
        let taken = answer.map(|answer| take(answer.as_ref()));
        if let Some(cause) = touched.first() {
            return Err(cause);
        }
        if budget.spent() {
            return Err(failed(format!("it takes more than {STEPS} steps")));
        }
        match taken {
            Ok(Some(taken)) => Ok(taken),
            Ok(None) => Err(failed(format!("its answer is not {wanted}"))),
            Err(error) => Err(failed(format!("it failed: {error}"))),
        }
    }
}

fn failed(message: impl Into<String>) -> Cause {
    Cause::new(CauseKind::Other, "expression", message)
}

/// Does the work on a stack of its own: the parser and the interpreter take one frame, and no small one, for each level of
/// nesting. `None` if it panicked.
fn on_a_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    const STACK: usize = 256 << 20;
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new().name("expression".to_owned()).stack_size(STACK);
        worker.spawn_scoped(scope, work).ok()?.join().ok()
    })
}

/// Takes what a copy of the first argument costs from the budget in the second.
fn copied<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (value, budget) = pair(arguments)?;
    match budget.as_ref().downcast_ref::<Budget>() {
        Some(budget) if budget.take(value::weight(value.as_ref())) => Ok(value),
        _ => Err(ExecutionError::function_error("copy", "the budget is spent")),
    }
}

/// Takes the turns of a loop over the first argument from the budget in the second, and a copy of each element.
fn range<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (range, budget) = pair(arguments)?;
    let size = range.as_sizer().map_or(0, |sizer| u64::try_from(*sizer.size().inner()).unwrap_or(u64::MAX));
    let turns = size.saturating_add(value::weight(range.as_ref()));
    match budget.as_ref().downcast_ref::<Budget>() {
        Some(budget) if budget.take(turns) => Ok(range),
        _ => Err(ExecutionError::function_error("loop", "the budget is spent")),
    }
}

fn pair<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<(CowVal<'b, 'v>, CowVal<'b, 'v>), ExecutionError> {
    let mut arguments = arguments.into_iter();
    arguments.next().zip(arguments.next()).ok_or_else(|| ExecutionError::invalid_argument_count(2, 1))
}

fn equals<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (a, b) = pair(arguments)?;
    Ok(CowVal::owned(CelBool::from(value::same(a.as_ref(), b.as_ref()))))
}

fn differs<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (a, b) = pair(arguments)?;
    Ok(CowVal::owned(CelBool::from(!value::same(a.as_ref(), b.as_ref()))))
}

fn held<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (item, whole) = pair(arguments)?;
    Ok(CowVal::owned(CelBool::from(value::holds(whole.as_ref(), item.as_ref())?)))
}

/// What is left of the steps.
#[derive(Debug, Clone)]
struct Budget(Arc<AtomicU64>);

impl Budget {
    /// Takes some; `false`, and nothing is left, if they don't suffice.
    fn take(&self, turns: u64) -> bool {
        let left = self.0.load(Ordering::Relaxed);
        self.0.store(left.saturating_sub(turns), Ordering::Relaxed);
        left > turns
    }

    fn spent(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

impl Val for Budget {
    fn get_type(&self) -> &Type {
        &DYN_TYPE
    }

    fn cel_type() -> &'static Type {
        &DYN_TYPE
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Budget {}

/// One walk over an expression: what it names, and its loops wrapped.
struct Reading<'r> {
    vocabulary: &'r Vocabulary<'r>,
    source: &'r SourceInfo,
    text: &'r str,
    bound: Vec<String>,
    fields: Reads,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn problem(&mut self, id: u64, message: String) {
        let offset = self.source.offset_for(id).map_or(0, |(start, _)| start as usize);
        let line = self.text.chars().take(offset).filter(|c| *c == '\n').count();
        let problem = Problem { line, message };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn look(&mut self, node: &mut IdedExpr, depth: usize) {
        if depth > DEEPEST {
            return self.problem(node.id, format!("nests deeper than {DEEPEST}: split the check"));
        }
        let (id, depth) = (node.id, depth + 1);
        match &mut node.expr {
            Expr::Unspecified => self.problem(id, "is incomplete".to_owned()),
            Expr::Literal(_) => {}
            Expr::Ident(name) => {
                let name = name.clone();
                self.name(id, &name);
            }
            Expr::Select(select) => {
                let variable = match &select.operand.expr {
                    Expr::Ident(name) if !self.bound.contains(name) => Some(name.clone()),
                    _ => None,
                };
                match variable {
                    Some(variable) if matches!(self.vocabulary.get(variable.as_str()), Some(Some(_))) => {
                        let field = select.field.clone();
                        self.field(id, &variable, &field);
                    }
                    _ => self.look(&mut select.operand, depth),
                }
            }
            Expr::Call(call) => {
                match call.func_name.as_str() {
                    operators::EQUALS => call.func_name = EQUALS.to_owned(),
                    operators::NOT_EQUALS => call.func_name = DIFFERS.to_owned(),
                    operators::IN => call.func_name = HELD.to_owned(),
                    _ => {}
                }
                call.target.iter_mut().for_each(|target| self.look(target, depth));
                call.args.iter_mut().for_each(|argument| self.look(argument, depth));
                if call.func_name == operators::ADD {
                    call.args.iter_mut().for_each(charge);
                }
            }
            Expr::List(list) => {
                list.elements.iter_mut().for_each(|element| self.look(element, depth));
                list.elements.iter_mut().for_each(charge);
            }
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        self.look(&mut entry.key, depth);
                        self.look(&mut entry.value, depth);
                        charge(&mut entry.value);
                    }
                }
            }
            Expr::Struct(_) => self.problem(id, "makes a message, which the view has none of".to_owned()),
            Expr::Comprehension(looped) => {
                self.look(&mut looped.iter_range, depth);
                self.look(&mut looped.accu_init, depth);
                let mut bound = vec![looped.iter_var.clone(), looped.accu_var.clone()];
                bound.extend(looped.iter_var2.clone());
                for name in bound.iter().filter(|name| self.vocabulary.contains_key(name.as_str())) {
                    self.problems
                        .push(Problem { line: 0, message: format!("gives the name `{name}` a second meaning") });
                }
                let outer = self.bound.len();
                self.bound.extend(bound);
                self.look(&mut looped.loop_cond, depth);
                self.look(&mut looped.loop_step, depth);
                self.look(&mut looped.result, depth);
                self.bound.truncate(outer);
                let whole = std::mem::take(&mut looped.iter_range);
                let budget = IdedExpr { id, expr: Expr::Ident(BUDGET.to_owned()) };
                let call = CallExpr { func_name: RANGE.to_owned(), target: None, args: vec![whole, budget] };
                looped.iter_range = IdedExpr { id, expr: Expr::Call(call) };
            }
        }
    }

    fn name(&mut self, id: u64, name: &str) {
        if self.bound.iter().any(|bound| bound == name) || TYPES.contains(&name) {
            return;
        }
        match self.vocabulary.get(name) {
            Some(None) => {}
            Some(Some(fields)) => {
                let some = fields.first().copied().unwrap_or_default();
                self.problem(
                    id,
                    format!("uses `{name}` as a whole: name the fields it needs, such as `{name}.{some}`"),
                );
            }
            None => {
                let known: Vec<&str> = self.vocabulary.keys().copied().collect();
                self.problem(
                    id,
                    format!("names `{name}`, which is none of {}{}", quoted(&known), nearest(name, &known)),
                );
            }
        }
    }

    fn field(&mut self, id: u64, variable: &str, field: &str) {
        let Some(Some(fields)) = self.vocabulary.get(variable) else { return };
        if fields.contains(&field) {
            self.fields.insert((variable.to_owned(), field.to_owned()));
            return;
        }
        let hint = nearest(field, fields);
        let hint = if hint.is_empty() { ", `orgward checks view` lists the fields".to_owned() } else { hint };
        self.problem(id, format!("reads `{variable}.{field}`, which is no field of `{variable}`{hint}"));
    }
}

/// Wraps a value that is copied. What the interpreter appends to in place, a loop's own result, is not, and neither is a literal
/// nor a list, which it knows by its form and whose elements are wrapped.
fn charge(node: &mut IdedExpr) {
    let free = match &node.expr {
        Expr::Ident(name) => name.starts_with('@'),
        expression => matches!(expression, Expr::Literal(_) | Expr::List(_)),
    };
    if !free {
        let id = node.id;
        let budget = IdedExpr { id, expr: Expr::Ident(BUDGET.to_owned()) };
        let call = CallExpr { func_name: COPIED.to_owned(), target: None, args: vec![std::mem::take(node), budget] };
        *node = IdedExpr { id, expr: Expr::Call(call) };
    }
}

/// Names of types, which are values in CEL.
const TYPES: [&str; 10] = ["bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "uint"];

fn nearest(word: &str, words: &[&str]) -> String {
    let near = crate::model::nearest(word, words.iter().copied(), 0.8);
    near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
