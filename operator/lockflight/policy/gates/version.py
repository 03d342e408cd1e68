"""Version: not lower than what runs here; going back is a rollback, and says so."""

from datetime import datetime

import semver

from lockflight.policy.gates._verdicts import denied, is_rollback, missing, not_applicable, passed, waiting
from lockflight.policy.model import HelmStatus, Snapshot, Verdict


def evaluate(s: Snapshot, now: datetime) -> Verdict:
    """See docs/gates/version.md."""
    lacking = missing(s)
    if lacking is not None or s.release is None or s.effective is None:
        return lacking or waiting("CannotTell", "release or environment cannot be read")
    if is_rollback(s):
        return not_applicable("a rollback goes back")
    running = running_versions(s)
    if not running:
        return passed("nothing runs here yet")
    mine, highest = semver.Version.parse(s.release.spec.version), max(running)
    if mine < highest:
        message = f"{mine} is lower than {highest}, which runs in {s.effective.name}: use action Rollback to go back"
        return denied("Downgrade", message)
    return passed(f"{highest} runs here")


def running_versions(s: Snapshot) -> list[semver.Version]:
    """The versions that Helm's storage says run here, one a component; what is not ours has none."""
    found = [r.version for r in s.revisions if r.status is HelmStatus.DEPLOYED and r.version]
    return [semver.Version.parse(v.replace("_", "+")) for v in found if semver.Version.is_valid(v.replace("_", "+"))]
