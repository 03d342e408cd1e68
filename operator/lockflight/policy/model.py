"""What decisions look at: one immutable snapshot, gathered by the shell, and what they answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.delegation import Delegation
from lockflight.api.environment import Environment, EnvironmentSpec
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.promotion import Outcome, Promotion, WaitingFor
from lockflight.api.release import Release
from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.api.standardchange import StandardChange, StandardUse
from lockflight.policy.datapolicy import DataUse
from lockflight.policy.drift import Drift
from lockflight.policy.facts import Ref
from lockflight.policy.glass import BrokenGlass
from lockflight.policy.ladder import Ladder
from lockflight.policy.rights import Rights
from lockflight.policy.selftest import Admission
from lockflight.policy.signature import Signature


@dataclass(frozen=True, slots=True)
class Owed:
    """Something that an emergency skips here; ``said`` is what the gate said."""

    gate: str
    said: str
    upstream: str = ""
    """SignOffs, Order: the environment that is skipped."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate says: ``retry_at`` is when time alone may change it."""

    outcome: Outcome
    reason: str
    message: str = ""
    retry_at: datetime | None = None
    waiting_for: tuple[WaitingFor, ...] = ()
    """Who has to do what, where the gate can tell."""
    owes: tuple[Owed, ...] = ()
    """What is owed where the gate is open only because an emergency skips it."""

    @property
    def open(self) -> bool:
        """The gate lets the promotion through."""
        return self.outcome in (Outcome.PASSED, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class NamedVerdict:
    """A verdict and the gate that gave it."""

    gate: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Namespace:
    """A target namespace as far as binding is concerned."""

    name: str
    labels: Mapping[str, str]
    terminating: bool = False
    glass: BrokenGlass | None = None
    """Set while the break-glass group may write there."""


class HelmStatus(StrEnum):
    """Helm's own release states."""

    UNKNOWN = "unknown"
    DEPLOYED = "deployed"
    UNINSTALLED = "uninstalled"
    SUPERSEDED = "superseded"
    FAILED = "failed"
    UNINSTALLING = "uninstalling"
    PENDING_INSTALL = "pending-install"
    PENDING_UPGRADE = "pending-upgrade"
    PENDING_ROLLBACK = "pending-rollback"

    @property
    def pending(self) -> bool:
        """An action is under way, or was when its process died."""
        return self.value.startswith("pending-") or self is HelmStatus.UNINSTALLING


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision in Helm's storage, read from the labels of its Secret; our own labels are empty where foreign."""

    helm_release: str
    revision: int
    status: HelmStatus
    release_digest: str = ""
    """First 40 hexadecimal digits of the release digest."""
    plan: str = ""
    """First 40 hexadecimal digits of the plan digest."""
    promotion_uid: str = ""
    version: str = ""
    """The Release's version, with + written as _."""


@dataclass(frozen=True, slots=True)
class PlannedComponent:
    """Exactly what would be applied for one component."""

    name: str
    helm_release: str
    chart_digest: str
    values_digest: str
    manifest_digest: str
    images: tuple[str, ...] = ()
    values_from: tuple[str, ...] = ()
    reversible: bool = True
    unstable: bool = False
    """It renders differently twice: bound by chart and values only."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step that others take, after so many components."""

    name: str
    after: int
    role: str
    """Who says how it went."""
    description: str
    timeout: timedelta
    reversible: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """One Helm release as it can be compared with another state of it; it holds digests only, never a value."""

    name: str
    """Name of the Helm release."""
    chart: str
    chart_version: str
    chart_digest: str
    """Empty where it is not known."""
    values: Mapping[str, str]
    """JSON pointer of each leaf of the values to a digest of it; what comes from Secrets is left out."""
    objects: Mapping[str, str]
    """``Kind/name`` of each rendered object to a digest of it, without version labels and checksum annotations."""
    unstable: bool = False
    """It renders differently twice, so its objects say nothing."""
    secret: frozenset[str] = frozenset()
    """JSON pointers of values that come from Secrets: they differ without being looked at."""


@dataclass(frozen=True, slots=True)
class Removed:
    """A Helm release that would be taken away, as Helm's storage holds it."""

    helm_release: str
    revision: int
    release: str = ""
    """The Release that it is part of; empty where that is not known."""
    version: str = ""
    release_digest: str = ""
    plan: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Exactly what would be applied to a target, by digest."""

    namespace: str
    components: tuple[PlannedComponent, ...]
    digest: str
    secrets_digest: str = ""
    parts: tuple[Part, ...] = ()
    """The same in a form that can be compared with what runs; not part of the digest."""
    steps: tuple[PlannedStep, ...] = ()
    data: tuple[DataUse, ...] = ()
    """Where the data lies that it works with; not part of the digest."""
    removes: tuple[Removed, ...] = ()
    """Action Remove: all that is done. Nothing else of the plan is set then."""

    @property
    def irreversible(self) -> tuple[str, ...]:
        """What cannot be taken back, by name."""
        charts = [component.name for component in self.components if not component.reversible]
        # With a Helm release its history goes.
        charts += [row.helm_release for row in self.removes]
        return (*charts, *(step.name for step in self.steps if not step.reversible))

    @property
    def images(self) -> tuple[str, ...]:
        """All images of the bundle, sorted, each once."""
        return tuple(sorted({image for component in self.components for image in component.images}))


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """Why there is no plan. ``final``: only a new object changes it; else it is tried again."""

    reason: str
    message: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class Effective:
    """An Environment with its tier's baseline filled in; ``problems`` non-empty: it is not governed, and closed."""

    name: str
    spec: EnvironmentSpec
    promotes_from: tuple[str, ...]
    problems: tuple[str, ...] = ()
    calendar_in_root: bool = False
    """Its calendar is named by the baseline: a calendar of that name in the stack does not take its place."""
    baseline: Environment | None = None
    """The baseline of its tier."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another application of the same environment. ``problem``: what runs there cannot be told, and why."""

    application: str
    release: Release | None = None
    """What runs there; None: nothing of Lockflight's, or ``problem``."""
    verified: bool = False
    problem: str = ""
    at_work: str = ""
    """The promotion that executes there."""
    coming: tuple[tuple[str, Release], ...] = ()
    """Promotions that are on their way there, with their releases."""
    tested: tuple[str, ...] = ()
    """Other environments in which it was verified together with the release in question."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a gate may look at. None or an empty tuple: not there."""

    stack: str
    promotion: Promotion
    release: Release | None = None
    environment: Environment | None = None
    effective: Effective | None = None
    upstream: Mapping[str, Effective] = field(default_factory=dict)
    """The upstream environments that exist, by name; for a hotfix or an emergency all on the way here."""
    sign_offs_owed: frozenset[str] = frozenset()
    """Environments in which a release counts as passed before it is signed off: an emergency owes that."""
    upstream_uids: Mapping[str, str] = field(default_factory=dict)
    """UIDs of all environments of the stack, by name: a proof given for one that was deleted is worth nothing."""
    upstream_promotions: tuple[Promotion, ...] = ()
    """Promotions of this release into other environments."""
    changes: tuple[ChangeRequest, ...] = ()
    """The change referred to; else the ones of this stack, not ended, that name release and environment."""
    whole: ChangeRequest | None = None
    """The bulk change that the promotion's one change is the part of: see policy.bulk."""
    freezes: tuple[FreezeWindow, ...] = ()
    """Those of the stack and of the root namespace."""
    calendar: ReleaseCalendar | None = None
    """The one that the environment's calendarRef names."""
    namespace: Namespace | None = None
    deployer_may: bool | None = None
    """Whether the virtual deployer may work in the target namespace; None: could not be asked."""
    plan: Plan | PlanProblem | None = None
    revisions: tuple[Revision, ...] = ()
    """Helm's storage in the target namespace for this application's releases, any order."""
    rights: Rights = field(default_factory=Rights)
    """Whether those who approved and signed off still may."""
    evidence_rights: Rights = field(default_factory=Rights)
    """Whether those who gave evidence still may, in the stack."""
    signatures: Mapping[str, Signature] = field(default_factory=dict)
    """By attestation: who signed it, of those whom the environment trusts."""
    admission: Admission | None = None
    """What the self-test found; None: it has not run yet."""
    peers: tuple[Promotion, ...] = ()
    """Other promotions of the same application into the same environment, any phase."""
    peer_changes: tuple[ChangeRequest, ...] = ()
    """Changes of this stack that name the environment, this promotion's own included."""
    owing: tuple[ChangeRequest, ...] = ()
    """Changes of this stack that still owe something for this target."""
    delegations: tuple[Delegation, ...] = ()
    """Those of the stack and of the root namespace."""
    peer_releases: Mapping[str, Release] = field(default_factory=dict)
    """Releases that peers and revisions refer to, by name."""
    running: tuple[Part, ...] | PlanProblem | None = None
    """What runs in the target, as Helm's storage holds it; None: not looked at, for nothing here asks for a change."""
    drift: Drift | PlanProblem | None = None
    """How what runs in the target differs from what was last promoted; None: not looked at."""
    rehearsed: tuple[str, ...] = ()
    """Lower environments in which this release was taken back: see policy.risk."""
    claimed: Mapping[str, str] = field(default_factory=dict)
    """Helm releases of the target namespace to the other applications of the stack that they belong to."""
    neighbours: Mapping[str, Neighbour] = field(default_factory=dict)
    """Other applications of this environment that the release requires, or that require it."""
    standard: StandardChange | None = None
    """The StandardChange that the change follows."""
    standard_uses: tuple[StandardUse, ...] = ()
    """What was done under it, on record anywhere."""
    rule_rights: Mapping[str, Rights] = field(default_factory=dict)
    """By namespace: whether those who approved rule objects still may, and may not create releases."""

    hotfix_changes: tuple[ChangeRequest, ...] = ()
    """Where the release is of type Hotfix: the changes of this stack, not ended, that name it, for any environment."""
    production: frozenset[str] = frozenset()
    """The names of this stack's environments of tier Production."""
    ladder: Ladder | PlanProblem | None = None
    """Who may do what in the target and upstream; None: not read."""
    labelled: Mapping[Ref, str] | PlanProblem | None = None
    """The classes of data that objects of the target are labelled with, of those in ``plan.data``; None: not read."""
    here: tuple[Release, ...] = ()
    """In tier Production: the releases of this application that are deployed in the target."""

    @property
    def change(self) -> ChangeRequest | None:
        """The change this promotion runs under, where exactly one qualifies."""
        return self.changes[0] if len(self.changes) == 1 else None
