//! Bad input and bad surroundings: each with a clear error and its exit code, and before anything is lost.

use crate::harness::{SHARED, Served, orgward, run};
use std::io::{Read, Write};
use std::net::TcpListener;

/// An endpoint where nobody listens: whoever gets there fails in another way.
const NOWHERE: &str = "http://127.0.0.1:9";

#[test]
fn credentials_that_are_not_of_the_management_account() {
    let plain = SHARED.plain_member();
    let session = SHARED.assume(&plain, "OrgwardAudit", SHARED.variable("ORGWARD_EXTERNAL_ID"));
    let member = run(SHARED.command(&["audit"]).envs(session)).ends(1);
    member.says(&[&plain, "management account", "register-delegated-administrator"]);
}

#[test]
fn credentials_that_nobody_knows_or_that_have_expired() {
    let unknown = run(SHARED.command(&["org"]).env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")).ends(1);
    unknown.says(&["InvalidClientTokenId", "sign in again"]);
    let served = Served::start(&["--accounts", "3", "--fault", "*=expired"]);
    served.run(&["audit"]).ends(1).says(&["ExpiredToken", "sign in again"]);
    let mut none = orgward(served.home());
    none.args(["org", "--region", "eu-central-1"]).env("AWS_EC2_METADATA_DISABLED", "true");
    run(&mut none).ends(1).says(&["credentials"]);
}

#[test]
fn an_account_without_an_organization() {
    let fault = "organizations:DescribeOrganization=error:AWSOrganizationsNotInUseException";
    let served = Served::start(&["--accounts", "3", "--fault", fault]);
    served.run(&["org"]).ends(1).says(&["organization"]);
}

#[test]
fn an_endpoint_that_answers_html() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    // Ends with the test binary.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 16 * 1024]);
            let page = "<!DOCTYPE html><html><body>Sign in to the guest network</body></html>";
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length:";
            let _ = stream.write_all(format!("{head} {}\r\n\r\n{page}", page.len()).as_bytes());
        }
    });
    let answer = run(SHARED.command(&["audit"]).env("AWS_ENDPOINT_URL", &endpoint)).ends(1);
    answer.says(&["AWS_ENDPOINT_URL", "proxy"]);
}

#[test]
fn one_account_behind_a_proxy_that_answers_html_is_a_row() {
    let served = Served::start(&["--accounts", "4", "--fault", "iam:GetAccountSummary=html@audit"]);
    let report = served.run(&["audit", "--format", "json", "--fail-on", "none"]).ends(4).json();
    let causes = report["coverage"]["causes"].as_array().unwrap();
    // What needs a flag was not asked for.
    let causes: Vec<_> = causes.iter().filter(|cause| cause["kind"] != "opt_in").collect();
    assert_eq!(causes.len(), 1, "{causes:?}");
    assert_eq!(causes[0]["kind"], "not_an_aws_answer");
    assert_eq!(causes[0]["accounts"].as_array().unwrap().len(), 1);
}

#[test]
fn a_region_that_can_not_be_reached_is_named_for_it_may_be_misspelled() {
    let home = tempfile::tempdir().unwrap();
    let mut asked = orgward(home.path());
    asked.args(["org", "--region", "eu-wst-1"]).env("HTTPS_PROXY", NOWHERE).env("AWS_MAX_ATTEMPTS", "1");
    asked.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "secret");
    run(&mut asked).ends(1).says(&["it was asked in Region `eu-wst-1`", "check that there is one of that name"]);
}

#[test]
fn without_certificates_of_public_cas_nothing_is_sent_and_the_fix_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let home = tempfile::tempdir().unwrap();
    let empty = home.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let garbage = home.path().join("garbage.pem");
    std::fs::write(&garbage, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let asked = |command: &str, name: &str, value: &std::path::Path| {
        let mut asked = orgward(home.path());
        asked.args([command, "--region", "eu-central-1"]).env(name, value);
        asked.env("AWS_ENDPOINT_URL", format!("https://{}", listener.local_addr().unwrap()));
        run(asked.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "secret"))
    };
    let missing = std::path::Path::new("/no/such/file");
    let fix = "install the package ca-certificates";
    let said = asked("org", "SSL_CERT_FILE", missing).ends(1);
    let said = said.says(&["there are no certificates of public CAs", "SSL_CERT_FILE names `/no/such/file`", fix]);
    assert_eq!(said.err.lines().count(), 1, "{}", said.err);
    asked("audit", "SSL_CERT_DIR", &empty).ends(1).says(&["there are no certificates", "SSL_CERT_DIR names", fix]);
    asked("org", "SSL_CERT_FILE", &garbage).ends(1).says(&["no certificate of a public CA can be used", fix]);
    let doctor = asked("doctor", "SSL_CERT_FILE", missing).ends(3);
    doctor.shows(&["there are no certificates of public CAs", "fix: sudo apt-get install ca-certificates"]);
    assert!(listener.accept().is_err(), "nobody was asked");
    run(orgward(home.path()).args(["explain", "no_certificates"])).ends(0).shows(&["Nothing was sent"]);
    // An endpoint without TLS, as the sandbox's is, needs none.
    run(SHARED.command(&["org"]).env("SSL_CERT_FILE", missing)).ends(0);
}

#[test]
fn settings_that_cannot_be_used_are_refused_before_the_first_call() {
    let nowhere = |args: &[&str]| {
        let mut command = SHARED.command(args);
        command.env("AWS_ENDPOINT_URL", NOWHERE);
        command
    };
    run(nowhere(&["audit"]).env("AWS_MAX_ATTEMPTS", "0")).ends(1).says(&["AWS_MAX_ATTEMPTS `0`", "at least 1"]);
    run(nowhere(&["audit"]).env("AWS_RETRY_MODE", "fast")).ends(1).says(&["AWS_RETRY_MODE `fast`"]);
    run(&mut nowhere(&["audit", "--session-duration", "60"])).ends(2).says(&["900"]);
    run(&mut nowhere(&["audit", "--max-concurrency", "0"])).ends(2).says(&["max_concurrency"]);
    run(&mut nowhere(&["audit", "--account", "12345"])).ends(2).says(&["12345"]);
    run(&mut nowhere(&["audit", "--regions", "eu_central_1"])).ends(2).says(&["eu_central_1"]);
    run(&mut nowhere(&["audit", "--tag", "env"])).ends(2).says(&["KEY=VALUE"]);
    run(&mut nowhere(&["audit", "--formaat", "json"])).ends(2).says(&["--formaat", "--format"]);
    run(&mut nowhere(&["audti"])).ends(2).says(&["audti", "audit"]);
    run(&mut nowhere(&["checks", "explain", "root-mfaa"])).ends(2).says(&["did you mean `root-mfa`?"]);
    // An output that can't be written is found now, not after the run.
    for args in [["audit", "--output", "/nope/report.json"], ["plan", "--out", "/nope/plan.json"]] {
        let args: Vec<&str> =
            if args[0] == "plan" { [&args[..], &["cis-password-policy"]].concat() } else { args.to_vec() };
        run(&mut nowhere(&args)).ends(1).says(&["can't write `/nope/", "check the path"]);
    }
}

#[test]
fn a_config_file_with_a_wrong_key_or_value() {
    let home = tempfile::tempdir().unwrap();
    let audit = |text: &str| {
        std::fs::write(home.path().join("orgward.yaml"), text).unwrap();
        run(orgward(home.path()).arg("audit").env("AWS_ENDPOINT_URL", NOWHERE)).ends(2)
    };
    audit("version: 1\nrolename: x\n").says(&["orgward.yaml", "`rolename`", "line 2", "did you mean `role_name`?"]);
    audit("version: 7\n").says(&["version `7`", "version 1"]);
    audit("session_duration_seconds: 5\n").says(&["session_duration_seconds", "900"]);
    audit("external_id_file: not-there.txt\n").says(&["not-there.txt"]);
    let secret = audit("version: 1\nexternal_id: [hunter2]\n");
    assert!(!secret.err.contains("hunter2"), "{}", secret.err);
    run(orgward(home.path()).args(["audit", "--config", "absent.yaml"]))
        .ends(2)
        .says(&["absent.yaml", "can't be read"]);
}

#[test]
fn a_scope_that_names_what_is_not_there() {
    SHARED.run(&["audit", "--ou", "/Securty"]).ends(2).says(&["`/Securty`", "did you mean `/Security`?"]);
    SHARED.run(&["audit", "--ou", "ou-zzzz-00000000"]).ends(2).says(&["`ou-zzzz-00000000`"]);
    SHARED.run(&["audit", "--account", "111111111111"]).ends(2).says(&["`111111111111`"]);
    // All of it at once.
    let both = SHARED.run(&["org", "--ou", "/Securty", "--exclude-account", "111111111111"]).ends(2);
    both.says(&["/Securty", "111111111111"]);
    SHARED.run(&["org", "--tag", "env=nothing-has-this"]).ends(2);
}

#[test]
fn a_playbook_with_mistakes_tells_all_of_them_with_line_and_column() {
    let served = &*SHARED;
    served.file(
        "mistakes.yaml",
        "version: 1\nname: mistakes\ndescription: test\nsteps:\n  - id: one\n    password_policy:\n      minimum_lenght: 14\n  - id: two\n    \
         scp:\n      name: two\n      document: absent.json\n      targets: [/Security]\n  - id: three\n    \
         password_polcy:\n      minimum_length: 14\n",
    );
    let plan = run(served.command(&["plan", "./mistakes.yaml"]).env("AWS_ENDPOINT_URL", NOWHERE)).ends(2);
    plan.says(&[
        "mistakes.yaml:7:7",
        "minimum_lenght",
        "`minimum_length`",
        "absent.json",
        "mistakes.yaml:14:5",
        "password_polcy",
        "`password_policy`",
    ]);
    served.run(&["plan", "deny-leave-organisation"]).ends(2).says(&["did you mean `deny-leave-organization`?"]);
    served.run(&["plan", "deny-leave-organization"]).ends(2).says(&["`targets` has no value", "--set targets="]);
    let set = ["plan", "cis-password-policy", "--set", "tragets=/Security"];
    served.run(&set).ends(2).says(&["tragets"]);
    let gone = ["plan", "deny-leave-organization", "--set", "targets=/Securty"];
    served.run(&gone).ends(2).says(&["deny-leave-organization.yaml:", "`/Securty`", "did you mean `/Security`?"]);
}

#[test]
fn a_policy_document_that_is_malformed_too_long_or_one_too_many() {
    let served = &*SHARED;
    let step = |id: &str, document: &str| {
        format!("  - id: {id}\n    scp:\n      name: {id}\n      document: {document}\n      targets: [/Security]\n")
    };
    let playbook = |name: &str, steps: &[String]| {
        served.file(name, &format!("version: 1\nname: test\ndescription: test\nsteps:\n{}", steps.concat()));
        format!("./{name}")
    };
    let deny = |sid: &str| {
        format!(
            "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Sid\":\"{sid}\",\"Effect\":\"Deny\",\"Action\":\"s3:*\",\"Resource\":\"*\"}}]}}"
        )
    };
    served.file(
        "broken.json",
        "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\"Effect\": \"Denny\"}\n  ]\n}\n",
    );
    let broken = playbook("broken.yaml", &[step("broken", "broken.json")]);
    served.run(&["plan", &broken]).ends(2).says(&["broken.json:4:", "Effect", "Action"]);
    served.file("syntax.json", "{\n  \"Version\": \"2012-10-17\",,\n}\n");
    let syntax = playbook("syntax.yaml", &[step("syntax", "syntax.json")]);
    served.run(&["plan", &syntax]).ends(2).says(&["syntax.json:2:"]);

    let actions = (0..1_500).map(|n| format!("\"s3:NoSuchAction{n}\"")).collect::<Vec<_>>().join(",");
    let long = deny("Long").replace("\"s3:*\"", &format!("[{actions}]"));
    served.file("long.json", &long);
    let long = playbook("long.yaml", &[step("long", "long.json")]);
    served.run(&["plan", &long]).ends(2).says(&["long.json", "an SCP may have 10240", "split it"]);

    served.file("fine.json", &deny("Fine"));
    let many: Vec<String> = (0..12).map(|n| step(&format!("scp-{n}"), "fine.json")).collect();
    let many = playbook("many.yaml", &many);
    served.run(&["plan", &many]).ends(6).shows(&["refused", "/Security"]);
}
