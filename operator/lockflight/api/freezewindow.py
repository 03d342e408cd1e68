"""FreezeWindow: a time in which nothing moves, and who is exempt."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from lockflight.api.common import API_VERSION, ChangeType, Label, Meta, Reason, Schema, Text, Tier, Time
from lockflight.api.conditions import Conditions

WallClock = Annotated[
    str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}$", examples=["2026-12-18T18:00:00"])
]
"""A local date and time in the window's zone, without an offset."""


class Selector(Schema):
    """Which environments: AND between the two lists, OR inside a list; both empty: all."""

    tiers: Annotated[tuple[Tier, ...], Field(max_length=5)] = ()
    names: Annotated[tuple[Label, ...], Field(max_length=32)] = ()


class Exempt(Schema):
    """What may move all the same."""

    change_types: Annotated[tuple[ChangeType, ...], Field(max_length=3)] = ()


class FreezeWindowSpec(Schema):
    """When nothing moves. Half-open: [start, end)."""

    model_config = Schema.model_config | {
        "json_schema_extra": {
            "x-kubernetes-validations": [
                {"rule": "!has(self.end) || self.start < self.end", "message": "end must lie after start"},
                {
                    "rule": "!has(oldSelf.lift) || has(self.lift)",
                    "message": "a lifted freeze stays lifted: declare another one",
                },
            ]
        }
    }

    reason: Text
    time_zone: Annotated[str, Field(min_length=1, max_length=64, description="IANA zone, such as Europe/Berlin.")]
    start: WallClock
    end: WallClock | None = Field(None, description="Absent: until lifted ('stop the line').")
    environments: Selector | None = None
    applications: Annotated[tuple[Label, ...], Field(max_length=64)] = ()
    exempt: Exempt | None = None
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

    observed_generation: int = 0
    conditions: Conditions = ()
    phase: FreezePhase | None = None
    starts_at: Time | None = None
    ends_at: Time | None = None
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
