"""The kinds, with the names the API server and people know them by."""

from dataclasses import dataclass

from lockflight.api.auditrecord import AuditRecord
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.delegation import Delegation
from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.promotion import Promotion
from lockflight.api.release import Release
from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.api.standardchange import StandardChange

Living = (
    Environment | Release | Promotion | ChangeRequest | FreezeWindow | ReleaseCalendar | StandardChange | Delegation
)
"""The kinds that are reconciled: they have a status, and are watched."""

AnyObject = Living | AuditRecord
"""Every kind of ours."""


@dataclass(frozen=True, slots=True)
class Column:
    """A printer column: what ``kubectl get`` shows; priority 1 with ``-o wide`` only."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind and its names."""

    name: str
    plural: str
    short: str
    model: type[AnyObject]
    columns: tuple[Column, ...]


def _ready(kind: str, field: str) -> str:
    return f'.status.conditions[?(@.type=="{kind}")].{field}'


_AGE = Column("Age", ".metadata.creationTimestamp", "date")

ENVIRONMENT = Kind(
    "Environment",
    "environments",
    "lfenv",
    Environment,
    (
        Column("Tier", ".spec.tier"),
        Column("Promotes from", ".spec.promotesFrom"),
        Column("Ready", _ready("Ready", "status")),
        Column("Running", ".status.running"),
        Column("Message", _ready("Ready", "message"), priority=1),
        _AGE,
    ),
)
RELEASE = Kind(
    "Release",
    "releases",
    "lfrel",
    Release,
    (
        Column("Application", ".spec.application"),
        Column("Version", ".spec.version"),
        Column("Ready", _ready("Ready", "status")),
        Column("Passed", ".status.passed"),
        Column("Train", ".status.train"),
        Column("Type", ".spec.type", priority=1),
        Column("BackMerged", _ready("BackMerged", "reason"), priority=1),
        Column("Message", _ready("Ready", "message"), priority=1),
        Column("Digest", ".status.digest", priority=1),
        _AGE,
    ),
)
PROMOTION = Kind(
    "Promotion",
    "promotions",
    "lfpromo",
    Promotion,
    (
        Column("Release", ".spec.releaseRef.name"),
        Column("Environment", ".spec.environmentRef.name"),
        Column("Phase", ".status.phase"),
        Column("Waits for", ".status.waitsFor"),
        Column("Change", ".status.change", priority=1),
        Column("Plan", ".status.plan.digest", priority=1),
        _AGE,
    ),
)
CHANGE_REQUEST = Kind(
    "ChangeRequest",
    "changerequests",
    "lfchg",
    ChangeRequest,
    (
        Column("Type", ".spec.type"),
        Column("Release", ".status.subject"),
        Column("Risk", ".status.risk.effective"),
        Column("Approvals", ".status.approvalsSummary"),
        Column("Schedule", ".spec.schedule.start"),
        Column("Phase", ".status.phase"),
        Column("Waits for", ".status.waitsFor"),
        Column("Plan", ".status.planDigest", priority=1),
        _AGE,
    ),
)
FREEZE_WINDOW = Kind(
    "FreezeWindow",
    "freezewindows",
    "lffw",
    FreezeWindow,
    (
        Column("Phase", ".status.phase"),
        Column("Active until", ".status.active.end"),
        Column("Next", ".status.next.start"),
        Column("Zone", ".spec.timeZone"),
        Column("Reason", ".spec.reason"),
        Column("Start", ".spec.start", priority=1),
        Column("End", ".spec.end", priority=1),
        Column("Recurs", ".spec.recurrence.rrule", priority=1),
        _AGE,
    ),
)
RELEASE_CALENDAR = Kind(
    "ReleaseCalendar",
    "releasecalendars",
    "lfcal",
    ReleaseCalendar,
    (
        Column("Train", ".status.train"),
        Column("Cut-off", ".status.cutOff"),
        Column("Zone", ".spec.timeZone"),
        Column("Ready", _ready("Ready", "status")),
        Column("Sprint begun", ".status.sprint.start", priority=1),
        Column("Message", _ready("Ready", "message"), priority=1),
        _AGE,
    ),
)
DELEGATION = Kind(
    "Delegation",
    "delegations",
    "lfdel",
    Delegation,
    (
        Column("From", ".spec.from"),
        Column("To", ".spec.to"),
        Column("Roles", ".spec.roles"),
        Column("Phase", ".status.phase"),
        Column("Until", ".spec.end"),
        _AGE,
    ),
)

STANDARD_CHANGE = Kind(
    "StandardChange",
    "standardchanges",
    "lfstd",
    StandardChange,
    (
        Column("Title", ".spec.title"),
        Column("Ready", _ready("Ready", "status")),
        Column("Approvals", ".status.approvalsSummary"),
        Column("Used", ".status.used", "integer"),
        Column("Valid until", ".spec.validUntil"),
        Column("Message", _ready("Ready", "message"), priority=1),
        _AGE,
    ),
)

AUDIT_RECORD = Kind(
    "AuditRecord",
    "auditrecords",
    "lfaudit",
    AuditRecord,
    (
        Column("Stack", ".spec.stack"),
        Column("Action", ".spec.action"),
        Column("Kind", ".spec.subject.kind"),
        Column("Subject", ".spec.subject.name"),
        Column("By", ".spec.by"),
        Column("At", ".spec.at"),
        Column("Hash", ".spec.hash", priority=1),
    ),
)

LIVING = (
    ENVIRONMENT,
    RELEASE,
    PROMOTION,
    CHANGE_REQUEST,
    FREEZE_WINDOW,
    RELEASE_CALENDAR,
    STANDARD_CHANGE,
    DELEGATION,
)
"""The kinds that are reconciled and watched."""
KINDS = (*LIVING, AUDIT_RECORD)
BY_NAME = {kind.name: kind for kind in KINDS}
BY_PLURAL = {kind.plural: kind for kind in KINDS}
