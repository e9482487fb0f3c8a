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

#[test]
fn room_is_told_for_each_target_and_quotas_that_aws_raised_are_the_user_s_to_say() {
    let served = Served::start(&["--accounts", "5", "--seed", "3"]);
    let plan = ["plan", "deny-leave-organization", "--set", "targets=/Security"];
    served.run(&plan).ends(0).shows(&["the slots of OU /Security", "of 10,240 characters, 2 of 10 slots"]);
    let quotas = served.file("ours.yaml", "version: 1\nscp: { size: 12000, per_target: 1 }\n");
    let with = [&plan[..], &["--policy-quotas", quotas.to_str().unwrap()]].concat();
    served.run(&with).ends(6).shows(&["would have 2 SCPs attached directly, AWS allows 1"]);
    served.file("ours.yaml", "version: 1\nscp: { size: 100 }\n");
    served.run(&with).ends(2).says(&["an SCP may have 100"]);
    served.file("orgward.yaml", "version: 1\npolicy_quotas_file: ours.yaml\n");
    served.run(&plan).ends(2).says(&["an SCP may have 100"]);
    served.file("ours.yaml", "version: 1\nscp: { slots: 12 }\n");
    served.run(&plan).ends(2).says(&["policy quotas `", "ours.yaml`", "slots"]);
}
