//! Security Token Service: `GetCallerIdentity` and `AssumeRole` with its trust policies, session policies and limits.
//!
//! Owns: who may assume which role, for how long. Must not: evaluate the caller's own policies (`access` does), or allow
//! what a trust policy can't be evaluated for (501).
//!
//! Source: STS API reference, `AssumeRole`; IAM User Guide, "IAM and AWS STS quotas", "Policies and permissions".

use super::Operations;
use crate::model::AccountId;
use crate::model::ids::Arn;
use crate::policy::{self, Context, Decision, Document, Rules};
use crate::sandbox::access::{self, Ask, Bounds, Door, Parsed, Verdict};
use crate::sandbox::auth::Session;
use crate::sandbox::generate::managed;
use crate::sandbox::log::Event;
use crate::sandbox::org::uuid_of;
use crate::sandbox::state::{Role, Tags};
use crate::sandbox::{ApiError, Caller, Org, input, wire};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The operations.
pub const OPERATIONS: Operations = &[("GetCallerIdentity", get_caller_identity), ("AssumeRole", assume_role)];

/// Characters of an inline session policy.
const SESSION_POLICY_CHARACTERS: usize = 2_048;
/// Seconds of a session got by role chaining.
const CHAINED_SECONDS: i64 = 3_600;

fn get_caller_identity(_: &mut Org, caller: &Caller, _: Value) -> Result<Value, ApiError> {
    Ok(json!({"UserId": caller.user_id, "Account": caller.account.as_str(), "Arn": caller.arn}))
}

/// What was asked for, its form checked.
struct Wish {
    account: AccountId,
    role_arn: String,
    role_name: String,
    session_name: String,
    external_id: Option<String>,
    seconds: Option<i64>,
    policy: Option<Arc<Parsed>>,
    source_identity: Option<String>,
    tags: Tags,
    transitive: BTreeSet<String>,
}

fn assume_role(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    let ask = read(org, &request)?;
    let denied = |action: &str| {
        let message =
            format!("User: {} is not authorized to perform: {action} on resource: {}", caller.arn, ask.role_arn);
        ApiError::new("AccessDenied", message).with_status(403)
    };
    if caller.is_root {
        return Err(ApiError::new("AccessDenied", "Roles may not be assumed by root accounts.").with_status(403));
    }
    // AWS does not tell a missing role from a closed door.
    if !org.works(&ask.account) {
        return Err(denied("sts:AssumeRole"));
    }
    let state = org.state(&ask.account);
    let role = state.roles.get(&ask.role_name).filter(|role| role.arn(&ask.account) == ask.role_arn).cloned();
    drop(state);
    let role = role.ok_or_else(|| denied("sts:AssumeRole"))?;
    let trust = access::parse(org, &role.trust_policy, &format!("that {} trusts by", ask.role_arn))?;
    let bounds = access::bounds(org, caller)?;
    let mut actions = vec!["sts:AssumeRole"];
    if ask.source_identity.is_some() {
        actions.push("sts:SetSourceIdentity");
    }
    if !ask.tags.is_empty() {
        actions.push("sts:TagSession");
    }
    for action in actions {
        let asked = Ask { action, resource: &ask.role_arn, region: caller.region.as_str(), input: &request };
        match admit(org, caller, (&ask, asked), (&bounds, &trust))? {
            Verdict::Allowed => {}
            Verdict::Denied(because) => {
                let error = denied(action);
                let message = format!("{} {because}", error.message);
                return Err(ApiError { message: message.trim_end().to_owned(), ..error });
            }
            Verdict::CannotTell(why) => return Err(access::cannot_tell(action, &ask.role_arn, &why)),
        }
    }
    let source_identity = source_identity(caller, &ask).ok_or_else(|| denied("sts:SetSourceIdentity"))?;
    let seconds = duration(caller, &role, ask.seconds)?;
    Ok(grant(org, caller, ask, &role, seconds, source_identity))
}

/// Reads the request.
///
/// # Errors
/// `ValidationError` by constraint, `MalformedPolicyDocument`, `PackedPolicyTooLarge`.
fn read(org: &mut Org, request: &Value) -> Result<Wish, ApiError> {
    let role_arn = input::text(request, "RoleArn")?;
    let bad_arn = || ApiError::validation(format!("{role_arn} is invalid"));
    let arn = Arn::parse(role_arn).filter(|arn| arn.service == "iam" && arn.partition == "aws").ok_or_else(bad_arn)?;
    let account = arn.account.parse().map_err(|_| bad_arn())?;
    let path = arn.resource.strip_prefix("role/").filter(|path| !path.is_empty()).ok_or_else(bad_arn)?;
    let session_name = input::text(request, "RoleSessionName")?;
    constrain("roleSessionName", session_name, 2..=64, "+=,.@-")?;
    let external_id = input::opt_text(request, "ExternalId")?;
    if let Some(external_id) = external_id {
        constrain("externalId", external_id, 2..=1224, "+=,.@:/-")?;
    }
    let source_identity = input::opt_text(request, "SourceIdentity")?;
    if let Some(source_identity) = source_identity {
        constrain("sourceIdentity", source_identity, 2..=64, "+=,.@-")?;
    }
    let seconds = input::opt_int(request, "DurationSeconds")?;
    if let Some(outside) = seconds.filter(|seconds| !(900..=43_200).contains(seconds)) {
        let bound = if outside < 900 { "greater than or equal to 900" } else { "less than or equal to 43200" };
        return Err(violates("durationSeconds", &outside.to_string(), &format!("Member must have value {bound}")));
    }
    let tags = input::tags(request, "Tags")?;
    if tags.len() > 50 {
        return Err(violates("tags", "[]", "Member must have length less than or equal to 50"));
    }
    Ok(Wish {
        account,
        role_arn: role_arn.to_owned(),
        role_name: path.rsplit('/').next().unwrap_or(path).to_owned(),
        session_name: session_name.to_owned(),
        external_id: external_id.map(str::to_owned),
        seconds,
        policy: session_policy(org, request)?,
        source_identity: source_identity.map(str::to_owned),
        tags,
        transitive: input::texts(request, "TransitiveTagKeys")?.into_iter().collect(),
    })
}

/// The session policy: inline, or one managed policy by ARN. Several at once would need a union the caller can't hold.
fn session_policy(org: &mut Org, request: &Value) -> Result<Option<Arc<Parsed>>, ApiError> {
    let inline = input::opt_text(request, "Policy")?.filter(|text| !text.is_empty());
    let arns = input::list(request, "PolicyArns")?;
    let arns = arns.iter().map(|arn| input::text(arn, "arn")).collect::<Result<Vec<_>, _>>()?;
    let text = match (inline, arns.as_slice()) {
        (None, []) => return Ok(None),
        (Some(text), []) => {
            let characters = text.chars().count();
            if characters > SESSION_POLICY_CHARACTERS {
                let rule = format!("Member must have length less than or equal to {SESSION_POLICY_CHARACTERS}");
                return Err(violates("policy", "(the policy)", &rule));
            }
            text.to_owned()
        }
        (None, [arn]) => managed_policy(org, arn)?,
        _ => return Err(ApiError::not_implemented("the sandbox takes one session policy, inline or by ARN")),
    };
    // Most sessions bring the same one: it is read once, and they share it.
    if let Some(known) = org.access.session(&text) {
        return Ok(Some(known));
    }
    let malformed = |message: String| ApiError::new("MalformedPolicyDocument", message);
    let document = Document::parse(&text)
        .map_err(|errors| malformed(errors.first().map(ToString::to_string).unwrap_or_default()))?;
    match policy::lint(&document, Rules::Session).first() {
        Some(error) => Err(malformed(error.to_string())),
        None => Ok(Some(org.access.keep_session(text, Parsed::new(document)))),
    }
}

fn managed_policy(org: &Org, arn: &str) -> Result<String, ApiError> {
    if let Some(policy) = managed::find(arn) {
        return Ok(policy.document.to_owned());
    }
    let account = Arn::parse(arn).and_then(|parsed| parsed.account.parse::<AccountId>().ok());
    let found = account.and_then(|account| org.state(&account).policies.get(arn).map(|p| p.document.clone()));
    found.ok_or_else(|| ApiError::not_implemented(format!("the sandbox does not have the policy {arn}")))
}

/// Asks everyone concerned: the caller's policies, the RCPs above the role, and the role's trust policy.
fn admit(
    org: &mut Org,
    caller: &Caller,
    (wish, ask): (&Wish, Ask<'_>),
    (bounds, trust): (&Bounds, &Parsed),
) -> Result<Verdict, ApiError> {
    let enrich = |context| around(context, wish);
    let mut request = access::trust_request(org, caller, bounds, ask, trust, enrich);
    let trusted = policy::evaluate(&[trust.document()], &request);
    // Without its account, the caller is trusted only if the policy names it or everyone.
    request.principal.account.clear();
    let direct = caller.account == wish.account && policy::evaluate(&[trust.document()], &request) == Decision::Allow;
    let door = Door { account: &wish.account, direct };
    let own = access::decide_assume(org, caller, bounds, (ask, &door), enrich)?;
    Ok(match (own, trusted) {
        (Verdict::Denied(because), _) => Verdict::Denied(because),
        (_, Decision::Deny { .. }) => Verdict::Denied("with an explicit deny in a resource-based policy".to_owned()),
        // AWS does not tell another account's callers what its trust policies lack.
        (_, Decision::NoMatch) => Verdict::Denied(String::new()),
        (_, Decision::CannotTell { why }) => Verdict::CannotTell(format!("its trust policy: {why}")),
        (own, Decision::Allow) => own,
    })
}

/// What only `AssumeRole` carries.
fn around(mut context: Context, wish: &Wish) -> Context {
    context = context.with("sts:RoleSessionName", &wish.session_name);
    for (key, value) in [("sts:ExternalId", &wish.external_id), ("sts:SourceIdentity", &wish.source_identity)] {
        context = match value {
            Some(value) => context.with(key, value),
            None => context.without(key),
        };
    }
    if wish.transitive.is_empty() {
        context.without("sts:TransitiveTagKeys")
    } else {
        context.with_all("sts:TransitiveTagKeys", wish.transitive.iter().map(String::as_str))
    }
}

/// The identity that lasts through chained sessions; `None` if the caller's may not be changed.
#[expect(clippy::option_option, reason = "refused, nothing set, set")]
fn source_identity(caller: &Caller, ask: &Wish) -> Option<Option<String>> {
    let kept = caller.session.as_ref().and_then(|session| session.source_identity.clone());
    match (kept, &ask.source_identity) {
        (Some(kept), Some(asked)) if kept != *asked => None,
        (Some(kept), _) => Some(Some(kept)),
        (None, asked) => Some(asked.clone()),
    }
}

/// The session's length in seconds.
fn duration(caller: &Caller, role: &Role, asked: Option<i64>) -> Result<i64, ApiError> {
    let chained = caller.session.is_some();
    match asked {
        None => Ok(CHAINED_SECONDS),
        Some(seconds) if chained && seconds > CHAINED_SECONDS => Err(ApiError::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        )),
        Some(seconds) if seconds > i64::from(role.max_session_seconds) => {
            Err(ApiError::validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."))
        }
        Some(seconds) => Ok(seconds),
    }
}

/// Hands the credentials out, and records the call in the role's account, as CloudTrail does.
fn grant(
    org: &mut Org,
    caller: &Caller,
    ask: Wish,
    role: &Role,
    seconds: i64,
    source_identity: Option<String>,
) -> Value {
    let access_key = org.fresh_id("ASIA", 16);
    let (secret, token) = (org.fresh_id("", 40), org.fresh_id("FwoGZXIvYXdz", 200));
    let expires = org.now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(org.now);
    let arn = format!("arn:aws:sts::{}:assumed-role/{}/{}", ask.account, role.name, ask.session_name);
    let user_id = format!("{}:{}", role.id, ask.session_name);
    let (mut tags, mut transitive) = (ask.tags, ask.transitive);
    if let Some(session) = &caller.session {
        for key in &session.transitive_tags {
            if let Some(value) = session.tags.get(key) {
                tags.insert(key.clone(), value.clone());
                transitive.insert(key.clone());
            }
        }
    }
    if caller.account != ask.account && org.keeps_events {
        let identity =
            json!({"type": "AWSAccount", "principalId": caller.user_id, "accountId": caller.account.as_str()});
        org.events.push(Event {
            id: uuid_of(&access_key),
            at: org.now,
            name: "AssumeRole".into(),
            source: "sts.amazonaws.com".into(),
            region: caller.region.clone(),
            account: ask.account.clone(),
            identity: identity.into(),
            parameters: Value::Null,
            error_code: None,
            error_message: None,
            read_only: true,
        });
    }
    let answer = json!({
        "Credentials": {
            "AccessKeyId": access_key,
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": wire::timestamp(expires.checked_add(org.ahead).unwrap_or(expires)),
        },
        "AssumedRoleUser": {"AssumedRoleId": user_id, "Arn": arn},
        "PackedPolicySize": ask.policy.as_ref().map(|_| 10),
        "SourceIdentity": source_identity,
    });
    let session = Session {
        account: ask.account,
        arn,
        role_arn: ask.role_arn,
        user_id,
        token,
        issued: org.now,
        expires,
        policy: ask.policy,
        source_identity,
        tags,
        transitive_tags: transitive,
    };
    // Expired sessions are swept now and then, so that long runs over many accounts do not pile them up.
    if org.sessions.len() % 1_024 == 1_023 {
        let now = org.now;
        let long_gone = SignedDuration::from_hours(24);
        org.sessions.retain(|_, old| old.expires.checked_add(long_gone).is_ok_and(|gone| gone > now));
    }
    org.sessions.insert(access_key, Arc::new(session));
    answer
}

/// Checks length and characters: letters, digits, `_` and `extra`.
fn constrain(name: &str, text: &str, length: std::ops::RangeInclusive<usize>, extra: &str) -> Result<(), ApiError> {
    // What was sent is not repeated: an ExternalId is in here too.
    if !length.contains(&text.chars().count()) {
        let rule = format!("Member must have length between {} and {}", length.start(), length.end());
        return Err(violates(name, "(not shown)", &rule));
    }
    if text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || extra.contains(letter)) {
        return Ok(());
    }
    let rule = format!("Member must satisfy regular expression pattern: [\\w{extra}]*");
    Err(violates(name, "(not shown)", &rule))
}

fn violates(name: &str, value: &str, rule: &str) -> ApiError {
    ApiError::validation(format!(
        "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: {rule}"
    ))
}
