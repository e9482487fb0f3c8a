//! Each row asked with the published patterns, with wrong ones that look right, and through the whole chain.

use super::super::fixtures::{self, MANAGEMENT, MEMBER, monitoring, seen, trail};
use super::super::subject::Catches;
use super::super::tests::judge;
use super::super::told::OF_ACCOUNTS;
use super::*;
use crate::model::monitoring::{Alarm, MetricFilter, Monitoring};
use crate::model::trail::Trail;
use crate::model::{Finding, Observed, Verdict};
use crate::pattern::watched::WATCHED;

/// The patterns that the checks' remediation gives, by check.
pub(in super::super) fn given() -> Vec<(&'static str, String)> {
    let pattern = |row: &Row| {
        let (_, rest) = row.cli.split_once("--filter-pattern '").unwrap();
        rest.split_once('\'').unwrap().0.to_owned()
    };
    ROWS.iter().map(|row| (row.id, pattern(row))).collect()
}

/// Whether one filter with this pattern does for a row: over two accounts, as in an organization trail's log group.
pub(in super::super) fn serves(check: &str, pattern: &str) -> Result<bool, String> {
    let row = ROWS.iter().find(|row| row.id == check).unwrap();
    let subject = row.subject(&Scene { partition: "aws", accounts: &[MANAGEMENT, MEMBER] });
    match subject.catches(&MetricFilter { pattern: pattern.to_owned(), ..MetricFilter::default() }) {
        Catches::Parts(parts) | Catches::Narrowed(parts, _) => Ok(subject.all(&parts)),
        Catches::TooMuch(event) => Err(format!("also {event}")),
        Catches::CannotTell(why) => Err(why),
    }
}

/// Fields in which an account's number stands, by path.
fn of_accounts(event: &Value, path: &str, found: &mut Vec<String>) {
    match event {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| of_accounts(field, &format!("{path}.{name}"), found));
        }
        Value::Array(items) => items.iter().for_each(|item| of_accounts(item, &format!("{path}[*]"), found)),
        Value::String(text) if text.contains(MEMBER) => found.push(path.to_owned()),
        _ => {}
    }
}

#[test]
fn a_pattern_that_can_tell_accounts_apart_is_known_by_its_text() {
    let scene = Scene { partition: "aws", accounts: &[MEMBER] };
    for subject in ROWS.iter().map(|row| row.subject(&scene)) {
        let mut found = Vec::new();
        let events = subject.parts.iter().flat_map(|part| &part.events).chain(&subject.noise);
        events.for_each(|event| of_accounts(event, "$", &mut found));
        assert!(!found.is_empty(), "{}", subject.about);
        for path in found {
            assert!(OF_ACCOUNTS.iter().any(|part| path.contains(part)), "{}: {path}", subject.about);
        }
    }
}

#[test]
fn each_pattern_of_the_remediation_serves_and_fits_in_a_filter() {
    for (check, pattern) in given() {
        assert_eq!(serves(check, &pattern), Ok(true), "{check}: {pattern}");
        assert!(pattern.chars().count() <= 1024, "{check} is too long for CloudWatch Logs");
    }
}

#[test]
fn what_is_watched_has_the_patterns_of_the_remediation_and_nothing_else() {
    let watched: Vec<(&str, String)> = WATCHED.iter().map(|event| (event.name, event.pattern.to_owned())).collect();
    let named = |id: &'static str| id.strip_prefix("monitor-").unwrap();
    let given: Vec<(&str, String)> = given().into_iter().map(|(check, pattern)| (named(check), pattern)).collect();
    assert_eq!(watched, given);
    for row in ROWS {
        let event = Watched::find(named(row.id)).unwrap();
        assert_eq!(row.about(), event.about);
        let named = format!("--filter-name orgward-{} ", event.name);
        assert!(row.cli.contains(&named), "{named}: {}", row.cli);
        assert!(row.cli.contains(&format!("metricName={},", event.metric)), "{}: {}", event.metric, row.cli);
    }
}

#[test]
fn a_pattern_without_one_of_the_names_or_without_the_braces_does_not_serve() {
    for (check, pattern) in given() {
        let negated = pattern.replace(" != ", " = ").replace(" = ", " != ");
        assert_ne!(serves(check, &negated), Ok(true), "{check}: everything negated");
        assert_eq!(serves(check, pattern.trim_matches(['{', '}'])), Ok(false), "{check}: a pattern of terms");
        let row = ROWS.iter().find(|row| row.id == check).unwrap();
        let What::Calls(_, names) = row.what else { continue };
        for name in names {
            let partial = pattern.replace(&format!("\"{name}\""), "\"NoSuchCall\"");
            assert_ne!(partial, pattern, "{check} names {name}");
            assert_eq!(serves(check, &partial), Ok(false), "{check} without {name}");
        }
    }
}

#[test]
fn no_row_takes_another_s_pattern_but_where_one_includes_the_other() {
    let included =
        [("monitor-admin-attached", "monitor-iam-changes"), ("monitor-user-inline-policy", "monitor-iam-changes")];
    for (check, _) in given() {
        for (other, pattern) in given().into_iter().filter(|(other, _)| *other != check) {
            assert_eq!(serves(check, &pattern), Ok(included.contains(&(check, other))), "{check} by {other}");
        }
    }
}

/// The published texts (CIS AWS Foundations Benchmark) in their own spelling.
#[test]
fn published_patterns_are_taken_by_meaning() {
    for (check, pattern) in [
        (
            "unauthorized-calls",
            r#"{ ($.errorCode ="*UnauthorizedOperation") || ($.errorCode ="AccessDenied*") && ($.sourceIPAddress!="delivery.logs.amazonaws.com") && ($.eventName!="HeadBucket") }"#,
        ),
        ("unauthorized-calls", r#"{ $.errorCode = "AccessDenied*" || $.errorCode = "*UnauthorizedOperation" }"#),
        ("console-no-mfa", r#"{ ($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes") }"#),
        (
            "root-usage",
            r#"{$.userIdentity.type="Root" && $.userIdentity.invokedBy NOT EXISTS && $.eventType !="AwsServiceEvent"}"#,
        ),
        ("console-failures", r#"{($.eventName = ConsoleLogin) && ($.errorMessage = "Failed authentication") }"#),
        (
            "kms-deletion",
            "{($.eventSource = kms.amazonaws.com) && (($.eventName=DisableKey)||($.eventName=ScheduleKeyDeletion)) }",
        ),
        (
            "trail-changes",
            "{($.eventName=StopLogging)||($.eventName=StartLogging)||($.eventName=DeleteTrail)||($.eventName=UpdateTrail)||($.eventName=CreateTrail)}",
        ),
        ("web-identity", "{ $.eventName = AssumeRoleWithWebIdentity }"),
        (
            "web-identity",
            r#"{ $.eventName = "AssumeRoleWithWebIdentity" && $.userIdentity.identityProvider != "*token.actions.githubusercontent.com" }"#,
        ),
        ("user-created", r#"{ $.eventSource = "iam.amazonaws.com" && $.readOnly IS FALSE }"#),
        ("user-created", "{ $.eventName = CreateUser && $.errorCode NOT EXISTS }"),
    ] {
        assert_eq!(serves(&format!("monitor-{check}"), pattern), Ok(true), "{check}: {pattern}");
    }
}

#[test]
fn patterns_that_only_look_right_do_not_serve() {
    for (check, pattern) in [
        ("unauthorized-calls", r#"{ $.errorCode = "AccessDenied" || $.errorCode = "*UnauthorizedOperation" }"#),
        ("unauthorized-calls", r#"{ $.errorCode = "AccessDenied*" }"#),
        (
            "unauthorized-calls",
            r#"{ ($.errorCode = "*UnauthorizedOperation" || $.errorCode = "AccessDenied*") && $.userIdentity.type = "IAMUser" }"#,
        ),
        ("console-no-mfa", r#"{ $.eventName = "ConsoleLogin" && $.additionalEventData.MFAUsed = "Yes" }"#),
        ("console-no-mfa", r#"{ $.eventName = "ConsoleLogin" && $.additionalEventData.MFAUsed NOT EXISTS }"#),
        ("console-no-mfa", r#"{ $.eventName = "ConsoleLogin" && $.userIdentity.type = "Root" }"#),
        ("console-failures", r#"{ $.eventName = "ConsoleLogin" && $.errorMessage != "Failed authentication" }"#),
        ("console-failures", r#"{ $.eventName = "ConsoleLogin" && $.errorCode = "AccessDenied" }"#),
        ("kms-deletion", "{ $.eventSource = kms.amazonaws.com && $.eventName = ScheduleKeyDeletion }"),
        // What is written with `||` for `&&` of names can never be.
        ("kms-deletion", "{ $.eventName = DisableKey && $.eventName = ScheduleKeyDeletion }"),
        // A field that only sessions have: the users' calls are missed.
        (
            "trail-changes",
            "{ $.eventSource = cloudtrail.amazonaws.com && $.readOnly IS FALSE && $.userIdentity.sessionContext.sessionIssuer.userName != terraform }",
        ),
        ("user-created", "{ $.eventName = CreateUser && $.recipientAccountId = 111111111111 }"),
        ("user-created", "{ $.eventName = CreateUser && $.errorCode = * }"),
        ("user-created", r#"{ $.eventName = "createuser" }"#),
        ("admin-attached", r#"{ $.requestParameters.policyArn = "AdministratorAccess" }"#),
        (
            "admin-attached",
            r#"{ $.eventName = AttachRolePolicy && $.requestParameters.policyArn = "*AdministratorAccess" }"#,
        ),
        (
            "trail-changes",
            r#"{ $.eventSource = "cloudtrail.amazonaws.com" && $.eventName != "Describe*" && $.userIdentity.arn != "*Admin*" }"#,
        ),
        (
            "trail-changes",
            r#"{ $.eventSource = "cloudtrail.amazonaws.com" && $.eventName != "Describe*" && $.awsRegion != "us-east-1" }"#,
        ),
        (
            "trail-changes",
            r#"{ $.eventSource = "cloudtrail.amazonaws.com" && $.eventName != "Describe*" && $.userAgent != "*terraform*" }"#,
        ),
        (
            "trail-changes",
            r#"{ $.eventSource = "cloudtrail.amazonaws.com" && $.eventName != "Describe*" && ($.awsRegion != "us-east-1" || $.eventVersion != "1.10") }"#,
        ),
        ("security-groups", "{ $.eventName = *SecurityGroupIngress || $.eventName = *SecurityGroupEgress }"),
        (
            "bucket-policy",
            "{ $.eventSource = s3.amazonaws.com && $.eventName = PutBucket* && $.awsRegion = eu-central-1 }",
        ),
    ] {
        assert_eq!(serves(&format!("monitor-{check}"), pattern), Ok(false), "{check}: {pattern}");
    }
}

#[test]
fn over_broad_patterns_are_told_as_such() {
    let published = r#"{ ($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*") || ($.sourceIPAddress!="delivery.logs.amazonaws.com") || ($.eventName!="HeadBucket") }"#;
    assert_eq!(serves("monitor-unauthorized-calls", published), Err("also DescribeInstances".to_owned()));
    for (check, pattern) in [
        ("unauthorized-calls", "{ $.errorCode = * }"),
        ("iam-changes", r#"{ $.eventSource = "iam.amazonaws.com" }"#),
        ("security-groups", r#"{ $.eventName = "*SecurityGroup*" }"#),
        ("vpc", r#"{ $.eventSource = "ec2.amazonaws.com" && $.readOnly IS FALSE }"#),
        ("console-failures", r#"{ $.eventName = "ConsoleLogin" }"#),
        ("console-no-mfa", r#"{ $.eventName = "ConsoleLogin" }"#),
        ("kms-deletion", r#"{ $.eventName != "Encrypt" }"#),
        ("web-identity", r#"{ $.eventName = "AssumeRole*" }"#),
    ] {
        let told = serves(&format!("monitor-{check}"), pattern);
        assert!(told.as_ref().is_err_and(|why| why.starts_with("also ")), "{check}: {told:?}");
    }
}

/// The finding for a member under an organization whose trail and monitoring were changed.
fn under(check: &str, change: impl FnOnce(&mut Trail, &mut Monitoring)) -> Finding {
    let mut org = fixtures::org();
    let mut trail = trail("org-trail", MANAGEMENT, true);
    change(&mut trail, &mut org.monitoring[0]);
    org.organization_trails = seen("cloudtrail:DescribeTrails", vec![trail]);
    judge(&org, &fixtures::account(), &format!("monitor-{check}"))
}

/// Puts these filters in place of all, each with an alarm of its own where `heard`.
fn filters(watched: &mut Monitoring, patterns: &[(&str, &str, bool)]) {
    let (filter, alarm) = (watched.filters.value().unwrap()[0].clone(), watched.alarms.value().unwrap()[0].clone());
    let made = |(name, pattern, _): &(&str, &str, bool)| MetricFilter {
        name: (*name).to_owned(),
        pattern: (*pattern).to_owned(),
        metric_name: (*name).to_owned(),
        ..filter.clone()
    };
    let heard = |(name, ..): &(&str, &str, bool)| Alarm {
        name: (*name).to_owned(),
        metric_name: Some((*name).to_owned()),
        ..alarm.clone()
    };
    watched.filters = seen("logs:DescribeMetricFilters", patterns.iter().map(made).collect());
    let alarms = patterns.iter().filter(|(.., alarmed)| *alarmed).map(heard).collect();
    watched.alarms = seen("cloudwatch:DescribeAlarms", alarms);
}

const DISABLED: &str = "{ $.eventName = DisableKey }";
const SCHEDULED: &str = "{ $.eventName = ScheduleKeyDeletion }";

#[test]
fn several_filters_with_an_alarm_each_may_share_the_work() {
    let finding = under("kms-deletion", |_, w| {
        filters(w, &[("off", DISABLED, true), ("gone", SCHEDULED, true), ("x", "y", true)])
    });
    assert_eq!(finding.verdict, Verdict::Pass);
    assert!(finding.message.contains("filter `off`, alarm `off`"), "{}", finding.message);
    assert!(finding.message.contains("; filter `gone`, alarm `gone`"), "{}", finding.message);
    let half = under("kms-deletion", |_, w| filters(w, &[("off", DISABLED, true)]));
    assert_eq!(half.verdict, Verdict::Fail);
    assert_eq!(
        half.message,
        "nobody is told of KMS keys disabled or on the way to deletion: trail `org-trail`: no metric filter on log group \
         `trail` catches `ScheduleKeyDeletion` of KMS keys disabled or on the way to deletion"
    );
    let deaf = under("kms-deletion", |_, w| filters(w, &[("off", DISABLED, true), ("gone", SCHEDULED, false)]));
    assert_eq!(deaf.verdict, Verdict::Fail);
    assert!(deaf.message.ends_with("no alarm watches metric `orgward/gone` of filter `gone`"), "{}", deaf.message);
}

#[test]
fn what_can_not_be_read_may_be_what_is_missing() {
    let open = under("kms-deletion", |_, w| {
        filters(w, &[("off", DISABLED, true), ("re", "{ $.eventName = %Schedule.*% }", true)]);
    });
    assert_eq!(open.verdict, Verdict::Unknown);
    let whole = under("kms-deletion", |_, w| {
        filters(w, &[("off", DISABLED, true), ("re", "{ $.a = %b% }", true), ("gone", SCHEDULED, true)]);
    });
    assert_eq!(whole.verdict, Verdict::Pass, "what is not needed need not be read");
    let elsewhere = under("kms-deletion", |_, w| {
        filters(w, &[("off", DISABLED, true), ("gone", SCHEDULED, true)]);
        w.subscriptions.clear();
    });
    assert_eq!(elsewhere.verdict, Verdict::Unknown);
}

#[test]
fn an_over_broad_filter_is_named_in_the_failure() {
    let published = r#"{ $.errorCode = "*UnauthorizedOperation" || $.errorCode = "AccessDenied*" || $.sourceIPAddress != "delivery.logs.amazonaws.com" }"#;
    let finding = under("unauthorized-calls", |_, w| filters(w, &[("cis", published, true)]));
    assert_eq!(finding.verdict, Verdict::Fail);
    let words =
        "catches calls that were denied (filter `cis` is over-broad, it matches `DescribeInstances` of every day too)";
    assert!(finding.message.ends_with(words), "{}", finding.message);
}

#[test]
fn a_trail_that_leaves_out_kms_tells_nobody_of_keys() {
    let without_kms = |trail: &mut Trail, _: &mut Monitoring| {
        trail.selectors = trail.selectors.clone().map(|mut selectors| {
            selectors.basic[0].excluded_sources = vec!["kms.amazonaws.com".to_owned()];
            selectors
        });
    };
    let finding = under("kms-deletion", without_kms);
    assert_eq!(finding.verdict, Verdict::Fail);
    assert!(finding.message.ends_with("leaves out events of kms.amazonaws.com"), "{}", finding.message);
    assert_eq!(under("iam-changes", without_kms).verdict, Verdict::Pass);
}

#[test]
fn members_are_covered_and_an_account_may_have_a_chain_of_its_own() {
    for (check, _) in given() {
        let covered = judge(&fixtures::org(), &fixtures::account(), check);
        assert_eq!(covered.verdict, Verdict::Pass, "{check}: {}", covered.message);
        assert!(covered.message.starts_with("covered by the organization trail: "), "{}", covered.message);
        let own = judge(&fixtures::org_without_trail(), &fixtures::account_with_trail(), check);
        assert_eq!(own.verdict, Verdict::Pass, "{check}: {}", own.message);
        let mut bare = fixtures::account();
        bare.trails.values_mut().for_each(|trails| *trails = seen("cloudtrail:DescribeTrails", Vec::new()));
        let none = judge(&fixtures::org_without_trail(), &bare, check);
        assert_eq!(none.verdict, Verdict::Fail, "{check}");
        assert!(none.message.ends_with("no trail records this account"), "{}", none.message);
    }
}

#[test]
fn a_filter_for_one_account_does_not_do_for_a_shared_log_group() {
    let pattern = format!("{{ $.eventName = CreateUser && $.recipientAccountId = {MEMBER} }}");
    let narrow = [("users", pattern.as_str(), true)];
    let shared = under("user-created", |_, watched| filters(watched, &narrow));
    assert_eq!(shared.verdict, Verdict::Fail);
    let mut own = fixtures::account_with_trail();
    own.monitoring = vec![monitoring(MEMBER)];
    filters(&mut own.monitoring[0], &narrow);
    let finding = judge(&fixtures::org_without_trail(), &own, "monitor-user-created");
    assert_eq!(finding.verdict, Verdict::Pass, "{}", finding.message);
}

#[test]
fn other_partitions_have_their_own_administrator_policy() {
    let row = ROWS.iter().find(|row| row.id == "monitor-admin-attached").unwrap();
    let china = row.subject(&Scene { partition: "aws-cn", accounts: &[MEMBER] });
    let pattern = |arn: &str| MetricFilter {
        pattern: format!("{{ $.requestParameters.policyArn = \"{arn}\" }}"),
        ..MetricFilter::default()
    };
    let whole = |filter| matches!(china.catches(&filter), Catches::Parts(parts) if china.all(&parts));
    assert!(whole(pattern("arn:aws-cn:iam::aws:policy/AdministratorAccess")));
    assert!(!whole(pattern("arn:aws:iam::aws:policy/AdministratorAccess")));
}

#[test]
fn unknown_links_are_unknown() {
    assert_eq!(under("vpc", |_, w| w.alarms = super::super::tests::hidden()).verdict, Verdict::Unknown);
    let gone: fn(&mut Trail, &mut Monitoring) = |t, _| t.status = Observed::not_collected("cloudtrail:GetTrailStatus");
    assert_eq!(under("vpc", gone).verdict, Verdict::Unknown);
}

#[test]
fn a_filter_that_leaves_out_some_of_it_is_named_with_the_field() {
    let pattern = r#"{ $.eventName = "CreateUser" && $.userAgent != "*Terraform*" }"#;
    let finding = under("user-created", |_, watched| filters(watched, &[("users", pattern, true)]));
    assert_eq!(finding.verdict, Verdict::Fail);
    let words = "(filter `users` is narrowed, it catches only some values of `userAgent`)";
    assert!(finding.message.ends_with(words), "{}", finding.message);
}
