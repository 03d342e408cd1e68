"""Hold: neither the target, the release nor its change is held by a person."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.policy.holds import held
from lockflight.policy.model import Verdict
from lockflight.policy.upstream import passage
from lockflight.policy.verdicts import Subject, given, passed, waiting


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/hold.md."""
    here_held = _environment(on)
    if here_held is not None:
        return here_held
    name, hold = on.release.metadata.name, on.release.spec.hold
    here = passage(on.snapshot, on.effective.name)
    reached = here is not None and here.verified_at is not None
    if hold is not None and not reached:
        return waiting(
            reasons.RELEASE_HELD, f"release {name} is held: {hold.reason}; lockflight unhold {name} lets it go on"
        )
    for change in on.snapshot.changes:
        if change.spec.hold is not None:
            return waiting(
                reasons.CHANGE_HELD,
                f"change {change.metadata.name} is held: {change.spec.hold.reason}; remove spec.hold to let it go on",
            )
    return passed("nothing is held")


def _environment(on: Subject) -> Verdict | None:
    """A hold on the environment, or on the application there, keeps everything, the way back too."""
    found, name, application = held(on.effective, on.release.spec.application), on.effective.name, ""
    if found is None:
        return None
    if found.application:
        application = f" --application {found.application}"
        return waiting(
            reasons.APPLICATION_HELD,
            f"{found.application} is held in {name}: {found.reason}; lockflight unhold --env {name}{application} lets "
            "it go on",
        )
    where = "the baseline of its tier" if found.baseline else f"environment {name}"
    return waiting(
        reasons.ENVIRONMENT_HELD,
        f"{where} is held: {found.reason}; whoever governs it takes out spec.hold (lockflight unhold --env {name})",
    )
