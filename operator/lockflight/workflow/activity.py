"""Activities: their plans, and what the gates see of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from lockflight.api import reasons
from lockflight.api.activity import Activity
from lockflight.api.changerequest import ChangePlan, ChangeRequest
from lockflight.api.promotion import Promotion
from lockflight.api.release import Release
from lockflight.policy import activity as policy
from lockflight.policy.authorised import authorised
from lockflight.policy.model import Effective, Snapshot, Verdict
from lockflight.workflow import gather, selftest
from lockflight.workflow.deps import Deps
from lockflight.workflow.owing import owing
from lockflight.workflow.planning import rules_of

LOOK_AGAIN: Final = timedelta(minutes=1)
"""Once it is approved: those who approved may lose the right, and debts be settled, which no event tells it."""


def plans(
    change: ChangeRequest, activity: Activity, governed: Mapping[str, Effective]
) -> tuple[tuple[ChangePlan, ...], tuple[str, ...]]:
    """The plan for every environment named, or what is in the way."""
    names = change.spec.environments
    missing = [name for name in names if name not in governed]
    rows = [policy.plan(change, activity, governed[n], rules_of(governed[n])) for n in names if n in governed]
    return tuple(rows), tuple(f"environment {n} does not exist in {change.metadata.namespace}" for n in missing)


async def verdict(deps: Deps, change: ChangeRequest, found: Sequence[Snapshot], now: datetime) -> Verdict:
    """Whether it may be carried out now; ``found`` are its targets. Never raises PortError.

    Before it says yes, the policies that approvals rest on are tried on this very change.
    """
    said = authorised(change.status, found, now, policy.ASKED)
    if said.open:
        admission = await selftest.of_change(deps, change)
        sure = authorised(change.status, [replace(s, admission=admission) for s in found], now, (reasons.ADMISSION,))
        said = said if sure.open else sure
    if not said.open and said.reason == reasons.NOT_AUTHORISED:
        return said
    again = now + LOOK_AGAIN
    return replace(said, retry_at=min(again, said.retry_at) if said.retry_at else again)


async def targets(deps: Deps, change: ChangeRequest, activity: Activity, asking: Promotion) -> tuple[Snapshot, ...]:
    """What the gates would see in the environment that ``asking`` names, for each application that is touched."""
    around = await gather.beside(deps, asking)
    if around.effective is None:
        return ()
    stack = change.metadata.namespace
    applications = [release.spec.application for release in deps.store.of(Release, stack)]
    found = policy.targets(change, activity, around, applications)
    environment = asking.spec.environment_ref.name
    return tuple(replace(s, owing=owing(deps.store, stack, environment, application_of(s))) for s in found)


def application_of(snapshot: Snapshot) -> str | None:
    """The application as which it is asked; None: none in particular."""
    return (snapshot.release.spec.application if snapshot.release else "") or None
