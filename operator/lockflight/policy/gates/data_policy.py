"""DataPolicy: the data that a release brings, and works with in the target, may be here."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from lockflight.api import reasons
from lockflight.api.data import DATA_CLASS_LABEL, DataClass
from lockflight.policy.datapolicy import DataUse, classes, known, words
from lockflight.policy.facts import Ref
from lockflight.policy.model import Plan, PlanProblem, Verdict
from lockflight.policy.verdicts import ASK_AGAIN, Subject, denied, given, passed, waiting

_MANY: Final = 8


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/datapolicy.md."""
    s, may, here = on.snapshot, classes(on.effective.spec.data), on.environment.metadata.name
    declared = on.release.spec.data()
    wrong = [
        f"spec.components[{component}].data[{each.name}] of release {on.release.metadata.name} is {each.class_}"
        for component, each in declared
        if each.class_ not in may
    ]
    if wrong:
        return denied(reasons.DATA_CLASS_NOT_ALLOWED, f"{_few(wrong)}: allowed in {here} is {words(may)}")
    if not isinstance(s.plan, Plan):
        return waiting(reasons.PLAN_MISSING, "which data it works with is not known yet: see gate Binding")
    if s.plan.data and s.labelled is None:
        return waiting(reasons.CANNOT_TELL, "the labels of what it works with were not read yet", now + ASK_AGAIN)
    if isinstance(s.labelled, PlanProblem):
        return waiting(reasons.CANNOT_TELL, f"the class of data cannot be read: {s.labelled.message}", now + ASK_AGAIN)
    labels = dict(_labels(on, s.plan, s.labelled or {}))
    unknown = [f"{what} has {DATA_CLASS_LABEL}={text}" for what, text in labels.items() if known(text) is None]
    if unknown:
        return waiting(
            reasons.DATA_LABEL_UNKNOWN, f"{_few(unknown)}: the classes are {words(DataClass)}", now + ASK_AGAIN
        )
    against = [*_contradictions(on, s.plan, s.labelled or {}), *_beyond(on, labels)]
    if against:
        return waiting(
            reasons.DATA_LABEL_CONTRADICTS,
            f"{_few(against)}: correct what is wrong, the label or the release",
            now + ASK_AGAIN,
        )
    foreign = [f"{what} is {text}" for what, text in labels.items() if known(text) not in may]
    if foreign:
        return waiting(
            reasons.DATA_LABEL_NOT_ALLOWED,
            f"{_few(foreign)}: allowed in {here} is {words(may)}; bring other data there, or refer to another object",
            now + ASK_AGAIN,
        )
    return passed(
        f"declared: {words({each.class_ for _, each in declared})}; "
        f"labelled: {words({found for text in labels.values() if (found := known(text))})}; allowed: {words(may)}"
    )


def _labels(on: Subject, plan: Plan, live: Mapping[Ref, str]) -> Iterator[tuple[str, str]]:
    """Every label there is: what carries it, with what refers to that, and what it says."""
    namespace = on.snapshot.namespace
    if namespace is not None and DATA_CLASS_LABEL in namespace.labels:
        yield f"namespace {namespace.name}", namespace.labels[DATA_CLASS_LABEL]
    for use in plan.data:
        for text in (live.get(use.ref), use.label):
            if text is not None:
                yield f"{use.ref} ({use.via})", text
                break


def _contradictions(on: Subject, plan: Plan, live: Mapping[Ref, str]) -> Iterator[str]:
    """Labels that say otherwise than the chart, or than the release declares."""
    for use in plan.data:
        there = live.get(use.ref)
        if there is not None and use.label is not None and there != use.label:
            yield f"{use.ref} is labelled {there} in the target, and {use.label} by the chart ({use.via})"
        for component, each in on.release.spec.data():
            for text in {there, use.label} - {None, each.class_.value}:
                if component == use.component and _carries(use, each.name):
                    said = f"{each.class_} by data[{each.name}] of {component}"
                    yield f"{use.ref} ({use.via}) is labelled {text}, and {said}"


def _beyond(on: Subject, labels: Mapping[str, str]) -> Iterator[str]:
    """What is more sensitive than the most sensitive data that the namespace is said to hold."""
    namespace = on.snapshot.namespace
    most = known(namespace.labels.get(DATA_CLASS_LABEL, "")) if namespace else None
    if namespace is None or most is None:
        return
    said = f"namespace {namespace.name} is labelled {most}"
    for what, text in labels.items():
        found = known(text)
        if found is not None and found.rank > most.rank:
            yield f"{what} is {text}, and {said}"
    for component, each in on.release.spec.data():
        if each.class_.rank > most.rank:
            yield f"data[{each.name}] of {component} is {each.class_}, and {said}"


def _carries(use: DataUse, name: str) -> bool:
    """Whether the object is that data set's: called like it, or ending with it as Helm calls things."""
    return use.ref.name == name or use.ref.name.endswith(f"-{name}")


def _few(found: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = len(found) - _MANY
    return "; ".join(found[:_MANY]) + (f"; and {more} more" if more > 0 else "")
