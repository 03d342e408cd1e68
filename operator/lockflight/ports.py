"""What the workflow needs of the world. The adapters are the real thing, tests bring fakes of these."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from lockflight.api.auditrecord import AuditAction, AuditRecord
from lockflight.api.kinds import AnyObject
from lockflight.api.release import Chart
from lockflight.api.trust import Trust
from lockflight.policy.archiving import Hold, Link, Orders
from lockflight.policy.audit import AuditEntry, Head, SealedRule
from lockflight.policy.facts import Ref
from lockflight.policy.model import Namespace, Revision
from lockflight.policy.signature import Signature, Unsigned


class PortError(Exception):
    """Something outside failed; the message is for people and holds no secret."""


class ConflictError(PortError):
    """The object changed since it was read: gather and decide again."""


class GoneError(PortError):
    """The object does not exist (any more)."""


class RefusedError(PortError):
    """The API server refused: RBAC, a policy or a schema rule. Trying again does not help."""


class UnreachableError(PortError):
    """No answer, or an answer that the fault lies there (429, 5xx, time-out): try again later."""


class TamperedError(PortError):
    """What was written once is something else now."""


class ChartError(PortError):
    """A chart cannot be had or is not what was asked for. ``final``: trying again does not help."""

    def __init__(self, reason: str, message: str, *, final: bool) -> None:
        super().__init__(message)
        self.reason = reason
        self.final = final


class Clock(Protocol):
    """The one source of time."""

    def now(self) -> datetime:
        """The current instant, timezone-aware, in UTC."""
        ...

    async def sleep(self, duration: timedelta) -> None:
        """Return when ``duration`` has elapsed on this clock."""
        ...


class Cluster(Protocol):
    """The API server. Reads are fresh (quorum) reads; every method raises PortError or a subclass."""

    async def get(self, kind: str, namespace: str, name: str) -> AnyObject | None:
        """An object of ours; None where it does not exist. Raises ValueError where it does not parse."""
        ...

    async def list(self, kind: str, namespace: str | None = None) -> Sequence[AnyObject]:
        """All objects of ours of that kind that parse, in one namespace or in all."""
        ...

    async def create(self, obj: Mapping[str, Any]) -> AnyObject | None:
        """Create an object of ours; None where that name exists already."""
        ...

    async def remove(self, kind: str, namespace: str, name: str, uid: str) -> None:
        """Remove that very object; nothing where it is gone."""
        ...

    async def orders(self, root: str) -> "Orders":
        """What people asked of the audit trail on the operator's namespace."""
        ...

    async def patch_status(
        self, kind: str, namespace: str, name: str, status: Mapping[str, Any], *, resource_version: str | None = None
    ) -> AnyObject:
        """Merge-patch ``status``; None removes a key. With ``resource_version``: only if current (ConflictError)."""
        ...

    async def namespace(self, name: str) -> Namespace | None:
        """A namespace; None where it does not exist."""
        ...

    async def mend_glass(self, namespace: str) -> None:
        """End what lets the break-glass group write in ``namespace``."""
        ...

    async def deployer_may(self, namespace: str) -> bool:
        """Whether the virtual deployer of ``namespace`` may keep Helm releases there (SubjectAccessReview)."""
        ...

    async def may(
        self,
        user: str,
        groups: Sequence[str],
        verb: str,
        group: str,
        resource: str,
        namespace: str,
        name: str = "",
        *,
        fresh: bool = True,
    ) -> bool:
        """Whether ``user`` in ``groups`` has that right (SubjectAccessReview).

        Not ``fresh``: an answer up to ten seconds old will do, which is good enough to show and never to act.
        """
        ...

    async def live(self, namespace: str, wanted: Sequence[Ref], *, pods: bool) -> "Live":
        """Objects of a target namespace, read as its virtual deployer, and where ``pods`` its pods."""
        ...

    async def reapplied(self, namespace: str, obj: Mapping[str, Any]) -> Mapping[str, Any]:
        """What an object of a target namespace would be if Helm applied ``obj`` again: a dry run, as its deployer."""
        ...

    async def bind(self, binding: Mapping[str, Any]) -> None:
        """Make a RoleBinding, or give it other subjects, as the user of access rights of its namespace."""
        ...

    async def unbind(self, namespace: str, name: str) -> None:
        """Take a RoleBinding away as that user; nothing where it is gone."""
        ...

    async def rbac(self, namespace: str | None) -> Sequence[Mapping[str, Any]]:
        """The Roles and RoleBindings of a namespace; None: the ClusterRoles and ClusterRoleBindings."""
        ...

    async def labels(self, namespace: str, wanted: Sequence[Ref]) -> Mapping[Ref, Mapping[str, str]]:
        """The labels of those objects of a target namespace that exist, as its virtual deployer: metadata alone."""
        ...

    async def config(self, kind: str, namespace: str, name: str, key: str) -> bytes | None:
        """A key of a ConfigMap or Secret; None where object or key are missing."""
        ...

    async def run_job(self, namespace: str, name: str, template: Mapping[str, Any], timeout: timedelta) -> None:
        """Create a Job as the deployer, unless a Job of that name exists. Bounded by ``timeout`` on the server too."""
        ...

    async def job_result(self, namespace: str, name: str, timeout: timedelta) -> "JobResult":
        """Wait until the Job has finished, ``timeout`` elapsed, or it is plain that it cannot start."""
        ...


@dataclass(frozen=True, slots=True)
class Registered:
    """What the API server applies to writes: admission policies, their bindings, mutating webhooks."""

    objects: tuple[Mapping[str, Any], ...]
    stamps: bool
    """The server knows MutatingAdmissionPolicy v1, so the policies that stamp are to be there."""


@dataclass(frozen=True, slots=True)
class Forgery:
    """A write that one of our policies must refuse; it is only ever sent as a dry run."""

    policy: str
    """The policy that must refuse it, by name."""
    kind: str
    """A kind of ours, or ConfigMap."""
    namespace: str
    body: Mapping[str, Any]
    """The object to create; with ``name``: what to merge into its status."""
    name: str = ""
    user: str | None = None
    """Whom to impersonate; None: it is the operator's own write."""


@dataclass(frozen=True, slots=True)
class Live:
    """What is in a target namespace: the objects that were asked for and exist, and its pods."""

    objects: Mapping[Ref, Mapping[str, Any]]
    pods: tuple[Mapping[str, Any], ...] = ()


class Admission(Protocol):
    """Admission in the API server, as the self-test looks at it."""

    async def account(self) -> str:
        """The name under which the API server knows the operator. Raises PortError."""
        ...

    async def registered(self) -> Registered:
        """Everything registered there, read afresh. Raises PortError."""
        ...

    async def refused_by(self, forgery: Forgery) -> tuple[str, ...]:
        """The policies that refused it; empty where it was let through.

        Raises PortError where no policy was asked: RBAC, a missing object or a time-out came before.
        """
        ...


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a Job ended, and what its newest pod wrote last, bounded; secret values may be in there."""

    succeeded: bool
    message: str
    log: str = ""


@dataclass(frozen=True, slots=True)
class PulledChart:
    """A chart's bytes in the content-addressed cache, checked against ``digest`` when pulled and whenever used."""

    digest: str
    path: Path


class Signatures(Protocol):
    """Signatures on evidence. Nothing is fetched: what is trusted says all there is to know."""

    async def verified(self, attestation: str, trust: Trust) -> Signature:
        """Who signed it, of those whom ``trust`` names; never raises, for what cannot be verified does not count."""
        ...


class NoSignatures:
    """Where nobody can verify: nothing is signed."""

    async def verified(self, attestation: str, trust: Trust) -> Signature:
        """That it cannot be verified."""
        del attestation, trust
        return Unsigned("cannot be verified by this operator")


class Charts(Protocol):
    """Chart registries and repositories, behind a cache by digest."""

    async def resolve(self, chart: Chart) -> str:
        """The digest the reference stands for: the pinned one, else what the registry says now. Raises ChartError."""
        ...

    async def pull(self, chart: Chart, digest: str) -> PulledChart:
        """The chart with exactly that digest; from the registry at most once. Raises ChartError."""
        ...


class HelmOutcome(StrEnum):
    """How a Helm action ended."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


@dataclass(frozen=True, slots=True)
class HelmResult:
    """The end of a Helm action: ``message`` is Helm's last words, bounded, without secret values."""

    outcome: HelmOutcome
    message: str = ""
    revision: int = 0
    log: str = ""
    """Of a test: what its pods wrote last, bounded, where they are still there. Secret values may be in there."""


@dataclass(frozen=True, slots=True)
class HelmJob:
    """One component to be brought to the cluster."""

    namespace: str
    helm_release: str
    chart: PulledChart
    values: Mapping[str, Any]
    timeout: timedelta
    labels: Mapping[str, str] = field(default_factory=dict)
    """Our labels for the release: release digest, plan, promotion UID, version (see policy.labels)."""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a chart renders to, without touching the cluster; Helm test hooks are included in ``hooks`` only."""

    objects: tuple[Mapping[str, Any], ...]
    hooks: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """What Helm's storage says of one revision: chart, given values and manifests, hooks and tests included."""

    chart: str
    chart_version: str
    values: Mapping[str, Any]
    objects: tuple[Mapping[str, Any], ...]


class RenderError(PortError):
    """The chart does not render with these values (template error, values.schema.json): the message says where."""


class Helm(Protocol):
    """Helm, as the virtual deployer of the namespace. One action per release at a time is the caller's duty."""

    async def revisions(
        self, namespace: str, application: str, *, fresh: bool = True, also: Collection[str] = ()
    ) -> tuple[Revision, ...]:
        """What Helm's storage there holds of releases called ``<application>-<component>`` or ``also``. One API call.

        Not ``fresh``: the API server may answer from its cache, which is good enough to show and never to act.
        """
        ...

    async def recorded(self, namespace: str, helm_release: str, revision: int) -> Recorded | None:
        """What that revision was made of; None where it is not there, or not readable as a Helm release."""
        ...

    async def render(self, job: HelmJob) -> Rendered:
        """Render offline, for this cluster's version and APIs. Raises RenderError."""
        ...

    async def upgrade(self, job: HelmJob) -> HelmResult:
        """Install or upgrade, and wait until ready. Never raises for a failed action."""
        ...

    async def rollback(
        self, namespace: str, helm_release: str, revision: int, timeout: timedelta, *, hooks: bool = True
    ) -> HelmResult:
        """Back to ``revision``, and wait until ready; with the chart's rollback ``hooks`` unless told otherwise."""
        ...

    async def uninstall(self, namespace: str, helm_release: str, timeout: timedelta) -> HelmResult:
        """Remove the release and its history; success where there is none."""
        ...

    async def test(self, namespace: str, helm_release: str, timeout: timedelta) -> HelmResult:
        """Run the chart's tests; success where it has none."""
        ...

    async def unlock(self, namespace: str, helm_release: str, revision: int) -> None:
        """Mark a revision that a killed process left pending as failed."""
        ...

    def cancel(self, namespace: str, helm_release: str) -> None:
        """End a running action of that release so that Helm records it as failed; nothing where none runs."""
        ...


class Severity(StrEnum):
    """Kubernetes event types."""

    NORMAL = "Normal"
    WARNING = "Warning"


class Events(Protocol):
    """Kubernetes Events: for people watching, never the record."""

    def emit(self, obj: AnyObject, severity: Severity, reason: str, message: str) -> None:
        """Queue an event about ``obj``; never blocks, never raises."""
        ...


class Metrics(Protocol):
    """Counters and gauges; unknown names raise KeyError in tests and production alike."""

    def count(self, name: str, **labels: str) -> None:
        """Add one to the counter ``name``."""
        ...

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Record a duration in the histogram ``name``."""
        ...

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set the gauge ``name``."""
        ...


class Archive(Protocol):
    """Where records of the audit trail are kept outside the cluster, each under its own name, written once."""

    async def put(self, name: str, content: bytes, until: datetime) -> None:
        """Have ``content`` under ``name``, read back and compared; nothing where it is there already.

        It is to be kept ``until`` then, as far as the store can see to that. Raises TamperedError where something else
        is there, and PortError.
        """
        ...

    async def get(self, name: str) -> bytes | None:
        """What is under that name; None where nothing is. Raises PortError."""
        ...

    async def names(self, folder: str, after: str = "") -> Sequence[str]:
        """The names that begin with ``folder`` and come behind ``after``, sorted. Raises PortError."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """What the cluster holds of a chain."""

    first: int
    """The number of its first record there; 0: it has none."""
    head: Head
    link: Link | None
    """What joins it to the archive, where a part is only there."""
    hold: Hold = Hold()
    """The legal hold that was sealed last."""


class Audit(Protocol):
    """The audit trail: one hash chain a stack (see policy.audit)."""

    async def seal(self, stack: str, entry: AuditEntry) -> None:
        """Have ``entry`` in the chain of ``stack``; nothing where it is there already, so that it may be called on
        every pass. Raises PortError: then it may not be recorded, and what depends on it must not happen.
        """
        ...

    async def sealed(self, stack: str, uid: str, action: AuditAction, key: str = "") -> bool:
        """Whether that was sealed already; for whoever has to ask before gathering facts. Raises PortError."""
        ...

    async def began(self, stack: str) -> datetime | None:
        """When the oldest record of the stack that is still in the cluster was sealed. Raises PortError."""
        ...

    async def rules(self) -> Sequence[SealedRule]:
        """The last record of every rule object of every stack. Raises PortError."""
        ...

    async def rule(self, kind: str, namespace: str, name: str) -> AuditRecord | None:
        """The last record of a rule object, read from the cluster. Raises PortError."""
        ...


class ChainStore(Protocol):
    """The audit trail as whoever archives it sees it."""

    async def spans(self) -> Mapping[str, Span]:
        """Every stack with records in the cluster. Raises PortError."""
        ...

    async def seal(self, stack: str, entry: AuditEntry) -> None:
        """As ``Audit.seal``."""
        ...

    async def pruned(self, stack: str, first: int) -> None:
        """The records before that number are gone from the cluster."""
        ...

    async def resume(self, stack: str, head: Head, entry: AuditEntry) -> bool:
        """Go on behind a head that only the archive has, with ``entry``; False where the chain is there or beyond."""
        ...


class Checkpoints(Protocol):
    """Who keeps the heads of the chains outside the cluster."""

    async def post(self, content: Mapping[str, Any]) -> None:
        """Sign it and have it kept there. Raises PortError."""
        ...


class Leadership(Protocol):
    """The leader Lease."""

    @property
    def holder(self) -> str:
        """This process's identity."""
        ...

    async def fence(self) -> int:
        """The fencing number, after a fresh look that the Lease is still ours. Raises NotLeaderError."""
        ...


class NotLeaderError(PortError):
    """Another operator holds the Lease, or ours has run out: start nothing."""
