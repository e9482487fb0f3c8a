//! Reads the `scp` action.
//!
//! Must not: look at an organization.

use super::targets;
use crate::playbook::load::Loading;
use crate::playbook::node::Node;
use crate::playbook::schema::ScpSpec;

/// Reads `scp`.
pub fn read(loading: &mut Loading<'_>, body: &Node) -> Option<ScpSpec> {
    let mut fields = loading.reader.fields(body, "`scp`")?;
    let form = "printable characters";
    let name = loading
        .reader
        .required(&mut fields, "name")
        .and_then(|node| loading.reader.word(node, "name", 128, |c| !c.is_control(), form));
    let given = fields.get("description");
    let description = given.and_then(|node| loading.reader.word(node, "description", 512, |c| !c.is_control(), form));
    let content = match (fields.get("document"), fields.get("content")) {
        (Some(document), None) => loading.document(document),
        (None, Some(content)) => loading.content(content),
        (Some(_), Some(content)) => {
            loading.reader.error(content.at, "`scp` takes either `document` or `content`, not both");
            None
        }
        (None, None) => {
            loading.reader.error(fields.at, "`scp` needs `document` (a file) or `content` (the policy itself)");
            None
        }
    };
    let found =
        loading.reader.required(&mut fields, "targets").and_then(|node| targets(&mut loading.reader, node, "targets"));
    let adopt = fields.get("adopt").and_then(|node| loading.reader.flag(node, "adopt")).unwrap_or(false);
    loading.reader.done(&fields);
    Some(ScpSpec { name: name?, description, content: content?, targets: found?, adopt })
}
