"""What an emergency owes: what it skipped, its ratification, its review; and what settles each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lockflight.api import reasons
from lockflight.api.changerecords import Bypass, Review, ReviewOutcome
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import RoleCount, parse_duration
from lockflight.api.emergency import RATIFICATION, REVIEW, Debt
from lockflight.api.promotion import Action, Outcome, Phase, Promotion
from lockflight.api.release import Release
from lockflight.policy import approvals
from lockflight.policy.approvals import Count
from lockflight.policy.emergencyrules import DEFAULT_REVIEW_WITHIN, Terms, united
from lockflight.policy.model import NamedVerdict
from lockflight.policy.reviews import counts, review
from lockflight.policy.verdicts import utc
from lockflight.policy.voices import Voices, same_person

Key = tuple[str, str | None, str | None]

_TIME: Final = frozenset({Bypass.CADENCE, Bypass.CHANGE_WINDOW})
"""Nothing that happens later makes up for a time that was not kept: the review answers for it."""
_TAKEN_BACK: Final = frozenset({ReviewOutcome.BACKED_OUT, ReviewOutcome.FAILED})


def incurred(environment: str, rule: Terms, verdicts: Iterable[NamedVerdict], at: datetime) -> tuple[Debt, ...]:
    """What a use of the emergency in ``environment`` owes from now on."""
    skipped = (
        Debt(
            gate=owed.gate,
            environment=environment,
            upstream=owed.upstream or None,
            skipped=owed.said[:1024],
            since=at,
            due_by=at + rule.review_within,
        )
        for row in verdicts
        for owed in row.verdict.owes
    )
    return (
        *skipped,
        Debt(gate=RATIFICATION, since=at, due_by=at + rule.ratify_within),
        Debt(gate=REVIEW, since=at, due_by=at + rule.review_within),
    )


def added(known: Sequence[Debt], new: Iterable[Debt]) -> tuple[Debt, ...]:
    """What is owed after another use: the earlier date holds, and what is skipped again is owed again."""
    rows = {row.key: row for row in known}
    for row in new:
        before = rows.get(row.key)
        if before is None or (before.settled_by is not None and row.gate not in (RATIFICATION, REVIEW)):
            rows[row.key] = row
    return tuple(rows.values())


def unauthorised(change: ChangeRequest, rules: Sequence[Terms], now: datetime) -> tuple[Debt, ...]:
    """The review that a change without permission owes, from when it was found."""
    if change.spec.unauthorised is None or change.status.debts:
        return change.status.debts
    since, rule = change.metadata.creation_timestamp or now, united(rules)
    within = rule.review_within if rule else parse_duration(DEFAULT_REVIEW_WITHIN)
    return (Debt(gate=REVIEW, since=since, due_by=since + within),)


@dataclass(frozen=True, slots=True)
class Ratification:
    """Where the change board's word on an emergency stands."""

    count: Count

    @property
    def words(self) -> str:
        """What is missing, for people."""
        if self.count.rejected_by:
            return f"ratification was refused by {self.count.rejected_by}: take it back, and review it as BackedOut"
        roles = {f"({need.role})" for need in self.count.needs}
        spoke = [text for text in self.count.ignored if any(role in text for role in roles)]
        ignored = f"; not counted: {', '.join(spoke)}" if spoke else ""
        return f"ratification {self.count.summary}: needs {self.count.missing}{ignored}"


def ratification(
    change: ChangeRequest,
    rules: Sequence[Terms],
    release: Release | None,
    unentitled: Mapping[int, str],
    voices: Voices,
) -> Ratification | None:
    """None where nobody ratifies: it is no emergency, or none of its environments says who does."""
    rule = united(rules)
    if rule is None or not rule.ratify:
        return None
    let_through = dict.fromkeys(_let_through(change, rule.approvals), "who let the emergency through")
    return Ratification(
        approvals.count(
            change.status.approvals,
            rule.ratify,
            generation=change.metadata.generation,
            plan_digest=change.status.plan_digest,
            barred={**let_through, **approvals.excluded(change, release)},
            unentitled=unentitled,
            voices=voices,
            seen={o.index: o.at for o in change.status.observed},
        )
    )


def owes_ratification(change: ChangeRequest) -> bool:
    """Whether the board has still to say yes to what was done."""
    return any(row.gate == RATIFICATION for row in open_debts(change))


def to_ratify(change: ChangeRequest, found: Ratification | None) -> tuple[RoleCount, ...]:
    """The roles whose word is still missing on what an emergency did."""
    if found is None or not owes_ratification(change) or found.count.rejected_by:
        return ()
    short = {role for role, _ in found.count.missing_roles()}
    return tuple(need for need in found.count.needs if need.role in short)


def _let_through(change: ChangeRequest, needs: Sequence[RoleCount]) -> frozenset[str]:
    """Everyone behind an approval in a role that lets emergencies through, deputies and those they spoke for."""
    roles = {need.role for need in needs}
    entries = [e for e in change.status.approvals if e.role in roles and e.decision == "Approved"]
    return frozenset(same_person(who) for e in entries for who in (e.by, e.on_behalf_of) if who)


def settled(
    change: ChangeRequest,
    rules: Sequence[Terms],
    release: Release | None,
    ratified: Ratification | None,
    later: Mapping[Key, str],
    now: datetime,
) -> tuple[Debt, ...]:
    """The debts after what happened since; ``later`` are those whose gate is open by now, and what it says."""
    given, rule = review(change, release), united(rules)
    roles = {need.role for need in rule.ratify} if rule else set()

    def by(row: Debt) -> str | None:
        if row.gate == REVIEW:
            return _said(given) if given else None
        if row.gate == RATIFICATION:
            return _ratified(ratified, given, roles)
        if row.key in later:
            return later[row.key] or "the gate is open"
        if row.gate in _TIME and given is not None:
            return f"{_said(given)}, which answers for the time"
        accepted = _accepted(change, release, row, roles, rule)
        return f"accepted by {accepted.by} as {accepted.role}: {accepted.summary}" if accepted else None

    rows = []
    for row in change.status.debts:
        word = by(row) if row.settled_by is None else None
        rows.append(row.model_copy(update={"settled_by": word[:512], "settled_at": now}) if word else row)
    return tuple(rows)


def _said(given: Review) -> str:
    return f"reviewed by {given.by} as {given.role}: {given.outcome}"


def _ratified(found: Ratification | None, given: Review | None, roles: set[str]) -> str | None:
    if found is None:
        return None
    if found.count.complete:
        return f"ratified by {', '.join(found.count.people)}"
    if found.count.rejected_by and given is not None and given.outcome in _TAKEN_BACK and given.role in roles:
        # The board said no, and one of it confirms that what it refused does not run any more.
        return f"refused by {found.count.rejected_by}; {_said(given)}"
    return None


def _accepted(
    change: ChangeRequest, release: Release | None, row: Debt, roles: set[str], rule: Terms | None
) -> Review | None:
    """The entry of somebody who ratifies emergencies there, and did not let this one through, that accepts the debt."""
    barred = _let_through(change, rule.approvals) if rule else frozenset()
    found = (
        entry
        for entry in change.status.review
        if row.gate in entry.accepts
        and entry.role in roles
        and same_person(entry.by or "") not in barred
        and counts(change, release, entry)
    )
    return next(found, None)


def successor(release: str, here: Sequence[Promotion]) -> Promotion | None:
    """The promotion of another release than ``release`` that runs there now; ``here`` are all into that target."""
    applied = [(p.status.deployed_at, p) for p in here if p.status.deployed_at is not None]
    newest = max(applied, key=lambda pair: pair[0])[1] if applied else None
    if newest is None or newest.status.phase is not Phase.SUCCEEDED or newest.spec.action is not Action.DEPLOY:
        return None
    return newest if newest.spec.release_ref.name != release else None


def made_up_for(row: Debt, newer: Promotion | None) -> str | None:
    """Whether what runs there now passed the gate that was skipped; None: it did not."""
    gate = Bypass.ORDER if row.gate == Bypass.SIGN_OFFS else row.gate
    if newer is None or newer.status.deployed_at is None or newer.status.deployed_at <= row.since:
        return None
    if not any(
        g.name == gate and g.outcome is Outcome.PASSED and g.reason != reasons.BYPASSED for g in newer.status.gates
    ):
        return None
    return f"{newer.spec.release_ref.name} runs there since, which passed {gate}"


def open_debts(change: ChangeRequest) -> tuple[Debt, ...]:
    """What is not settled yet."""
    return tuple(row for row in change.status.debts if row.settled_by is None)


def overdue(change: ChangeRequest, now: datetime) -> tuple[Debt, ...]:
    """What should have been settled by now."""
    return tuple(row for row in open_debts(change) if row.due_by <= now)


def next_due(change: ChangeRequest, now: datetime) -> datetime | None:
    """When the next of its debts becomes overdue."""
    return min((row.due_by for row in open_debts(change) if row.due_by > now), default=None)


def owes_for(change: ChangeRequest, environment: str, application: str | None, theirs: str | None) -> bool:
    """Whether something is owed for the target; ``theirs`` is the application of the change, None where nobody knows.

    What is owed stays owed for where the change was used, whatever its spec names by now.
    """
    found = change.spec.unauthorised
    known = found.application if found is not None else theirs
    return environment in owed_in(change) and (known is None or application is None or known == application)


def owed_in(change: ChangeRequest) -> frozenset[str]:
    """The environments for which it owes something."""
    rows = open_debts(change)
    if not rows:
        return frozenset()
    found = change.spec.environments if change.spec.unauthorised is not None else ()
    used = (use.environment for use in change.status.used_by)
    return frozenset((*(row.environment for row in rows if row.environment is not None), *used, *found))


def words(row: Debt, now: datetime) -> str:
    """A debt for people."""
    where = f" of {row.upstream}" if row.upstream else ""
    return f"{row.gate}{where} {'overdue since' if row.due_by <= now else 'by'} {utc(row.due_by)}"
