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
    Schema,
    Text,
    Tier,
    Time,
    rules,
    validations,
)
from lockflight.api.conditions import Conditions

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
                "int(self.substring(0, 4)) % 4 == 0)",
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


class FreezeWindowSpec(Schema):
    """When nothing moves. Half-open: [start, end)."""

    model_config = rules(
        Cel("!has(self.end) || self.start < self.end", "end must lie after start; leave it out: until lifted", "end"),
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
    end: WallClock | None = Field(None, description="Absent: until lifted ('stop the line').")
    environments: Selector | None = Field(None, description="Which environments. Default: all.")
    applications: Annotated[
        tuple[Label, ...], Field(max_length=64, json_schema_extra=SET, description="Empty: all.")
    ] = ()
    exempt: Exempt | None = Field(None, description="What may move all the same.")
    lift: Reason | None = Field(None, description="Ends the freeze now; the object stays as the record.")


class FreezePhase(StrEnum):
    """A summary for people."""

    UPCOMING = "Upcoming"
    ACTIVE = "Active"
    ENDED = "Ended"
    LIFTED = "Lifted"
    INVALID = "Invalid"


class FreezeWindowStatus(Schema):
    """What the operator made of it. Advisory: gates judge the spec."""

    observed_generation: int = Field(0, description="The generation of the spec that status speaks of.")
    conditions: Conditions = ()
    phase: FreezePhase | None = None
    starts_at: Time | None = Field(None, description="The start as an instant.")
    ends_at: Time | None = Field(None, description="The end as an instant; absent while none is known.")
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
