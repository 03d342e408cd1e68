"""Source: merged to an allowed branch; where only tagged builds enter, a tag equal to the version."""

from datetime import datetime

from lockflight.policy.gates._verdicts import denied, is_rollback, missing, not_applicable, passed, waiting
from lockflight.policy.model import Snapshot, Verdict


def evaluate(s: Snapshot, now: datetime) -> Verdict:
    """See docs/gates/source.md."""
    lacking = missing(s)
    if lacking is not None or s.release is None or s.effective is None:
        return lacking or waiting("CannotTell", "release or environment cannot be read")
    entry = s.effective.spec.entry
    branches, tagged = (entry.branches or (), bool(entry.tagged_only)) if entry else ((), False)
    if is_rollback(s) or not (branches or tagged):
        return not_applicable("any source may enter")
    source, version = s.release.spec.source, s.release.spec.version
    branch, tag = (source.branch, source.tag) if source else (None, None)
    if branches and branch not in branches:
        return denied(
            "BranchNotAllowed", f"spec.source.branch is {branch or 'absent'}: allowed are {', '.join(branches)}"
        )
    if tagged and (tag or "").removeprefix("v") != version:
        return denied("NotTagged", f"spec.source.tag is {tag or 'absent'}: tagged builds only, needed is v{version}")
    return passed(f"branch {branch or 'any'}, tag {tag or 'any'}")
