//! Views as CEL values.
//!
//! Owns: what an expression can do with a view, and the record of unknown values it touched. Must not: decide a verdict.
//!
//! CEL absorbs errors: `error || true` is true. So an error alone can't carry "unknown" out of an expression; whatever
//! an expression touches is written down at the moment it is touched, and `expression` looks there.

use super::view::View;
use crate::model::Cause;
use cel::ExecutionError;
use cel::common::traits::{Adder, Container, Indexer, Iterable, Iterator as CelIterator, Sizer};
use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelNull, CelString, DYN_TYPE, Kind, LIST_TYPE, MAP_TYPE, Type,
};
use cel::common::value::{CowVal, StaticVal, Val};
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What an evaluation touched that is unknown, in the order of touching.
#[derive(Debug, Clone, Default)]
pub(super) struct Touched(Arc<Mutex<Vec<Cause>>>);

impl Touched {
    fn note(&self, cause: &Cause) -> ExecutionError {
        let mut causes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !causes.contains(cause) {
            causes.push(cause.clone());
        }
        ExecutionError::function_error("unknown", cause)
    }

    /// The first unknown value that was touched.
    pub fn first(&self) -> Option<Cause> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).first().cloned()
    }
}

/// A view as a value, with the record that its unknown parts write to.
pub(super) fn value(view: &View, touched: &Touched) -> Box<dyn Val> {
    match view {
        View::Null => Box::new(CelNull),
        View::Bool(value) => Box::new(CelBool::from(*value)),
        View::Int(value) => Box::new(CelInt::from(*value)),
        View::Double(value) => Box::new(CelDouble::from(*value)),
        View::Text(value) => Box::new(CelString::from(value.clone())),
        View::List(items) => Box::new(List(items.iter().map(|item| value(item, touched)).collect())),
        View::Map(fields) => {
            let fields = fields.iter().map(|(name, field)| (name.clone(), value(field, touched))).collect();
            let names = names(view);
            Box::new(Map { fields: Arc::new(fields), names })
        }
        View::Unknown(cause) => Box::new(Unknown { cause: cause.clone(), touched: touched.clone() }),
    }
}

fn names(view: &View) -> Arc<Vec<CelString<'static>>> {
    let View::Map(fields) = view else { return Arc::default() };
    Arc::new(fields.keys().cloned().map(CelString::from).collect())
}

/// A value that is not known.
#[derive(Debug, Clone)]
struct Unknown {
    cause: Cause,
    touched: Touched,
}

impl Val for Unknown {
    fn get_type(&self) -> &Type {
        self.touched.note(&self.cause);
        &DYN_TYPE
    }

    fn cel_type() -> &'static Type {
        &DYN_TYPE
    }

    fn equals(&self, _other: &dyn Val) -> bool {
        self.touched.note(&self.cause);
        false
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

impl StaticVal for Unknown {}

/// The value, unless it is unknown.
fn known<'b, 'v>(found: &'b (dyn Val + 'static)) -> Result<CowVal<'b, 'v>, ExecutionError> {
    match found.downcast_ref::<Unknown>() {
        Some(unknown) => Err(unknown.touched.note(&unknown.cause)),
        None => Ok(CowVal::Borrowed(found)),
    }
}

/// Notes every unknown part of a value: it is about to be looked at as a whole.
fn touch(found: &dyn Val) {
    if let Some(unknown) = found.downcast_ref::<Unknown>() {
        unknown.touched.note(&unknown.cause);
    } else if let Some(list) = found.downcast_ref::<List>() {
        list.0.iter().for_each(|item| touch(item.as_ref()));
    } else if let Some(map) = found.downcast_ref::<Map>() {
        map.fields.values().for_each(|field| touch(field.as_ref()));
    }
}

/// Whether two values are equal, whichever of them is a view. CEL asks the left one, and its own lists and maps know
/// only their kind.
pub(super) fn same(a: &dyn Val, b: &dyn Val) -> bool {
    touch(a);
    touch(b);
    match (a.get_type().kind(), b.get_type().kind()) {
        (Kind::List, Kind::List) => {
            let (Some(a), Some(b)) = (a.as_iterable(), b.as_iterable()) else { return false };
            let (mut a, mut b) = (a.iter(), b.iter());
            loop {
                match (a.next(), b.next()) {
                    (Some(a), Some(b)) if same(a, b) => {}
                    (None, None) => return true,
                    _ => return false,
                }
            }
        }
        (Kind::Map, Kind::Map) => {
            let size = |map: &dyn Val| map.as_sizer().map(|sizer| *sizer.size().inner());
            let (Some(names), Some(ours), Some(theirs)) = (a.as_iterable(), a.as_indexer(), b.as_indexer()) else {
                return false;
            };
            let mut names = names.iter();
            while let Some(name) = names.next() {
                match (ours.get(name), theirs.get(name)) {
                    (Ok(ours), Ok(theirs)) if same(ours.as_ref(), theirs.as_ref()) => {}
                    _ => return false,
                }
            }
            size(a) == size(b)
        }
        // A list or a map equals nothing else.
        (Kind::List | Kind::Map, _) | (_, Kind::List | Kind::Map) => false,
        _ => a.equals(b),
    }
}

/// What a copy of a value costs, in steps: a view is shared and costs one, everything else what it holds.
pub(super) fn weight(value: &dyn Val) -> u64 {
    if value.downcast_ref::<List>().is_some() || value.downcast_ref::<Map>().is_some() {
        return 1;
    }
    if let Some(text) = value.downcast_ref::<CelString>() {
        return 1 + u64::try_from(text.inner().len() / 32).unwrap_or(u64::MAX);
    }
    let mut whole = 1_u64;
    let Some(items) = value.as_iterable() else { return whole };
    let (mut items, fields) = (items.iter(), value.as_indexer().filter(|_| value.get_type().kind() == Kind::Map));
    while let Some(item) = items.next() {
        whole = whole.saturating_add(weight(item));
        let field = fields.and_then(|fields| fields.get(item).ok());
        whole = whole.saturating_add(field.map_or(0, |field| weight(field.as_ref())));
    }
    whole
}

/// Whether a list holds a value, or a map a name.
///
/// # Errors
/// If it is neither, or the value can't be a name.
pub(super) fn holds(whole: &dyn Val, value: &dyn Val) -> Result<bool, ExecutionError> {
    if whole.get_type().kind() != Kind::List {
        let map = whole.as_container();
        let map =
            map.ok_or_else(|| ExecutionError::UnexpectedType { got: name(whole), want: "list or map".to_owned() })?;
        return map.contains(value);
    }
    touch(whole);
    let Some(items) = whole.as_iterable() else { return Ok(false) };
    let mut items = items.iter();
    while let Some(item) = items.next() {
        if same(item, value) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A list; cheap to clone, which the interpreter does for each turn of a loop.
#[derive(Debug, Clone)]
struct List(Arc<[Box<dyn Val>]>);

impl List {
    fn at(&self, index: &dyn Val) -> Result<&(dyn Val + 'static), ExecutionError> {
        let at = index.downcast_ref::<CelInt>().map(|at| *at.inner());
        let at = at.ok_or_else(|| ExecutionError::UnexpectedType { got: name(index), want: "int".to_owned() })?;
        let found = usize::try_from(at).ok().and_then(|at| self.0.get(at));
        found.map(AsRef::as_ref).ok_or_else(|| ExecutionError::IndexOutOfBounds(at.into()))
    }
}

fn name(value: &dyn Val) -> String {
    value.get_type().name().to_owned()
}

impl Val for List {
    fn get_type(&self) -> &Type {
        &LIST_TYPE
    }

    fn cel_type() -> &'static Type {
        &LIST_TYPE
    }

    fn as_adder<'b, 'v>(&'b self) -> Option<&'b (dyn Adder + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        same(self, other)
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

impl StaticVal for List {}

impl Adder for List {
    fn add<'b, 'v>(&'b self, rhs: &(dyn Val + 'v)) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let whole: Vec<Box<dyn Val + 'v>> = self.0.iter().map(|item| item.as_ref().clone_as_boxed()).collect();
        Ok(CowVal::Owned(CelList::from(whole).add(rhs)?.into_owned()))
    }
}

impl Container for List {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        holds(self, value)
    }
}

impl Indexer for List {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        known(self.at(index)?)
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Ok(known(self.at(index)?)?.as_ref().clone_as_boxed())
    }
}

impl Iterable for List {
    fn iter<'b, 'v>(&'b self) -> Box<dyn CelIterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Items(self.0.iter()))
    }
}

struct Items<'b>(std::slice::Iter<'b, Box<dyn Val>>);

impl<'b, 'v> CelIterator<'b, 'v> for Items<'b> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        let item = self.0.next()?.as_ref();
        if let Some(unknown) = item.downcast_ref::<Unknown>() {
            unknown.touched.note(&unknown.cause);
        }
        Some(item)
    }
}

impl Sizer for List {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.0.len()).unwrap_or(i64::MAX))
    }
}

/// Fields by name.
#[derive(Debug, Clone)]
struct Map {
    fields: Arc<BTreeMap<String, Box<dyn Val>>>,
    names: Arc<Vec<CelString<'static>>>,
}

impl Map {
    fn at(&self, index: &dyn Val) -> Result<&(dyn Val + 'static), ExecutionError> {
        let key = index.downcast_ref::<CelString>().map(CelString::inner);
        let key = key.ok_or_else(|| ExecutionError::UnexpectedType { got: name(index), want: "string".to_owned() })?;
        self.fields.get(key).map(AsRef::as_ref).ok_or_else(|| ExecutionError::no_such_key(key))
    }
}

impl Val for Map {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        same(self, other)
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

impl StaticVal for Map {}

impl Container for Map {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        match self.at(value) {
            Ok(found) => known(found).map(|_| true),
            Err(ExecutionError::NoSuchKey(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Indexer for Map {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        known(self.at(index)?)
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Ok(known(self.at(index)?)?.as_ref().clone_as_boxed())
    }
}

impl Iterable for Map {
    fn iter<'b, 'v>(&'b self) -> Box<dyn CelIterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Names(self.names.iter()))
    }
}

struct Names<'b>(std::slice::Iter<'b, CelString<'static>>);

impl<'b, 'v> CelIterator<'b, 'v> for Names<'b> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.0.next().map(|name| name as &dyn Val)
    }
}

impl Sizer for Map {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.fields.len()).unwrap_or(i64::MAX))
    }
}
