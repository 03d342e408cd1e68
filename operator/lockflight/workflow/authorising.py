"""The condition Authorized of a change: what a pipeline waits for."""

from dataclasses import replace
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import Meta, Ref
from lockflight.api.conditions import condition, merge
from lockflight.api.promotion import Action, ChangeRef, Promotion, PromotionSpec
from lockflight.policy.activity import begun
from lockflight.policy.authorised import authorised
from lockflight.policy.model import Snapshot, Verdict
from lockflight.workflow import activity as activities
from lockflight.workflow import gather
from lockflight.workflow.deps import Deps


async def authorise(deps: Deps, change: ChangeRequest) -> tuple[ChangeRequest, datetime | None]:
    """The change with its condition Authorized, and when to ask again; what nobody permitted has none."""
    if change.spec.release_ref is None and change.spec.activity is None:
        return change, None
    now, generation = deps.clock.now(), change.metadata.generation
    verdict = await _verdict(deps, change, now)
    said = condition(reasons.AUTHORIZED, verdict.open, verdict.reason, verdict.message, generation=generation, now=now)
    status = change.status.model_copy(update={"conditions": merge(change.status.conditions, [said])})
    return change.model_copy(update={"status": begun(change, status, verdict)}), verdict.retry_at


async def _verdict(deps: Deps, change: ChangeRequest, now: datetime) -> Verdict:
    activity = change.spec.activity
    if activity is None:
        return authorised(change.status, await _targets(deps, change, Ref(name=change.spec.release)), now)
    # No release has the name that is asked with: see policy.activity.
    asked = [asking(change, Ref(name=change.metadata.name), name) for name in change.spec.environments]
    found = [await activities.targets(deps, change, activity, promotion) for promotion in asked]
    # All of them are there, or nobody may begin.
    targets = [snapshot for rows in found for snapshot in rows] if all(found) else []
    return await activities.verdict(deps, change, targets, now)


async def _targets(deps: Deps, change: ChangeRequest, release: Ref) -> tuple[Snapshot, ...]:
    """What the gates would see if a promotion asked, for each environment."""
    found = [await gather.beside(deps, asking(change, release, name)) for name in change.spec.environments]
    return tuple(replace(s, changes=(change,)) for s in found if s.effective is not None)


def asking(change: ChangeRequest, release: Ref, environment: str) -> Promotion:
    """A promotion that there is not."""
    meta = change.metadata
    return Promotion(
        metadata=Meta(name=f"{meta.name}-{environment}", namespace=meta.namespace, uid=f"{meta.uid}/{environment}"),
        spec=PromotionSpec(
            release_ref=release,
            environment_ref=Ref(name=environment),
            change_request_ref=ChangeRef(name=meta.name),
            action=Action.REMOVE if change.spec.removes else Action.DEPLOY,
        ),
    )
