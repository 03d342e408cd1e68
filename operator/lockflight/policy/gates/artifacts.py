"""Artifacts: charts are pinned, images are named as exactly as asked, and none is here that did not pass upstream."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from lockflight.api import reasons
from lockflight.api.environment import ImagePolicy
from lockflight.api.release import ReleaseType
from lockflight.policy.labels import short
from lockflight.policy.model import Plan, PlanProblem, Verdict
from lockflight.policy.revisions import verified
from lockflight.policy.upstream import enough, passage, passing, way
from lockflight.policy.verdicts import Subject, denied, given, not_applicable, passed, waiting
from lockflight.policy.versions import without_config

DIGEST: Final = re.compile(r"@sha256:[0-9a-f]{64}$")


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/artifacts.md."""
    plan, entry = on.snapshot.plan, on.effective.spec.entry
    if on.rollback and _in_history(on):
        return not_applicable("a rollback goes back to the very revision that was verified here")
    if isinstance(plan, PlanProblem):
        return waiting(reasons.PLAN_MISSING, f"there is no plan to look at: {plan.message}")
    if plan is None:
        return waiting(reasons.PLAN_MISSING, "what would be applied is not known yet: see gate Binding")
    pinned = {c.name: c.chart_digest for c in on.release.status.components}
    loose = [c.name for c in plan.components if pinned.get(c.name) != c.chart_digest]
    if loose:
        return denied(
            reasons.CHART_NOT_PINNED,
            f"the charts of {', '.join(loose)} are not those that release {on.release.metadata.name} was resolved to",
        )
    other = _configuration(on, plan)
    if other is not None:
        return other
    rule = (entry.images.require if entry and entry.images else None) or ImagePolicy.ANY
    vague = _each(plan, lambda image: not named(image, rule))
    if vague:
        return denied(reasons.IMAGE_NOT_PINNED, f"entry.images.require is {rule}, which these are not: {vague}")
    if on.rollback:
        return _as_before(on, plan)
    through = way(on, now)
    if not through.names:
        return passed(f"{len(plan.images)} image(s)")
    rows = passing(on, through)
    if not enough(rows, through):
        return waiting(reasons.NOT_PASSED, "which images passed upstream is not known yet: see gate Order")
    local = entry.images.local if entry and entry.images else ()
    known = _bytes(image for row in rows.values() for image in row.images) | _bytes(local)
    foreign = _each(plan, lambda image: not _bytes([image]) <= known)
    if foreign:
        return denied(
            reasons.FOREIGN_IMAGE,
            f"did not run in {', '.join(rows)}: {foreign}; values may differ between environments, bytes may not",
        )
    return passed(f"{len(plan.images)} image(s), all passed upstream")


def _in_history(on: Subject) -> bool:
    """Whether Helm's history holds every component of the release, verified here."""
    digest = short(on.release.status.digest or "")
    good = {r.helm_release for r in on.snapshot.revisions if r.release_digest == digest and verified(on.snapshot, r)}
    return on.release.spec.helm_releases() <= good


def _as_before(on: Subject, plan: Plan) -> Verdict:
    """What is applied anew has the images that it had here when it was verified."""
    row = passage(on.snapshot, on.effective.name)
    known = _bytes(row.images if row is not None else ())
    other = _each(plan, lambda image: not _bytes([image]) <= known)
    if other:
        return denied(
            reasons.FOREIGN_IMAGE,
            f"{on.release.metadata.name} did not run here with {other}: what Helm's history does not hold any more is "
            "applied anew, and then with the bytes that were verified here",
        )
    return passed(f"{len(plan.images)} image(s), as they were verified here")


def _configuration(on: Subject, plan: Plan) -> Verdict | None:
    """Why a Config release is more than new values for the release that it is based on; None: it is not, or is none."""
    spec = on.release.spec
    if spec.type is not ReleaseType.CONFIG or spec.based_on is None:
        return None
    base = on.snapshot.peer_releases.get(spec.based_on.name)
    if base is None:
        return waiting(
            reasons.BASE_MISSING,
            f"spec.basedOn: release {spec.based_on.name} of {spec.application} does not exist in {on.snapshot.stack}",
        )
    if without_config(base.spec.version) != without_config(spec.version):
        return denied(
            reasons.OTHER_BYTES,
            f"spec.version is {spec.version} and that of {base.metadata.name} is {base.spec.version}: "
            f"call it {without_config(base.spec.version)}+cfg.N",
        )
    charts = {c.name: c.chart_digest for c in base.status.components}
    mine = {c.name: c.chart_digest for c in plan.components}
    differ = sorted(name for name in charts.keys() | mine.keys() if charts.get(name) != mine.get(name))
    if differ:
        return denied(
            reasons.OTHER_BYTES,
            f"component {', '.join(differ)} has another chart than in {base.metadata.name}: a Config release brings "
            "new values only, other bytes take a version of their own",
        )
    entry = on.effective.spec.entry
    known = _bytes(i for row in base.status.environments if row.digest == base.status.digest for i in row.images)
    known |= _bytes(entry.images.local if entry and entry.images else ())
    if not known:
        return waiting(reasons.NOT_PASSED, f"which images {base.metadata.name} has is not known: it ran nowhere yet")
    foreign = _each(plan, lambda image: not _bytes([image]) <= known)
    if foreign:
        return denied(reasons.FOREIGN_IMAGE, f"not an image of {base.metadata.name}: {foreign}")
    return None


def named(image: str, policy: ImagePolicy) -> bool:
    """Whether an image reference is as exact as ``policy`` asks."""
    if policy is ImagePolicy.ANY or DIGEST.search(image):
        return True
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    return policy is ImagePolicy.VERSIONED and tag not in ("", "latest")


def _bytes(images: Iterable[str]) -> set[str]:
    """What tells bytes apart: beside a digest the tag says nothing."""
    return {_without_tag(image) if DIGEST.search(image) else image for image in images}


def _without_tag(image: str) -> str:
    name, _, digest = image.partition("@")
    path, slash, last = name.rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}@{digest}"


def _each(plan: Plan, refused: Callable[[str], bool]) -> str:
    return ", ".join(f"{i} of component {c.name}" for c in plan.components for i in c.images if refused(i))
