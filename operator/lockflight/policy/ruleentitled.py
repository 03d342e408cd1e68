"""Whether those who approved rule objects still may, and are apart from those who create releases. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from lockflight.api.changerequest import Approval
from lockflight.api.standardchange import StandardChange
from lockflight.policy.entitlement import APPROVE, asked_forward, asked_of, by_function, putting_forward, unentitled
from lockflight.policy.model import Effective, Snapshot
from lockflight.policy.rights import Question, Rights
from lockflight.policy.ruleasked import RuleObject, bound_by, needs_of

_NOTHING = Rights()


def questions(snapshot: Snapshot) -> Iterator[tuple[str, Question]]:
    """What has to be known to count the approvals of the rules that bind a promotion, each with its namespace."""
    for rule in bound_by(snapshot):
        yield from _asked(rule, snapshot.stack, apart=True)
    if snapshot.standard is not None and snapshot.effective is not None:
        yield from pattern_questions(snapshot.standard, snapshot.stack, snapshot.effective)


def pattern_questions(standard: StandardChange, stack: str, governed: Effective) -> Iterator[tuple[str, Question]]:
    """What has to be known to count the approvals of a StandardChange that ``stack`` follows, with the namespace."""
    yield from _asked(standard, stack, apart=_apart(governed))


def _asked(rule: RuleObject | StandardChange, stack: str, *, apart: bool) -> Iterator[tuple[str, Question]]:
    entries, generation, home = rule.status.approvals, rule.metadata.generation, rule.metadata.namespace
    yield from ((home, question) for question in asked_of(entries, generation))
    for place in dict.fromkeys((home, stack)) if apart else ():
        yield from ((place, question) for question in asked_forward(entries, generation))


def own_questions(entries: Sequence[Approval], generation: int) -> Iterator[Question]:
    """What has to be known in a rule object's own namespace."""
    yield from asked_of(entries, generation)
    yield from asked_forward(entries, generation)


def unentitled_rule(
    entries: Sequence[Approval], home: str, stacks: Sequence[str], rights: Mapping[str, Rights]
) -> Mapping[int, str]:
    """The approvals of a rule object in ``home`` that do not count, by index, and why.

    ``stacks`` are those in which its approvers may put nothing forward, beside ``home``.
    """
    found = dict(unentitled(entries, APPROVE, rights.get(home, _NOTHING)))
    for place in dict.fromkeys((home, *stacks)):
        for index, why in putting_forward(entries, rights.get(place, _NOTHING), place).items():
            found.setdefault(index, why)
    return found


def unentitled_pattern(
    standard: StandardChange, stack: str, governed: Effective, rights: Mapping[str, Rights]
) -> Mapping[int, str]:
    """The approvals of a StandardChange that do not count in an environment of ``stack``, by index, and why."""
    entries, home = standard.status.approvals, standard.metadata.namespace
    if _apart(governed):
        return unentitled_rule(entries, home, (stack,), rights)
    return unentitled(entries, APPROVE, rights.get(home, _NOTHING))


def _apart(governed: Effective) -> bool:
    """Whether those who approve a pattern may not create releases or promotions."""
    return bool(needs_of(governed)) or by_function([governed])
