variable "apply_external_id" {
  description = "The ExternalId of the apply role, another one than the audit role's; give it through TF_VAR_apply_external_id"
  type        = string
  sensitive   = true
}
