"""When a release of type Hotfix counts as one: while a change says so that the calendar's roles approved."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import ChangeType, RoleCount
from lockflight.api.conditions import find
from lockflight.api.release import Release, ReleaseType
from lockflight.api.releasecalendar import HotfixRule, ReleaseCalendar
from lockflight.policy.digest import change_digest
from lockflight.policy.effective import DEFAULT_VALID_FOR
from lockflight.policy.emergency import is_emergency
from lockflight.policy.entitlement import APPROVE, by_function, unentitled
from lockflight.policy.labels import short
from lockflight.policy.model import HelmStatus, Snapshot
from lockflight.policy.putforward import lacks_submission
from lockflight.policy.quorum import union
from lockflight.policy.standing import standing
from lockflight.policy.versions import order
from lockflight.policy.voices import Voices


@dataclass(frozen=True, slots=True)
class Hotfix:
    """What is known of a release of type Hotfix. ``why`` is for people, whether it counts or not."""

    counts: bool
    why: str
    until: datetime | None = None
    """When the approval ends that makes it count."""


def hotfix(s: Snapshot, now: datetime) -> Hotfix | None:
    """Whether the promotion's release counts as a hotfix; None where its type is another."""
    release = s.release
    if release is None or release.spec.type is not ReleaseType.HOTFIX:
        return None
    wrong = not_based(s)
    if wrong is not None:
        return Hotfix(counts=False, why=wrong)
    said = [_said(s, change, now) for change in _candidates(s)]
    none = Hotfix(counts=False, why=f"no open change says that {release.metadata.name} is a hotfix")
    return next((each for each in said if each.counts), said[0] if said else none)


def counts_as_hotfix(s: Snapshot, now: datetime) -> bool:
    """Whether the promotion's release is a hotfix, and a change says so now."""
    found = hotfix(s, now)
    return found is not None and found.counts


def rule(s: Snapshot) -> HotfixRule | None:
    """What the calendar of the promotion's environment says of hotfixes."""
    return s.calendar.spec.hotfix if s.calendar is not None else None


def shorter_path(s: Snapshot, now: datetime) -> HotfixRule | None:
    """The calendar's rule, where the release counts as a hotfix and the rule has the tier of its environment."""
    if s.release is None or s.release.spec.type is not ReleaseType.HOTFIX or s.effective is None:
        return None
    declared = rule(s)
    if declared is None or s.effective.spec.tier not in declared.tiers:
        return None
    return declared if counts_as_hotfix(s, now) else None


def hotfix_roles(change: ChangeRequest, calendars: Iterable[ReleaseCalendar | None]) -> tuple[RoleCount, ...]:
    """Who must approve a change that says hotfix, beside whom its environments ask: each role's largest count."""
    if change.spec.hotfix is None:
        return ()
    return union(calendar.spec.hotfix.approvals for calendar in calendars if calendar and calendar.spec.hotfix)


def not_based(s: Snapshot) -> str | None:
    """Why the release is not based on what production runs; None: it is.

    In production Helm's storage says what runs; elsewhere, and where nobody looked, the proofs that releases keep.
    """
    release = s.release
    if release is None or release.spec.based_on is None:
        return "spec.basedOn is absent"
    name, base = release.spec.based_on.name, s.peer_releases.get(release.spec.based_on.name)
    if base is None or base.status.digest is None:
        return f"spec.basedOn: release {name} of {release.spec.application} does not exist in {s.stack}"
    if order(release.spec.version) <= order(base.spec.version):
        return f"spec.version {release.spec.version} is not higher than {base.spec.version}, that of spec.basedOn"
    mine = {short(r.status.digest) for r in (base, release) if r.status.digest is not None}
    at_work = s.promotion.status.execution is not None
    if s.effective is not None and s.effective.name in s.production and (s.plan is not None or at_work):
        if s.plan is None:
            # It began on what it is based on; what runs is its own doing by now.
            return None
        deployed = [r for r in s.revisions if r.status is HelmStatus.DEPLOYED]
        foreign = sorted({r.version or "something else" for r in deployed if r.release_digest not in mine})
        if foreign or not deployed:
            found = ", ".join(foreign).replace("_", "+") or "nothing"
            return f"spec.basedOn is {name}, and {s.effective.name} runs {found}: base the hotfix on what runs there"
        return None
    if not any(_runs_in_production(s, each) for each in (base, release)):
        return f"spec.basedOn is {name}, which production does not run: base the hotfix on what runs there"
    return None


def mended(release: Release, releases: Mapping[str, Release]) -> Release | None:
    """The hotfix that ``release`` is, or is a configuration of; None: neither."""
    seen: set[str] = set()
    while release.spec.type is ReleaseType.CONFIG and release.spec.based_on is not None:
        base = releases.get(release.spec.based_on.name)
        if base is None or base.metadata.name in seen:
            return None
        seen.add(base.metadata.name)
        release = base
    return release if release.spec.type is ReleaseType.HOTFIX else None


def contains(release: Release, hotfix: str, releases: Mapping[str, Release]) -> bool:
    """Whether ``release`` is the hotfix, is based on it, or names it, itself or through what it names."""
    open_, seen = [release.metadata.name], set[str]()
    while open_:
        name = open_.pop()
        if name == hotfix:
            return True
        seen.add(name)
        spec = release.spec if name == release.metadata.name else (found := releases.get(name)) and found.spec
        if spec:
            based = (spec.based_on.name,) if spec.based_on else ()
            open_ += [other for other in (*spec.includes, *based) if other not in seen]
    return False


def _runs_in_production(s: Snapshot, release: Release) -> bool:
    return any(
        row.name in s.production
        and row.environment_uid == s.upstream_uids.get(row.name)
        and row.digest == release.status.digest
        and row.running_since is not None
        for row in release.status.environments
    )


def _candidates(s: Snapshot) -> Iterator[ChangeRequest]:
    """Where there is change control only the promotion's own change speaks, elsewhere any that names the release."""
    controlled = s.effective is not None and s.effective.spec.change_control is not None
    if controlled:
        yield from (s.change,) if s.change is not None else ()
    else:
        yield from s.hotfix_changes


def _said(s: Snapshot, change: ChangeRequest, now: datetime) -> Hotfix:
    name, spec, status = change.metadata.name, change.spec, change.status
    over = status.phase is not None and status.phase.ended and status.observed_generation == change.metadata.generation
    if over or spec.cancel is not None or spec.hold is not None or change.metadata.deletion_timestamp is not None:
        return Hotfix(counts=False, why=f"change {name} is over or held")
    if s.release is None or spec.release != s.release.metadata.name:
        return Hotfix(counts=False, why=f"change {name} is for another release")
    if change.metadata.creator is None or lacks_submission(change):
        return Hotfix(counts=False, why=f"no person is known to have put change {name} forward")
    if is_emergency(change):
        return _emergency(s, change)
    if spec.type is not ChangeType.NORMAL or spec.hotfix is None:
        return Hotfix(counts=False, why=f"change {name} does not say so: give it spec.hotfix.defect")
    declared = rule(s)
    if declared is None:
        return Hotfix(counts=False, why="the environment's calendar says nothing of hotfixes: spec.hotfix")
    control = s.effective.spec.change_control if s.effective else None
    valid_for = (control.normal.valid_for if control and control.normal else None) or DEFAULT_VALID_FOR
    found = standing(
        change,
        declared.approvals,
        valid_for,
        release=s.release,
        plan_digest=status.plan_digest if status.plan_digest == change_digest(status.plans) else None,
        unentitled=unentitled(
            status.approvals, APPROVE, s.rights, function=by_function([s.effective] if s.effective else [])
        ),
        now=now,
        voices=Voices(s.delegations, frozenset(control.relays) if control else frozenset()),
    )
    if found.count.complete:
        people = ", ".join(found.count.people)
        return Hotfix(counts=True, why=f"change {name} ({spec.hotfix.defect}), approved by {people}", until=found.until)
    if found.count.rejected_by:
        return Hotfix(counts=False, why=f"change {name} was rejected by {found.count.rejected_by}")
    return Hotfix(
        counts=False,
        why=f"change {name} has {found.count.summary} of the calendar's hotfix approvals, needs {found.count.missing}",
    )


def _emergency(s: Snapshot, change: ChangeRequest) -> Hotfix:
    """An emergency for production that was approved as its environments ask, with every entry seen and none a no."""
    name, status = change.metadata.name, change.status
    approved = find(status.conditions, reasons.APPROVED)
    counted = (
        approved is not None
        and approved.status == "True"
        and approved.observed_generation == change.metadata.generation
        and len(status.observed) == len(status.approvals)
        and not any(entry.decision == "Rejected" for entry in status.approvals)
    )
    if not set(change.spec.environments) & s.production:
        return Hotfix(counts=False, why=f"emergency {name} names no environment of tier Production")
    if not counted:
        return Hotfix(counts=False, why=f"emergency {name} is not approved")
    return Hotfix(counts=True, why=f"emergency {name} is approved")
