#!/bin/sh
# The audit role in every member through a StackSet, and what its caller needs in the management account, with the AWS CLI.
# Run it with credentials of the management account. Again is fine: what is there is updated.
#
#   ORGWARD_EXTERNAL_ID=... sh bootstrap.sh
#@apply-role
#   ORGWARD_EXTERNAL_ID=... ORGWARD_APPLY_EXTERNAL_ID=... sh bootstrap.sh
#@end
#
# Read from the environment: ORGWARD_EXTERNAL_ID, ORGWARD_CALLER_ARN (who may assume the roles, default *),
# ORGWARD_BOOTSTRAP_REGION (where the stacks are, default @REGION@).
set -eu
cd "$(dirname "$0")"

: "${ORGWARD_EXTERNAL_ID:?set it to the ExternalId of the audit role}"
#@apply-role
: "${ORGWARD_APPLY_EXTERNAL_ID:?set it to the ExternalId of the apply role, another one than the audit role\'s}"
#@end
region=${ORGWARD_BOOTSTRAP_REGION:-@REGION@}
caller=${ORGWARD_CALLER_ARN:-*}
account=$(aws sts get-caller-identity --query Account --output text)
root=$(aws organizations list-roots --query 'Roots[0].Id' --output text)

aws organizations enable-aws-service-access --service-principal member.org.stacksets.cloudformation.amazonaws.com
aws cloudformation activate-organizations-access --region "$region"

# Parameters go through a file of their own: a command line can be read by others on this machine.
umask 077
parameters=$(mktemp)
trap 'rm -f "$parameters"' EXIT INT TERM
quoted() { printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g'; }
cat >"$parameters" <<END
[
  {"ParameterKey": "ManagementAccountId", "ParameterValue": "$account"},
  {"ParameterKey": "CallerArn", "ParameterValue": "$(quoted "$caller")"},
#@apply-role
  {"ParameterKey": "ApplyExternalId", "ParameterValue": "$(quoted "$ORGWARD_APPLY_EXTERNAL_ID")"},
#@end
  {"ParameterKey": "AuditExternalId", "ParameterValue": "$(quoted "$ORGWARD_EXTERNAL_ID")"}
]
END

if aws cloudformation describe-stack-set --region "$region" --stack-set-name orgward-members >/dev/null 2>&1; then
    aws cloudformation update-stack-set --region "$region" --stack-set-name orgward-members \
        --template-body file://members.template.json --capabilities CAPABILITY_NAMED_IAM --parameters "file://$parameters"
else
    aws cloudformation create-stack-set --region "$region" --stack-set-name orgward-members \
        --description "Roles that orgward assumes in member accounts" --permission-model SERVICE_MANAGED \
        --auto-deployment Enabled=true,RetainStacksOnAccountRemoval=false \
        --template-body file://members.template.json --capabilities CAPABILITY_NAMED_IAM --parameters "file://$parameters"
    aws cloudformation create-stack-instances --region "$region" --stack-set-name orgward-members \
        --deployment-targets "OrganizationalUnitIds=$root" --regions "$region" \
        --operation-preferences FailureTolerancePercentage=10,MaxConcurrentPercentage=25
fi

aws cloudformation deploy --region "$region" --stack-name orgward-management --template-file management.template.json \
    --capabilities CAPABILITY_NAMED_IAM --no-fail-on-empty-changeset

echo "The StackSet works in the background: aws cloudformation list-stack-set-operations --stack-set-name orgward-members" >&2
echo "Then attach OrgwardAuditCaller to whoever runs orgward, and: orgward org" >&2
