#!/bin/sh
# The audit role in every member through a StackSet, and what its caller needs in the management account, with the AWS CLI.
# Run it with credentials of the management account. Again is fine: what is there is updated.
#
#   ORGWARD_EXTERNAL_ID=... sh bootstrap.sh
#@apply-role
#   ORGWARD_EXTERNAL_ID=... ORGWARD_APPLY_EXTERNAL_ID=... sh bootstrap.sh
#@end
#
# Read from the environment: ORGWARD_EXTERNAL_ID, ORGWARD_CALLER_ARN (who may assume the roles, an ARN with * where it varies;
# everybody in the account that orgward is run from if it is not set),
# ORGWARD_BOOTSTRAP_REGION (where the stacks are, default @REGION@).
set -eu
cd "$(dirname "$0")"

: "${ORGWARD_EXTERNAL_ID:?set it to the ExternalId of the audit role}"
#@apply-role
: "${ORGWARD_APPLY_EXTERNAL_ID:?set it to the ExternalId of the apply role, another one than that of the audit role}"
#@end
region=${ORGWARD_BOOTSTRAP_REGION:-@REGION@}
caller=${ORGWARD_CALLER_ARN:-arn:*:iam::*:*}
#@no-delegated
account=$(aws sts get-caller-identity --query Account --output text)
#@end
#@delegated
account=@DELEGATED@
#@end
root=$(aws organizations list-roots --query 'Roots[0].Id' --output text)

aws organizations enable-aws-service-access --service-principal member.org.stacksets.cloudformation.amazonaws.com
aws cloudformation activate-organizations-access --region "$region"

# Parameters go through a file of their own: a command line can be read by others on this machine.
umask 077
parameters=$(mktemp)
trap 'rm -f "$parameters"' EXIT
trap 'exit 130' INT TERM
quoted() { printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g'; }
cat >"$parameters" <<END
[
  {"ParameterKey": "CallerAccountId", "ParameterValue": "$account"},
  {"ParameterKey": "CallerArn", "ParameterValue": "$(quoted "$caller")"},
#@apply-role
  {"ParameterKey": "ApplyExternalId", "ParameterValue": "$(quoted "$ORGWARD_APPLY_EXTERNAL_ID")"},
#@end
  {"ParameterKey": "AuditExternalId", "ParameterValue": "$(quoted "$ORGWARD_EXTERNAL_ID")"}
]
END

set -- --region "$region" --stack-set-name orgward-members
pace=FailureTolerancePercentage=10,MaxConcurrentPercentage=25
if found=$(aws cloudformation describe-stack-set "$@" 2>&1); then
    aws cloudformation update-stack-set "$@" --template-body file://members.template.json \
        --capabilities CAPABILITY_NAMED_IAM --parameters "file://$parameters" --operation-preferences "$pace"
else
    case $found in
    *StackSetNotFoundException*) ;;
    *)
        printf '%s\n' "$found" >&2
        exit 1
        ;;
    esac
    aws cloudformation create-stack-set "$@" \
        --description "Roles that orgward assumes in member accounts" --permission-model SERVICE_MANAGED \
        --auto-deployment Enabled=true,RetainStacksOnAccountRemoval=false \
        --template-body file://members.template.json --capabilities CAPABILITY_NAMED_IAM --parameters "file://$parameters"
fi
# New accounts get their stack by themselves; the first ones are asked for, here or where that failed before.
instances=$(aws cloudformation list-stack-instances "$@" --query 'length(Summaries)' --output text)
if [ "$instances" = 0 ]; then
    aws cloudformation create-stack-instances "$@" --deployment-targets "OrganizationalUnitIds=$root" --regions "$region" \
        --operation-preferences "$pace"
fi

#@no-delegated
aws cloudformation deploy --region "$region" --stack-name orgward-management --template-file management.template.json \
    --capabilities CAPABILITY_NAMED_IAM --no-fail-on-empty-changeset
#@end
#@delegated
aws cloudformation deploy --region "$region" --stack-name orgward-management --template-file management.template.json \
    --capabilities CAPABILITY_NAMED_IAM --no-fail-on-empty-changeset --parameter-overrides "file://$parameters"
#@end

echo "The StackSet works in the background: aws cloudformation list-stack-set-operations --region $region --stack-set-name orgward-members" >&2
#@delegated
echo "With credentials of account $account: aws cloudformation deploy --stack-name orgward-caller --template-file caller.template.json --capabilities CAPABILITY_NAMED_IAM" >&2
#@end
echo "Then attach OrgwardAuditCaller to whoever runs orgward, and: orgward org" >&2
