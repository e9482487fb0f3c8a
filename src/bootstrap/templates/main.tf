# The audit role in every member, and what its caller needs in the management account. Run it with credentials of the
# management account; trusted access of StackSets has to be on (member.org.stacksets.cloudformation.amazonaws.com).

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

#@no-delegated
data "aws_caller_identity" "current" {}

#@end
data "aws_organizations_organization" "current" {}

#@no-delegated
# Service-managed StackSets reach every member, new ones too, and never the management account: orgward reads that with the
# caller's own credentials.
#@end
#@delegated
# Service-managed StackSets reach every member, new ones too, and never the management account, which has a stack of its own.
#@end
resource "aws_cloudformation_stack_set" "members" {
  name             = "orgward-members"
  description      = "Roles that orgward assumes in member accounts"
  permission_model = "SERVICE_MANAGED"
  capabilities     = ["CAPABILITY_NAMED_IAM"]
  template_body    = file("${path.module}/../members.template.json")

  parameters = {
    #@no-delegated
    CallerAccountId = data.aws_caller_identity.current.account_id
    #@end
    #@delegated
    CallerAccountId = "@DELEGATED@"
    #@end
    CallerArn       = var.caller_arn
    AuditExternalId = var.audit_external_id
    #@apply-role
    ApplyExternalId = var.apply_external_id
    #@end
  }

  auto_deployment {
    enabled                          = true
    retain_stacks_on_account_removal = false
  }

  operation_preferences {
    failure_tolerance_percentage = 10
    max_concurrent_percentage    = 25
  }

  # CloudFormation never gives back what is not to be echoed: without this every plan would show a change. A new ExternalId is
  # given by taking the line out once. ExternalIds are in Terraform's state: keep that as closely as a secret.
  lifecycle {
    ignore_changes = [
      administration_role_arn,
      parameters["AuditExternalId"],
      #@apply-role
      parameters["ApplyExternalId"],
      #@end
    ]
  }
}

resource "aws_cloudformation_stack_set_instance" "members" {
  stack_set_name            = aws_cloudformation_stack_set.members.name
  stack_set_instance_region = var.region

  deployment_targets {
    organizational_unit_ids = [data.aws_organizations_organization.current.roots[0].id]
  }

  operation_preferences {
    failure_tolerance_percentage = 10
    max_concurrent_percentage    = 25
  }
}

#@delegated
resource "aws_cloudformation_stack" "management" {
  name          = "orgward-management"
  capabilities  = ["CAPABILITY_NAMED_IAM"]
  template_body = file("${path.module}/../management.template.json")

  parameters = {
    CallerAccountId = "@DELEGATED@"
    CallerArn       = var.caller_arn
    AuditExternalId = var.audit_external_id
    #@end
    #@delegated-apply-role
    ApplyExternalId = var.apply_external_id
    #@end
    #@delegated
  }

  # What is not to be echoed never comes back: see above.
  lifecycle {
    ignore_changes = [parameters]
  }
}
#@end
#@no-delegated
resource "aws_iam_policy" "audit_caller" {
  name        = "OrgwardAuditCaller"
  description = "Who runs orgward audits and plans"
  policy      = file("${path.module}/../policies/audit-caller.json")
}

output "audit_caller_policy_arn" {
  description = "Attach it to whoever runs orgward org, audit and plan"
  value       = aws_iam_policy.audit_caller.arn
}
#@end
