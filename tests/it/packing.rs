//! `pack` from outside: several policies in one document, applied, and nothing left to do.

use crate::harness::Served;

const PLAYBOOK: &str = "version: 1
name: ours
description: test
steps:
  - id: guards
    scp:
      name: our-guards
      pack:
        - document: leave.json
        - name: trails
          content:
            Version: '2012-10-17'
            Statement: { Sid: Guard, Effect: Deny, Action: 'ecs:DeleteCluster', Resource: '*' }
      targets: [/Security]
";

#[test]
fn packed_policies_are_applied_as_one_and_planned_again_as_nothing() {
    let served = Served::start(&["--accounts", "5", "--seed", "3"]);
    let leave = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Guard","Effect":"Deny","Action":"organizations:LeaveOrganization","Resource":"*"}]}"#;
    served.file("leave.json", leave);
    served.file("ours.yaml", PLAYBOOK);
    let first = served.run(&["apply", "--yes", "./ours.yaml"]).ends(0);
    first.shows(&["`our-guards-1` holds leave.json, trails", "\"Guard2\"", "Plan: 2 to create", "Apply: 2 done"]);
    served.run(&["plan", "--detailed-exitcode", "./ours.yaml"]).ends(0).shows(&["Nothing to change"]);
    // A changed part changes its document, and only that.
    served.file("leave.json", &leave.replace("organizations:LeaveOrganization", "account:CloseAccount"));
    served
        .run(&["plan", "--detailed-exitcode", "./ours.yaml"])
        .ends(5)
        .shows(&["0 to create, 1 to update, 0 to delete"]);
    served.file("leave.json", "{}");
    served.run(&["plan", "./ours.yaml"]).ends(2).says(&["leave.json:1:1"]);
}
