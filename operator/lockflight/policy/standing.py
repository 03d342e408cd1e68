"""Where the approvals of a change stand at a time. The gate ChangeControl and the change's own status both ask here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lockflight.api.changerequest import ChangeRequest, Observed
from lockflight.api.common import RiskLevel, RoleCount, parse_duration
from lockflight.api.release import Release
from lockflight.policy import approvals
from lockflight.policy.approvals import Count
from lockflight.policy.voices import Voices

_OWN = Voices()


@dataclass(frozen=True, slots=True)
class Standing:
    """``expired``: there were enough, and their time is over. ``until``: when the approval ends, where it stands."""

    count: Count
    expired: bool = False
    until: datetime | None = None


def standing(
    change: ChangeRequest,
    needs: Sequence[RoleCount],
    valid_for: str,
    *,
    release: Release | None,
    plan_digest: str | None,
    unentitled: Mapping[int, str],
    now: datetime,
    voices: Voices = _OWN,
    risk: RiskLevel = RiskLevel.LOW,
    base: str | None = None,
) -> Standing:
    """Count a change's approvals: each until the schedule's end, else ``valid_for`` from when it was first seen.

    ``risk`` and ``base`` are the risk and what runs now: where both moved since an approval was given, the risk
    upwards, it does not count any more.
    ``unentitled`` are the entries of people who may not speak in that role, by index, and why.
    """
    entries, schedule = change.status.approvals, change.spec.schedule
    seen = {o.index: o.at for o in change.status.observed}
    first_seen = [seen.get(index, now) for index in range(len(entries))]
    ends = [schedule.end if schedule else at + parse_duration(valid_for) for at in first_seen]
    barred = approvals.excluded(change, release)
    outdated = {o.index for o in change.status.observed if _outdated(o, risk, base)}

    def count_at(when: datetime, length: int = len(entries)) -> Count:
        return approvals.count(
            entries[:length],
            needs,
            generation=change.metadata.generation,
            plan_digest=plan_digest,
            barred=barred,
            unentitled=unentitled,
            lapsed={index for index in range(length) if ends[index] <= when},
            outdated=outdated,
            voices=voices,
            seen=seen,
        )

    count = count_at(now)
    if count.complete:
        return Standing(count, until=next((end for end in sorted(set(ends)) if not count_at(end).complete), None))
    stood = approvals.count(
        entries,
        needs,
        generation=change.metadata.generation,
        plan_digest=plan_digest,
        barred=barred,
        outdated=outdated,
        voices=voices,
        seen=seen,
        unentitled=unentitled,
    ).complete
    # Approvals that never stood together are merely lacking: the late one did not complete a quorum that had lapsed.
    once = any(count_at(first_seen[index], index + 1).complete for index in range(len(entries)))
    return Standing(count, expired=stood and once)


def base_changed(change: ChangeRequest, base: str) -> bool:
    """Whether anything else runs in its targets than when somebody approved it."""
    approved = {i for i, entry in enumerate(change.status.approvals) if entry.decision == "Approved"}
    return any(o.index in approved and o.base not in (None, base) for o in change.status.observed)


def _outdated(seen: Observed, risk: RiskLevel, base: str | None) -> bool:
    if seen.risk is None or seen.base is None or base is None:
        return False
    return seen.base != base and seen.risk.rank < risk.rank
