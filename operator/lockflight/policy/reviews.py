"""The review that ends a change: whose word counts."""

from collections.abc import Mapping

from lockflight.api.changerecords import Review
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.release import Release
from lockflight.policy.approvals import excluded
from lockflight.policy.voices import is_person, same_person


def barred_from_review(change: ChangeRequest, release: Release | None) -> Mapping[str, str]:
    """Who does not judge how it went, and why: whoever wanted it or did it. Keys are as ``same_person`` gives them."""
    who = dict(excluded(change, release))
    if change.spec.implementer:
        who[same_person(change.spec.implementer)] = "the implementer"
    who |= {same_person(f.changed_by): "who changed it" for f in change.status.findings if f.changed_by}
    return who


def counts(change: ChangeRequest, release: Release | None, entry: Review) -> bool:
    """Whether it is the word of a person who may judge, on this very generation."""
    return (
        entry.generation == change.metadata.generation
        and is_person(entry.by or "")
        and same_person(entry.by or "") not in barred_from_review(change, release)
    )


def review(change: ChangeRequest, release: Release | None) -> Review | None:
    """The latest review that counts."""
    found = [entry for entry in change.status.review if counts(change, release, entry)]
    return found[-1] if found else None


def not_counted(change: ChangeRequest, release: Release | None) -> str:
    """Reviews that do not count, and why, in words; empty where there are none."""
    barred = barred_from_review(change, release)
    parts = []
    for entry in change.status.review:
        by = entry.by or ""
        if not is_person(by):
            parts.append(f"{by or 'somebody without a stamped identity'} is no person")
        elif same_person(by) in barred:
            parts.append(f"{by} is {barred[same_person(by)]}")
        elif entry.generation != change.metadata.generation:
            parts.append(f"{by} spoke of generation {entry.generation}")
    return ", ".join(parts)
