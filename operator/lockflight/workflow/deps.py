"""What the workflow works with: the ports, the store and a few numbers."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lockflight import ports
from lockflight.api.common import Tier
from lockflight.policy.comparison import Difference
from lockflight.policy.facts import Facts, Ref
from lockflight.policy.model import PlanProblem
from lockflight.policy.rbac import Holding
from lockflight.policy.unauthorised import Finding
from lockflight.workflow.findings import Findings
from lockflight.workflow.plancache import PlanCache
from lockflight.workflow.running import PartCache
from lockflight.workflow.slots import Slots
from lockflight.workflow.store import Store

if TYPE_CHECKING:
    from lockflight.workflow.driftrounds import Look


def _no_policies(_: str) -> Iterable[Mapping[str, Any]]:
    return ()


@dataclass(frozen=True, slots=True)
class Options:
    """The settings that decisions depend on."""

    root_namespace: str = "lockflight-system"
    values_max_bytes: int = 262_144
    """Largest size of the values of one component, as canonical JSON."""
    plan_retry: timedelta = timedelta(seconds=30)
    """When to try again what could not be judged or fetched."""
    secrets_key: bytes = b""
    """Key of the secrets digest; empty: none is recorded."""
    guarded: frozenset[Tier] = frozenset({Tier.UAT, Tier.PRODUCTION})
    """Tiers whose target namespaces refuse what their deployer does not write."""
    controllers: frozenset[str] = frozenset()
    """Programs that write in target namespaces by themselves, as the guard names them."""
    break_glass: str = "lockflight-break-glass"
    """The group that writes through broken glass."""
    policies: Callable[[str], Iterable[Mapping[str, Any]]] = _no_policies
    """The admission policies and bindings that must be in force, for the operator's account."""

    @property
    def own(self) -> frozenset[str]:
        """Programs that the access ladder does not bind: those, and the operator, whose namespace is guarded."""
        return self.controllers | {f"namespace:{self.root_namespace}"}


@dataclass(slots=True)
class Running:
    """A promotion that this process executes right now."""

    aborted: asyncio.Event = field(default_factory=asyncio.Event)
    helm_release: tuple[str, str] | None = None
    """Namespace and name of the Helm release being acted on."""
    aborted_by: str = ""
    """What aborted it, where that was not a person."""

    @property
    def words(self) -> str:
        """What is said of it once it is aborted."""
        return f"aborted by {self.aborted_by}" if self.aborted_by else "aborted"


@dataclass(slots=True)
class Deps:
    """Everything a reconcile function may use."""

    clock: ports.Clock
    cluster: ports.Cluster
    admission: ports.Admission
    helm: ports.Helm
    charts: ports.Charts
    events: ports.Events
    metrics: ports.Metrics
    leadership: ports.Leadership
    audit: ports.Audit
    store: Store
    signatures: ports.Signatures = field(default_factory=ports.NoSignatures)
    options: Options = field(default_factory=Options)
    plans: PlanCache = field(default_factory=PlanCache)
    parts: PartCache = field(default_factory=PartCache)
    slots: Slots = field(default_factory=Slots)
    findings: Findings = field(default_factory=Findings)
    """Of the self-test."""
    running: dict[str, Running] = field(default_factory=dict)
    """By promotion UID."""
    applied: dict[str, tuple[Facts, ...]] = field(default_factory=dict)
    """By promotion UID: what is compared every minute with what it put there."""
    outside: dict[tuple[str, str], dict[Finding, str]] = field(default_factory=dict)
    """By environment UID and application: what the last comparison found there, and since when."""
    configured: dict[str, Any] = field(default_factory=dict)
    """By environment UID: for which spec, baseline and plans it was last judged whether its configuration changed."""
    sources_read: dict[str, datetime] = field(default_factory=dict)
    """By environment UID: when the ConfigMaps and Secrets of its values were last read for that."""
    differing: dict[tuple[str, str], tuple[Difference, ...]] = field(default_factory=dict)
    """By environment UID and application: how what runs differed from what was applied when that was last compared."""
    drift: dict[tuple[str, str], "Look"] = field(default_factory=dict)
    """By environment UID and application: what was last seen there, and when."""
    labelled: dict[tuple[str, tuple[Ref, ...]], tuple[datetime, Mapping[Ref, str] | PlanProblem]] = field(
        default_factory=dict
    )
    """By target namespace and what was asked about there: when, and the classes of data that were found."""
    cluster_rbac: tuple[datetime, Sequence[Mapping[str, Any]]] | None = None
    """ClusterRoles and ClusterRoleBindings, and when they were read."""
    held: dict[str, tuple[datetime, tuple[Holding, ...]]] = field(default_factory=dict)
    """By target namespace: when, and who was found to hold which access there."""
    targets: dict[tuple[str, str], str] = field(default_factory=dict)
    """(target namespace, application) to the UID of the promotion that starts or executes there."""
