variable "region" {
  description = "Where the stacks are; roles are global"
  type        = string
  default     = "@REGION@"
}

variable "caller_arn" {
  description = "Who in the account that orgward is run from may assume the roles: an ARN, with * where it varies"
  type        = string
  default     = "arn:*:iam::*:*"
}

variable "audit_external_id" {
  description = "The ExternalId of the audit role; give it through TF_VAR_audit_external_id"
  type        = string
  sensitive   = true
}
