//! What is to be measured, as arguments say it.
//!
//! Owns: the arguments of the bench and of its child processes. Must not: measure.

use orgward::sandbox::generate::Population;

/// Accounts of the smallest run: what it costs is what no number of accounts adds to.
pub const FEWEST: usize = 20;
/// The sizes measured unless others are named.
const SIZES: [usize; 2] = [300, 1_000];
/// The account that issue 5 measures memory with.
const POPULATION: (u32, u32, u32) = (50, 100, 60);

/// What AWS, as the sandbox plays it, allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Limits {
    /// The published quotas.
    Published,
    /// Also five requests a second to IAM for each account, told to nobody.
    HiddenIam,
}

impl Limits {
    /// As an argument.
    pub fn name(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::HiddenIam => "hidden-iam",
        }
    }

    fn read(name: &str) -> Result<Vec<Self>, String> {
        match name {
            "published" => Ok(vec![Self::Published]),
            "hidden-iam" => Ok(vec![Self::HiddenIam]),
            "all" => Ok(vec![Self::Published, Self::HiddenIam]),
            other => Err(format!("--scenario `{other}` is not one of published, hidden-iam, all")),
        }
    }
}

/// What one process measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole audit.
    Audit,
    /// The organization's last account by itself, in an idle organization.
    Alone,
}

/// One measured run.
#[derive(Debug, Clone, Copy)]
pub struct Job {
    pub kind: Kind,
    pub limits: Limits,
    pub accounts: usize,
    /// Users, roles and policies of each account.
    pub population: (u32, u32, u32),
}

/// What a child process is for.
#[derive(Debug, Clone, Copy)]
pub enum Child {
    /// It measures.
    Measures(Job),
    /// It is the organization that is asked.
    Asked(Job),
}

impl Child {
    /// What the arguments of a child process say; `None` for the bench itself.
    pub fn of(arguments: &[String]) -> Option<Result<Self, String>> {
        let (first, rest) = arguments.split_first()?;
        let make: fn(Plan, Limits, usize) -> Self = match first.as_str() {
            "--child-audit" => |plan, limits, accounts| Self::Measures(plan.job(Kind::Audit, limits, accounts)),
            "--child-alone" => |plan, limits, accounts| Self::Measures(plan.job(Kind::Alone, limits, accounts)),
            "--child-sandbox" => |plan, limits, accounts| Self::Asked(plan.job(Kind::Audit, limits, accounts)),
            _ => return None,
        };
        Some(Plan::read(rest).and_then(|plan| {
            let (Some(limits), Some(accounts)) = (plan.scenarios.first(), plan.accounts.first()) else {
                return Err("a child process needs a scenario and a size".to_owned());
            };
            let (limits, accounts) = (*limits, *accounts);
            Ok(make(plan, limits, accounts))
        }))
    }

    /// The arguments of the child process.
    pub fn arguments(&self) -> Vec<String> {
        let (first, job) = match self {
            Self::Measures(job) if job.kind == Kind::Audit => ("--child-audit", job),
            Self::Measures(job) => ("--child-alone", job),
            Self::Asked(job) => ("--child-sandbox", job),
        };
        let (users, roles, policies) = job.population;
        let accounts = job.accounts.to_string();
        let population = format!("{users},{roles},{policies}");
        [first, "--scenario", job.limits.name(), "--accounts", &accounts, "--population", &population]
            .map(str::to_owned)
            .to_vec()
    }
}

impl Job {
    /// As the sandbox takes it.
    pub fn population(&self) -> Population {
        let (users, roles, policies) = self.population;
        Population { users: (users, users), roles: (roles, roles), policies: (policies, policies) }
    }
}

/// Everything that is to be measured.
#[derive(Debug)]
pub struct Plan {
    pub accounts: Vec<usize>,
    pub scenarios: Vec<Limits>,
    pub population: (u32, u32, u32),
    /// Runs of each size; the one with the least CPU time counts.
    pub best_of: u32,
}

impl Plan {
    /// Reads the arguments.
    ///
    /// # Errors
    /// What can't be read, with what is expected.
    pub fn read(arguments: &[String]) -> Result<Self, String> {
        let mut plan =
            Self { accounts: SIZES.to_vec(), scenarios: vec![Limits::Published], population: POPULATION, best_of: 1 };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let value = arguments.next().ok_or(format!("`{argument}` needs a value"))?;
            let numbers = || value.split(',').map(str::parse::<u32>).collect::<Result<Vec<u32>, _>>();
            match argument.as_str() {
                "--accounts" => {
                    let sizes =
                        numbers().map_err(|_| format!("--accounts `{value}` is not numbers with commas between"))?;
                    plan.accounts = sizes.into_iter().map(|size| size as usize).collect();
                }
                "--scenario" => plan.scenarios = Limits::read(value)?,
                "--population" => match numbers().as_deref() {
                    Ok([users, roles, policies]) => plan.population = (*users, *roles, *policies),
                    _ => return Err(format!("--population `{value}` is not USERS,ROLES,POLICIES")),
                },
                "--best-of" => {
                    plan.best_of = value.parse().map_err(|_| format!("--best-of `{value}` is not a number"))?;
                }
                other => {
                    return Err(format!("`{other}` is not one of --accounts, --scenario, --population, --best-of"));
                }
            }
        }
        Ok(plan)
    }

    /// One of its jobs.
    pub fn job(&self, kind: Kind, limits: Limits, accounts: usize) -> Job {
        Job { kind, limits, accounts, population: self.population }
    }
}
