"""Environments that a change names and its release never reaches."""

from functools import cache

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import ChangeType
from lockflight.api.environment import Environment
from lockflight.api.release import Release
from lockflight.policy.assessment import used
from lockflight.policy.model import Effective
from lockflight.policy.reach import never_reached
from lockflight.workflow.deps import Deps
from lockflight.workflow.gather import stack_effective


def never(deps: Deps, change: ChangeRequest, release: Release | None) -> tuple[str, ...]:
    """Environments named that the release cannot come into, and why: nobody is asked to approve what never happens."""
    if change.spec.unauthorised is not None or release is None or change.spec.removes:
        return ()
    stack = change.metadata.namespace
    there = {e.metadata.name: e for e in deps.store.of(Environment, stack)}

    @cache
    def governed(name: str) -> Effective | None:
        return stack_effective(deps, there[name]) if name in there else None

    been = {row.name for row in release.status.environments}
    # Emergencies may skip what lies before, and hotfixes climb by a shorter path.
    in_order = change.spec.type is not ChangeType.EMERGENCY and change.spec.hotfix is None
    found = [
        (name, why)
        for name in change.spec.environments
        if name not in used(change) and (why := never_reached(name, governed, been, in_order=in_order)) is not None
    ]
    allowed = ", ".join(sorted(there)) or "none yet"
    return tuple(
        f"spec.environments names {name}, which no release reaches: {why} (environments of {stack}: {allowed})"
        for name, why in found
    )
