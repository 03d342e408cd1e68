"""Artifacts: charts are pinned, images are named as exactly as asked, and none is here that did not pass upstream."""

from datetime import datetime

from lockflight.api.environment import ImagePolicy
from lockflight.policy.gates._verdicts import denied, is_rollback, missing, passed, waiting
from lockflight.policy.gates.order import passage
from lockflight.policy.model import Plan, PlanProblem, Snapshot, Verdict


def evaluate(s: Snapshot, now: datetime) -> Verdict:
    """See docs/gates/artifacts.md."""
    lacking = missing(s)
    if lacking is not None or s.effective is None:
        return lacking or waiting("CannotTell", "the environment cannot be read")
    if isinstance(s.plan, PlanProblem):
        return waiting("PlanMissing", f"no plan to look at: {s.plan.message}")
    if s.plan is None:
        return waiting("PlanMissing", "what would be applied is not known yet")
    rule = s.effective.spec.entry.images if s.effective.spec.entry else None
    vague = [
        f"{image} of component {component.name}"
        for component in s.plan.components
        for image in component.images
        if not named(image, (rule.require if rule else None) or ImagePolicy.ANY)
    ]
    if vague:
        wanted = rule.require if rule else ImagePolicy.ANY
        return denied("ImageNotPinned", f"entry.images.require is {wanted}: {', '.join(vague)}")
    if is_rollback(s) or not s.effective.promotes_from:
        return passed(f"{len(s.plan.images)} image(s)")
    return _known(s, s.plan, rule.local if rule else ())


def named(image: str, policy: ImagePolicy) -> bool:
    """Whether an image reference is as exact as ``policy`` asks."""
    if policy is ImagePolicy.ANY or "@sha256:" in image:
        return True
    tag = image.rpartition("/")[2].partition(":")[2]
    return policy is ImagePolicy.VERSIONED and tag not in ("", "latest")


def _known(s: Snapshot, plan: Plan, local: tuple[str, ...]) -> Verdict:
    rows = [row for name in (s.effective.promotes_from if s.effective else ()) if (row := passage(s, name)) is not None]
    rows = [row for row in rows if row.signed_off_at is not None]
    if not rows:
        return waiting("NotPassedUpstream", "there are no images yet that passed upstream: see gate Order")
    known = {image for row in rows for image in row.images} | set(local)
    foreign = [f"{i} of component {c.name}" for c in plan.components for i in c.images if i not in known]
    if foreign:
        where = ", ".join(row.name for row in rows)
        message = f"did not run in {where}: {', '.join(foreign)}; bytes are the same everywhere, only values differ"
        return denied("ImageNotPassedUpstream", message)
    return passed(f"{len(plan.images)} image(s), all passed upstream")
