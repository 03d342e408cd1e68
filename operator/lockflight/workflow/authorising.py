"""The condition Authorized of a change: what a pipeline waits for."""

from dataclasses import replace
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import Meta, Ref
from lockflight.api.conditions import condition, merge
from lockflight.api.promotion import Promotion, PromotionSpec
from lockflight.policy.authorised import authorised
from lockflight.policy.model import Snapshot
from lockflight.workflow import gather
from lockflight.workflow.deps import Deps


async def authorise(deps: Deps, change: ChangeRequest) -> tuple[ChangeRequest, datetime | None]:
    """The change with its condition Authorized, and when time alone changes that; one without release has none."""
    if change.spec.release_ref is None:
        return change, None
    now, generation = deps.clock.now(), change.metadata.generation
    verdict = authorised(change.status, await _targets(deps, change, change.spec.release_ref), now)
    said = condition(reasons.AUTHORIZED, verdict.open, verdict.reason, verdict.message, generation=generation, now=now)
    conditions = merge(change.status.conditions, [said])
    return change.model_copy(
        update={"status": change.status.model_copy(update={"conditions": conditions})}
    ), verdict.retry_at


async def _targets(deps: Deps, change: ChangeRequest, release: Ref) -> tuple[Snapshot, ...]:
    """What the gates would see if a promotion asked, for each environment."""
    found = [await gather.beside(deps, _asking(change, release, name)) for name in change.spec.environments]
    return tuple(replace(s, changes=(change,)) for s in found if s.effective is not None)


def _asking(change: ChangeRequest, release: Ref, environment: str) -> Promotion:
    """A promotion that there is not."""
    meta = change.metadata
    return Promotion(
        metadata=Meta(name=f"{meta.name}-{environment}", namespace=meta.namespace, uid=f"{meta.uid}/{environment}"),
        spec=PromotionSpec(
            release_ref=release,
            environment_ref=Ref(name=environment),
            change_request_ref=Ref(name=meta.name),
        ),
    )
