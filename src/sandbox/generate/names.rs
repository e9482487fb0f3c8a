//! Words that names are made of: people, teams, workloads, Regions.
//!
//! Owns: data. Must not: decide anything.

/// First names.
pub const FIRST: &[&str] = &[
    "amara", "anders", "beatriz", "chidi", "daria", "eero", "fatima", "goran", "hana", "ines", "jonas", "kaveh",
    "leila", "mateo", "mei", "nadia", "oskar", "priya", "quentin", "rosa", "samir", "tariq", "ulla", "viktor", "wanda",
    "xenia", "yusuf", "zofia", "bram", "dilnoza", "emeka", "freja", "giulia", "henrik", "isla", "jovana", "kofi",
    "lucia", "minh", "noor",
];

/// Family names.
pub const LAST: &[&str] = &[
    "abiodun",
    "bergstrom",
    "castell",
    "dragomir",
    "eriksen",
    "farouk",
    "grimaldi",
    "hoang",
    "ivanova",
    "jansen",
    "kaya",
    "lindqvist",
    "moreau",
    "nakamura",
    "okafor",
    "petrov",
    "quiroga",
    "rahimi",
    "silva",
    "tanaka",
    "usman",
    "varga",
    "weber",
    "xu",
    "yilmaz",
    "zeman",
    "achterberg",
    "brennan",
    "cardoso",
    "dubois",
    "esposito",
    "fischer",
    "gallo",
    "haddad",
    "iqbal",
    "joshi",
    "kowalski",
    "larsen",
    "marino",
    "ndiaye",
];

/// Teams, as tag values and group names.
pub const TEAMS: &[&str] = &[
    "platform",
    "payments",
    "data",
    "security",
    "web",
    "mobile",
    "search",
    "billing",
    "growth",
    "risk",
    "logistics",
    "identity",
    "observability",
    "partners",
];

/// What a workload is about.
pub const WORKLOADS: &[&str] = &[
    "ledger",
    "checkout",
    "catalogue",
    "ingest",
    "reports",
    "notifier",
    "quotes",
    "claims",
    "routing",
    "pricing",
    "inventory",
    "recommender",
    "invoices",
    "sessions",
    "exports",
    "fraud-score",
    "documents",
    "dispatch",
];

/// What a part of a workload does.
pub const PARTS: &[&str] = &["api", "worker", "batch", "stream", "cron", "web", "sync", "index", "gateway", "consumer"];

/// What a machine user is for.
pub const MACHINES: &[&str] =
    &["ci-deploy", "backup", "etl", "monitoring", "terraform", "artifact-push", "smtp", "partner-upload", "metrics"];

/// Services whose linked roles an account often has: principal, name of the role.
pub const LINKED: &[(&str, &str)] = &[
    ("cloudtrail.amazonaws.com", "AWSServiceRoleForCloudTrail"),
    ("organizations.amazonaws.com", "AWSServiceRoleForOrganizations"),
    ("support.amazonaws.com", "AWSServiceRoleForSupport"),
    ("trustedadvisor.amazonaws.com", "AWSServiceRoleForTrustedAdvisor"),
    ("autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling"),
    ("ecs.amazonaws.com", "AWSServiceRoleForECS"),
    ("rds.amazonaws.com", "AWSServiceRoleForRDS"),
];

/// Who may assume a workload's role, and the AWS-managed policy such a role usually carries.
pub const COMPUTE: &[(&str, &str)] = &[
    ("lambda.amazonaws.com", "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"),
    ("ecs-tasks.amazonaws.com", "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"),
    ("ec2.amazonaws.com", "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"),
];

/// Services a key is used for.
pub const SERVICES: &[&str] = &["s3", "ec2", "sts", "dynamodb", "sqs", "ecr", "cloudformation", "logs", "ses"];

/// Regions on in every account (account reference guide, "Region reference").
pub const REGIONS_ON: &[&str] = &[
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ap-south-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-north-1",
    "sa-east-1",
];

/// Regions an account has to switch on.
pub const REGIONS_OPT_IN: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-7",
    "ca-west-1",
    "eu-central-2",
    "eu-south-1",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
];
