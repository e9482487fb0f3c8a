# What who runs orgward apply needs in the management account, beside the policy of audits.

resource "aws_iam_policy" "apply_caller" {
  name        = "OrgwardApplyCaller"
  description = "Who runs orgward apply, beside OrgwardAuditCaller"
  policy      = file("${path.module}/../policies/apply-caller.json")
}

output "apply_caller_policy_arn" {
  description = "Attach it to whoever runs orgward apply, resume and rollback, beside the policy of audits"
  value       = aws_iam_policy.apply_caller.arn
}
