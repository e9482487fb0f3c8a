//! The AWS-managed policies that the sandbox's principals carry.
//!
//! Owns: their ARNs, ids and documents, cut down to what keeps each policy's character. Must not: hold customer policies.

/// An AWS-managed policy.
#[derive(Debug, Clone, Copy)]
pub struct AwsPolicy {
    /// Its ARN.
    pub arn: &'static str,
    /// Its id.
    pub id: &'static str,
    /// Its default version's document.
    pub document: &'static str,
}

impl AwsPolicy {
    /// Its name: the last part of the ARN.
    pub fn name(&self) -> &'static str {
        self.arn.rsplit('/').next().unwrap_or_default()
    }

    /// Its path, such as `/service-role/`.
    pub fn path(&self) -> &'static str {
        let rest = self.arn.strip_prefix("arn:aws:iam::aws:policy").unwrap_or("/");
        rest.strip_suffix(self.name()).unwrap_or("/")
    }
}

/// `SecurityAudit`: what the audit role carries.
pub const SECURITY_AUDIT: &str = "arn:aws:iam::aws:policy/SecurityAudit";

/// `ReadOnlyAccess`.
pub const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

/// `IAMUserChangePassword`.
pub const CHANGE_PASSWORD: &str = "arn:aws:iam::aws:policy/IAMUserChangePassword";

/// `AdministratorAccess`.
pub const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// `PowerUserAccess`.
pub const POWER_USER: &str = "arn:aws:iam::aws:policy/PowerUserAccess";

/// The AWS-managed policy with this ARN, if the sandbox knows it.
pub fn find(arn: &str) -> Option<&'static AwsPolicy> {
    ALL.iter().find(|policy| policy.arn == arn)
}

/// Every AWS-managed policy of the sandbox.
pub const ALL: &[AwsPolicy] = &[
    AwsPolicy {
        arn: SECURITY_AUDIT,
        id: "ANPAIX2T3QCXHR2OGGCTO",
        document: r#"{"Version":"2012-10-17","Statement":[{"Sid":"BaseSecurityAuditStatement","Effect":"Allow","Action":["access-analyzer:ListAnalyzers","access-analyzer:ListFindings","account:ListRegions","cloudtrail:DescribeTrails","cloudtrail:GetEventSelectors","cloudtrail:GetTrailStatus","cloudtrail:ListTrails","cloudtrail:LookupEvents","cloudwatch:Describe*","cloudwatch:ListTagsForResource","config:Describe*","guardduty:GetDetector","guardduty:ListDetectors","iam:GenerateCredentialReport","iam:Get*","iam:List*","logs:Describe*","organizations:Describe*","organizations:List*","s3:GetBucketAcl","s3:GetBucketLogging","s3:GetBucketPolicyStatus","s3:ListAllMyBuckets","securityhub:Describe*","sns:GetTopicAttributes","sns:List*"],"Resource":"*"}]}"#,
    },
    AwsPolicy {
        arn: READ_ONLY,
        id: "ANPAILL3HVNFSB6DCOWYQ",
        document: r#"{"Version":"2012-10-17","Statement":[{"Sid":"ReadOnlyActions","Effect":"Allow","Action":["account:Get*","account:List*","cloudtrail:Describe*","cloudtrail:Get*","cloudtrail:List*","cloudtrail:LookupEvents","cloudwatch:Describe*","cloudwatch:Get*","cloudwatch:List*","ec2:Describe*","iam:Get*","iam:List*","logs:Describe*","logs:FilterLogEvents","logs:Get*","organizations:Describe*","organizations:List*","s3:Get*","s3:List*","sns:Get*","sns:List*"],"Resource":"*"}]}"#,
    },
    AwsPolicy {
        arn: CHANGE_PASSWORD,
        id: "ANPAJ4L4MM2A7QIEB56MS",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:ChangePassword"],"Resource":["arn:aws:iam::*:user/${aws:username}"]},{"Effect":"Allow","Action":["iam:GetAccountPasswordPolicy"],"Resource":"*"}]}"#,
    },
    AwsPolicy {
        arn: ADMINISTRATOR,
        id: "ANPAIWMBCKSKIEE64ZLYK",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    },
    AwsPolicy {
        arn: POWER_USER,
        id: "ANPAJYRXTHIB4FOVS3ZXS",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],"Resource":"*"},{"Effect":"Allow","Action":["account:GetAccountInformation","account:ListRegions","iam:CreateServiceLinkedRole","iam:DeleteServiceLinkedRole","iam:ListRoles","organizations:DescribeOrganization"],"Resource":"*"}]}"#,
    },
    AwsPolicy {
        arn: "arn:aws:iam::aws:policy/AWSSupportAccess",
        id: "ANPAJSNKQX2OW67GF4S7E",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["support:*"],"Resource":"*"}]}"#,
    },
    AwsPolicy {
        arn: "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
        id: "ANPAIXSHM2BNB2D3AXXRU",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssm:DescribeAssociation","ssm:GetDocument","ssm:GetParameter","ssm:GetParameters","ssm:UpdateInstanceInformation"],"Resource":"*"},{"Effect":"Allow","Action":["ssmmessages:CreateControlChannel","ssmmessages:CreateDataChannel","ssmmessages:OpenControlChannel","ssmmessages:OpenDataChannel"],"Resource":"*"}]}"#,
    },
    AwsPolicy {
        arn: "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
        id: "ANPAJNCQGXC42545SKXIK",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}"#,
    },
    AwsPolicy {
        arn: "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
        id: "ANPAJG4T4G4PV56DE72PY",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer","ecr:BatchGetImage","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}"#,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_is_json_with_a_name_and_a_path() {
        for policy in ALL {
            let document: serde_json::Value = serde_json::from_str(policy.document).unwrap();
            assert_eq!(document["Version"], "2012-10-17", "{}", policy.arn);
            assert!(policy.path().starts_with('/') && policy.path().ends_with('/'), "{}", policy.arn);
            assert!(!policy.name().is_empty() && policy.id.len() == 21, "{}", policy.arn);
        }
        assert!(find(SECURITY_AUDIT).is_some());
        assert!(find("arn:aws:iam::aws:policy/None").is_none());
    }
}
