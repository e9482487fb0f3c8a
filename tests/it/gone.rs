//! What failed in one audit and is not there in the next is closed where findings are kept: by the real binary, of a user who was
//! deleted between them.

use crate::installed::Installed;
use orgward::model::AccountId;
use orgward::model::org::AccountState;
use orgward::sandbox::Scenario;
use serde_json::Value;

const AUDIT: [&str; 6] = ["audit", "--checks", "user-inline-policies", "--fail-on", "none", "--format"];

/// Gives an account a user with an inline policy, or takes the user away.
fn user(installed: &Installed, account: &AccountId, there: bool) {
    installed.sandbox.with(|org| {
        let users = &mut org.state_mut(account).users;
        let mut user = users.values().next().expect("someone to make a user after").clone();
        user.name = "contractor".to_owned();
        user.inline = [("all".to_owned(), r#"{"Version":"2012-10-17","Statement":[]}"#.to_owned())].into();
        match there {
            true => drop(users.insert(user.name.clone(), user)),
            false => drop(users.remove(&user.name)),
        }
    });
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn with_user(values: Vec<Value>) -> Vec<Value> {
    values.into_iter().filter(|value| value.to_string().contains(":user/contractor")).collect()
}

#[test]
fn a_failure_of_someone_who_was_deleted_is_closed_under_its_own_id() {
    let scenario = Scenario::small();
    let account = scenario.account("audit").unwrap().id.clone();
    let installed = Installed::with(scenario, "management", &[]);
    user(&installed, &account, true);
    let events = |run: &str| with_user(lines(&installed.run(&["report", run, "--format", "ocsf"]).out));
    let findings = |run: &str| -> Vec<Value> {
        let requests = lines(&installed.run(&["report", run, "--format", "asff"]).out);
        with_user(requests.iter().flat_map(|request| request["Findings"].as_array().unwrap().clone()).collect())
    };
    installed.run(&[&AUDIT[..], &["ocsf"]].concat()).ends(0);
    let (open, record) = (events("last"), findings("last"));
    assert_eq!((open.len(), &open[0]["activity_id"], &open[0]["status_id"]), (1, &1.into(), &1.into()));
    assert_eq!((record.len(), &record[0]["RecordState"]), (1, &"ACTIVE".into()));

    user(&installed, &account, false);
    let told = installed.run(&[&AUDIT[..], &["ocsf"]].concat()).ends(0);
    let (closed, archived) = (events("last"), findings("last"));
    assert_eq!(with_user(lines(&told.out)), closed, "the audit itself says it too");
    assert_eq!((closed.len(), &closed[0]["activity_id"], &closed[0]["status_id"]), (1, &3.into(), &4.into()));
    assert_eq!(closed[0]["finding_info"]["uid"], open[0]["finding_info"]["uid"]);
    assert_eq!((archived.len(), &archived[0]["RecordState"]), (1, &"ARCHIVED".into()));
    assert_eq!((&archived[0]["Id"], &archived[0]["ProductArn"]), (&record[0]["Id"], &record[0]["ProductArn"]));
    assert!(archived[0]["UpdatedAt"].as_str() > record[0]["UpdatedAt"].as_str(), "Security Hub takes nothing older");

    // Once: the audit after that has nothing to close, and the one before is told as it was.
    installed.run(&[&AUDIT[..], &["ocsf"]].concat()).ends(0);
    assert_eq!((events("last"), findings("last")), (Vec::new(), Vec::new()));
    assert_eq!(events("last~2"), open);

    // Whoever handed over the first audit alone, and now the last, names it.
    let against =
        |before: &str| installed.run(&["report", "last", "--fail-on", "none", "--format", "ocsf", "--against", before]);
    let late = with_user(lines(&against("last~2").ends(0).out));
    assert_eq!((late.len(), &late[0]["activity_id"]), (1, &3.into()));
    assert_eq!(late[0]["finding_info"]["uid"], open[0]["finding_info"]["uid"]);
    let told = installed.run(&["report", "last", "--fail-on", "none", "--against", "last~2"]).ends(0);
    let first = installed.run(&["report", "last~2", "--format", "ndjson"]).out;
    let first = lines(&first)[0]["run"].as_str().unwrap().to_owned();
    assert!(told.out.contains(&format!("Since run {first}")), "{}", told.out);
    against("last").ends(2).says(&["did not begin before", "name an earlier one"]);
    against("last~9").ends(2).says(&["3 audits"]);
}

#[test]
fn what_failed_in_an_account_that_was_closed_is_closed_with_it() {
    let scenario = Scenario::small();
    let account = scenario.account("audit").unwrap().id.clone();
    let installed = Installed::with(scenario, "management", &[]);
    user(&installed, &account, true);
    let open = with_user(lines(&installed.run(&[&AUDIT[..], &["ocsf"]].concat()).ends(0).out));

    installed.sandbox.with(|org| org.members.get_mut(&account).unwrap().state = AccountState::Closed);
    let closed = with_user(lines(&installed.run(&[&AUDIT[..], &["ocsf"]].concat()).ends(0).out));
    assert_eq!((closed.len(), &closed[0]["activity_id"], &closed[0]["status_id"]), (1, &3.into(), &99.into()));
    assert_eq!(closed[0]["finding_info"]["uid"], open[0]["finding_info"]["uid"]);
    let requests = lines(&installed.run(&["report", "last", "--format", "asff"]).out);
    assert!(
        !requests.iter().any(|request| request.to_string().contains(account.as_str())),
        "nobody is in there to send it"
    );
    let again = lines(&installed.run(&[&AUDIT[..], &["ocsf"]].concat()).ends(0).out);
    assert_eq!(with_user(again), Vec::<Value>::new(), "once");
}
