//! `cargo bench --manifest-path benches/micro/Cargo.toml`: what the pieces of an audit cost.
//!
//! Owns: small measurements with criterion. Must not: touch a network, or have a limit; those are the `scale` bench's. Answers are
//! the sandbox's, recorded once and replayed, so that its own work is in no figure.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench may stop at what it does not expect"
)]

use criterion::{BatchSize, Criterion};
use orgward::checks::{Selection, Thresholds};
use orgward::collect::{self, CollectOptions, Wanted};
use orgward::model::AccountFacts;
use orgward::model::check::Fact;
use orgward::policy::{Context, Document, Principal, Request, evaluate_chain};
use orgward::sandbox::scenario;
use orgward::store::{Frame, FrameFile, FrameKey, FrameReader};
use orgward_micro::World;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(20);
    let world = World::new();
    collecting(&world, &mut criterion);
    judging(&world, &mut criterion);
    keeping(&world, &mut criterion);
    policy(&mut criterion);
    credential_report(&mut criterion);
    criterion.final_summary();
}

/// Reading accounts: 210 principals and policies of one, everything of one.
fn collecting(world: &World, criterion: &mut Criterion) {
    let account = [world.facts.account.clone()];
    let collect = |wanted: &Wanted| {
        let options = CollectOptions { wanted: wanted.clone(), ..CollectOptions::default() };
        world.runtime.block_on(async {
            let (cancel, progress) = (CancellationToken::new(), Arc::new(()));
            let mut seen = 0;
            let mut take = |_| seen += 1;
            let (sessions, org) = (&world.sessions, &world.org);
            collect::each_account(sessions, org, &account, &options, &cancel, progress, &mut take).await;
            assert_eq!(seen, 1);
        });
    };
    let details = Wanted::of([Fact::Authorization]);
    criterion.bench_function("GetAccountAuthorizationDetails of 210, entered and decoded", |b| {
        b.iter(|| collect(&details));
    });
    let everything = Wanted::of(Selection::all().facts());
    criterion.bench_function("every fact of one account", |b| b.iter(|| collect(&everything)));
}

fn judging(world: &World, criterion: &mut Criterion) {
    let (selection, thresholds) = (Selection::all(), Thresholds::default());
    criterion.bench_function("every check on one account", |b| {
        b.iter(|| selection.account(&world.org, &world.facts, &thresholds));
    });
}

fn keeping(world: &World, criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("facts.frames");
    let key = FrameKey::from(&world.facts.account);
    criterion.bench_function("the facts of one account as a frame", |b| {
        b.iter(|| Frame::of(&world.facts).unwrap());
    });
    let frame = Frame::of(&world.facts).unwrap();
    println!("facts of one account: {} bytes on disk, {} as JSON", frame.bytes_on_disk(), frame.bytes_of_json());
    criterion.bench_function("a frame appended", |b| {
        let fresh = || {
            drop(std::fs::remove_file(&path));
            FrameFile::create(&path).unwrap()
        };
        b.iter_batched_ref(fresh, |file| file.append(&key, &frame).unwrap(), BatchSize::PerIteration);
    });
    let reader = FrameReader::open(&path).unwrap();
    criterion.bench_function("a frame read back", |b| {
        b.iter(|| reader.read::<AccountFacts>(&key).unwrap().unwrap());
    });
    let findings = Selection::all().account(&world.org, &world.facts, &Thresholds::default());
    criterion.bench_function("the findings of one account as JSON", |b| {
        b.iter(|| serde_json::to_vec(&findings).unwrap());
    });
}

/// Five levels of SCPs as an organization has them, asked for one call.
fn policy(criterion: &mut Criterion) {
    let full = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let regions = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","NotAction":["iam:*","organizations:*","sts:*","support:*"],
        "Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["eu-central-1","eu-west-1"]},
        "ArnNotLike":{"aws:PrincipalARN":"arn:aws:iam::*:role/OrganizationAccess*"}}}]}"#;
    let (full, regions) = (Document::parse(full).unwrap(), Document::parse(regions).unwrap());
    let levels: Vec<Vec<&Document>> = (0..5).map(|_| vec![&full, &regions]).collect();
    let context = Context::partial().with("aws:RequestedRegion", "eu-central-1");
    let request = Request {
        principal: Principal::iam("arn:aws:iam::111122223333:role/app"),
        action: "ec2:RunInstances".into(),
        resource: "*".into(),
        context,
    };
    criterion.bench_function("a chain of five levels evaluated", |b| b.iter(|| evaluate_chain(&levels, &request)));
    let minified = orgward::policy::canonical(&regions).to_string();
    criterion.bench_function("a policy parsed", |b| b.iter(|| Document::parse(&minified).unwrap()));
}

fn credential_report(criterion: &mut Criterion) {
    let header = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
                  password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,\
                  access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,\
                  access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,\
                  access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,\
                  cert_2_active,cert_2_last_rotated";
    let rows = (0..1_000).map(|n| {
        format!(
            "\nuser-{n},arn:aws:iam::111122223333:user/user-{n},2024-01-02T03:04:05+00:00,true,\
             2026-10-02T03:04:05+00:00,2026-01-02T03:04:05+00:00,N/A,true,true,2026-05-02T03:04:05+00:00,\
             2026-10-02T03:04:05+00:00,eu-central-1,s3,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
        )
    });
    let report = std::iter::once(header.to_owned()).chain(rows).collect::<String>();
    criterion.bench_function("a credential report of 1,000 users parsed", |b| {
        b.iter(|| collect::parse_credential_report(report.as_bytes(), scenario::EPOCH).unwrap());
    });
}
