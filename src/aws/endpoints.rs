//! Where requests will go: the endpoint of each service as its SDK client resolves it.

use aws_types::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use std::net::IpAddr;

/// The services orgward calls, as the shared configuration and `AWS_ENDPOINT_URL_<SERVICE>` name them.
const SERVICES: [&str; 14] = [
    "AccessAnalyzer",
    "Account",
    "Budgets",
    "CloudTrail",
    "CloudWatch",
    "CloudWatch Logs",
    "Config Service",
    "GuardDuty",
    "IAM",
    "Organizations",
    "S3",
    "SecurityHub",
    "SNS",
    "STS",
];

/// Whether every service is reached on this machine, and none on AWS's own endpoint.
pub(super) fn all_on_loopback(config: &SdkConfig) -> bool {
    SERVICES.iter().all(|service| endpoint(config, service).is_some_and(|url| is_loopback(&url)))
}

/// The endpoint set for a service; `None` for AWS's own.
pub(super) fn endpoint(config: &SdkConfig, service: &str) -> Option<String> {
    let general = config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() {
        return general;
    }
    let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let special = key.ok().and_then(|key| config.service_config().and_then(|loaded| loaded.load_config(key)));
    special.or(general)
}

/// Whether a URL's host is `localhost`, 127.0.0.0/8 or `[::1]`.
fn is_loopback(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    let Some(host) = uri.host() else { return false };
    let host = host.trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_types::service_config::LoadServiceConfig;

    /// `AWS_ENDPOINT_URL_IAM` (or the like) for one service.
    #[derive(Debug)]
    struct Special(&'static str, &'static str);

    impl LoadServiceConfig for Special {
        fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
            (key.service_id() == self.0).then(|| self.1.to_owned())
        }
    }

    #[test]
    fn one_service_elsewhere_is_enough_to_be_elsewhere() {
        let local = || SdkConfig::builder().endpoint_url("http://127.0.0.1:5000");
        assert!(all_on_loopback(&local().build()));
        assert!(all_on_loopback(&local().service_config(Special("IAM", "http://[::1]:1")).build()));
        assert!(!all_on_loopback(&local().service_config(Special("IAM", "https://iam.amazonaws.com")).build()));
        assert!(!all_on_loopback(&SdkConfig::builder().build()), "an ignored AWS_ENDPOINT_URL is no endpoint");
        assert!(!all_on_loopback(&SdkConfig::builder().endpoint_url("http://127.0.0.1.evil.example").build()));
        assert!(!all_on_loopback(&SdkConfig::builder().endpoint_url("http://localhost@evil.example").build()));
        assert!(all_on_loopback(&SdkConfig::builder().endpoint_url("http://LOCALHOST:8080/x").build()));
    }
}
