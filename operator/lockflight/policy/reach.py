"""Whether a release can ever come into an environment, as the stack is now."""

from collections.abc import Callable, Collection

from lockflight.api.environment import Require
from lockflight.policy.model import Effective


def never_reached(
    name: str, governed: Callable[[str], Effective | None], been: Collection[str] = (), *, in_order: bool = True
) -> str | None:
    """Why no release comes into the environment ``name``; None: one can.

    ``been`` are the environments in which the release has been: it is past what lies before them. Without
    ``in_order`` only the environment itself counts, for what may skip those before it.
    """
    return _closed(name, governed, frozenset(been) if in_order else None, frozenset())


def _closed(
    name: str,
    governed: Callable[[str], Effective | None],
    been: frozenset[str] | None,
    on_the_way: frozenset[str],
) -> str | None:
    found = governed(name)
    if found is None:
        return f"environment {name} does not exist"
    if found.problems:
        return f"environment {name} is closed: {'; '.join(found.problems)}"
    if been is None or name in been:
        return None
    # A cycle is a problem of every environment on it.
    before = [each for each in found.promotes_from if each not in on_the_way and each not in been]
    shut = [why for each in before if (why := _closed(each, governed, been, on_the_way | {name})) is not None]
    if not shut or (found.spec.require is Require.ANY and len(shut) < len(found.promotes_from)):
        return None
    return shut[0]
