"""Soak: the release stayed upstream, verified and undisturbed, for as long as this environment asks."""

from datetime import datetime, timedelta

from lockflight.api.common import format_duration, parse_duration
from lockflight.policy.gates._verdicts import is_rollback, missing, not_applicable, passed, waiting
from lockflight.policy.gates.order import passage
from lockflight.policy.model import Snapshot, Verdict


def evaluate(s: Snapshot, now: datetime) -> Verdict:
    """See docs/gates/soak.md."""
    lacking = missing(s)
    if lacking is not None or s.effective is None:
        return lacking or waiting("CannotTell", "the environment cannot be read")
    if is_rollback(s):
        return not_applicable("a rollback does not soak")
    wanted = parse_duration(s.effective.spec.soak or "0s")
    if not wanted or not s.effective.promotes_from:
        return not_applicable("no soak is asked for")
    best, running = timedelta(0), False
    for upstream in s.effective.promotes_from:
        row = passage(s, upstream)
        if row is None:
            continue
        best = max(best, parse_duration(row.longest_soak))
        if row.running_since is not None:
            running = True
            best = max(best, now - row.running_since)
    if best >= wanted:
        return passed(f"soaked {format_duration(best)}")
    message = f"soaked {format_duration(best)} of {format_duration(wanted)}"
    if not running:
        return waiting("NotSoaking", f"{message}, and does not run upstream now: promote it there again")
    return waiting("Soaking", message, now + (wanted - best))
