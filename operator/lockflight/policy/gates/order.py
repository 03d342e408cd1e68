"""Order: this very digest passed the environments upstream, verified and signed off."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.api.common import Tier
from lockflight.api.promotion import Outcome
from lockflight.policy.hotfix import hotfix, shorter_path
from lockflight.policy.model import Verdict
from lockflight.policy.upstream import climbed, passage, passed_in, way
from lockflight.policy.verdicts import Subject, denied, given, passed, waiting


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/order.md."""
    name, here = on.release.metadata.name, on.effective.name
    if on.release.status.digest is None:
        return waiting(
            reasons.RELEASE_NOT_READY, f"release {name} has no digest yet: see kubectl describe lfrel {name}"
        )
    if on.rollback:
        row = passage(on.snapshot, here)
        if row is not None and row.verified_at is not None:
            return passed(f"{name} was verified in {here} before")
        return denied(
            reasons.NEVER_VERIFIED_HERE, f"{name} was never verified in {here}: there is nothing to go back to"
        )
    through, found, path = way(on, now), hotfix(on.snapshot, now), shorter_path(on.snapshot, now)
    spared = f"; spared {', '.join(through.skipped)} as a hotfix: {found.why}" if found and through.skipped else ""
    until = found.until if found is not None and path is not None else None
    if not through.names:
        return passed(f"{here} is an entry: nothing lies upstream{spared}", reasons.ENTRY, until)
    if found is None:
        results = {upstream: passed_in(on, upstream) for upstream in through.names}
    else:
        # What was spared a part of the way before must have climbed it where nothing spares it any more.
        free = frozenset(Tier) - frozenset(path.tiers) if path is not None else frozenset()
        results = {upstream: climbed(on, upstream, free) for upstream in through.names}
    shut = [verdict for verdict in results.values() if not verdict.open]
    one_is_enough = through.any_of_them
    if not shut or (one_is_enough and len(shut) < len(results)):
        words = ", ".join(up for up, verdict in results.items() if verdict.open)
        return passed(f"{name} passed {words}{spared}", retry_at=until)
    final = [verdict for verdict in shut if verdict.outcome is Outcome.DENIED]
    message = "; ".join(verdict.message for verdict in shut)
    if found is not None and not found.counts:
        message += f" (not spared as a hotfix: {found.why})"
    if final and (not one_is_enough or len(final) == len(results)):
        return denied(final[0].reason, message)
    return waiting(next(verdict for verdict in shut if verdict not in final).reason, message)
