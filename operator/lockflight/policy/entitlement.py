"""Whether people still hold the right in which they spoke: asked again when their word is counted."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from lockflight.api.changerequest import Approval, ChangeRequest
from lockflight.api.common import CANARY, INDEPENDENCE_LABEL
from lockflight.api.environment import Independence
from lockflight.api.promotion import Phase, Promotion, SignOff
from lockflight.policy.model import Effective
from lockflight.policy.rights import Question, Rights
from lockflight.policy.voices import is_person, on_behalf_of, speaker

Entry = Approval | SignOff

ROLES: Final = "approvalroles"
APPROVE: Final = "approve"
SIGN_OFF: Final = "sign-off"
DEPUTIZE: Final = "deputize"
RELAY: Final = "relay"
_PUTS_FORWARD: Final = ("releases", "promotions")


def asked(change: ChangeRequest | None, promotion: Promotion | None, *, function: bool) -> Iterator[Question]:
    """What has to be known to count a change's approvals and a promotion's sign-offs."""
    if change is not None:
        yield from _about(change.status.approvals, APPROVE, change.metadata.generation, function=function)
    if promotion is not None and promotion.status.phase is Phase.AWAITING_SIGN_OFF:
        yield from _about(promotion.status.sign_offs, SIGN_OFF, promotion.metadata.generation, function=False)


def unentitled(entries: Sequence[Entry], verb: str, rights: Rights, *, function: bool = False) -> Mapping[int, str]:
    """The entries of people who may not, or no longer, speak in that role, by index, and why."""
    found = {}
    for index, entry in enumerate(entries):
        why = _why_not(entry, verb, rights, function=function) if entry.decision == "Approved" else None
        if why is not None:
            found[index] = why
    return found


def asked_of(entries: Iterable[Entry], generation: int) -> Iterator[Question]:
    """What has to be known to count approvals of a rule object, in its namespace."""
    return _about(entries, APPROVE, generation, function=False)


def asked_forward(entries: Iterable[Entry], generation: int) -> Iterator[Question]:
    """What has to be known of those who approved, in a stack that the rule binds."""
    for entry in entries:
        if entry.decision == "Approved" and entry.generation == generation and is_person(speaker(entry)):
            yield from _forward(entry)


def putting_forward(entries: Sequence[Entry], rights: Rights, stack: str) -> Mapping[int, str]:
    """The entries of people who may create releases or promotions in ``stack``, by index, and why they do not count."""
    found = {}
    for index, entry in enumerate(entries):
        answers = [rights.may(question) for question in _forward(entry)] if entry.decision == "Approved" else []
        if None in answers:
            found[index] = "could not be asked about: create on releases and promotions"
        elif any(answers):
            found[index] = f"may create releases or promotions in {stack}"
    return found


def by_function(governed: Collection[Effective]) -> bool:
    """Whether one of these environments wants approvers who cannot put anything forward themselves."""
    controls = [e.spec.change_control for e in governed]
    return any(control is not None and control.independence is Independence.FUNCTION for control in controls)


def _why_not(entry: Entry, verb: str, rights: Rights, *, function: bool) -> str | None:
    held, *wildcards = (rights.may(question) for question in _right(entry, verb))
    right = f"{_verb(entry, verb)} on {ROLES}/{entry.role}"
    if held is None or None in wildcards:
        return f"could not be asked about: {right}"
    if not held:
        return f"holds {right} no longer"
    if any(wildcards):
        return f"holds {right} by a wildcard only"
    puts_forward = [rights.may(question) for question in _forward(entry)] if function else []
    if None in puts_forward:
        return "could not be asked about: create on releases and promotions"
    return "may create releases or promotions here, and independence is Function" if any(puts_forward) else None


def _about(entries: Iterable[Entry], verb: str, generation: int, *, function: bool) -> Iterator[Question]:
    """Entries that cannot count anyway are not asked about."""
    for entry in entries:
        if entry.decision == "Approved" and entry.generation == generation and is_person(speaker(entry)):
            yield from _right(entry, verb)
            yield from _forward(entry) if function else ()


def _right(entry: Entry, verb: str) -> tuple[Question, Question, Question]:
    """The right itself, and two canaries that only the holder of a wildcard passes."""
    who, verb = (entry.by or "", entry.groups), _verb(entry, verb)
    return (
        Question(*who, verb, ROLES, entry.role),
        Question(*who, CANARY, ROLES, entry.role),
        Question(*who, verb, CANARY, entry.role),
    )


def _verb(entry: Entry, verb: str) -> str:
    """Who writes in somebody else's name holds another right: a deputy's, or a relay's."""
    if on_behalf_of(entry) is None:
        return verb
    return DEPUTIZE if is_person(entry.by or "") else RELAY


def _forward(entry: Entry) -> tuple[Question, ...]:
    return tuple(Question(entry.by or "", entry.groups, "create", resource) for resource in _PUTS_FORWARD)


def independence_unheld(governed: Effective, labels: Mapping[str, str]) -> tuple[str, ...]:
    """The problem of a stack whose namespace does not tell the API server that independence is Function."""
    if not by_function([governed]) or labels.get(INDEPENDENCE_LABEL) == Independence.FUNCTION:
        return ()
    return (
        "spec.changeControl.independence is Function, and the API server is not told: the platform team labels the "
        f"stack's namespace {INDEPENDENCE_LABEL}={Independence.FUNCTION}",
    )
