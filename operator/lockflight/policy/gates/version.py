"""Version: not lower than what runs here, and with the hotfixes that production runs; going back is a rollback."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.api.common import Tier
from lockflight.api.release import ReleaseType
from lockflight.policy.hotfix import contains, hotfix, mended, not_based
from lockflight.policy.labels import short, version_label
from lockflight.policy.model import HelmStatus, Verdict
from lockflight.policy.verdicts import Subject, denied, given, not_applicable, passed, waiting
from lockflight.policy.versions import order


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/version.md."""
    if on.rollback:
        return not_applicable("a rollback goes back")
    deployed = [r for r in on.snapshot.revisions if r.status is HelmStatus.DEPLOYED]
    labels = {r.version for r in deployed if r.version}
    try:
        running = {label.replace("_", "+"): order(label.replace("_", "+")) for label in labels}
    except ValueError as problem:
        return waiting(reasons.CANNOT_TELL, f"the version that runs in {on.effective.name} cannot be read: {problem}")
    wrong = _base(on)
    if wrong is not None:
        return wrong
    if not running:
        return passed("nothing of Lockflight's runs here yet")
    mine, highest = on.release.spec.version, max(running, key=running.__getitem__)
    if order(mine) < running[highest]:
        return _lower(on, highest, now)
    return _hotfixes(on) or passed(f"{highest} runs here")


def _lower(on: Subject, highest: str, now: datetime) -> Verdict:
    """Below production a hotfix takes the place of the next release while it is tested."""
    found = hotfix(on.snapshot, now) if on.effective.spec.tier is not Tier.PRODUCTION else None
    if found is None:
        return denied(
            reasons.DOWNGRADE,
            f"spec.version {on.release.spec.version} is lower than {highest}, which runs in {on.effective.name}: "
            "use action Rollback to go back",
        )
    if found.counts:
        return passed(f"{highest} runs here and gives way to a hotfix: {found.why}", retry_at=found.until)
    return waiting(
        reasons.NOT_A_HOTFIX,
        f"{highest} runs here, which is higher and gives way to a hotfix only: {found.why}",
    )


def _base(on: Subject) -> Verdict | None:
    """Why production is not what a hotfix was made for; None: it is, or this is no hotfix or no production."""
    spec = on.release.spec
    if spec.type is not ReleaseType.HOTFIX or on.effective.spec.tier is not Tier.PRODUCTION:
        return None
    if spec.based_on is None or spec.based_on.name not in on.snapshot.peer_releases:
        name = spec.based_on.name if spec.based_on else "?"
        return waiting(
            reasons.BASE_MISSING, f"spec.basedOn: release {name} does not exist in {on.snapshot.stack}: name it anew"
        )
    wrong = not_based(on.snapshot)
    return denied(reasons.NOT_WHAT_RUNS, wrong) if wrong is not None else None


def _hotfixes(on: Subject) -> Verdict | None:
    """The hotfixes that production runs and this release lacks."""
    if on.effective.spec.tier is not Tier.PRODUCTION:
        return None
    known = on.snapshot.peer_releases
    # Of several with the same content each might be the hotfix.
    made = [(version_label(r.spec.version), short(r.status.digest or ""), mended(r, known)) for r in on.snapshot.here]
    for running in on.snapshot.revisions:
        if running.status is not HelmStatus.DEPLOYED or not running.version:
            continue
        found = [fix for version, digest, fix in made if (version, digest) == (running.version, running.release_digest)]
        if not found:
            version = running.version.replace("_", "+")
            return waiting(
                reasons.CANNOT_TELL,
                f"{version} runs here and its Release is gone, so nobody knows whether it is a hotfix: create it anew",
            )
        lacking = [fix for fix in found if fix is not None and not contains(on.release, fix.metadata.name, known)]
        if lacking:
            name = lacking[0].metadata.name
            return denied(
                reasons.HOTFIX_NOT_INCLUDED,
                f"hotfix {name} runs in {on.effective.name} and spec.includes of {on.release.metadata.name} does not "
                f"name it: merge it, and create another version with --includes {name}",
            )
    return None
