"""Which upstream environments this very digest passed. Order, Soak and Artifacts ask here, so that they agree."""

from collections.abc import Mapping

from lockflight.api import reasons
from lockflight.api.common import Tier
from lockflight.api.environment import Require
from lockflight.api.promotion import Phase
from lockflight.api.release import Passage
from lockflight.policy.model import Snapshot, Verdict
from lockflight.policy.verdicts import Subject, denied, passed, waiting


def passage(s: Snapshot, environment: str) -> Passage | None:
    """The proof that this digest was in ``environment``: the one that bears the name now, not one that was deleted."""
    if s.release is None or s.release.status.digest is None:
        return None
    uid = s.upstream_uids.get(environment)
    return next(
        (
            row
            for row in s.release.status.environments
            if row.name == environment
            and row.digest == s.release.status.digest
            and uid is not None
            and row.environment_uid == uid
        ),
        None,
    )


def passing(on: Subject) -> Mapping[str, Passage]:
    """The proofs of the upstream environments that were passed, by name."""
    rows = {name: passage(on.snapshot, name) for name in on.effective.promotes_from if passed_in(on, name).open}
    return {name: row for name, row in rows.items() if row is not None}


def enough(on: Subject, through: Mapping[str, Passage]) -> bool:
    """Whether ``through`` are all, or any, of the upstream environments, as this environment asks."""
    if on.effective.spec.require is Require.ANY:
        return bool(through)
    return set(on.effective.promotes_from) <= set(through)


def passed_in(on: Subject, upstream: str) -> Verdict:
    """Whether the release passed one upstream environment: verified and signed off."""
    s, release = on.snapshot, on.release.metadata.name
    known = s.upstream.get(upstream)
    if known is None:
        return waiting(
            reasons.UPSTREAM_MISSING,
            f"upstream environment {upstream} does not exist in {s.stack}: create it, or correct spec.promotesFrom",
        )
    if known.spec.tier is Tier.LOCAL:
        return waiting(reasons.UPSTREAM_IS_LOCAL, f"passing {upstream} is worth nothing: it is of tier Local")
    row = passage(s, upstream)
    if row is None:
        return waiting(reasons.NOT_PASSED, f"{release} was not in {upstream} yet: promote it there first")
    for promotion in s.upstream_promotions:
        if promotion.metadata.uid == row.promotion_uid and promotion.status.phase is Phase.REJECTED:
            return denied(
                reasons.REJECTED_UPSTREAM,
                f"the sign-off of {release} in {upstream} was rejected (promotion {promotion.metadata.name})",
            )
    if row.verified_at is None:
        return waiting(reasons.NOT_PASSED, f"{release} is not verified in {upstream} yet")
    if row.signed_off_at is None:
        return waiting(reasons.NOT_PASSED, f"{release} is not signed off in {upstream} yet")
    return passed()
