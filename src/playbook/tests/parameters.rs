//! Parameters: required, typed, and harmless wherever they stand.

use crate::playbook::{Action, Documents, Playbook, Values, load_str, undeclared};
use proptest::prelude::*;

const TEXT: &str = "\
version: 1
name: p
description: d
parameters:
  targets:
    type: list
    description: where
  role:
    description: who is exempt
  length:
    type: number
    description: how long
    default: 14
  regions:
    type: regions
    description: which Regions
    default: [eu-west-1]
steps:
  - id: passwords
    password_policy: {minimum_length: \"${length}\"}
  - id: scp
    scp:
      name: guard ${role}
      targets: [/Security, \"${targets}\"]
      content:
        Version: '2012-10-17'
        Statement:
          - Effect: Deny
            Action: s3:*
            Resource: arn:aws:s3:::home/${aws:username}/*
            Condition:
              StringNotEquals: {aws:RequestedRegion: \"${regions}\"}
              ArnNotLike: {aws:PrincipalArn: [\"arn:*:iam::*:role/${role}\"]}
";

fn given(values: &[(&str, &str)]) -> Values {
    values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn read(text: &str, values: &[(&str, &str)]) -> Result<Playbook, String> {
    load_str("p.yaml", text, &Documents::Embedded(&[]), &given(values)).map_err(|errors| errors.to_string())
}

#[test]
fn values_land_where_they_belong() {
    let playbook =
        read(TEXT, &[("targets", "/A, /B"), ("role", "Exempt"), ("regions", "[\"eu-west-1\",\"eu-west-3\"]")]).unwrap();
    let Action::Scp(scp) = &playbook.steps[1].action else { panic!() };
    assert_eq!(scp.name, "guard Exempt");
    assert_eq!(scp.targets.iter().map(|t| t.text.as_str()).collect::<Vec<_>>(), ["/Security", "/A", "/B"]);
    assert!(scp.content.contains(r#""aws:RequestedRegion":["eu-west-1","eu-west-3"]"#), "{}", scp.content);
    assert!(scp.content.contains(r#"["arn:*:iam::*:role/Exempt"]"#), "{}", scp.content);
    assert!(scp.content.contains("${aws:username}"), "{}", scp.content);
    let Action::PasswordPolicy(passwords) = &playbook.steps[0].action else { panic!() };
    assert_eq!(passwords.minimum_length, Some(14));
}

#[test]
fn a_required_parameter_is_named_and_nothing_else_is_blamed_for_it() {
    insta::assert_snapshot!(read(TEXT, &[]).unwrap_err(), @r"
    p.yaml:5:3: parameter `targets` has no value
      5 |   targets:
        |   ^
      hint: give it with `--set targets=...`: where

    p.yaml:8:3: parameter `role` has no value
      8 |   role:
        |   ^
      hint: give it with `--set role=...`: who is exempt
    ");
}

#[test]
fn a_value_under_nearly_the_right_name_is_told_where_the_right_one_is_missed() {
    let error = read(TEXT, &[("target", "/A"), ("role", "R")]).unwrap_err().to_string();
    assert!(error.contains("hint: give it with `--set targets=...`, not `target`: where"), "{error}");
    assert!(!error.contains("`role`"), "{error}");
}

#[test]
fn wrong_values_are_named() {
    let values = [("targets", " , "), ("role", ""), ("length", "long"), ("regions", "eu-west-1,Ireland")];
    insta::assert_snapshot!(read(TEXT, &values).unwrap_err(), @r"
    p.yaml:5:3: the value given for parameter `targets` is an empty list
      5 |   targets:
        |   ^

    p.yaml:8:3: the value given for parameter `role` is empty
      8 |   role:
        |   ^

    p.yaml:10:3: the value given for parameter `length` is not a whole number
      10 |   length:
         |   ^

    p.yaml:14:3: the value given for parameter `regions` is wrong: `Ireland` is not a Region (such as eu-central-1)
      14 |   regions:
         |   ^
    ");
}

#[test]
fn an_unknown_parameter_has_a_nearest_one() {
    let text = TEXT.replace("guard ${role}", "guard ${rolle}").replace("role/${role}", "role/${rol}");
    insta::assert_snapshot!(read(&text, &[("targets", "/A"), ("role", "R")]).unwrap_err(), @r#"
    p.yaml:23:13: there is no parameter `rolle`
      23 |       name: guard ${rolle}
         |             ^
      hint: declare it under `parameters`, or did you mean `role`?

    p.yaml:33:47: there is no parameter `rol`
      33 |               ArnNotLike: {aws:PrincipalArn: ["arn:*:iam::*:role/${rol}"]}
         |                                               ^
      hint: declare it under `parameters`, or did you mean `role`?
    "#);
    let playbook = read(TEXT, &[("targets", "/A"), ("role", "R")]).unwrap();
    let unknown = undeclared(playbook.parameters.iter(), &given(&[("target", "/A"), ("role", "R")]));
    assert_eq!(unknown, ["no playbook has a parameter `target`: did you mean `targets`?"]);
}

#[test]
fn a_value_cannot_become_a_wildcard_in_a_policy() {
    for hostile in ["*", "Admin?", "${aws:username}"] {
        let shown = read(TEXT, &[("targets", "/A"), ("role", hostile)]).unwrap_err();
        assert!(shown.contains("the value of parameter `role` can't stand in a policy document"), "{shown}");
    }
}

#[test]
fn the_digest_covers_text_and_values() {
    let digest = |text: &str, role: &str| read(text, &[("targets", "/A"), ("role", role)]).unwrap().digest;
    let first = digest(TEXT, "One");
    assert!(first.starts_with("sha256:") && first.len() == 71);
    assert_eq!(first, digest(TEXT, "One"));
    assert_ne!(first, digest(TEXT, "Two"));
    assert_ne!(first, digest(&TEXT.replace("description: d", "description: e"), "One"));
}

proptest! {
    /// Whatever a value holds, the policy stays the same JSON with that value as a text.
    #[test]
    fn no_value_breaks_out_of_its_text(value in "[^*?$]{1,40}") {
        let values = [("targets", "/A"), ("role", value.as_str())];
        let text = TEXT.replace("name: guard ${role}", "name: guard");
        if let Ok(playbook) = read(&text, &values) {
            let Action::Scp(scp) = &playbook.steps[1].action else { panic!() };
            let parsed: serde_json::Value = serde_json::from_str(&scp.content).unwrap();
            let arn = &parsed["Statement"][0]["Condition"]["ArnNotLike"]["aws:PrincipalArn"];
            prop_assert_eq!(arn, &serde_json::json!([format!("arn:*:iam::*:role/{value}")]));
            prop_assert_eq!(parsed["Statement"].as_array().map(Vec::len), Some(1));
        } else {
            prop_assert!(value.trim().is_empty(), "{:?}", read(&text, &values));
        }
    }
}

#[test]
fn a_region_that_does_not_exist_is_named_with_the_nearest() {
    use crate::model::Observed;
    use crate::model::account::RegionState;
    let values = Values::from([("targets".into(), "/".into()), ("regions".into(), "eu-wset-1,eu-central-1".into())]);
    let roles = [("audit_role", "A"), ("apply_role", "B")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let playbook =
        crate::playbook::load_shipped("region-restriction", &values.into_iter().chain(roles).collect()).unwrap();
    let mut org = super::super::fixtures::org();
    let known = ["eu-central-1", "eu-west-1", "us-east-1"].map(|name| (name.parse().unwrap(), RegionState::Enabled));
    if let Observed::Present { source, .. } = org.delegated_administrators.clone() {
        org.regions = Observed::Present { value: known.into_iter().collect(), source };
    }
    let errors = crate::playbook::check_targets(&[playbook], &org).unwrap_err().to_string();
    assert!(errors.contains("there is no Region `eu-wset-1`"), "{errors}");
    assert!(errors.contains("did you mean `eu-west-1`?"), "{errors}");
    assert!(!errors.contains("`eu-central-1`"), "{errors}");
}

/// A file of a few hundred kilobytes that would take gigabytes once its values are put in.
#[test]
fn a_value_is_not_put_in_without_end() {
    let items: Vec<String> = (0..5_000).map(|n| format!("/ou-{n}")).collect();
    let uses = vec!["\"${many}\""; 5_000].join(", ");
    let long = "x".repeat(200_000);
    let names = "${long}".repeat(5_000);
    let document = vec!["\"${many}\""; 3_000].join(", ");
    let cases = [(uses.as_str(), "n", "\"s3:*\""), ("/A", &names, "\"s3:*\""), ("/A", "n", &document)];
    for (targets, name, actions) in cases {
        let text = format!(
            "version: 1\nname: p\ndescription: d\nparameters:\n  many: {{type: list, description: d, default: [{}]}}\n  \
             long: {{description: d, default: {long}}}\nsteps:\n  - id: a\n    scp:\n      name: {name}\n      targets: [{targets}]\n      \
             content: {{Version: '2012-10-17', Statement: [{{Effect: Deny, Action: [{actions}], Resource: '*'}}]}}\n",
            items.join(", ")
        );
        let error = read(&text, &[]).unwrap_err();
        let reported = error.matches("parameters put in more than 8388608 bytes").count();
        assert_eq!(reported, 1, "{}", error.chars().take(2_000).collect::<String>());
    }
}
