"""What a removal takes away: everything that Lockflight brought of an application, and exactly as it is now."""

from collections.abc import Mapping, Sequence
from typing import Any

from lockflight.api import reasons
from lockflight.api.common import Tier
from lockflight.api.release import Release
from lockflight.policy.digest import canonical_digest
from lockflight.policy.labels import short
from lockflight.policy.model import HelmStatus, Plan, PlanProblem, Removed, Revision
from lockflight.policy.revisions import newest
from lockflight.policy.siblings import Siblings


def removal_plan(
    *,
    stack: str,
    environment: str,
    tier: Tier,
    namespace: str,
    release: Release,
    rules: Mapping[str, Any],
    revisions: Sequence[Revision],
    known: Mapping[str, Release],
) -> Plan | PlanProblem:
    """The plan of taking ``release``, which must be what is there, away with all of its application.

    ``revisions`` are Helm's storage as far as it is the application's, ``known`` the application's releases.
    """
    application = release.spec.application
    rows = removable(revisions, known)
    if not rows:
        message = f"nothing that Lockflight brought of {application} is in {namespace}: there is nothing to remove"
        return PlanProblem(reasons.NOTHING_TO_REMOVE, message, final=True)
    if short(release.status.digest or "") not in {row.release_digest for row in rows}:
        there = sorted({row.release or row.version or row.helm_release for row in rows})
        message = f"{release.metadata.name} is not in {namespace}: name what is there, {' or '.join(there)}"
        return PlanProblem(reasons.NOT_WHAT_IS_THERE, message, final=True)
    digest = canonical_digest(
        {
            "action": "Remove",
            "target": [stack, environment, tier.value, application, namespace],
            "rules": rules,
            "removes": [bound(row) for row in rows],
        }
    )
    return Plan(namespace=namespace, components=(), digest=digest, removes=rows)


def removable(revisions: Sequence[Revision], known: Mapping[str, Release]) -> tuple[Removed, ...]:
    """The Helm releases that Lockflight has a hand in, each as its newest revision is."""
    by_digest = Siblings.of(known).by_digest
    found: list[Removed] = []
    for name in sorted({r.helm_release for r in revisions if r.promotion_uid}):
        top = newest(tuple(revisions), name)
        if top is None or top.status is HelmStatus.UNINSTALLED:
            continue
        release = by_digest.get(top.release_digest)
        found.append(
            Removed(
                helm_release=name,
                revision=top.revision,
                release=release.metadata.name if release is not None else "",
                version=top.version.replace("_", "+"),
                release_digest=top.release_digest,
                plan=top.plan,
            )
        )
    return tuple(found)


def bound(row: Removed) -> list[str | int]:
    """What of it people agree to: the plan that put it there, else the very revision."""
    if row.plan:
        return [row.helm_release, row.release_digest, row.plan]
    return [row.helm_release, row.revision]
