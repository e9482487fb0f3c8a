"""Which check of ours asks what a check of Prowler asks, and where the two are mapped to different controls, with the reason."""

PAIRS = {
    "account_maintain_current_contact_details": "account-contact-details",
    "account_security_contact_information_is_registered": "account-security-contact",
    "iam_no_root_access_key": "root-access-keys",
    "iam_root_mfa_enabled": "root-mfa",
    "iam_root_hardware_mfa_enabled": "root-hardware-mfa",
    "iam_avoid_root_usage": "root-recent-use",
    "iam_root_credentials_management_enabled": "root-credentials-centralized",
    "iam_password_policy_minimum_length_14": "password-policy-length",
    "iam_password_policy_reuse_24": "password-policy-reuse",
    "iam_user_mfa_enabled_console_access": "user-mfa",
    "iam_user_no_setup_initial_access_key": "access-key-at-setup",
    "iam_user_accesskey_unused": "access-key-unused",
    "iam_user_console_access_unused": "console-password-unused",
    "iam_user_two_active_access_key": "access-key-two-active",
    "iam_rotate_access_key_90_days": "access-key-age",
    "iam_policy_attached_only_to_group_or_roles": "user-direct-policies",
    "iam_aws_attached_policy_no_administrative_privileges": "policy-admin-attached",
    "iam_customer_attached_policy_no_administrative_privileges": "policy-admin-star",
    "iam_policy_cloudshell_admin_not_attached": "policy-cloudshell-full",
    "iam_support_role_created": "role-support",
    "iam_no_expired_server_certificates_stored": "server-certificate-expired",
    "iam_check_saml_providers_sts": "console-users-federated",
    "accessanalyzer_enabled": "access-analyzer-enabled",
    "organizations_delegated_administrators": "org-delegated-admins",
    "cloudtrail_multi_region_enabled": "trail-multi-region",
    "cloudtrail_log_file_validation_enabled": "trail-log-validation",
    "cloudtrail_logs_s3_bucket_is_not_publicly_accessible": "trail-bucket-public",
    "cloudtrail_cloudwatch_logging_enabled": "trail-cloudwatch-logs",
    "cloudtrail_logs_s3_bucket_access_logging_enabled": "trail-bucket-logging",
    "cloudtrail_kms_encryption_enabled": "trail-kms",
    "config_recorder_all_regions_enabled": "config-recorder",
    "securityhub_enabled": "account-security-hub",
    "guardduty_is_enabled": "account-guardduty",
    "cloudwatch_log_metric_filter_unauthorized_api_calls": "monitor-unauthorized-calls",
    "cloudwatch_log_metric_filter_sign_in_without_mfa": "monitor-console-no-mfa",
    "cloudwatch_log_metric_filter_root_usage": "monitor-root-usage",
    "cloudwatch_log_metric_filter_policy_changes": "monitor-iam-changes",
    "cloudwatch_log_metric_filter_and_alarm_for_cloudtrail_configuration_changes_enabled": "monitor-trail-changes",
    "cloudwatch_log_metric_filter_authentication_failures": "monitor-console-failures",
    "cloudwatch_log_metric_filter_disable_or_scheduled_deletion_of_kms_cmk": "monitor-kms-deletion",
    "cloudwatch_log_metric_filter_for_s3_bucket_policy_changes": "monitor-bucket-policy",
    "cloudwatch_log_metric_filter_and_alarm_for_aws_config_configuration_changes_enabled": "monitor-config-changes",
    "cloudwatch_log_metric_filter_security_group_changes": "monitor-security-groups",
    "cloudwatch_changes_to_network_acls_alarm_configured": "monitor-network-acls",
    "cloudwatch_changes_to_network_gateways_alarm_configured": "monitor-gateways",
    "cloudwatch_changes_to_network_route_tables_alarm_configured": "monitor-route-tables",
    "cloudwatch_changes_to_vpcs_alarm_configured": "monitor-vpc",
    "cloudwatch_log_metric_filter_aws_organizations_changes": "monitor-organizations",
}

# Our framework, its file in Prowler, and whether levels, assessment and mappings are compared besides ids.
FRAMEWORKS = {
    **{f"cis-{v}": (f"cis_{v}_aws", True) for v in ("1.4", "1.5", "2.0", "3.0", "4.0", "5.0", "6.0", "7.0")},
    "aws-fsbp": ("aws_foundational_security_best_practices_aws", False),
    "aws-well-architected": ("aws_well_architected_framework_security_pillar_aws", False),
}

OLDER = "Prowler's file is of an older edition of the pillar, which numbered it so; the edition of 2025 has it no more"
NEWER = "in the pillar since its later editions; Prowler's file is older"

# Where a framework has a control here or there only.
IDS = {
    ("aws-well-architected", "SEC06-BP06"): OLDER,
    ("aws-well-architected", "SEC08-BP05"): OLDER,
    ("aws-well-architected", "SEC09-BP04"): OLDER,
    ("aws-well-architected", "SEC03-BP09"): NEWER,
    ("aws-well-architected", "SEC10-BP08"): NEWER,
    ("aws-well-architected", "SEC11-BP01"): "of the teams that build, which Prowler's file leaves out",
    ("aws-well-architected", "SEC11-BP03"): "of the teams that build, which Prowler's file leaves out",
    ("aws-well-architected", "SEC11-BP04"): "of the teams that build, which Prowler's file leaves out",
    ("aws-well-architected", "SEC11-BP05"): "of the teams that build, which Prowler's file leaves out",
    ("aws-well-architected", "SEC11-BP06"): "of the teams that build, which Prowler's file leaves out",
    ("aws-well-architected", "SEC11-BP07"): "of the teams that build, which Prowler's file leaves out",
    ("aws-well-architected", "SEC11-BP08"): "of the teams that build, which Prowler's file leaves out",
}

# Where a pair is mapped to different controls.
MAPPINGS = {
    ("cis-3.0", "iam_policy_cloudshell_admin_not_attached", "1.22"): "Prowler maps no check to 1.22 of this version, though it does before and after",
    ("cis-7.0", "accessanalyzer_enabled", "2.21"): "without an analyzer there are no findings on resource policies to go by",
}
