"""Who put a change forward, and whether a person did."""

from lockflight.api.changerequest import ChangeRequest
from lockflight.policy.voices import is_person


def by_a_robot(change: ChangeRequest) -> bool:
    """Its creator is known and no person: GitOps or the operator wrote it down."""
    creator = change.metadata.creator
    return creator is not None and not is_person(creator)


def lacks_submission(change: ChangeRequest) -> bool:
    """A robot created it, and no person has put this generation forward yet."""
    generation = change.metadata.generation
    return by_a_robot(change) and not any(
        entry.generation == generation and is_person(entry.by or "") for entry in change.status.submissions
    )
