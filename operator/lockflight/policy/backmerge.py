"""Whether a hotfix that production had has come back into the line of development, and by when it must."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from lockflight.api import reasons
from lockflight.api.common import parse_duration
from lockflight.api.conditions import Condition, condition
from lockflight.api.release import BackMerge, Release, ReleaseType
from lockflight.api.releasecalendar import DEFAULT_BACK_MERGE, HotfixCount, ReleaseCalendar
from lockflight.policy.cadence.boarding import key
from lockflight.policy.hotfix import contains
from lockflight.policy.versions import order

_SCHEDULED: Final = (None, ReleaseType.SCHEDULED)


def back_merge(
    hotfix: Release, production: Mapping[str, ReleaseCalendar | None], releases: Mapping[str, Release]
) -> BackMerge | None:
    """Where a hotfix stands; None until production had it, and for a release of another type.

    ``production`` are the environments of tier Production with the calendars that they follow, ``releases`` those of
    the application, by name. What was written down once stays: a changed calendar moves no deadline, and a release
    that was pruned had contained the hotfix all the same.
    """
    known = hotfix.status.back_merge
    if hotfix.spec.type is not ReleaseType.HOTFIX:
        return None
    if known is None:
        had = [
            (row.deployed_at, row.name)
            for row in hotfix.status.environments
            if row.verified_at and row.name in production
        ]
        if not had:
            return None
        since, name = min(had)
        calendar = production[name]
        rule = calendar.spec.hotfix if calendar is not None else None
        within = parse_duration(rule.back_merge_within or DEFAULT_BACK_MERGE) if rule is not None else None
        known = BackMerge(
            since=since,
            due_by=since + within if within is not None else None,
            calendar=key(calendar) if calendar is not None and within is not None else None,
        )
    if known.merged_by is not None:
        return known
    return known.model_copy(update={"merged_by": _first(hotfix, releases)})


def back_merged(hotfix: Release, now: datetime) -> Condition | None:
    """The condition BackMerged of a hotfix whose status holds where it stands; None: there is nothing to say."""
    found, generation = hotfix.status.back_merge, hotfix.metadata.generation
    if found is None:
        return None
    if found.merged_by is not None:
        reason, message = reasons.MERGED, f"release {found.merged_by} contains it"
    elif found.due_by is not None and now >= found.due_by:
        reason = reasons.BACK_MERGE_OVERDUE
        message = f"no release contains it, which was due by {_utc(found.due_by)}: {_command(hotfix)}"
    else:
        reason, until = reasons.BACK_MERGE_DUE, f" by {_utc(found.due_by)}" if found.due_by is not None else ""
        message = f"production has it and no release contains it yet: merge it{until}, {_command(hotfix)}"
    return condition(reasons.BACK_MERGED, found.merged_by is not None, reason, message, generation=generation, now=now)


def counted(calendar: ReleaseCalendar, releases: Iterable[Release]) -> HotfixCount | None:
    """The hotfixes whose deadline is that of ``calendar``; None: there are none."""
    rows = [
        (r, found) for r in releases if (found := r.status.back_merge) is not None and found.calendar == key(calendar)
    ]
    open_ = sorted(
        (f.due_by or f.since, f"{r.metadata.namespace}/{r.metadata.name}") for r, f in rows if not f.merged_by
    )
    return HotfixCount(count=len(rows), not_merged=tuple(name for _, name in open_[:64])) if rows else None


def _first(hotfix: Release, releases: Mapping[str, Release]) -> str | None:
    """The lowest Scheduled release of a higher version that contains it: a hotfix of a hotfix is no way back."""
    mine, name = order(hotfix.spec.version), hotfix.metadata.name
    found = [
        (order(r.spec.version), r.metadata.name)
        for r in releases.values()
        if r.spec.type in _SCHEDULED and order(r.spec.version) > mine and contains(r, name, releases)
    ]
    return min(found)[1] if found else None


def _command(hotfix: Release) -> str:
    return f"lockflight release create … --includes {hotfix.metadata.name}"


def _utc(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%MZ}"
