"""Soak: the release stayed upstream, verified and undisturbed, for as long as this environment asks."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from lockflight.api import reasons
from lockflight.api.common import format_duration, parse_duration
from lockflight.api.release import Passage
from lockflight.policy.model import Verdict
from lockflight.policy.upstream import passing, way
from lockflight.policy.verdicts import Subject, given, not_applicable, passed, waiting


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/soak.md."""
    if on.rollback:
        return not_applicable("a rollback does not soak")
    wanted = parse_duration(on.effective.spec.soak or "0s")
    through = way(on, now)
    if not wanted or not through.names:
        return not_applicable("no soak is asked for")
    rows = passing(on, through)
    results = {name: _soaked(name, rows, wanted, now) for name in through.names}
    shut = [verdict for verdict in results.values() if not verdict.open]
    if not shut or (through.any_of_them and len(shut) < len(results)):
        return passed("; ".join(verdict.message for verdict in results.values() if verdict.open))
    times = [verdict.retry_at for verdict in shut if verdict.retry_at is not None]
    message = "; ".join(verdict.message for verdict in shut)
    if through.any_of_them:
        return waiting(reasons.SOAKING if times else reasons.NOT_SOAKING, message, min(times, default=None))
    stuck = len(times) < len(shut)
    return waiting(reasons.NOT_SOAKING if stuck else reasons.SOAKING, message, None if stuck else max(times))


def _soaked(name: str, rows: Mapping[str, Passage], wanted: timedelta, now: datetime) -> Verdict:
    row = rows.get(name)
    if row is None:
        return waiting(reasons.NOT_SOAKING, f"it has not passed {name} yet: see gate Order")
    best = parse_duration(row.longest_soak)
    if row.running_since is not None:
        best = max(best, now - row.running_since)
    if best >= wanted:
        return passed(f"soaked {format_duration(best)} in {name}, asked for are {format_duration(wanted)}")
    message = f"soaked {format_duration(best)} of {format_duration(wanted)} in {name}"
    if row.running_since is None:
        return waiting(reasons.NOT_SOAKING, f"{message} and does not run there now: promote it there again")
    return waiting(reasons.SOAKING, message, row.running_since + wanted)
