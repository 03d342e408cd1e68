"""Version: not lower than what runs here; going back is a rollback, and says so."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.policy.model import HelmStatus, Verdict
from lockflight.policy.verdicts import Subject, denied, given, not_applicable, passed, waiting
from lockflight.policy.versions import order


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/version.md."""
    if on.rollback:
        return not_applicable("a rollback goes back")
    labels = {r.version for r in on.snapshot.revisions if r.status is HelmStatus.DEPLOYED and r.version}
    try:
        running = {label.replace("_", "+"): order(label.replace("_", "+")) for label in labels}
    except ValueError as problem:
        return waiting(reasons.CANNOT_TELL, f"the version that runs in {on.effective.name} cannot be read: {problem}")
    if not running:
        return passed("nothing of Lockflight's runs here yet")
    mine, highest = on.release.spec.version, max(running, key=running.__getitem__)
    if order(mine) < running[highest]:
        return denied(
            reasons.DOWNGRADE,
            f"spec.version {mine} is lower than {highest}, which runs in {on.effective.name}: "
            "use action Rollback to go back",
        )
    return passed(f"{highest} runs here")
