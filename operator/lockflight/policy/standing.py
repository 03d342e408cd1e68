"""Where the approvals of a change stand at a time. The gate ChangeControl and the change's own status both ask here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import RoleCount, parse_duration
from lockflight.api.release import Release
from lockflight.policy import approvals
from lockflight.policy.approvals import Count


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
    now: datetime,
) -> Standing:
    """Count a change's approvals: each until the schedule's end, else ``valid_for`` from when it was first seen."""
    entries, schedule = change.status.approvals, change.spec.schedule
    seen = {o.index: o.at for o in change.status.observed}
    first_seen = [seen.get(index, now) for index in range(len(entries))]
    ends = [schedule.end if schedule else at + parse_duration(valid_for) for at in first_seen]
    barred = approvals.excluded(change, release)

    def count_at(when: datetime, length: int = len(entries)) -> Count:
        return approvals.count(
            entries[:length],
            needs,
            generation=change.metadata.generation,
            plan_digest=plan_digest,
            barred=barred,
            lapsed={index for index in range(length) if ends[index] <= when},
        )

    count = count_at(now)
    if count.complete:
        return Standing(count, until=next((end for end in sorted(set(ends)) if not count_at(end).complete), None))
    stood = approvals.count(
        entries, needs, generation=change.metadata.generation, plan_digest=plan_digest, barred=barred
    ).complete
    # Approvals that never stood together are merely lacking: the late one did not complete a quorum that had lapsed.
    once = any(count_at(first_seen[index], index + 1).complete for index in range(len(entries)))
    return Standing(count, expired=stood and once)
