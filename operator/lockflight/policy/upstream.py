"""Which upstream environments this very digest passed. Order, Soak and Artifacts ask here, so that they agree."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.common import Tier
from lockflight.api.environment import Require
from lockflight.api.promotion import Action, Phase
from lockflight.api.release import Passage
from lockflight.policy.hotfix import shorter_path
from lockflight.policy.model import Effective, Snapshot, Verdict
from lockflight.policy.verdicts import Subject, denied, passed, waiting
from lockflight.policy.withdrawal import lost, taken_back


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


@dataclass(frozen=True, slots=True)
class Way:
    """The environments that must be passed before this one; none: it is an entry."""

    names: tuple[str, ...]
    any_of_them: bool = False
    """One is enough."""
    skipped: tuple[str, ...] = ()
    """Environments that the calendar spares a hotfix."""


def way(on: Subject, now: datetime) -> Way:
    """What lies upstream, for a hotfix by the calendar's shorter path.

    What lies directly before an environment of tier Production is never skipped. Where something is, all that is left
    must be passed.
    """
    direct = on.effective.promotes_from
    plain = Way(direct, on.effective.spec.require is Require.ANY and bool(direct))
    declared = shorter_path(on.snapshot, now)
    if declared is None or on.effective.spec.tier is Tier.PRODUCTION:
        return plain
    names: list[str] = []
    skipped: list[str] = []
    ahead = list(direct)
    while ahead:
        name = ahead.pop(0)
        known = on.snapshot.upstream.get(name)
        if name in names or name in skipped:
            continue
        if known is None or known.spec.tier in declared.tiers or known.spec.tier is Tier.LOCAL:
            names.append(name)
        else:
            skipped.append(name)
            ahead += known.promotes_from
    return Way(tuple(names), skipped=tuple(skipped)) if skipped else plain


def passing(on: Subject, through: Way) -> Mapping[str, Passage]:
    """The proofs of the upstream environments that were passed, by name."""
    rows = {name: passage(on.snapshot, name) for name in through.names if passed_in(on, name).open}
    return {name: row for name, row in rows.items() if row is not None}


def enough(passed_: Mapping[str, Passage], through: Way) -> bool:
    """Whether these are all, or any, of the upstream environments, as this environment asks."""
    return bool(passed_) if through.any_of_them else set(through.names) <= set(passed_)


def climbed(on: Subject, upstream: str, spared: Collection[Tier] = (), seen: frozenset[str] = frozenset()) -> Verdict:
    """Whether the release passed ``upstream`` and, as each asks, everything before it but the tiers ``spared``."""
    known = on.snapshot.upstream.get(upstream)
    free = known is not None and known.spec.tier in spared and bool(seen)
    here = passed(f"{upstream} is spared") if free else passed_in(on, upstream)
    if not here.open or known is None:
        return here
    before = [climbed(on, name, spared, seen | {upstream}) for name in known.promotes_from if name not in seen]
    shut = [verdict for verdict in before if not verdict.open]
    if not shut or (known.spec.require is Require.ANY and len(shut) < len(before)):
        return here
    return shut[0]


def _before(s: Snapshot, environment: str) -> str:
    """Said where it was in an environment of that name which was deleted."""
    rows = s.release.status.environments if s.release is not None else ()
    known = any(row.name == environment for row in rows)
    return f" (what it passed was another {environment}, which was deleted)" if known else ""


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
    if known.spec.retired and (row is None or row.verified_at is None):
        return waiting(
            reasons.UPSTREAM_RETIRED,
            f"{release} did not pass {upstream}, which is retired, so nothing passes it any more: name another "
            f"upstream environment in spec.promotesFrom of {on.effective.name}",
        )
    if row is None:
        before = _before(s, upstream)
        return waiting(
            reasons.NOT_PASSED,
            f"{release} was not in {upstream} yet: promote it there first{before}",
        )
    for promotion in s.upstream_promotions:
        if promotion.metadata.uid == row.promotion_uid and promotion.status.phase is Phase.REJECTED:
            return denied(
                reasons.REJECTED_UPSTREAM,
                f"the sign-off of {release} in {upstream} was rejected (promotion {promotion.metadata.name})",
            )
    if row.verified_at is None:
        return waiting(reasons.NOT_PASSED, f"{release} is not verified in {upstream} yet")
    if row.signed_off_at is None and upstream not in s.sign_offs_owed:
        return waiting(reasons.NOT_PASSED, f"{release} is not signed off in {upstream} yet")
    back = _taken_back(on, upstream, known, row)
    if back is not None:
        words = f"the sign-off of {release} in {upstream} was taken back: {back}"
        return waiting(reasons.WITHDRAWN_UPSTREAM, f"{words}; promote it to {upstream} again, or another version")
    rows = {name: found for name in s.upstream if (found := passage(s, name)) is not None}
    gone = next(lost(on.release, [upstream], s.upstream, rows, s.sign_offs_owed), None)
    if gone is not None:
        name, words = gone
        return waiting(reasons.WITHDRAWN_UPSTREAM, f"{words}; promote it to {name} again, or another version")
    return passed()


def _taken_back(on: Subject, upstream: str, known: Effective, row: Passage) -> str | None:
    """What the promotion says that gave the sign-off, before the release tells so."""
    if upstream in on.snapshot.sign_offs_owed:
        return None
    needs = tuple(known.spec.exit.sign_offs) if known.spec.exit else ()
    for promotion in on.snapshot.upstream_promotions:
        status = promotion.status
        if (
            promotion.spec.environment_ref.name == upstream
            and status.phase is Phase.SUCCEEDED
            and promotion.spec.action is Action.DEPLOY
            and status.finished_at == row.signed_off_at
        ):
            return taken_back(promotion, on.release, needs)
    return None
