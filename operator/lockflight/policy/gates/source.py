"""Source: merged to an allowed branch; where only tagged builds enter, a tag equal to the version."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.policy.model import Verdict
from lockflight.policy.verdicts import Subject, denied, given, not_applicable, passed


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/source.md."""
    entry, source, version = on.effective.spec.entry, on.release.spec.source, on.release.spec.version
    branches, tagged = (entry.branches or (), bool(entry.tagged_only)) if entry else ((), False)
    if on.rollback or not (branches or tagged):
        return not_applicable("any source may enter")
    branch, tag = (source.branch, source.tag) if source else (None, None)
    if branches and branch not in branches:
        found = branch or "absent"
        return denied(reasons.BRANCH_NOT_ALLOWED, f"spec.source.branch is {found}: allowed are {', '.join(branches)}")
    if tagged and (tag or "").removeprefix("v") != version:
        return denied(
            reasons.NOT_TAGGED, f"spec.source.tag is {tag or 'absent'}: only tagged builds enter, needed is v{version}"
        )
    return passed(f"branch {branch or 'any'}, tag {tag or 'any'}")
