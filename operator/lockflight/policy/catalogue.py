"""Where an entry of the catalogue of standard changes stands: approved, still valid, not used up, not suspended."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from lockflight.api import reasons
from lockflight.api.common import RoleCount
from lockflight.api.environment import StandardControl
from lockflight.api.promotion import WaitingFor
from lockflight.api.standardchange import StandardChange, StandardUse
from lockflight.policy import approvals
from lockflight.policy.approvals import Count, wrote
from lockflight.policy.digest import canonical_digest
from lockflight.policy.model import Verdict
from lockflight.policy.quorum import union
from lockflight.policy.verdicts import passed, waiting

DEFAULT_SUSPEND_AFTER: Final = 1
"""How many failed uses suspend a StandardChange where the Environment does not say."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where it stands; the verdict is open where a change may follow it now."""

    verdict: Verdict
    count: Count


def spec_digest(standard: StandardChange) -> str:
    """What approvals of a StandardChange bind to."""
    return canonical_digest(standard.spec.dump())


def valid_until(standard: StandardChange) -> datetime:
    """The end of the last day on which it may be used, in UTC."""
    return datetime.combine(standard.spec.valid_until + timedelta(days=1), time(), UTC)


def together(rules: Sequence[StandardControl]) -> StandardControl | None:
    """The strictest of several rules: roles of all with the largest count, suspended the soonest."""
    if not rules:
        return None
    return StandardControl(
        catalogue=union([rule.catalogue for rule in rules]),
        suspend_after_failures=min(rule.suspend_after_failures or DEFAULT_SUSPEND_AFTER for rule in rules),
    )


def how_to_approve(standard: StandardChange, needs: Sequence[RoleCount]) -> str:
    """A command ready to paste, bound to the pattern as it was shown."""
    role, meta = needs[0].role if needs else "cab", standard.metadata
    value = {"role": role, "decision": "Approved", "planDigest": spec_digest(standard)}
    patch = json.dumps([{"op": "add", "path": "/status/approvals/-", "value": value}], separators=(",", ":"))
    return f"kubectl patch lfstd {meta.name} -n {meta.namespace} --subresource=status --type=json -p '{patch}'"


def entry(
    standard: StandardChange,
    needs: Sequence[RoleCount],
    suspend_after: int,
    uses: Sequence[StandardUse],
    now: datetime,
    *,
    unentitled: Mapping[int, str],
    mine: str = "",
) -> Entry:
    """Judge an entry; ``uses`` are all there were, ``mine`` the UID of the promotion that asks, which costs it none.

    ``unentitled`` are the approvals of people who may not, or no longer, speak in that role, by index, and why.
    """
    count = approvals.count(
        standard.status.approvals,
        needs,
        generation=standard.metadata.generation,
        plan_digest=spec_digest(standard),
        barred=wrote(standard.metadata, "the pattern"),
        unentitled=unentitled,
    )
    return Entry(_verdict(standard, count, suspend_after, [u for u in uses if u.promotion_uid != mine], now), count)


def _verdict(
    standard: StandardChange, count: Count, suspend_after: int, uses: Sequence[StandardUse], now: datetime
) -> Verdict:
    name, spec, until = standard.metadata.name, standard.spec, valid_until(standard)
    if count.rejected_by:
        return waiting(reasons.CATALOGUE_REJECTED, f"standard change {name} was rejected by {count.rejected_by}")
    if now >= until:
        return waiting(reasons.STANDARD_CHANGE_OVER, f"standard change {name} was valid until {spec.valid_until} (UTC)")
    if spec.max_uses is not None and len(uses) >= spec.max_uses:
        return waiting(
            reasons.STANDARD_CHANGE_OVER,
            f"standard change {name} was used {len(uses)} times, spec.maxUses is {spec.max_uses}",
        )
    failed = [use for use in uses if use.generation == standard.metadata.generation and use.outcome == "Failed"]
    if len(failed) >= suspend_after:
        where = ", ".join(f"{use.stack}/{use.change}" for use in failed[-3:])
        return waiting(
            reasons.STANDARD_CHANGE_SUSPENDED,
            f"standard change {name} is suspended after {len(failed)} failed use(s) ({where}): mend the pattern, "
            "which the change board then approves again",
        )
    if not count.complete:
        ignored = f"; not counted: {', '.join(count.ignored)}" if count.ignored else ""
        return waiting(
            reasons.CATALOGUE_APPROVALS_MISSING,
            f"standard change {name} has {count.summary}, needs {count.missing}{ignored}",
            waiting_for=[
                WaitingFor(who=role, what=f"{have} approvals of standard change {name}")
                for role, have in count.missing_roles()
            ],
        )
    words = f"standard change {name} is approved by {', '.join(count.people)}, valid until {spec.valid_until}"
    return passed(words, retry_at=until)
