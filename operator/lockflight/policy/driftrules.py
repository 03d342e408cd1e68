"""What an Environment and its baseline say about drift, together."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from lockflight.api.common import Tier, parse_duration
from lockflight.api.drift import DriftMode, DriftRules
from lockflight.api.environment import EnvironmentSpec

INTERVAL: Final = "5m"
"""How often drift is looked for where nobody says."""


def watched_more(
    mine: DriftRules | None, base: DriftRules | None, refuse: Callable[[str, object, str], None]
) -> DriftRules | None:
    """``mine`` over ``base``; what is looser is refused: a laxer mode, a longer interval, another field left out."""
    if mine is None or base is None:
        return mine or base
    order = list(DriftMode)
    if mine.mode and base.mode and order.index(mine.mode) < order.index(base.mode):
        refuse("drift.mode", mine.mode, f"{base.mode} or stricter")
    if mine.interval and base.interval and parse_duration(mine.interval) > parse_duration(base.interval):
        refuse("drift.interval", mine.interval, f"at most {base.interval}")
    if mine.ignore and base.ignore is not None and not set(mine.ignore) <= set(base.ignore):
        allowed = f"some of {list(base.ignore)}" if base.ignore else "none, as the baseline says"
        refuse("drift.ignore", list(mine.ignore), allowed)
    return DriftRules(
        mode=max((m for m in (mine.mode, base.mode) if m), key=order.index, default=None),
        interval=min((i for i in (mine.interval, base.interval) if i), key=parse_duration, default=None),
        ignore=base.ignore if mine.ignore is None else mine.ignore,
    )


def mode_of(spec: EnvironmentSpec) -> DriftMode:
    """What is done about drift there."""
    return (spec.drift.mode if spec.drift else None) or DriftMode.OFF


def interval_of(spec: EnvironmentSpec) -> timedelta:
    """How often it is looked for there."""
    return parse_duration((spec.drift.interval if spec.drift else None) or INTERVAL)


def ignored_of(spec: EnvironmentSpec) -> tuple[str, ...]:
    """The fields that others may set there."""
    return (spec.drift.ignore if spec.drift else None) or ()


def watched(spec: EnvironmentSpec) -> Mapping[str, Any]:
    """What of it a decision relies on; nothing where it is as the tier has it."""
    usual = DriftMode.DETECT if spec.tier is Tier.PRODUCTION else DriftMode.OFF
    # Putting back besides changes nothing that is decided.
    mode = DriftMode.DETECT if mode_of(spec) is DriftMode.CORRECT else mode_of(spec)
    ignore = sorted(ignored_of(spec)) if mode is not DriftMode.OFF else []
    return {"drift": {"mode": mode.value, "ignore": ignore}} if (mode, ignore) != (usual, []) else {}
