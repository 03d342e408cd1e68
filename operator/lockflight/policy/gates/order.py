"""Order: this very digest passed the environments upstream, verified and signed off."""

from datetime import datetime

from lockflight.api.common import Tier
from lockflight.api.environment import Require
from lockflight.api.promotion import Phase
from lockflight.api.release import Passage
from lockflight.policy.gates._verdicts import denied, is_rollback, missing, not_applicable, passed, waiting
from lockflight.policy.model import Snapshot, Verdict


def evaluate(s: Snapshot, now: datetime) -> Verdict:
    """See docs/gates/order.md."""
    lacking = missing(s)
    if lacking is not None or s.release is None or s.effective is None or s.environment is None:
        return lacking or waiting("CannotTell", "release or environment cannot be read")
    name = s.release.metadata.name
    if s.release.status.digest is None:
        return waiting("ReleaseNotReady", f"release {name} has no digest yet: see kubectl describe lfrel {name}")
    if is_rollback(s):
        row = passage(s, s.effective.name)
        if row is not None and row.verified_at is not None:
            return passed(f"{name} was verified in {s.effective.name} before")
        return denied("NeverVerifiedHere", f"{name} was never verified in {s.effective.name}: nothing to go back to")
    if s.effective.spec.tier is Tier.LOCAL:
        return not_applicable("tier Local asks for nothing")
    if not s.effective.promotes_from:
        return passed(f"{s.effective.name} is an entry")
    results = {upstream: _passed_in(s, upstream) for upstream in s.effective.promotes_from}
    shut = {upstream: verdict for upstream, verdict in results.items() if not verdict.open}
    if not shut or (s.effective.spec.require is Require.ANY and len(shut) < len(results)):
        through = ", ".join(upstream for upstream in results if upstream not in shut)
        return passed(f"{name} passed {through}")
    final = [v for v in shut.values() if v.outcome.value == "Denied"]
    if final and (s.effective.spec.require is not Require.ANY or len(final) == len(results)):
        return final[0]
    first = next(v for v in shut.values() if v not in final)
    return waiting(first.reason, "; ".join(v.message for v in shut.values()))


def passage(s: Snapshot, environment: str) -> Passage | None:
    """The proof that this digest was in ``environment``: the environment that bears the name now, not one before."""
    if s.release is None:
        return None
    view = s.upstream_uids.get(environment)
    return next(
        (
            row
            for row in s.release.status.environments
            if row.name == environment
            and row.digest == s.release.status.digest
            and (view is None or row.environment_uid == view)
        ),
        None,
    )


def _passed_in(s: Snapshot, upstream: str) -> Verdict:
    known, name = s.upstream.get(upstream), s.promotion.spec.release_ref.name
    if known is None:
        return waiting("UpstreamMissing", f"upstream environment {upstream} does not exist in {s.stack}")
    if known.spec.tier is Tier.LOCAL:
        return waiting("UpstreamIsLocal", f"passing {upstream} is worth nothing: it is of tier Local")
    row = passage(s, upstream)
    rejected = next(
        (
            p
            for p in s.upstream_promotions
            if p.spec.environment_ref.name == upstream
            and p.status.phase is Phase.REJECTED
            and p.status.deployed_at is not None
            and row is not None
            and p.metadata.uid == row.promotion_uid
        ),
        None,
    )
    if rejected is not None:
        return denied(
            "RejectedUpstream", f"the sign-off of {name} in {upstream} was rejected ({rejected.metadata.name})"
        )
    if row is None:
        return waiting("NotPassedUpstream", f"{name} was not in {upstream} yet: promote it there first")
    if row.verified_at is None:
        return waiting("NotVerifiedUpstream", f"{name} is not verified in {upstream} yet")
    if row.signed_off_at is None:
        return waiting("NotSignedOffUpstream", f"{name} is not signed off in {upstream} yet")
    return passed()
