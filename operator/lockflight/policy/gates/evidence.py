"""Evidence: every type that the environment asks for came with the release, and passed."""

from datetime import datetime

from lockflight.policy.gates._verdicts import denied, is_rollback, missing, not_applicable, passed, waiting
from lockflight.policy.model import Snapshot, Verdict


def evaluate(s: Snapshot, now: datetime) -> Verdict:
    """See docs/gates/evidence.md."""
    lacking = missing(s)
    if lacking is not None or s.release is None or s.effective is None:
        return lacking or waiting("CannotTell", "release or environment cannot be read")
    wanted = (s.effective.spec.entry.evidence if s.effective.spec.entry else None) or ()
    if is_rollback(s):
        return not_applicable("it was judged when it came here first")
    if not wanted:
        return not_applicable("no evidence is asked for")
    results: dict[str, set[str]] = {}
    for given in s.release.spec.evidence:
        results.setdefault(given.type, set()).add(given.result)
    failed = [kind for kind in wanted if "Failed" in results.get(kind, ())]
    if failed:
        return denied("EvidenceFailed", f"{', '.join(failed)} failed: build another version")
    absent = [kind for kind in wanted if kind not in results]
    if absent:
        message = f"spec.evidence lacks {', '.join(absent)}: build another version that brings it"
        return denied("EvidenceMissing", message)
    return passed(", ".join(wanted))
