"""Requires: the versions of other applications that the release needs run here, verified, and it breaks nobody else."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.api.common import Tier
from lockflight.policy.model import Neighbour, Verdict
from lockflight.policy.neighbours import requires
from lockflight.policy.ranges import within
from lockflight.policy.verdicts import ASK_AGAIN, Subject, given, not_applicable, passed, waiting


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/requires.md."""
    neighbours, mine = on.snapshot.neighbours, on.release.spec.application
    unread = [row.application for row in on.release.spec.requires if row.application not in neighbours]
    if unread and not on.rollback and not on.removal:
        return waiting(
            reasons.CANNOT_TELL,
            f"what runs of {', '.join(unread)} in {on.effective.name} is not known yet: see gate Binding",
            now + ASK_AGAIN,
        )
    if on.removal:
        return _needed(on, now) or passed(f"nothing here requires {mine}")
    if not neighbours:
        return not_applicable("it requires nothing of other applications here, and none requires it")
    shut = [verdict for n in neighbours.values() if (verdict := _needs(on, n, now) or _breaks(on, n, now)) is not None]
    if on.rollback:
        # Who goes back has a reason to: what then does not fit together is said, and no obstacle.
        words = "; ".join(verdict.message for verdict in shut)
        return passed(words or "what it requires runs here", reasons.REQUIREMENT_IGNORED if words else reasons.PASSED)
    if shut:
        return next((v for v in shut if v.reason != reasons.CANNOT_TELL), shut[0])
    return _together(on) or passed(
        "; ".join(
            f"{n.release.metadata.name} runs here, verified"
            for n in neighbours.values()
            if n.release is not None and requires(on.release, n.application) is not None
        )
        or f"what requires {mine} here goes with {on.release.spec.version}"
    )


def _needs(on: Subject, n: Neighbour, now: datetime) -> Verdict | None:
    """What the release needs of this neighbour and does not find."""
    allowed, here = requires(on.release, n.application), on.effective.name
    if allowed is None:
        return None
    wanted = f"{on.release.metadata.name} requires {n.application} {allowed}"
    if n.problem:
        return waiting(reasons.CANNOT_TELL, f"{wanted}: {n.problem}", now + ASK_AGAIN)
    if n.at_work:
        return waiting(
            reasons.REQUIREMENT_CHANGING,
            f"{wanted}, and promotion {n.at_work} changes that in {here} just now: this one is judged anew after it",
            now + ASK_AGAIN,
        )
    if n.release is None:
        return waiting(
            reasons.REQUIREMENT_MISSING,
            f"{wanted}, and none runs in {here}: promote a release of {n.application} there first",
            now + ASK_AGAIN,
        )
    version = n.release.spec.version
    if not within(version, allowed):
        return waiting(
            reasons.REQUIREMENT_NOT_MET,
            f"{wanted}, and {version} runs in {here}: promote a release of {n.application} that is in that range first",
            now + ASK_AGAIN,
        )
    if not n.verified:
        return waiting(
            reasons.REQUIREMENT_NOT_VERIFIED,
            f"{wanted}, and {n.release.metadata.name} is not verified in {here}: bring it to an end there first",
            now + ASK_AGAIN,
        )
    return None


def _needed(on: Subject, now: datetime) -> Verdict | None:
    """What here, or on its way, requires what would be taken away."""
    mine = on.release.spec.application
    for n in on.snapshot.neighbours.values():
        for release in (*([n.release] if n.release else []), *(release for _, release in n.coming)):
            allowed = requires(release, mine)
            if allowed is not None:
                return waiting(
                    reasons.REQUIRED_HERE,
                    f"{release.metadata.name}, which runs in {on.effective.name} or is on its way there, requires "
                    f"{mine} {allowed}: remove it first, or promote a release of {n.application} that does without",
                    now + ASK_AGAIN,
                )
    return None


def _breaks(on: Subject, n: Neighbour, now: datetime) -> Verdict | None:
    """What runs here, or is about to be applied, and would not go with this release."""
    mine, version = on.release.spec.application, on.release.spec.version
    at_work = [release for name, release in n.coming if name == n.at_work]
    for release in (*([n.release] if n.release else []), *at_work):
        allowed = requires(release, mine)
        if allowed is not None and not within(version, allowed):
            return waiting(
                reasons.REQUIRED_OTHERWISE,
                f"{release.metadata.name} runs in {on.effective.name} and requires {mine} {allowed}, which {version} "
                f"is not: promote a release of {n.application} first that goes with {version} too",
                now + ASK_AGAIN,
            )
    return None


def _together(on: Subject) -> Verdict | None:
    """Production is warned where what runs there was never verified beside this release anywhere."""
    if on.effective.spec.tier is not Tier.PRODUCTION:
        return None
    untested = [n.release for n in on.snapshot.neighbours.values() if n.release is not None and not n.tested]
    if not untested:
        return None
    names = ", ".join(release.metadata.name for release in untested)
    return passed(
        f"warning: {on.release.metadata.name} and {names}, which runs in {on.effective.name}, were never verified "
        "together in another environment",
        reasons.NOT_TESTED_TOGETHER,
    )
