"""FreezeWindow: a time in which nothing moves, and who is exempt."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from lockflight.api.common import (
    API_VERSION,
    SET,
    Cel,
    ChangeType,
    Label,
    Meta,
    Reason,
    RoleCount,
    Schema,
    Text,
    Tier,
    Time,
    Timeout,
    keyed,
    rules,
    validations,
)
from lockflight.api.conditions import Conditions
from lockflight.api.governance import RuleStatus

WallClock = Annotated[
    str,
    Field(
        pattern=r"^2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}$",
        max_length=19,
        description="Date and time on the wall clock of timeZone, such as 2026-12-18T18:00:00.",
        json_schema_extra=validations(
            Cel(
                "self.matches('-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$') "
                "&& !self.matches('-(02-3|(04|06|09|11)-31)') && (!self.contains('-02-29') || "
                "int(self.substring(0, 4)) % 4 == 0 && (int(self.substring(0, 4)) % 100 != 0 || "
                "int(self.substring(0, 4)) % 400 == 0))",
                "no such day or time: write it like 2026-12-18T18:00:00",
            )
        ),
    ),
]
"""A local date and time in the window's zone, without an offset."""


class Selector(Schema):
    """Which environments: AND between the two lists, OR inside a list; both empty: all."""

    tiers: Annotated[tuple[Tier, ...], Field(max_length=5, json_schema_extra=SET)] = ()
    names: Annotated[tuple[Label, ...], Field(max_length=32, json_schema_extra=SET)] = Field(
        (), description="Environments by name."
    )


class Exempt(Schema):
    """What may move all the same."""

    change_types: Annotated[tuple[ChangeType, ...], Field(max_length=3, json_schema_extra=SET)] = ()
    hotfixes: bool | None = Field(
        None, description="Hotfix releases, while an approved change says that they are one. Default false."
    )


RRule = Annotated[
    str,
    Field(
        pattern=r"^[A-Z]+=[-+A-Z0-9,]+(;[A-Z]+=[-+A-Z0-9,]+)*$",
        max_length=256,
        description="Recurrence rule of RFC 5545, such as FREQ=MONTHLY;BYDAY=-1FR: hourly at most.",
        json_schema_extra=validations(
            Cel(
                "self.matches('(^|;)FREQ=(HOURLY|DAILY|WEEKLY|MONTHLY|YEARLY)(;|$)')",
                "FREQ is HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY: what begins more often is no window",
            ),
            Cel("!(self.contains('COUNT=') && self.contains('UNTIL='))", "COUNT and UNTIL: give one of them"),
        ),
    ),
]
"""When something begins again, on the wall clock."""


class Recurrence(Schema):
    """The window comes again: at ``start`` first, then as the rule says."""

    rrule: RRule
    duration: Timeout = Field(description="How long each one lasts, elapsed: at most 366d.")


class Override(Schema):
    """Whose approvals let a change through that names this window in freezeOverride, or lift it."""

    approvals: Annotated[tuple[RoleCount, ...], Field(min_length=1, max_length=8, json_schema_extra=keyed("role"))] = (
        Field(description="Needed on that change, or here for lifting it.")
    )
    emergency: (
        Annotated[tuple[RoleCount, ...], Field(min_length=1, max_length=8, json_schema_extra=keyed("role"))] | None
    ) = Field(None, description="Needed instead where it is an emergency.")


class OnRunning(StrEnum):
    """What becomes of work that runs when the freeze begins."""

    FINISH = "Finish"
    ABORT = "Abort"


class FreezeWindowSpec(Schema):
    """When nothing moves. Half-open: [start, end)."""

    model_config = rules(
        Cel("!has(self.end) || self.start < self.end", "end must lie after start; leave it out: until lifted", "end"),
        Cel(
            "!has(self.end) || !has(self.recurrence)",
            "recurrence stands instead of end: each one ends after recurrence.duration",
            "end",
        ),
        Cel("!has(oldSelf.lift) || has(self.lift)", "a lifted freeze stays lifted: declare another one", "lift"),
    )

    reason: Text = Field(description="Why nothing may move.")
    time_zone: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$",
            max_length=64,
            description="IANA zone, such as Europe/Berlin.",
        ),
    ]
    start: WallClock
    end: WallClock | None = Field(None, description="Absent, and no recurrence: until lifted ('stop the line').")
    recurrence: Recurrence | None = Field(None, description="Instead of end: it comes again.")
    environments: Selector | None = Field(None, description="Which environments. Default: all.")
    applications: Annotated[
        tuple[Label, ...], Field(max_length=64, json_schema_extra=SET, description="Empty: all.")
    ] = ()
    exempt: Exempt | None = Field(None, description="What may move all the same.")
    override: Override | None = Field(None, description="Who may let a named change through. Default: nobody.")
    on_running: OnRunning | None = Field(
        None,
        description="Finish: what runs when it begins may end, and go back. Abort: it is cancelled and taken back. "
        "A way back is never cancelled. Default Finish.",
    )
    lift: Reason | None = Field(
        None,
        description="Ends the freeze, at once or, where it has an override, with its approvals on this very object; "
        "the object stays as the record.",
    )


class FreezePhase(StrEnum):
    """A summary for people."""

    UPCOMING = "Upcoming"
    ACTIVE = "Active"
    ENDED = "Ended"
    LIFTED = "Lifted"
    INVALID = "Invalid"


class Occurrence(Schema):
    """[start, end) as instants."""

    start: Time = Field(description="From then on.")
    end: Time | None = Field(None, description="Until then; absent: until lifted.")


class FreezeWindowStatus(RuleStatus):
    """What the operator made of it, which gates do not rest on, and what people decided about an edit."""

    observed_generation: int = Field(0, description="The generation of the spec that status speaks of.")
    conditions: Conditions = ()
    phase: FreezePhase | None = None
    active: Occurrence | None = Field(None, description="The one that holds now; of several that which ends last.")
    next: Occurrence | None = Field(None, description="The one that begins next.")
    lifted_at: Time | None = Field(
        None, description="When its lifting had the override's approvals; it holds nothing from then on."
    )
    next_transition: Time | None = Field(None, description="When phase, active or next change by time alone.")
    environments: Annotated[
        tuple[Annotated[str, Field(max_length=512)], ...],
        Field(max_length=64, description="Environments it selects, namespace/name, as far as they are shown."),
    ] = ()
    affected: Annotated[
        tuple[Annotated[str, Field(max_length=512)], ...],
        Field(max_length=64, description="Waiting promotions it holds, namespace/name."),
    ] = ()


class FreezeWindow(Schema):
    """A time in which nothing moves. In the root namespace it binds every stack, elsewhere its own."""

    api_version: Literal["lockflight.dev/v1alpha1"] = API_VERSION  # type: ignore[assignment]
    kind: Literal["FreezeWindow"] = "FreezeWindow"
    metadata: Meta
    spec: FreezeWindowSpec
    status: FreezeWindowStatus = FreezeWindowStatus()
