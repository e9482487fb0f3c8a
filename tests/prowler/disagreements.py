"""Where orgward and Prowler say pass and fail of the same thing: (account, our check) -> ((ours, Prowler's), the reason).

A disagreement about a check that is not in the catalogue yet may be listed beforehand.
"""

DISAGREEMENTS = {
    ("management", "monitor-trail-changes"): (
        ("fail", "PASS"),
        "the alarm's topic has no subscription, so nobody is told; Prowler asks for a filter with an alarm and looks no further",
    ),
}
