"""Which calendars a stack follows, as the operator looks for them."""

from collections.abc import Iterable, Sequence

from lockflight.api.environment import Environment
from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.cli import output
from lockflight.cli.app import App
from lockflight.cli.errors import CliError, NotFoundError
from lockflight.cli.objects import T, list_all

ROOT = "lockflight-system"
"""Where the operator runs, unless told otherwise."""


def followed(app: App, name: str | None, root: str, environments: Iterable[Environment]) -> list[ReleaseCalendar]:
    """The calendar of that name; without one those that ``environments`` follow, each once, by namespace and name.

    Raises NotFoundError where the one asked for is neither in the stack nor in ``root``.
    """
    own = {c.metadata.name: c for c in list_all(app, ReleaseCalendar, app.namespace)}
    above = {c.metadata.name: c for c in in_root(app, ReleaseCalendar, root)}
    if name is not None:
        found = own.get(name) or above.get(name)
        if found is None:
            msg = f"releasecalendars.lockflight.dev {name!r} is neither in {app.namespace} nor in {root}"
            raise NotFoundError(msg)
        return [found]
    # The oldest baseline of a tier counts; what it names is looked for in the operator's namespace alone.
    bases: dict[str, Environment] = {}
    for base in sorted(in_root(app, Environment, root), key=_age):
        bases.setdefault(base.spec.tier, base)
    wanted: dict[tuple[str, str], ReleaseCalendar] = {}
    for environment in environments:
        above_it = bases.get(environment.spec.tier)
        inherited = above_it.spec.calendar_ref if above_it else None
        ref = inherited or environment.spec.calendar_ref
        calendar = ((above if inherited else above | own).get(ref.name)) if ref else None
        if calendar is not None:
            wanted[calendar.metadata.namespace, calendar.metadata.name] = calendar
    return [wanted[place] for place in sorted(wanted)]


def in_root(app: App, model: type[T], root: str) -> Sequence[T]:
    """Those in the operator's namespace, where the person may see them; none where that is the stack itself."""
    if root == app.namespace:
        return ()
    try:
        return list_all(app, model, root)
    except CliError as problem:
        output.note(f"what {root} has of kind {model.__name__} is left out: {problem.format_message()}")
        return ()


def _age(environment: Environment) -> tuple[str, str]:
    created = environment.metadata.creation_timestamp
    return (created.isoformat() if created else "", environment.metadata.name)
