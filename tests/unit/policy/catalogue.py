"""What runs and what would run, and an entry of the catalogue, in short."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from lockflight.api.changerequest import Approval, ChangeRequest
from lockflight.api.standardchange import StandardChange, StandardUse
from lockflight.policy import footprint
from lockflight.policy.catalogue import spec_digest
from lockflight.policy.model import Part, Snapshot
from tests.unit.policy.builders import (
    FIVE,
    NOW,
    change,
    digest,
    environment,
    meta,
    planned,
    release,
    revision,
    world,
)

CONTROL = {
    "standard": {"catalogue": [{"role": "cab", "count": 2}]},
    "normal": {"approvals": [{"role": "cab", "count": 2}]},
}
PRODUCTION = environment("production", "Production", changeControl=CONTROL)


def deployment(
    name: str = "payments", image: str = "registry.example/payments:2.3.1", **metadata: Any
) -> dict[str, Any]:
    """A Deployment as a chart renders it."""
    pod = {"spec": {"containers": [{"name": "app", "image": image}]}}
    return {"kind": "Deployment", "metadata": {"name": name, **metadata}, "spec": {"template": pod}}


def part(
    *objects: Mapping[str, Any], values: Mapping[str, Any] | None = None, name: str = "payments-app", **given: Any
) -> Part:
    """One Helm release."""
    chart: dict[str, Any] = {"chart": "payments", "chart_version": "2.3.1", **given}
    return footprint.part(name=name, values=values or {}, objects=objects or (deployment(),), **chart)


def standard(*approvers: str, creator: str = "gina@example", generation: int = 1, **given: Any) -> StandardChange:
    """The patch upgrade of payments in production, approved by ``approvers``."""
    pattern: dict[str, Any] = {
        "applications": ["payments"],
        "environments": ["production"],
        "mayChange": ["/image/tag"],
        "kinds": ["Deployment"],
        **given.pop("pattern", {}),
    }
    spec = {"title": "Patch upgrade", "pattern": pattern, "validUntil": "2027-06-30", **given}
    made = StandardChange.model_validate(
        {"metadata": meta("patch-upgrade", creator=creator, generation=generation), "spec": spec}
    )
    entries = tuple(
        Approval(role="cab", decision="Approved", by=who, generation=generation, plan_digest=spec_digest(made))
        for who in approvers
    )
    return made.model_copy(update={"status": made.status.model_copy(update={"approvals": entries})})


APPROVED = standard("alice@example", "bob@example")


def standard_use(
    uid: str = "uid-1", outcome: str = "Succeeded", generation: int = 1, at: datetime = NOW
) -> StandardUse:
    """A promotion that ran under it."""
    return StandardUse.model_validate(
        {
            "stack": "payments",
            "change": "chg-1",
            "promotionUID": uid,
            "generation": generation,
            "at": at,
            "outcome": outcome,
        }
    )


def standard_change(**spec: Any) -> ChangeRequest:
    """A change that follows the patch upgrade."""
    return change(
        type="Standard",
        standardChangeRef={"name": "patch-upgrade"},
        approvals=(),
        release_name="payments-2.3.2",
        **spec,
    )


def patch_world(
    running: Sequence[Part] | None = None, planned_parts: Sequence[Part] | None = None, **given: Any
) -> Snapshot:
    """Release 2.3.2 on its way to production over 2.3.1 under the patch upgrade: every gate is open."""
    before = (part(values={"image": {"tag": "2.3.1"}}),) if running is None else tuple(running)
    image = deployment(image="registry.example/payments:2.3.2")
    after = (part(image, values={"image": {"tag": "2.3.2"}}, chart_version="2.3.2"),)
    version = given.pop("version", "2.3.2")
    s = world(
        stack_environments=(*FIVE[:-1], PRODUCTION),
        release=release(version),
        changes=(standard_change(),),
        plan=replace(planned(), parts=after if planned_parts is None else tuple(planned_parts)),
        revisions=(revision(version="2.3.1"),),
        standard=APPROVED,
        running=before,
    )
    spec = s.promotion.spec.model_copy(
        update={"release_ref": s.promotion.spec.release_ref.model_copy(update={"name": f"payments-{version}"})}
    )
    return replace(s, promotion=s.promotion.model_copy(update={"spec": spec}), **given)


__all__ = [
    "APPROVED",
    "CONTROL",
    "PRODUCTION",
    "deployment",
    "digest",
    "part",
    "patch_world",
    "standard",
    "standard_change",
    "standard_use",
]
