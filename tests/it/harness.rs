//! The real binary against a sandbox on a socket. Every process started here ends with the test that started it, or with
//! the test binary.

#![allow(dead_code, reason = "stories take what they need")]

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_orgward");

/// A sandbox for stories that change nothing: five accounts, and `audit` does not show its password policy.
pub static SHARED: LazyLock<Served> = LazyLock::new(|| {
    Served::start(&["--accounts", "5", "--seed", "3", "--fault", "iam:GetAccountPasswordPolicy=deny@audit"])
});

/// What came of a command.
#[derive(Debug)]
pub struct Run {
    /// The exit code; -1 if a signal ended it.
    pub code: i32,
    /// stdout.
    pub out: String,
    /// stderr.
    pub err: String,
}

impl Run {
    /// Asserts the exit code.
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Asserts that stderr says all of these.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.err.contains(word), "`{word}` is missing in stderr:\n{}", self.err);
        }
        self
    }

    /// Asserts that stdout shows all of these.
    #[track_caller]
    pub fn shows(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.out.contains(word), "`{word}` is missing in stdout:\n{}", self.out);
        }
        self
    }

    /// stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}:\n{}{}", self.out, self.err))
    }
}

/// `orgward` in an empty home with an empty environment and nobody at the keyboard.
pub fn orgward(home: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.env_clear().env("HOME", home).current_dir(home).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
#[track_caller]
pub fn run(command: &mut Command) -> Run {
    let output = command.output().expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Run { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// `orgward sandbox` on a free port.
pub struct Served {
    /// The shell that ends the sandbox as soon as its stdin closes, which the end of this process does too.
    shell: Child,
    /// What the sandbox prints to export.
    pub variables: Vec<(String, String)>,
    home: TempDir,
}

impl Served {
    /// Starts a sandbox with further arguments and waits until it serves; one that ends before fails the test with its words.
    #[track_caller]
    pub fn start(args: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut words = tempfile::tempfile().unwrap();
        // The shell gives its own end of the pipe away, so that the pipe ends with the sandbox.
        let mut shell = Command::new("sh")
            .args([
                "-c",
                "\"$@\" & exec >&-; read -r _; kill $!; wait $!",
                "sh",
                BINARY,
                "sandbox",
                "--port",
                "0",
                "--fast",
            ])
            .args(args)
            .env_clear()
            .env("HOME", home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(words.try_clone().unwrap())
            .spawn()
            .expect("a shell");
        let lines = BufReader::new(shell.stdout.take().unwrap()).lines();
        let (mut variables, mut serves) = (Vec::new(), false);
        for line in lines {
            let line = line.unwrap();
            let (name, value) = line.strip_prefix("export ").and_then(|rest| rest.split_once('=')).expect("an export");
            variables.push((name.to_owned(), value.to_owned()));
            serves = variables.last().is_some_and(|(name, _)| name == "ORGWARD_APPLY_EXTERNAL_ID");
            if serves {
                break;
            }
        }
        if !serves {
            drop(shell.stdin.take());
            let _ = shell.wait();
            let mut said = String::new();
            words.seek(SeekFrom::Start(0)).and_then(|_| words.read_to_string(&mut said)).unwrap();
            panic!("`orgward sandbox {args:?}` ended before it served:\n{said}");
        }
        Self { shell, variables, home }
    }

    /// The empty home of whoever uses this sandbox; the working directory of its commands.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A file in that home.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The value of an exported variable.
    pub fn variable(&self, name: &str) -> &str {
        let found = self.variables.iter().find(|(known, _)| known == name);
        found.map_or_else(|| panic!("{name} is not exported"), |(_, value)| value)
    }

    /// `orgward` with what the sandbox prints exported.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = orgward(self.home());
        command.args(args).envs(self.variables.iter().cloned());
        command
    }

    /// Runs `orgward` there.
    #[track_caller]
    pub fn run(&self, args: &[&str]) -> Run {
        run(&mut self.command(args))
    }

    /// Everything enumerated, as `orgward org --format json` tells it.
    #[track_caller]
    pub fn org(&self) -> serde_json::Value {
        self.run(&["org", "--format", "json"]).ends(0).json()["organization"].clone()
    }

    /// The id of the account of this name.
    #[track_caller]
    pub fn account(&self, name: &str) -> String {
        let org = self.org();
        let accounts = org["accounts"].as_object().expect("accounts by id");
        let found = accounts.iter().find(|(_, account)| account["name"] == name);
        found.unwrap_or_else(|| panic!("no account is called {name}")).0.clone()
    }

    /// The id of an account that is neither the management account nor a delegated administrator.
    #[track_caller]
    pub fn plain_member(&self) -> String {
        let org = self.org();
        let delegated = org["delegated_administrators"]["value"].to_string();
        let management = org["organization"]["management_account"].as_str().unwrap().to_owned();
        let mut accounts = org["accounts"].as_object().expect("accounts by id").keys();
        let plain = accounts.find(|id| **id != management && !delegated.contains(id.as_str()));
        plain.expect("a plain member").clone()
    }

    /// A call of a query-protocol service past orgward, signed (as far as the sandbox looks) with a key and a token.
    #[track_caller]
    pub fn call(&self, service: &str, (key, token): (&str, Option<&str>), form: &[(&str, &str)]) -> String {
        let address = self.variable("AWS_ENDPOINT_URL").strip_prefix("http://").unwrap();
        let fields = form.iter().map(|(name, value)| format!("{name}={}", urlencoding::encode(value)));
        let body = fields.collect::<Vec<_>>().join("&");
        let token = token.map_or(String::new(), |token| format!("x-amz-security-token: {token}\r\n"));
        let request = format!(
            "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\nconnection: close\r\n{token}authorization: AWS4-HMAC-SHA256 \
             Credential={key}/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
    }

    /// The variables of a session of a role in an account, taken with the operator's key.
    pub fn assume(&self, account: &str, role: &str, external_id: &str) -> [(&'static str, String); 3] {
        let arn = format!("arn:aws:iam::{account}:role/{role}");
        let form = [
            ("Action", "AssumeRole"),
            ("Version", "2011-06-15"),
            ("RoleArn", &arn),
            ("RoleSessionName", "test"),
            ("ExternalId", external_id),
        ];
        let answer = self.call("sts", (self.variable("AWS_ACCESS_KEY_ID"), None), &form);
        let part = |name: &str| -> String {
            let (_, rest) = answer.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name}: {answer}"));
            rest.split('<').next().unwrap_or_default().to_owned()
        };
        [
            ("AWS_ACCESS_KEY_ID", part("AccessKeyId")),
            ("AWS_SECRET_ACCESS_KEY", part("SecretAccessKey")),
            ("AWS_SESSION_TOKEN", part("SessionToken")),
        ]
    }

    /// A session of the apply role: what changes things in an account behind orgward's back.
    pub fn in_account(&self, account: &str, service: &str, form: &[(&str, &str)]) -> String {
        let role = self.variable("ORGWARD_APPLY_ROLE_NAME");
        let session = self.assume(account, role, self.variable("ORGWARD_APPLY_EXTERNAL_ID"));
        self.call(service, (&session[0].1, Some(&session[2].1)), form)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// A command in the background whose stderr is read line by line.
pub struct Background {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
    err: String,
}

impl Background {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, lines, err: String::new() }
    }

    /// Reads stderr until a line has these words.
    #[track_caller]
    pub fn until(&mut self, words: &str) {
        for line in self.lines.by_ref() {
            let line = line.unwrap();
            self.err.push_str(&line);
            self.err.push('\n');
            if line.contains(words) {
                return;
            }
        }
        panic!("it ended without saying `{words}`:\n{}", self.err);
    }

    /// Ctrl-C, then waits for the end.
    #[track_caller]
    pub fn interrupt(mut self) -> Run {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        for line in self.lines.by_ref() {
            self.err.push_str(&line.unwrap());
            self.err.push('\n');
        }
        let mut out = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        let status = self.child.wait().unwrap();
        Run { code: status.code().unwrap_or(-1), out, err: std::mem::take(&mut self.err) }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It is over already unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every file under a directory, with its text as far as it is text.
pub fn texts(under: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![under.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                found.push((path, String::from_utf8_lossy(&bytes).into_owned()));
            }
        }
    }
    found
}

#[test]
#[should_panic(expected = "no account has the id or name `nobody`")]
fn a_sandbox_that_can_not_serve_fails_its_test_with_its_own_words() {
    Served::start(&["--accounts", "3", "--fault", "iam=deny@nobody"]);
}
