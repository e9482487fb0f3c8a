//! Policies and requests for the policy witness (`tests/policy/run.sh`), with what orgward decides of each.
//!
//! Owns: making them up, the same ones each time. Must not: know what the witness says.

use orgward::policy::{
    Context, Decision, Document, Principal, Request, Value, evaluate, evaluate_chain, evaluate_rcp_chain,
};
use serde_json::{Map, Value as Json, json};
use std::fmt::Write as _;
use std::path::Path;

/// How many are made up of each kind.
const EACH: usize = 2_000;

/// Numbers that look random and are the same each time (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// One to three different ones.
    fn some<T: Copy + PartialEq>(&mut self, choices: &[T]) -> Vec<T> {
        let mut picked = Vec::new();
        for _ in 0..=self.below(3) {
            let choice = self.pick(choices);
            if !picked.contains(&choice) {
                picked.push(choice);
            }
        }
        picked
    }
}

/// A family of operators, the keys that fit it, what a request may have for them and what a policy may ask.
struct Family {
    operators: &'static [&'static str],
    keys: &'static [&'static str],
    sets: &'static [&'static str],
    given: &'static [&'static str],
    asked: &'static [&'static str],
}

const FAMILIES: [Family; 7] = [
    Family {
        operators: &[
            "StringEquals",
            "StringNotEquals",
            "StringEqualsIgnoreCase",
            "StringNotEqualsIgnoreCase",
            "StringLike",
            "StringNotLike",
        ],
        keys: &["aws:RequestedRegion", "aws:PrincipalOrgID", "aws:PrincipalTag/team", "aws:ResourceTag/team"],
        sets: &["aws:TagKeys", "aws:CalledVia"],
        given: &["eu-west-1", "EU-WEST-1", "us-east-1", "o-abc", "red", "Red", "blue", "a*b", "a.b"],
        asked: &[
            "eu-west-1",
            "eu-*",
            "us-east-?",
            "o-abc",
            "red",
            "RED",
            "*",
            "?",
            "a*b",
            "a.b",
            "a${*}b",
            "b*",
            "${aws:PrincipalTag/team}",
            "${aws:username}",
            "${aws:PrincipalTag/team, 'red'}",
            "r${aws:missing}",
        ],
    },
    Family {
        operators: &["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"],
        keys: &["aws:PrincipalArn", "aws:SourceArn"],
        sets: &["x:Arns"],
        given: &[
            "arn:aws:sns:eu-west-1:111122223333:topic",
            "arn:aws:s3:::bucket",
            "arn:aws:iam::444455556666:role/a/b",
        ],
        asked: &[
            "arn:aws:sns:*:111122223333:topic",
            "arn:aws:sns:*:*:other",
            "arn:*:*:*:*:*",
            "arn:aws:iam::*:role/*",
            "arn:aws:iam::111122223333:user/team/?nna",
            "arn:aws:iam::${aws:PrincipalAccount}:role/*",
            "arn:aws:s3:::${aws:PrincipalTag/team}",
            "arn:aws:s3:::b*t",
        ],
    },
    Family {
        operators: &["Bool"],
        keys: &["aws:SecureTransport", "aws:MultiFactorAuthPresent"],
        sets: &["x:Flags"],
        given: &["true", "false"],
        asked: &["true", "false", "True", "FALSE"],
    },
    Family {
        operators: &[
            "NumericEquals",
            "NumericNotEquals",
            "NumericLessThan",
            "NumericLessThanEquals",
            "NumericGreaterThan",
            "NumericGreaterThanEquals",
        ],
        keys: &["aws:MultiFactorAuthAge", "s3:max-keys"],
        sets: &["x:Numbers"],
        given: &["0", "10", "3600", "2.5", "-7"],
        asked: &["0", "10", "10.0", "3600", "3599.5", "2.50", "-7", "-0"],
    },
    Family {
        operators: &[
            "DateEquals",
            "DateNotEquals",
            "DateLessThan",
            "DateLessThanEquals",
            "DateGreaterThan",
            "DateGreaterThanEquals",
        ],
        keys: &["aws:CurrentTime", "aws:TokenIssueTime"],
        sets: &["x:Dates"],
        given: &["2026-01-01T12:00:00Z", "2026-01-01T00:00:00Z", "2025-06-30T23:59:59Z", "1767268800"],
        asked: &["2026-01-01T12:00:00Z", "2026-01-01", "2026-01-01T13:00:00+01:00", "2025-07", "1767268800"],
    },
    Family {
        operators: &["BinaryEquals"],
        keys: &["x:Digest"],
        sets: &["x:Digests"],
        given: &["QmluYXJ5", "QQ=="],
        asked: &["QmluYXJ5", "QQ==", "QUE="],
    },
    Family {
        operators: &["IpAddress", "NotIpAddress"],
        keys: &["aws:SourceIp", "aws:VpcSourceIp"],
        sets: &["x:Addresses"],
        given: &["203.0.113.7", "10.1.2.3", "2001:db8:0:1::5", "2001:db8::1"],
        asked: &[
            "203.0.113.0/24",
            "203.0.113.7",
            "10.0.0.0/8",
            "10.9.9.9/8",
            "192.0.2.1/32",
            "0.0.0.0/0",
            "2001:db8::/32",
            "2001:db8:0:1::/64",
            "2001:DB8:0:1:0:0:0:5",
            "2001:db8::1",
            "::/0",
        ],
    },
];

const ACTIONS: [&str; 8] = [
    "s3:GetObject",
    "s3:PutObject",
    "sqs:SendMessage",
    "iam:GetUser",
    "kms:Decrypt",
    "ec2:RunInstances",
    "sts:AssumeRole",
    "organizations:LeaveOrganization",
];
const ACTION_PATTERNS: [&str; 12] = [
    "*",
    "s3:*",
    "S3:getobject",
    "s3:?etObject",
    "s3:Put*",
    "sqs:*",
    "iam:*User",
    "kms:Decrypt",
    "ec2:*",
    "sts:Assume*",
    "organizations:*",
    "iam:Get",
];
const RESOURCES: [&str; 5] = [
    "arn:aws:s3:::bucket/red/key",
    "arn:aws:s3:::bucket/anna/a:b",
    "arn:aws:iam::111122223333:user/team/anna",
    "arn:aws:sqs:eu-west-1:111122223333:queue",
    "arn:aws:ec2:us-east-1:111122223333:instance/i-1",
];
const RESOURCE_PATTERNS: [&str; 12] = [
    "*",
    "arn:aws:s3:::bucket/*",
    "arn:aws:s3:::bucket/${aws:username}/*",
    "arn:aws:s3:::bucket/${aws:PrincipalTag/team}/key",
    "arn:aws:s3:::bucket/???/key",
    "arn:*:iam::*:user/team/${aws:username}",
    "arn:aws:iam::111122223333:*",
    "arn:aws:sqs:*:111122223333:q*",
    "arn:aws:sqs:eu-west-1:*:queue",
    "arn:aws:ec2:*:*:instance/*",
    "arn:aws:ec2:us-east-1:111122223333:instance/i-2",
    "arn:aws:s3:::${aws:missing}/*",
];
const ROLE: &str = "arn:aws:iam::111122223333:role/path/Audit";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/Audit/orgward";
const USER: &str = "arn:aws:iam::111122223333:user/team/anna";
const NAMES: [&str; 7] = [
    "111122223333",
    "arn:aws:iam::111122223333:root",
    ROLE,
    SESSION,
    USER,
    "444455556666",
    "arn:aws:iam::444455556666:user/team/anna",
];

/// One as a text, more as a list, sometimes one as a list.
fn written(dice: &mut Dice, values: &[&str]) -> Json {
    match values {
        [one] if dice.percent(60) => json!(one),
        values => json!(values),
    }
}

fn condition(dice: &mut Dice) -> Json {
    let mut block = Map::new();
    for _ in 0..dice.below(3) {
        let family = &FAMILIES[dice.below(FAMILIES.len())];
        let many = dice.percent(25);
        let key = if many { dice.pick(family.sets) } else { dice.pick(family.keys) };
        let (operator, values) = if dice.percent(8) {
            ("Null".to_owned(), json!(dice.pick(&["true", "false"])))
        } else {
            let base = dice.pick(family.operators);
            let set = if many || dice.percent(5) { dice.pick(&["ForAnyValue:", "ForAllValues:"]) } else { "" };
            let if_exists = if dice.percent(25) { "IfExists" } else { "" };
            let values = dice.some(family.asked);
            (format!("{set}{base}{if_exists}"), written(dice, &values))
        };
        if let Some(keys) = block.entry(operator).or_insert_with(|| json!({})).as_object_mut() {
            keys.insert(key.to_owned(), values);
        }
    }
    Json::Object(block)
}

/// A statement; `elements` come first.
fn statement(dice: &mut Dice, mut elements: Map<String, Json>, patterns: &[&str]) -> Json {
    let actions = dice.some(patterns);
    let name = if dice.percent(15) && !elements.contains_key("Principal") { "NotAction" } else { "Action" };
    elements.insert(name.to_owned(), written(dice, &actions));
    let resources = if dice.percent(40) { vec!["*"] } else { dice.some(&RESOURCE_PATTERNS) };
    let name = if dice.percent(15) { "NotResource" } else { "Resource" };
    elements.insert(name.to_owned(), written(dice, &resources));
    let condition = condition(dice);
    if condition.as_object().is_some_and(|block| !block.is_empty()) {
        elements.insert("Condition".to_owned(), condition);
    }
    Json::Object(elements)
}

fn document(dice: &mut Dice, kind: &str, who_asks: &Principal) -> Json {
    let mut statements = Vec::new();
    for _ in 0..=dice.below(3) {
        let mut elements = Map::new();
        let allow = kind != "rcp" && dice.percent(60);
        elements.insert("Effect".to_owned(), json!(if allow { "Allow" } else { "Deny" }));
        match kind {
            "rcp" => drop(elements.insert("Principal".to_owned(), json!("*"))),
            "resource" => {
                let names = dice.some(&NAMES);
                let who = if dice.percent(20) { json!("*") } else { json!({"AWS": written(dice, &names)}) };
                // Who is listed in part only can't be told: whoever asks whole, or strangers.
                let whole =
                    if who_asks.session_arn.is_some() { &[NAMES[0], ROLE, SESSION][..] } else { &[NAMES[1], USER] };
                let whole = dice.pick(&[whole, &[NAMES[5]], &[NAMES[5], NAMES[6]]]);
                let spared = json!({"AWS": written(dice, whole)});
                let not = !allow && dice.percent(25);
                let (name, who) = if not { ("NotPrincipal", spared) } else { ("Principal", who) };
                elements.insert(name.to_owned(), who);
            }
            _ => {}
        }
        let patterns = if kind == "rcp" {
            &["s3:*", "s3:Get*", "sqs:SendMessage", "kms:*", "sts:*"][..]
        } else {
            &ACTION_PATTERNS
        };
        statements.push(statement(dice, elements, patterns));
    }
    if kind == "scp" && dice.percent(70) {
        statements.push(json!({"Effect": "Allow", "Action": "*", "Resource": "*"}));
    }
    json!({"Version": if dice.percent(95) { "2012-10-17" } else { "2008-10-17" }, "Statement": statements})
}

fn request(dice: &mut Dice, kind: &str) -> Request {
    let principal = if dice.percent(50) { Principal::iam(USER) } else { Principal::session(ROLE, SESSION) };
    let actions = if kind == "rcp" {
        &["s3:GetObject", "sqs:SendMessage", "kms:Decrypt", "sts:AssumeRole"][..]
    } else {
        &ACTIONS
    };
    let action = dice.pick(actions);
    let fitting: Vec<&str> = RESOURCES
        .into_iter()
        .filter(|arn| arn.split(':').nth(2) == action.split(':').next() || dice.percent(20))
        .collect();
    let resource = if fitting.is_empty() || action.starts_with("organizations:") { "*" } else { dice.pick(&fitting) };
    let mut context = Context::complete();
    for family in &FAMILIES {
        for key in family.keys {
            if *key != "aws:PrincipalArn" && dice.percent(70) {
                context = context.with(key, dice.pick(family.given));
            }
        }
        for key in family.sets {
            if dice.percent(70) {
                context = context.with_all(key, dice.some(family.given));
            }
        }
    }
    Request { principal, action: action.to_owned(), resource: resource.to_owned(), context }
}

/// The whole context as the witness wants it: with what follows from the principal, sets as lists.
fn spelled_out(request: &Request) -> Json {
    let derived = ["aws:username", "aws:PrincipalAccount", "aws:PrincipalType", "aws:PrincipalIsAWSService"];
    let mut out = Map::new();
    for key in FAMILIES.iter().flat_map(|family| family.keys).chain(&derived) {
        if let Value::Present(values) = request.value(key) {
            out.insert((*key).to_owned(), json!(values.concat()));
        }
    }
    for key in FAMILIES.iter().flat_map(|family| family.sets) {
        if let Value::Present(values) = request.value(key) {
            out.insert((*key).to_owned(), json!(values));
        }
    }
    Json::Object(out)
}

fn case(dice: &mut Dice, kind: &str) -> Json {
    let depth = if matches!(kind, "scp" | "rcp") { 1 + dice.below(4) } else { 1 };
    let most = if kind == "resource" { 1 } else { 2 };
    let request = request(dice, kind);
    let who_asks = &request.principal;
    let mut level = || (0..=dice.below(most)).map(|_| document(dice, kind, who_asks)).collect();
    let levels: Vec<Vec<Json>> = (0..depth).map(|_| level()).collect();
    let parsed: Vec<Vec<Document>> = levels
        .iter()
        .map(|level| level.iter().map(|json| Document::parse(&json.to_string()).expect("a policy")).collect())
        .collect();
    let chain: Vec<Vec<&Document>> = parsed.iter().map(|level| level.iter().collect()).collect();
    let decision = match kind {
        "scp" => evaluate_chain(&chain, &request),
        "rcp" => evaluate_rcp_chain(&chain, &request),
        _ => evaluate(&chain[0], &request),
    };
    let (ours, why) = match decision {
        Decision::Allow => ("allow", String::new()),
        Decision::Deny { .. } => ("deny", String::new()),
        Decision::NoMatch => ("no match", String::new()),
        Decision::CannotTell { why } => ("cannot tell", why),
    };
    let principal = request.principal.session_arn.as_ref().unwrap_or(&request.principal.arn);
    json!({
        "kind": kind, "levels": levels, "principal": principal, "action": request.action, "resource": request.resource,
        "context": spelled_out(&request), "ours": ours, "why": why,
    })
}

#[test]
#[ignore = "writes the cases of tests/policy/run.sh"]
fn writes_the_cases_of_the_policy_witness() {
    let mut dice = Dice(20_261_122);
    let mut lines = String::new();
    for kind in ["identity", "scp", "rcp", "resource"] {
        for _ in 0..EACH {
            writeln!(lines, "{}", case(&mut dice, kind)).unwrap();
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/policy-witness");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("cases.jsonl"), lines).unwrap();
}

/// The lane runs where Node.js is; here at least nothing is "cannot tell" in a context that is complete.
#[test]
fn of_a_complete_context_everything_is_told() {
    let mut dice = Dice(7);
    for kind in ["identity", "scp", "rcp", "resource"] {
        for _ in 0..200 {
            let case = case(&mut dice, kind);
            assert_ne!(case["ours"], "cannot tell", "{case}");
        }
    }
}
