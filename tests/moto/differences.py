"""Where moto and orgward's sandbox are known to differ, and why the sandbox is as it is.

Each: the step of the story, where in the answer (empty: the answer as a whole), what moto says, what the sandbox says (...
for anything), and the reason.
"""

MISSING = "<missing>"

# moto does not have the rule; the sandbox answers as the API reference says.
LAX = "moto does not enforce it"
LATER = "moto does not have this member yet"

KNOWN = [
    ("report: too early", "", "text/csv", "ReportInProgress", "moto's report is there at once; AWS's takes some seconds"),
    ("report: columns", "22", MISSING, "additional_credentials_info", "a column AWS added later"),
    ("account", "Account.Status", "ACTIVE", MISSING, "AWS retired Status in September 2026; State stays"),
    ("account", "Account.Paths[0]", MISSING, ..., LATER),
    ("unit", "OrganizationalUnit.Path", MISSING, ..., LATER),
    ("scp: no policy", "", ..., "MalformedPolicyDocumentException", "moto takes any text for a policy"),
    ("scp: no JSON", "", "DuplicatePolicyException", "MalformedPolicyDocumentException",
     "moto took the malformed policy of this name the step before"),
    ("scp: too long", "", ..., "ConstraintViolationException", LAX),
    ("scp: attach again", "", {}, "DuplicatePolicyAttachmentException", LAX),
    ("scp: attach nowhere", "", "OrganizationalUnitNotFoundException", "TargetNotFoundException",
     "AttachPolicy has no OrganizationalUnitNotFoundException in AWS's model"),
    ("scp: update AWS's", "", ..., "InvalidInputException", "moto lets AWS's own policies be changed"),
    ("a member asks", "", "roots", "AccessDeniedException", "moto answers every member as if it were the management account"),
    ("scp: detach the last", "", {}, "ConstraintViolationException", LAX),
    ("scp: detach again", "", {}, "PolicyNotAttachedException", LAX),
    ("enter: short name", "", "AccessDenied", "ValidationError", "moto does not check lengths; server.py finds no such role"),
    ("passwords: the rest is reset", "PasswordPolicy.MaxPasswordAge", 0, MISSING,
     "0 is outside the model's range of 1 to 1095; AWS leaves out what is not set"),
    ("passwords: too short", "", {}, "ValidationError", LAX),
    ("details: a wrong filter", "", "details", "ValidationError", LAX),
    ("summary", "AccountPasswordPresent", MISSING, True, LATER),
    ("trail: selectors", "EventSelectors", [], MISSING, "moto gives a new trail no selectors, where AWS has one"),
    ("trail: selectors", "AdvancedEventSelectors", [], MISSING, "moto lists both kinds; AWS those in force"),
    ("trail: selectors", "EventSelectors[0].DataResources", MISSING, [], "the selector every trail begins with"),
    ("trail: selectors", "EventSelectors[0].ExcludeManagementEventSources", MISSING, [], "the selector every trail begins with"),
    ("trail: selectors", "EventSelectors[0].IncludeManagementEvents", MISSING, True, "the selector every trail begins with"),
    ("trail: selectors", "EventSelectors[0].ReadWriteType", MISSING, "All", "the selector every trail begins with"),
    ("trail: seen from a member", "", [], MISSING, "moto shows an organization trail to its own account only"),
    ("trail: seen from a member", "[0]", MISSING, ..., "moto shows an organization trail to its own account only"),
    ("filter: no group", "", {}, "ResourceNotFoundException", LAX),
    ("filter: describe", "[0].applyOnTransformedLogs", MISSING, False, LATER),
    ("filter: describe", "[0].creationTime", MISSING, "<time>", LATER),
    ("filter: replaced", "[1]", '{ $.userIdentity.type = "Root" }', MISSING,
     "moto adds a filter of the same name where AWS replaces it"),
    ("filter: a bad pattern", "", {}, "InvalidParameterException", "moto does not read patterns"),
    ("filters of no group", "", ..., "ResourceNotFoundException", "moto took a filter for this group that does not exist"),
    ("filter: delete again", "", {}, "ResourceNotFoundException", LAX),
    ("alarm: describe", "MetricAlarms[0].Metrics", [], MISSING, "an alarm on one metric has no expressions"),
    ("alarm: describe", "MetricAlarms[0].StateReasonData", "{}", MISSING, "there is none before the first evaluation"),
    ("alarm: describe", "MetricAlarms[0].StateTransitionedTimestamp", MISSING, "<time>", LATER),
    ("alarm: describe", "MetricAlarms[0].StateValue", "OK", "INSUFFICIENT_DATA", "AWS's alarms begin without data"),
    ("alarm: tags of none", "", {"Tags": []}, "ResourceNotFoundException", LAX),
    ("alarm: no metric", "", {}, "MissingParameter", LAX),
    ("alarm: two statistics", "", {}, "InvalidParameterCombination", LAX),
    ("alarm: odd period", "", {}, "ValidationError", LAX),
    ("alarms: names and prefix", "", ..., "InvalidParameterCombination", LAX),
    ("alarm: delete it and another", "", {}, "ResourceNotFound", "moto deletes what it finds; AWS all or nothing"),
    ("alarms: still there", "", [], MISSING, "follows from the step before"),
    ("alarms: still there", "[0]", MISSING, "root", "follows from the step before"),
    ("topic: create with other tags", "", ..., "InvalidParameter", LAX),
    ("subscribe", "SubscriptionArn", ..., "pending confirmation", "moto confirms every subscription at once"),
    ("subscribe again", "SubscriptionArn", ..., "pending confirmation", "moto confirms every subscription at once"),
    ("subscribers", "Subscriptions[0].SubscriptionArn", ..., "PendingConfirmation", "moto confirms every subscription at once"),
    ("subscribe a pigeon", "", ..., "InvalidParameter", LAX),
    ("topic: attributes", "SubscriptionsConfirmed", "0", "1", "moto does not count subscriptions"),
    ("topic: attributes", "SubscriptionsPending", "0", "1", "moto does not count subscriptions"),
    ("unsubscribe none", "", {}, "NotFound", LAX),
    ("buckets: where", "", None, ..., LATER),
]
