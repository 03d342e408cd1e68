"""Drift: what runs in the target is what was last promoted, or the change says that it takes it over."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.api.drift import DriftMode
from lockflight.api.promotion import Action
from lockflight.policy.backout import back_out
from lockflight.policy.drift import Drift, words
from lockflight.policy.driftrules import mode_of
from lockflight.policy.labels import short
from lockflight.policy.model import HelmStatus, PlanProblem, Verdict
from lockflight.policy.verdicts import ASK_AGAIN, Subject, given, not_applicable, passed, waiting


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/drift.md."""
    s, name = on.snapshot, on.effective.name
    if mode_of(on.effective.spec) is DriftMode.OFF:
        return not_applicable(f"spec.drift.mode of {name} is Off")
    drift = s.drift
    if not isinstance(drift, Drift):
        said = drift.message if isinstance(drift, PlanProblem) else "its namespace or Helm's storage was not read"
        message = f"what runs in {name} could not be compared with what was last promoted: {said}"
        return waiting(reasons.CANNOT_TELL, message, now + ASK_AGAIN)
    if not drift.digest:
        if drift.unfinished:
            return passed(f"not compared, for the last action on it did not end well: {', '.join(drift.unfinished)}")
        return passed("what runs is what was last promoted" if drift.revisions else "nothing was promoted here yet")
    return _drifted(on, drift, now)


def _drifted(on: Subject, drift: Drift, now: datetime) -> Verdict:
    name, found = on.effective.name, words(drift.found, drift.count)
    if _same_again(on):
        return passed(f"it puts back what it brought before: {found}", reasons.PUT_BACK)
    taken = [row.drift for change in on.snapshot.changes for row in change.spec.takes_over if row.environment == name]
    if drift.digest in taken:
        return passed(f"the change takes it over: {found}", reasons.TAKEN_OVER)
    way_back = back_out(on.snapshot, now)
    if way_back is not None and way_back.covered:
        return passed(f"the way back of an approved change goes over it: {found}", reasons.BACK_OUT)
    command = f"lockflight drift take-over {name}"
    if taken:
        return waiting(
            reasons.DRIFT_CHANGED,
            f"{name} drifted further since the change took it over: {found}: look again, then {command}; it is "
            "approved anew",
            now + ASK_AGAIN,
        )
    return waiting(
        reasons.DRIFT_FOUND,
        f"{name} is not what was last promoted: {found}: put it back, or have the change take it over: {command}",
        now + ASK_AGAIN,
    )


def _same_again(on: Subject) -> bool:
    """Whether the very release that runs is applied once more."""
    deployed = [r for r in on.snapshot.revisions if r.status is HelmStatus.DEPLOYED]
    mine = short(on.release.status.digest or "")
    same = bool(deployed) and bool(mine) and all(r.release_digest == mine for r in deployed)
    return same and on.snapshot.promotion.spec.action is Action.DEPLOY
