//! From JSON text to a [`Document`], telling every error at once.
//!
//! Owns: the grammar that all policy types share. Must not: know what is legal in one type only (`lint` does).

use super::document::{Condition, Document, Effect, Position, Principals, Statement, Version};
use super::json::{Text, start};
use super::{PolicyError, shown};
use jsonc_parser::ast::{Object, ObjectProp, Value};
use std::collections::BTreeMap;

const IN_DOCUMENT: [&str; 3] = ["Version", "Id", "Statement"];
const IN_STATEMENT: [&str; 9] =
    ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];
const IN_PRINCIPAL: [&str; 4] = ["AWS", "Service", "Federated", "CanonicalUser"];

/// Reads a policy document.
pub(super) fn document(text: &str) -> Result<Document, Vec<PolicyError>> {
    let text = Text::new(text);
    let (value, errors) = text.read().map_err(|error| vec![error])?;
    let mut reader = Reader { text, errors };
    let document = reader.document(&value);
    let mut errors = reader.errors;
    errors.sort();
    match document {
        Some(document) if errors.is_empty() => Ok(document),
        _ => Err(errors),
    }
}

/// What has been read so far is in the results; what went wrong is here.
struct Reader<'a> {
    text: Text<'a>,
    errors: Vec<PolicyError>,
}

impl Reader<'_> {
    fn error(&mut self, byte: usize, message: String) {
        self.errors.push(self.text.error(byte, message));
    }

    fn unknown(&mut self, property: &ObjectProp<'_>, place: &str, words: &[&str]) {
        let name = property.name.as_str();
        let hint = nearest(name, words);
        self.error(property.range.start, format!("unknown element `{}` in {place}{hint}", shown(name)));
    }

    fn object<'v, 'a>(&mut self, value: &'v Value<'a>, what: &str) -> Option<&'v Object<'a>> {
        if let Value::Object(object) = value {
            return Some(object);
        }
        self.error(start(value), format!("{what} must be an object, not {}", kind(value)));
        None
    }

    fn text(&mut self, value: &Value<'_>, what: &str) -> Option<String> {
        if let Value::StringLit(text) = value {
            return Some(text.value.clone().into_owned());
        }
        self.error(start(value), format!("{what} must be a string, not {}", kind(value)));
        None
    }

    /// A string, or a list of at least one.
    fn texts(&mut self, value: &Value<'_>, what: &str) -> Vec<String> {
        match value {
            Value::Array(list) if list.elements.is_empty() => {
                self.error(start(value), format!("{what} must name at least one thing, the list is empty"));
                Vec::new()
            }
            Value::Array(list) => {
                let what = format!("each entry of {what}");
                list.elements.iter().filter_map(|element| self.text(element, &what)).collect()
            }
            Value::StringLit(text) => vec![text.value.clone().into_owned()],
            other => {
                self.error(start(other), format!("{what} must be a string or a list of strings, not {}", kind(other)));
                Vec::new()
            }
        }
    }

    fn document(&mut self, value: &Value<'_>) -> Option<Document> {
        let object = self.object(value, "a policy")?;
        let mut document = Document {
            version: None,
            id: None,
            statements: Vec::new(),
            version_position: self.text.position(object.range.start),
        };
        let mut statement_found = false;
        for property in &object.properties {
            match property.name.as_str() {
                "Version" => {
                    document.version = self.version(&property.value);
                    document.version_position = self.text.position(property.range.start);
                }
                "Id" => document.id = self.text(&property.value, "`Id`"),
                "Statement" => {
                    statement_found = true;
                    document.statements = self.statements(&property.value);
                }
                _ => self.unknown(property, "a policy", &IN_DOCUMENT),
            }
        }
        if !statement_found {
            self.error(object.range.start, "a policy needs `Statement`".to_owned());
        }
        Some(document)
    }

    fn version(&mut self, value: &Value<'_>) -> Option<Version> {
        let text = self.text(value, "`Version`")?;
        let version = [Version::V2008, Version::V2012].into_iter().find(|version| version.as_str() == text);
        if version.is_none() {
            self.error(start(value), format!("`Version` is `{}`, it must be `2012-10-17`", shown(&text)));
        }
        version
    }

    fn statements(&mut self, value: &Value<'_>) -> Vec<Statement> {
        match value {
            Value::Array(list) if list.elements.is_empty() => {
                self.error(start(value), "`Statement` must hold at least one statement, the list is empty".to_owned());
                Vec::new()
            }
            Value::Array(list) => list.elements.iter().filter_map(|element| self.statement(element)).collect(),
            other => self.statement(other).into_iter().collect(),
        }
    }

    fn statement(&mut self, value: &Value<'_>) -> Option<Statement> {
        let object = self.object(value, "a statement")?;
        let mut elements: BTreeMap<String, Position> = BTreeMap::new();
        let mut effect = None;
        let mut statement = Statement {
            sid: None,
            effect: Effect::Deny,
            principals: None,
            not_principals: None,
            actions: Vec::new(),
            not_actions: Vec::new(),
            resources: Vec::new(),
            not_resources: Vec::new(),
            conditions: Vec::new(),
            position: self.text.position(object.range.start),
            elements: BTreeMap::new(),
        };
        for property in &object.properties {
            let name = property.name.as_str();
            let value = &property.value;
            match name {
                "Sid" => statement.sid = self.text(value, "`Sid`"),
                "Effect" => effect = self.effect(value),
                "Principal" => statement.principals = self.principals(value, "`Principal`"),
                "NotPrincipal" => statement.not_principals = self.principals(value, "`NotPrincipal`"),
                "Action" => statement.actions = self.texts(value, "`Action`"),
                "NotAction" => statement.not_actions = self.texts(value, "`NotAction`"),
                "Resource" => statement.resources = self.texts(value, "`Resource`"),
                "NotResource" => statement.not_resources = self.texts(value, "`NotResource`"),
                "Condition" => statement.conditions = self.conditions(value),
                _ => {
                    self.unknown(property, "a statement", &IN_STATEMENT);
                    continue;
                }
            }
            elements.insert(name.to_owned(), self.text.position(property.range.start));
        }
        let at = object.range.start;
        for (one, other) in [("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource")] {
            if elements.contains_key(one) && elements.contains_key(other) {
                self.error(at, format!("a statement can't have both `{one}` and `{other}`, keep one"));
            }
        }
        if !elements.contains_key("Action") && !elements.contains_key("NotAction") {
            self.error(at, "a statement needs `Action` or `NotAction`".to_owned());
        }
        if !elements.contains_key("Effect") {
            self.error(at, "a statement needs `Effect`, `Allow` or `Deny`".to_owned());
        }
        statement.effect = effect?;
        statement.elements = elements;
        Some(statement)
    }

    fn effect(&mut self, value: &Value<'_>) -> Option<Effect> {
        let text = self.text(value, "`Effect`")?;
        let effect = [Effect::Allow, Effect::Deny].into_iter().find(|effect| effect.as_str() == text);
        if effect.is_none() {
            self.error(start(value), format!("`Effect` is `{}`, it must be `Allow` or `Deny`", shown(&text)));
        }
        effect
    }

    fn principals(&mut self, value: &Value<'_>, what: &str) -> Option<Principals> {
        if let Value::StringLit(text) = value {
            if text.value == "*" {
                return Some(Principals { anyone: true, ..Principals::default() });
            }
            let given = shown(&text.value);
            self.error(start(value), format!("{what} is `{given}`, as a string it must be `*`, else {{\"AWS\": ...}}"));
            return None;
        }
        let object = self.object(value, what)?;
        if object.properties.is_empty() {
            self.error(object.range.start, format!("{what} must name someone, the object is empty"));
        }
        let mut principals = Principals::default();
        for property in &object.properties {
            let name = property.name.as_str();
            let list = match name {
                "AWS" => &mut principals.aws,
                "Service" => &mut principals.service,
                "Federated" => &mut principals.federated,
                "CanonicalUser" => &mut principals.canonical_user,
                _ => {
                    self.unknown(property, what, &IN_PRINCIPAL);
                    continue;
                }
            };
            *list = self.texts(&property.value, &format!("`{name}`"));
        }
        Some(principals)
    }

    fn conditions(&mut self, value: &Value<'_>) -> Vec<Condition> {
        let mut conditions = Vec::new();
        let Some(operators) = self.object(value, "`Condition`") else { return conditions };
        for operator in &operators.properties {
            let name = operator.name.as_str();
            let Some(keys) = self.object(&operator.value, &format!("`{}`", shown(name))) else { continue };
            for key in &keys.properties {
                conditions.push(Condition {
                    operator: name.to_owned(),
                    key: key.name.as_str().to_owned(),
                    values: self.condition_values(&key.value, key.name.as_str()),
                });
            }
        }
        conditions
    }

    fn condition_values(&mut self, value: &Value<'_>, key: &str) -> Vec<String> {
        let list = match value {
            Value::Array(list) => list.elements.as_slice(),
            other => std::slice::from_ref(other),
        };
        let mut values = Vec::with_capacity(list.len());
        for value in list {
            match value {
                Value::StringLit(text) => values.push(text.value.clone().into_owned()),
                Value::NumberLit(number) => values.push(number.value.to_owned()),
                Value::BooleanLit(boolean) => values.push(boolean.value.to_string()),
                other => {
                    let (key, kind) = (shown(key), kind(other));
                    self.error(start(other), format!("a value of `{key}` must be text, number or boolean, not {kind}"));
                }
            }
        }
        values
    }
}

/// What a JSON value is, with its article.
fn kind(value: &Value<'_>) -> &'static str {
    match value {
        Value::StringLit(_) => "a string",
        Value::NumberLit(_) => "a number",
        Value::BooleanLit(_) => "a boolean",
        Value::Object(_) => "an object",
        Value::Array(_) => "a list",
        Value::NullKeyword(_) => "null",
    }
}

/// `, did you mean ...` for the nearest of `words`, or nothing.
pub(super) fn nearest(name: &str, words: &[&str]) -> String {
    crate::model::nearest(name, words.iter().copied(), 0.8)
        .map_or_else(String::new, |word| format!(", did you mean `{word}`?"))
}
