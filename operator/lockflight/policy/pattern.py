"""Whether a standard change keeps to a pre-approved pattern, and what exactly exceeds it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.common import RiskLevel
from lockflight.api.environment import StandardControl
from lockflight.api.standardchange import Pattern, StandardChange, StandardUse
from lockflight.policy.catalogue import DEFAULT_SUSPEND_AFTER, entry
from lockflight.policy.delta import Delta, Step, listed
from lockflight.policy.model import Verdict
from lockflight.policy.verdicts import passed, waiting


@dataclass(frozen=True, slots=True)
class Target:
    """Where a change goes, and what differs there; ``delta`` in words where it cannot be told."""

    environment: str
    application: str
    delta: Delta | str
    risk: RiskLevel
    """As computed."""


def judge(
    standard: StandardChange,
    rule: StandardControl,
    uses: Sequence[StandardUse],
    target: Target,
    now: datetime,
    *,
    unentitled: Mapping[int, str],
    mine: str = "",
) -> Verdict:
    """Open where the pattern is approved and the change stays within it; the last two: see ``catalogue.entry``."""
    name, found = standard.metadata.name, target.delta
    suspend_after = rule.suspend_after_failures or DEFAULT_SUSPEND_AFTER
    approved = entry(standard, rule.catalogue, suspend_after, uses, now, unentitled=unentitled, mine=mine).verdict
    if not approved.open:
        return replace(approved, message=f"{approved.message}; or raise a normal change")
    if isinstance(found, str):
        return waiting(reasons.CANNOT_TELL, f"what changes in {target.environment} is not known: {found}")
    if found.first:
        return waiting(
            reasons.NOTHING_TO_COMPARE,
            f"nothing runs in {target.environment} that standard change {name} could compare with: "
            "raise a normal change",
        )
    beyond = exceeding(standard.spec.pattern, target)
    if beyond:
        return waiting(
            reasons.PATTERN_EXCEEDED, f"exceeds standard change {name}: {'; '.join(beyond)}: raise a normal change"
        )
    return passed(f"within standard change {name}: {found.summary}", retry_at=approved.retry_at)


def exceeding(pattern: Pattern, target: Target) -> tuple[str, ...]:
    """Everything in which the change goes beyond ``pattern``, in words; empty: it stays within."""
    return tuple(_exceeding(pattern, target))


def covers(pointer: str, value: str) -> bool:
    """Whether the JSON pointer ``pointer`` names ``value`` or something above it."""
    return value == pointer or value.startswith(f"{pointer}/")


def _exceeding(pattern: Pattern, target: Target) -> Iterator[str]:
    if target.application not in pattern.applications:
        yield f"application {target.application}: pattern.applications is {', '.join(pattern.applications)}"
    if target.environment not in pattern.environments:
        yield f"environment {target.environment}: pattern.environments is {', '.join(pattern.environments)}"
    found = target.delta
    if isinstance(found, str):
        yield found
        return
    for move in (found.version, *found.charts):
        if not move.step.within(pattern.version_bump):
            allowed = f"pattern.versionBump is {pattern.version_bump}"
            yield f"{move}: {'it may not go down' if move.step is Step.DOWN else allowed}"
    yield from (f"{words}: a pattern covers versions of the same charts only" for words in found.replaced)
    values = [pointer for _, pointer in found.values if not any(covers(may, pointer) for may in pattern.may_change)]
    if values:
        yield f"values {listed(values)}: pattern.mayChange is {', '.join(pattern.may_change) or 'empty'}"
    objects = [str(touched) for touched in found.objects if touched.kind not in pattern.kinds]
    if objects:
        yield f"{listed(objects)}: pattern.kinds is {', '.join(pattern.kinds)}"
    if target.risk.rank > pattern.max_risk.rank:
        yield f"risk {target.risk}: pattern.maxRisk is {pattern.max_risk}"
    yield from (f"{words}: a pattern covers what Lockflight applies" for words in found.steps)
    for name in found.unstable:
        yield f"{name} renders differently each time, so nobody can tell what changes"
