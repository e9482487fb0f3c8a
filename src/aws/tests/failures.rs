//! Answers that are errors, not AWS's, or never come.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_aws_did_not_write_is_never_a_success() {
    for (status, body) in [
        (200, "<!DOCTYPE html><html><body>captive portal</body></html>"),
        (200, "\u{1}\u{2}garbage"),
        (403, "<html><body>blocked by proxy</body></html>"),
        (502, "<html><body>bad gateway</body></html>"),
        (400, "garbage"),
    ] {
        let fake = Fake::new(move |_, _| {
            let mut reply = error(status, body);
            if let Reply::Answer(_, bytes) = &mut reply {
                bytes.push(b'\n');
            }
            reply
        });
        let (_, base) = fake.base().await;
        let iam = summary(&base).await.unwrap_err();
        // Has no output, so that the SDK would take anything for a success.
        let attach = base.organizations().attach_policy().policy_id("p-12345678").target_id(MEMBER);
        let attach = attach.send().await.map_err(|e| cause("organizations:AttachPolicy", &e)).unwrap_err();
        let page = status != 400 && !body.contains("garbage");
        if page || status == 200 {
            assert_eq!(iam.kind, CauseKind::NotAnAwsAnswer, "{status} {body}: {iam}");
            assert_eq!(attach.kind, CauseKind::NotAnAwsAnswer, "{status} {body}: {attach}");
        }
        assert!(!iam.message.contains("portal") && !iam.message.contains("garbage"), "{iam}");
        assert!(iam.message.contains(&format!("HTTP {status}")), "{iam}");
        assert!(fake.seen().len() <= 8, "{} requests for two calls", fake.seen().len());
    }
}

#[tokio::test(start_paused = true)]
async fn silence_and_broken_connections_are_given_up_early() {
    let silent = Fake::new(|_, _| Reply::Silence);
    let (sessions, base) = silent.base().await;
    let before = Instant::now();
    let cause = summary(&base).await.unwrap_err();
    assert_eq!((cause.kind, silent.seen().len()), (CauseKind::TimedOut, 2));
    assert!(before.elapsed() < Duration::from_secs(65), "{:?}", before.elapsed());
    assert_eq!(sessions.stats().unanswered, 2);

    let broken = Fake::new(|_, _| Reply::Dropped);
    let (_, base) = broken.base().await;
    let cause = summary(&base).await.unwrap_err();
    assert_eq!((cause.kind, broken.seen().len()), (CauseKind::Unreachable, 4));
    assert!(cause.message.contains("connection reset by peer"), "{cause}");

    let shaky = Fake::new(|_, number| if number < 3 { Reply::Dropped } else { ok(SUMMARY) });
    let (_, base) = shaky.base().await;
    summary(&base).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_retry_does_not_settle_an_attempt_that_was_lost() {
    let refusal = |code: &str| error(400, &format!(r#"{{"__type":"{code}","Message":"no"}}"#));
    for code in
        ["AccessDeniedException", "TooManyRequestsException", "ExpiredTokenException", "TargetNotFoundException"]
    {
        let lost: [fn() -> Reply; 4] = [
            || Reply::Dropped,
            || Reply::Silence,
            || error(500, r#"{"__type":"ServiceException"}"#),
            || error(502, "<html>bad gateway</html>"),
        ];
        for (which, lost) in lost.into_iter().enumerate() {
            let fake = Fake::new(move |_, number| if number == 1 { lost() } else { refusal(code) });
            let (_, base) = fake.base().await;
            let attach = base.organizations().attach_policy().policy_id("p-12345678").target_id(MEMBER);
            let sent = attach.send().await.unwrap_err();
            let why = cause("organizations:AttachPolicy", &sent);
            assert_eq!(why.kind, CauseKind::Interrupted, "{code} after {which}: {why}");
            assert!(why.message.contains("not answered") && why.message.contains(code), "{why}");
            assert_eq!(crate::aws::code(&sent).as_deref(), Some(code), "AWS's code is still told");
            // A read changes nothing, lost or not.
            let fake = Fake::new(move |_, number| if number == 1 { lost() } else { refusal(code) });
            let (_, base) = fake.base().await;
            let read = describe(&base).await.unwrap_err();
            assert_ne!(read.kind, CauseKind::Interrupted, "{code} after {which}: {read}");
        }
        let certain = Fake::new(move |_, _| refusal(code));
        let (_, base) = certain.base().await;
        let attach = base.organizations().attach_policy().policy_id("p-12345678").target_id(MEMBER);
        let why = attach.send().await.map_err(|e| cause("organizations:AttachPolicy", &e)).unwrap_err();
        assert_ne!(why.kind, CauseKind::Interrupted, "{code}: every attempt was refused");
    }
}

#[tokio::test(start_paused = true)]
async fn errors_of_aws_have_their_kind() {
    let xml = |code: &str, message: &str| {
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
        )
    };
    let canonical = "The request signature we calculated does not match. The Canonical String for this request should have \
                     been 'POST / x-amz-security-token:SECRETTOKEN'";
    for (status, code, message, kind) in [
        (403, "AccessDenied", "User: x is not authorized to perform: iam:GetAccountSummary", CauseKind::AccessDenied),
        (403, "ExpiredToken", "The security token included in the request is expired", CauseKind::ExpiredCredentials),
        (
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid",
            CauseKind::ExpiredCredentials,
        ),
        (403, "SignatureDoesNotMatch", canonical, CauseKind::ExpiredCredentials),
        (403, "OptInRequired", "needs a subscription", CauseKind::AccountNotActive),
        (404, "NoSuchEntity", "line one\u{7}\n line\ttwo", CauseKind::Other),
    ] {
        let body = xml(code, message);
        let fake = Fake::new(move |_, _| error(status, &body));
        let (_, base) = fake.base().await;
        let found = base.iam().get_account_summary().send().await.unwrap_err();
        assert_eq!(crate::aws::code(&found).as_deref(), Some(code));
        let cause = cause("iam:GetAccountSummary", &found);
        assert_eq!((cause.kind, cause.operation.as_str()), (kind, "iam:GetAccountSummary"), "{cause}");
        assert!(cause.message.starts_with(code) && !cause.message.contains("SECRETTOKEN"), "{cause}");
        assert!(!cause.message.contains(char::is_control), "{cause:?}");
    }
    let long = xml("NoSuchEntity", &"é".repeat(5000));
    let fake = Fake::new(move |_, _| error(404, &long));
    let (_, base) = fake.base().await;
    assert!(summary(&base).await.unwrap_err().message.chars().count() < 450);
}

/// A server on the loopback interface that reads a request and answers with `body`, or never.
async fn server(body: Option<&'static str>) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = vec![0; 65_536];
                drop(stream.read(&mut request).await);
                let Some(body) = body else { return std::future::pending().await };
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                drop(stream.write_all(format!("{head}{body}").as_bytes()).await);
            });
        }
    });
    url
}

/// Over real sockets and in real time.
async fn connect_to(url: String) -> Result<Sessions, Cause> {
    let settings = SessionSettings {
        endpoint_url: Some(url),
        max_attempts: 1,
        read_timeout: Duration::from_millis(200),
        credentials: Some(StaticCredentials {
            access_key_id: "AKID".into(),
            secret_access_key: "s".into(),
            session_token: None,
        }),
        ..SessionSettings::default()
    };
    Sessions::connect(production_http(), Clock::system(), settings, Quotas::embedded()).await
}

#[tokio::test]
async fn the_production_client_talks_http_and_times_out() {
    const WHO: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111111111111:root</Arn>\
                       <UserId>1</UserId><Account>111111111111</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
    let sessions = connect_to(server(Some(WHO)).await).await.unwrap();
    assert_eq!(sessions.caller().arn, "arn:aws:iam::111111111111:root");
    assert_eq!(sessions.home_region().as_str(), "us-east-1");
    assert!(sessions.all_on_loopback());
    let page = connect_to(server(Some("<html>sign in to the network</html>")).await).await.unwrap_err();
    assert_eq!(page.kind, CauseKind::NotAnAwsAnswer, "{page}");
    let silent = connect_to(server(None).await).await.unwrap_err();
    assert_eq!(silent.kind, CauseKind::TimedOut, "{silent}");
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nobody = connect_to(format!("http://{closed}")).await.unwrap_err();
    assert_eq!(nobody.kind, CauseKind::Unreachable, "{nobody}");
    assert!(nobody.message.to_lowercase().contains("refused"), "{nobody}");
}
