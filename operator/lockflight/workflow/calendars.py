"""Which calendar binds an environment, and the trains that a release is on."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.promotion import Promotion
from lockflight.api.release import Boarded, Release
from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.policy.cadence.boarding import UnknownTrain, key, seat
from lockflight.policy.cadence.offsets import InvalidCalendar
from lockflight.policy.critical import critical_freezes
from lockflight.policy.model import Effective
from lockflight.policy.time.zones import InvalidTime
from lockflight.workflow.dependents import is_open
from lockflight.workflow.deps import Deps
from lockflight.workflow.keys import Key


def places(deps: Deps, stack: str, governed: Effective) -> tuple[str, ...]:
    """The namespaces in which the environment's calendar is looked for, in this order."""
    root = deps.options.root_namespace
    return (root,) if governed.calendar_in_root else tuple(dict.fromkeys((stack, root)))


def calendar_of(deps: Deps, stack: str, governed: Effective) -> ReleaseCalendar | None:
    """The calendar that an environment of ``stack`` follows, from the store."""
    ref = governed.spec.calendar_ref
    if ref is None:
        return None
    found = (deps.store.get(ReleaseCalendar, place, ref.name) for place in places(deps, stack, governed))
    return next((calendar for calendar in found if calendar is not None), None)


def critical_of(deps: Deps, stack: str, governed: Iterable[Effective], now: datetime) -> tuple[FreezeWindow, ...]:
    """The freezes that the calendars of these environments make; one that cannot be judged makes none here.

    The gate Freeze says what is wrong with it, and is closed.
    """
    found: dict[str, FreezeWindow] = {}
    for environment in governed:
        calendar = calendar_of(deps, stack, environment)
        try:
            made = critical_freezes(calendar, now) if calendar is not None else ()
        except InvalidTime:
            continue
        found |= {freeze.metadata.uid: freeze for freeze in made}
    return tuple(found.values())


async def read_again(deps: Deps, stack: str, governed: Effective) -> None:
    """Bring the store up to date with the calendar that an environment follows; nothing without one. Raises PortError.

    At most two requests, and none for an environment without calendar.
    """
    if governed.spec.calendar_ref is None:
        return
    name = governed.spec.calendar_ref.name
    for place in places(deps, stack, governed):
        current = await deps.cluster.get("ReleaseCalendar", place, name)
        if current is not None:
            deps.store.put(current)
            return
        deps.store.remove(Key("ReleaseCalendar", place, name))


def boarded(
    deps: Deps, release: Release, promotions: Sequence[Promotion], governed: Mapping[str, Effective]
) -> tuple[tuple[Boarded, ...], datetime | None]:
    """The trains that ``release`` is on, and when the next of them has left for good.

    It is put on a train when it is first seen, and on the next where one left while a promotion waited for it.
    Otherwise nothing is written: what was decided stands, and thousands of old releases ride nowhere.
    """
    stack, now = release.metadata.namespace, deps.clock.now()
    rows = {row.calendar: row for row in release.status.trains}
    times: list[datetime] = []
    for calendar, names in _followed(deps, stack, governed):
        waits = any(is_open(p) and p.spec.environment_ref.name in names for p in promotions)
        known = rows.get(key(calendar))
        fresh = release.status.observed_generation == 0
        if not waits and not (fresh and known is None):
            continue
        if known is None or now >= known.production_until:
            try:
                rows[key(calendar)] = seat(release, calendar, now).row
            except (InvalidCalendar, UnknownTrain):
                # The gate says so, and nothing is decided until it is mended.
                continue
        if waits:
            times.append(rows[key(calendar)].production_until)
    return tuple(rows.values()), min(times, default=None)


def _followed(
    deps: Deps, stack: str, governed: Mapping[str, Effective]
) -> list[tuple[ReleaseCalendar, frozenset[str]]]:
    """The calendars of the stack, each with the environments that follow it."""
    found: dict[str, tuple[ReleaseCalendar, frozenset[str]]] = {}
    for name, environment in sorted(governed.items()):
        calendar = calendar_of(deps, stack, environment)
        if calendar is not None:
            names = found.get(key(calendar), (calendar, frozenset()))[1]
            found[key(calendar)] = calendar, names | {name}
    return list(found.values())


def missing(deps: Deps, environment: Environment, governed: Effective) -> str | None:
    """What is wrong with an environment's calendarRef, for its own status."""
    ref, stack = governed.spec.calendar_ref, environment.metadata.namespace
    if ref is None or calendar_of(deps, stack, governed) is not None:
        return None
    allowed = " or ".join(places(deps, stack, governed))
    return f"spec.calendarRef is {ref.name}: allowed is a ReleaseCalendar in {allowed}"
