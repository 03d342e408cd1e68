"""Evidence: every type that the environment asks for came with the release, and passed."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.policy.model import Verdict
from lockflight.policy.verdicts import Subject, denied, given, not_applicable, passed


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/evidence.md."""
    entry = on.effective.spec.entry
    wanted = (entry.evidence if entry else None) or ()
    if on.rollback:
        return not_applicable("it was judged when the release came here first")
    if not wanted:
        return not_applicable("no evidence is asked for")
    results: dict[str, set[str]] = {}
    for item in on.release.spec.evidence:
        results.setdefault(item.type, set()).add(item.result)
    failed = [kind for kind in wanted if "Failed" in results.get(kind, ())]
    if failed:
        return denied(
            reasons.EVIDENCE_FAILED, f"spec.evidence says that {', '.join(failed)} failed: build another version"
        )
    absent = [kind for kind in wanted if kind not in results]
    if absent:
        return denied(
            reasons.EVIDENCE_MISSING, f"spec.evidence lacks {', '.join(absent)}: build another version that brings it"
        )
    return passed(", ".join(wanted))
