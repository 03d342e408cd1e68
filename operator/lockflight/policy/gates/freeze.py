"""Freeze: no freeze covers this target now, and none begins before the expected end of the work."""

from datetime import datetime

from lockflight.api.common import parse_duration
from lockflight.api.freezewindow import FreezeWindow
from lockflight.policy import windows
from lockflight.policy.gates._verdicts import is_rollback, missing, not_applicable, passed, waiting
from lockflight.policy.model import Snapshot, Verdict
from lockflight.policy.windows import InvalidWindow, both_clocks


def evaluate(s: Snapshot, now: datetime) -> Verdict:
    """See docs/gates/freeze.md."""
    lacking = missing(s)
    if lacking is not None or s.release is None or s.effective is None:
        return lacking or waiting("CannotTell", "release or environment cannot be read")
    if is_rollback(s) and s.change is not None:
        return not_applicable("a back-out under its approved change may run in a freeze")
    relevant = [f for f in s.freezes if f.spec.lift is None and _selects(s, f) and not _exempt(s, f)]
    active: list[tuple[FreezeWindow, datetime | None]] = []
    ahead: list[tuple[datetime, FreezeWindow, datetime | None]] = []
    horizon = now + parse_duration(s.effective.spec.timeout or "10m")
    for freeze in relevant:
        try:
            start, end = windows.span(freeze)
        except InvalidWindow as problem:
            return waiting("FreezeInvalid", f"{_name(freeze)}: {problem}; until mended it holds what it selects")
        if start <= now and (end is None or now < end):
            active.append((freeze, end))
        elif now < start < horizon:
            ahead.append((start, freeze, end))
    if active:
        return _held(active)
    if ahead:
        start, freeze, end = min(ahead, key=lambda item: (item[0], item[1].metadata.name))
        where = windows.zone(freeze.spec.time_zone)
        message = (
            f"{_name(freeze)} ({freeze.spec.reason}) begins {both_clocks(start, where)}, before the work would end "
            f"(expected {s.effective.spec.timeout})"
        )
        return waiting("FreezeAhead", message, end)
    return passed("no freeze")


def _held(active: list[tuple[FreezeWindow, datetime | None]]) -> Verdict:
    ends = [end for _, end in active]
    latest = None if None in ends else max(end for end in ends if end is not None)
    parts = []
    for freeze, end in sorted(active, key=lambda item: item[0].metadata.name):
        until = f"until {both_clocks(end, windows.zone(freeze.spec.time_zone))}" if end else "until it is lifted"
        parts.append(f"{_name(freeze)} ({freeze.spec.reason}) {until}")
    return waiting("FreezeActive", "; ".join(parts), latest)


def _selects(s: Snapshot, freeze: FreezeWindow) -> bool:
    if s.effective is None or s.release is None:
        return True
    return windows.selects(
        freeze,
        environment=s.effective.name,
        tier=s.effective.spec.tier,
        application=s.release.spec.application,
    )


def _exempt(s: Snapshot, freeze: FreezeWindow) -> bool:
    return (
        freeze.spec.exempt is not None
        and s.change is not None
        and s.change.spec.type in freeze.spec.exempt.change_types
    )


def _name(freeze: FreezeWindow) -> str:
    return f"freeze {freeze.metadata.namespace}/{freeze.metadata.name}"
