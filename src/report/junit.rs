//! The audit as JUnit XML, as Jenkins and GitLab read it: a suite for each account, a test case for each cell.
//!
//! A cell that fails is a failure, one that could not be told an error; what does not apply, what someone answers for and
//! what nobody asked for is skipped. Names are the same from run to run, so that a new failure is told as new. An account's suite is in memory while it
//! is made, because it begins with its own counts.

use super::row::mend;
use super::text::plain;
use super::{Audit, ReportError};
use crate::model::{AccountId, CauseKind, Finding, Verdict};
use std::fmt::Write as _;
use std::io::Write;

/// Writes the document.
///
/// # Errors
/// If the findings can't be read or the report can't be written.
pub fn write(audit: &Audit<'_>, out: &mut dyn Write) -> Result<(), ReportError> {
    let all = audit.tally.all();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    let (tests, failures, errors) = (all.total(), all.fail, audit.tally.untold());
    writeln!(out, "<testsuites name=\"orgward\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\">")?;
    let mut suite = Suite::of(None);
    audit.findings.each(&mut |finding| {
        if finding.target.account() != suite.account.as_ref() {
            suite.end(audit, out)?;
            suite = Suite::of(finding.target.account().cloned());
        }
        suite.add(finding, audit);
        Ok(())
    })?;
    suite.end(audit, out)?;
    Ok(writeln!(out, "</testsuites>")?)
}

/// The cells of one account, or of the organization.
struct Suite {
    account: Option<AccountId>,
    cases: String,
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Suite {
    fn of(account: Option<AccountId>) -> Self {
        Self { account, cases: String::new(), tests: 0, failures: 0, errors: 0, skipped: 0 }
    }

    fn add(&mut self, finding: &Finding, audit: &Audit<'_>) {
        self.tests += 1;
        let place = self.account.as_ref().map_or("organization", AccountId::as_str);
        let name = match finding.target.region() {
            Some(region) => format!("{} in {region}", finding.check),
            None => finding.check.clone(),
        };
        let (class, name) = (xml(&format!("orgward.{place}.{}", finding.check)), xml(&name));
        // Writing to a String cannot fail.
        let _ = write!(self.cases, "    <testcase classname=\"{class}\" name=\"{name}\" time=\"0\"");
        let message = xml(&finding.message);
        match finding.verdict {
            Verdict::Pass => {
                let _ = writeln!(self.cases, "/>");
                return;
            }
            Verdict::Fail => {
                self.failures += 1;
                let kind = finding.severity.as_str();
                let _ = writeln!(self.cases, ">\n      <failure type=\"{kind}\" message=\"{message}\">");
                self.body(finding, audit);
                let _ = writeln!(self.cases, "</failure>");
                self.exempt(finding, audit);
            }
            Verdict::Unknown if finding.cause.as_ref().is_some_and(|cause| cause.kind == CauseKind::OptIn) => {
                self.skipped += 1;
                let _ = writeln!(self.cases, ">\n      <skipped>not asked for: {message}</skipped>");
            }
            Verdict::Unknown => {
                self.errors += 1;
                let kind = finding.cause.as_ref().map_or("unknown", |cause| cause.kind.as_str());
                let fix = xml(finding.cause.as_ref().map_or("see the message", |cause| cause.kind.fix()));
                let _ = writeln!(
                    self.cases,
                    ">\n      <error type=\"{kind}\" message=\"{message}\">{message}\nfix: {fix}</error>"
                );
            }
            Verdict::NotApplicable => {
                self.skipped += 1;
                let _ = writeln!(self.cases, ">\n      <skipped>not applicable: {message}</skipped>");
            }
            Verdict::Exempt => {
                self.skipped += 1;
                let _ = writeln!(self.cases, ">\n      <skipped>exempt: {message}</skipped>");
                self.exempt(finding, audit);
            }
        }
        let _ = writeln!(self.cases, "    </testcase>");
    }

    /// What fails and how to mend it.
    fn body(&mut self, finding: &Finding, audit: &Audit<'_>) {
        if let Some(meta) = audit.meta(&finding.check) {
            let _ = writeln!(self.cases, "{}\nmend: {}", xml(meta.title), xml(&mend(meta)));
        }
        for failing in &finding.resources {
            let _ = writeln!(self.cases, "{}: {}", xml(&failing.resource), xml(&failing.message));
        }
    }

    /// Who answers for what.
    fn exempt(&mut self, finding: &Finding, audit: &Audit<'_>) {
        let rows = super::row::rows(finding).filter(|row| row.verdict == Verdict::Exempt);
        let lines: Vec<String> = rows
            .filter_map(|row| {
                let answered = row.answered(&audit.context.exemptions.exemptions)?;
                let owner = answered.owner.map(|owner| format!(", {owner} answers for it")).unwrap_or_default();
                let until = answered.expires.map(|day| format!(" until {day}")).unwrap_or_default();
                let resource = row.resource.map(|name| format!("{name}: ")).unwrap_or_default();
                Some(xml(&format!("exempt by {}{owner}{until}: {resource}{}", answered.id, row.message)))
            })
            .collect();
        if !lines.is_empty() {
            let _ = writeln!(self.cases, "      <system-out>{}</system-out>", lines.join("\n"));
        }
    }

    /// Writes it, if it has any.
    fn end(&self, audit: &Audit<'_>, out: &mut dyn Write) -> Result<(), ReportError> {
        let Self { account, cases, tests, failures, errors, skipped } = self;
        if *tests == 0 {
            return Ok(());
        }
        let (name, path) = match account {
            Some(id) => {
                let name = audit.org.accounts.get(id).map_or("", |account| account.name.as_str());
                (format!("{name} ({id})"), audit.org.path(&id.clone().into()))
            }
            None => (format!("organization {}", audit.org.organization.id), "/".to_owned()),
        };
        let at = audit.org.as_of.strftime("%Y-%m-%dT%H:%M:%S");
        writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" \
             time=\"0\" timestamp=\"{at}\">",
            xml(&name)
        )?;
        writeln!(out, "    <properties>\n      <property name=\"ou_path\" value=\"{}\"/>", xml(&path))?;
        writeln!(out, "      <property name=\"run\" value=\"{}\"/>\n    </properties>", xml(&audit.context.run))?;
        out.write_all(cases.as_bytes())?;
        Ok(writeln!(out, "  </testsuite>")?)
    }
}

/// Text for XML 1.0, in an element or an attribute: characters that XML has no form for are shown as `\u{..}`.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{fffe}' => out.push_str("\\u{fffe}"),
            '\u{ffff}' => out.push_str("\\u{ffff}"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::xml;

    #[test]
    fn text_cannot_leave_its_element_or_be_no_xml() {
        assert_eq!(xml("]]></failure><x a='\"&"), "]]&gt;&lt;/failure&gt;&lt;x a=&apos;&quot;&amp;");
        assert_eq!(
            xml("a\u{0}\u{8}\u{b}\u{1b}\u{fffe}\u{ffff}\n"),
            "a\\u{0}\\u{8}\\u{b}\\u{1b}\\u{fffe}\\u{ffff}\\u{a}"
        );
        assert_eq!(xml("Ünï\u{1f600}"), "Ünï\u{1f600}");
    }
}
