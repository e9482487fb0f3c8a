//! An account as seen with one set of credentials: SDK clients behind the gate, and facts with their source.
//!
//! Clients are made on first use and kept as long as the handle they were made through: a client weighs 17 KB, and an account
//! that is asked in every Region has a hundred of them. [`AccountSession::apart`] gives a handle for one group of calls.

use super::credentials::Renewing;
use super::gate::{Gate, Lane, Retries, Routes, Service};
use super::observe;
use super::stats::Row;
use crate::model::ids::{AccountId, Region};
use crate::model::observed::{Cause, Observed};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_sts::config::retry::{RetryPartition, TokenBucket};
use aws_types::SdkConfig;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::Notify;

/// A session in an account. Cloning shares it, its clients included; renewal before expiry is inside.
#[derive(Clone)]
pub struct AccountSession(Arc<Inner>, Arc<Clients>);

struct Inner {
    account: AccountId,
    name: Arc<str>,
    /// Where the account's requests are counted, as long as the session lives.
    row: Arc<Row>,
    partition: String,
    home: Region,
    gate: Arc<Gate>,
    /// Without credentials, Region and HTTP client, which each client gets its own of.
    template: Arc<SdkConfig>,
    credentials: Renewing,
    retries: RetryPartition,
    throttled: Arc<Notify>,
}

#[derive(Default)]
struct Clients {
    account: OnceLock<aws_sdk_account::Client>,
    budgets: OnceLock<aws_sdk_budgets::Client>,
    iam: OnceLock<aws_sdk_iam::Client>,
    organizations: OnceLock<aws_sdk_organizations::Client>,
    sts: OnceLock<aws_sdk_sts::Client>,
    access_analyzer: Regional<aws_sdk_accessanalyzer::Client>,
    cloudtrail: Regional<aws_sdk_cloudtrail::Client>,
    cloudwatch: Regional<aws_sdk_cloudwatch::Client>,
    config: Regional<aws_sdk_config::Client>,
    guardduty: Regional<aws_sdk_guardduty::Client>,
    logs: Regional<aws_sdk_cloudwatchlogs::Client>,
    s3: Regional<aws_sdk_s3::Client>,
    security_hub: Regional<aws_sdk_securityhub::Client>,
    sns: Regional<aws_sdk_sns::Client>,
}

/// One client for each Region.
struct Regional<C>(Mutex<BTreeMap<Region, C>>);

impl<C> Default for Regional<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<C: Clone> Regional<C> {
    fn get(&self, region: &Region, make: impl FnOnce() -> C) -> C {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients.entry(region.clone()).or_insert_with(make).clone()
    }
}

impl fmt::Debug for AccountSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountSession({})", self.0.name)
    }
}

impl AccountSession {
    pub(super) fn new(
        account: AccountId,
        partition: &str,
        home: Region,
        gate: Arc<Gate>,
        template: Arc<SdkConfig>,
        credentials: Renewing,
    ) -> Self {
        // No bucket of retries: attempts are bounded for each call, and the limiter slows a throttled account down. Own,
        // because the default is shared by all accounts of the process.
        let retries = RetryPartition::custom("orgward").token_bucket(TokenBucket::unlimited()).build();
        let name: Arc<str> = Arc::from(account.as_str());
        let inner = Inner {
            row: gate.stats.row(&name),
            name,
            account,
            partition: partition.to_owned(),
            home,
            gate,
            template,
            credentials,
            retries,
            throttled: Arc::default(),
        };
        Self(Arc::new(inner), Arc::default())
    }

    /// The same session without the clients made so far: those made through this handle are dropped with it.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self(Arc::clone(&self.0), Arc::default())
    }

    /// The account.
    pub fn account(&self) -> &AccountId {
        &self.0.account
    }

    /// The partition: `aws`, `aws-cn`, `aws-us-gov`, `aws-eusc`.
    pub fn partition(&self) -> &str {
        &self.0.partition
    }

    /// The Region that requests to a global service are signed for: what [`AccountSession::observe`] wants for IAM,
    /// Organizations and account management.
    pub fn global_region(&self) -> Region {
        global_region(&self.0.partition, Service::Iam).unwrap_or_else(|| self.0.home.clone())
    }

    /// The Region that requests to Budgets are signed for.
    pub fn budgets_region(&self) -> Region {
        global_region(&self.0.partition, Service::Budgets).unwrap_or_else(|| self.0.home.clone())
    }

    /// Where CloudWatch has the metric of estimated charges: the Region of Budgets.
    pub fn billing_region(&self) -> Region {
        self.budgets_region()
    }

    /// The home Region, where STS is called.
    pub fn home_region(&self) -> &Region {
        &self.0.home
    }

    /// Comes when AWS throttles a request of this session, from now on.
    pub fn throttled(&self) -> impl Future<Output = ()> + '_ {
        self.0.throttled.notified()
    }

    /// Account management, signed for the partition's main Region.
    pub fn account_api(&self) -> aws_sdk_account::Client {
        let make = || {
            let (config, lane) = self.config(Service::Account, None);
            let config = aws_sdk_account::config::Builder::from(&config).interceptor(lane);
            let config = config.retry_classifier(Retries).retry_partition(self.0.retries.clone());
            aws_sdk_account::Client::from_conf(config.build())
        };
        self.1.account.get_or_init(make).clone()
    }

    /// Budgets, signed for the partition's main Region.
    pub fn budgets(&self) -> aws_sdk_budgets::Client {
        let make = || {
            let (config, lane) = self.config(Service::Budgets, None);
            let config = aws_sdk_budgets::config::Builder::from(&config).interceptor(lane);
            let config = config.retry_classifier(Retries).retry_partition(self.0.retries.clone());
            aws_sdk_budgets::Client::from_conf(config.build())
        };
        self.1.budgets.get_or_init(make).clone()
    }

    /// IAM, signed for the partition's main Region.
    pub fn iam(&self) -> aws_sdk_iam::Client {
        let make = || {
            let (config, lane) = self.config(Service::Iam, None);
            let config = aws_sdk_iam::config::Builder::from(&config).interceptor(lane);
            let config = config.retry_classifier(Retries).retry_partition(self.0.retries.clone());
            aws_sdk_iam::Client::from_conf(config.build())
        };
        self.1.iam.get_or_init(make).clone()
    }

    /// Organizations, signed for the partition's main Region.
    pub fn organizations(&self) -> aws_sdk_organizations::Client {
        let make = || {
            let (config, lane) = self.config(Service::Organizations, None);
            let config = aws_sdk_organizations::config::Builder::from(&config).interceptor(lane);
            let config = config.retry_classifier(Retries).retry_partition(self.0.retries.clone());
            aws_sdk_organizations::Client::from_conf(config.build())
        };
        self.1.organizations.get_or_init(make).clone()
    }

    /// STS in the home Region.
    pub fn sts(&self) -> aws_sdk_sts::Client {
        let make = || {
            let (config, lane) = self.config(Service::Sts, None);
            let config = aws_sdk_sts::config::Builder::from(&config).interceptor(lane);
            let config = config.retry_classifier(Retries).retry_partition(self.0.retries.clone());
            aws_sdk_sts::Client::from_conf(config.build())
        };
        self.1.sts.get_or_init(make).clone()
    }

    /// CloudTrail in a Region.
    pub fn cloudtrail(&self, region: &Region) -> aws_sdk_cloudtrail::Client {
        self.1.cloudtrail.get(region, || {
            let (config, lane) = self.config(Service::CloudTrail, Some(region));
            let config = aws_sdk_cloudtrail::config::Builder::from(&config).interceptor(lane);
            let config = config.retry_classifier(Retries).retry_partition(self.0.retries.clone());
            aws_sdk_cloudtrail::Client::from_conf(config.build())
        })
    }

    /// CloudWatch in a Region.
    pub fn cloudwatch(&self, region: &Region) -> aws_sdk_cloudwatch::Client {
        self.1.cloudwatch.get(region, || {
            let (config, lane) = self.config(Service::CloudWatch, Some(region));
            let config = aws_sdk_cloudwatch::config::Builder::from(&config).interceptor(lane);
            let config = config.retry_classifier(Retries).retry_partition(self.0.retries.clone());
            aws_sdk_cloudwatch::Client::from_conf(config.build())
        })
    }

    /// CloudWatch Logs in a Region.
    pub fn logs(&self, region: &Region) -> aws_sdk_cloudwatchlogs::Client {
        self.1.logs.get(region, || {
            let (config, lane) = self.config(Service::Logs, Some(region));
            let config = aws_sdk_cloudwatchlogs::config::Builder::from(&config).interceptor(lane);
            let config = config.retry_classifier(Retries).retry_partition(self.0.retries.clone());
            aws_sdk_cloudwatchlogs::Client::from_conf(config.build())
        })
    }

    /// SNS in a Region.
    pub fn sns(&self, region: &Region) -> aws_sdk_sns::Client {
        self.1.sns.get(region, || {
            let (config, lane) = self.config(Service::Sns, Some(region));
            let config = aws_sdk_sns::config::Builder::from(&config).interceptor(lane);
            let config = config.retry_classifier(Retries).retry_partition(self.0.retries.clone());
            aws_sdk_sns::Client::from_conf(config.build())
        })
    }

    /// IAM Access Analyzer in a Region.
    pub fn access_analyzer(&self, region: &Region) -> aws_sdk_accessanalyzer::Client {
        self.1.access_analyzer.get(region, || {
            let (config, lane) = self.config(Service::AccessAnalyzer, Some(region));
            let config = aws_sdk_accessanalyzer::config::Builder::from(&config).interceptor(lane);
            let config = config.retry_classifier(Retries).retry_partition(self.0.retries.clone());
            aws_sdk_accessanalyzer::Client::from_conf(config.build())
        })
    }

    /// AWS Config in a Region.
    pub fn config_service(&self, region: &Region) -> aws_sdk_config::Client {
        self.1.config.get(region, || {
            let (config, lane) = self.config(Service::Config, Some(region));
            let config = aws_sdk_config::config::Builder::from(&config).interceptor(lane);
            let config = config.retry_classifier(Retries).retry_partition(self.0.retries.clone());
            aws_sdk_config::Client::from_conf(config.build())
        })
    }

    /// GuardDuty in a Region.
    pub fn guardduty(&self, region: &Region) -> aws_sdk_guardduty::Client {
        self.1.guardduty.get(region, || {
            let (config, lane) = self.config(Service::GuardDuty, Some(region));
            let config = aws_sdk_guardduty::config::Builder::from(&config).interceptor(lane);
            let config = config.retry_classifier(Retries).retry_partition(self.0.retries.clone());
            aws_sdk_guardduty::Client::from_conf(config.build())
        })
    }

    /// Security Hub in a Region.
    pub fn security_hub(&self, region: &Region) -> aws_sdk_securityhub::Client {
        self.1.security_hub.get(region, || {
            let (config, lane) = self.config(Service::SecurityHub, Some(region));
            let config = aws_sdk_securityhub::config::Builder::from(&config).interceptor(lane);
            let config = config.retry_classifier(Retries).retry_partition(self.0.retries.clone());
            aws_sdk_securityhub::Client::from_conf(config.build())
        })
    }

    /// S3 in a Region. A bucket is named in the path: one host and its connections serve all buckets of a Region, and
    /// names with dots have no certificate of their own.
    pub fn s3(&self, region: &Region) -> aws_sdk_s3::Client {
        self.1.s3.get(region, || {
            let (config, lane) = self.config(Service::S3, Some(region));
            let config = aws_sdk_s3::config::Builder::from(&config).interceptor(lane).force_path_style(true);
            // What is asked about buckets has no checksums.
            let config = config
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
            let config = config.retry_classifier(Retries).retry_partition(self.0.retries.clone());
            aws_sdk_s3::Client::from_conf(config.build())
        })
    }

    /// Runs `work`, which reads one fact with calls of this session, and makes the fact with its source: the answers that
    /// arrived while it ran. Work spawned onto other tasks is not seen.
    ///
    /// `operation` is `service:Operation`; `Ok(None)` means that AWS said it does not exist.
    pub async fn observe<T>(
        &self,
        operation: &str,
        region: &Region,
        work: impl Future<Output = Result<Option<T>, Cause>>,
    ) -> Observed<T> {
        observe::observe(operation, region, || self.0.gate.clock.now(), work).await
    }

    /// The configuration of a client and its lane through the gate.
    fn config(&self, service: Service, region: Option<&Region>) -> (SdkConfig, Lane) {
        let region = region.cloned().or_else(|| global_region(&self.0.partition, service));
        let region = region.unwrap_or_else(|| self.0.home.clone());
        let lane = Lane {
            gate: Arc::clone(&self.0.gate),
            account: Arc::clone(&self.0.name),
            service,
            region: Arc::from(region.as_str()),
            throttled: Arc::clone(&self.0.throttled),
            row: Arc::clone(&self.0.row),
            routes: Routes::default(),
        };
        let mut config = self.0.template.to_builder();
        config.set_region(aws_types::region::Region::new(region.as_str().to_owned()));
        config.set_http_client(Some(aws_smithy_runtime_api::client::http::SharedHttpClient::new(lane.clone())));
        config
            .set_identity_cache(Some(aws_smithy_runtime_api::client::identity::SharedIdentityCache::new(lane.clone())));
        config.set_credentials_provider(Some(SharedCredentialsProvider::new(self.0.credentials.clone())));
        (config.build(), lane)
    }
}

/// The Region that a global service is signed for; `None` for a regional one or a partition that isn't known.
fn global_region(partition: &str, service: Service) -> Option<Region> {
    if !matches!(service, Service::Account | Service::Budgets | Service::Iam | Service::Organizations) {
        return None;
    }
    let region = match (partition, service) {
        ("aws", _) => "us-east-1",
        ("aws-cn", Service::Iam) => "cn-north-1",
        ("aws-cn", _) => "cn-northwest-1",
        ("aws-us-gov", _) => "us-gov-west-1",
        ("aws-eusc", _) => "eusc-de-east-1",
        _ => return None,
    };
    region.parse().ok()
}
