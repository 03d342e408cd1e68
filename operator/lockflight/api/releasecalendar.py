"""ReleaseCalendar: sprints, the trains that leave at their end, and what must be ready by when."""

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
    ObjectName,
    RoleCount,
    Schema,
    Tier,
    Time,
    Timeout,
    keyed,
    rules,
    validations,
)
from lockflight.api.conditions import Conditions
from lockflight.api.freezewindow import Exempt, Override, RRule
from lockflight.api.governance import RuleStatus

DEFAULT_LENGTH = "2w"
DEFAULT_SPRINTS = 2
DEFAULT_CUT_OFF = "-3bd 17:00"
DEFAULT_CANDIDATE = "+0bd 09:00"
DEFAULT_PRODUCTION = "+1bd 09:00"
DEFAULT_PRODUCTION_FOR = "2bd"
DEFAULT_BACK_MERGE = "120h"

Day = Annotated[
    str,
    Field(
        pattern=r"^2[0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
        max_length=10,
        json_schema_extra=validations(
            Cel(
                "!self.matches('-(02-3|(04|06|09|11)-31)') && (!self.contains('-02-29') || "
                "int(self.substring(0, 4)) % 4 == 0 && (int(self.substring(0, 4)) % 100 != 0 || "
                "int(self.substring(0, 4)) % 400 == 0))",
                "no such day: write it like 2026-11-02",
            )
        ),
    ),
]
"""A day of the calendar, without time or zone."""

Offset = Annotated[
    str,
    Field(
        pattern=r"^(\+(0|[1-9][0-9]?)|-[1-9][0-9]?)(bd|d) ([01][0-9]|2[0-3]):[0-5][0-9]$",
        max_length=11,
    ),
]
"""Days (d) or business days (bd) from the day on which a train's last sprint is over, and a time on that day."""

Span = Annotated[str, Field(pattern=r"^([1-9][0-9]?(bd|d)|[1-9][0-9]{0,2}h)$", max_length=4)]
"""How long: business days (bd) or days (d) on the wall clock, or hours (h) of elapsed time."""


class Every(StrEnum):
    """Trains by the calendar instead of by a number of sprints."""

    MONTH = "Month"
    QUARTER = "Quarter"


class HolidayRule(Schema):
    """Which weekdays are no business days."""

    model_config = rules(
        Cel(
            "!has(self.subdivision) || has(self.country)",
            "a subdivision is a part of a country: name the country too",
            "subdivision",
        )
    )

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", max_length=2)] | None = Field(
        None, description="ISO 3166-1 code, such as DE: its public holidays and its weekend."
    )
    subdivision: Annotated[str, Field(pattern=r"^[A-Z0-9]{1,3}$", max_length=3)] | None = Field(
        None, description="ISO 3166-2 code without the country, such as BY."
    )
    dates: Annotated[tuple[Day, ...], Field(max_length=64, json_schema_extra=SET)] = Field(
        (), description="Further days."
    )


class Sprint(Schema):
    """When sprints begin and how long they are."""

    start: Day = Field(description="The first day of a sprint, from which all others are counted.")
    length: Annotated[str, Field(pattern=r"^[1-9][0-9]?[dw]$", max_length=3)] | None = Field(
        None, description=f"Weeks (w) or days (d). Default {DEFAULT_LENGTH}."
    )


def _order(first: str, first_default: str, then: str, then_default: str) -> Cel:
    """The rule that one offset is not after another; days and business days can only be compared by the operator."""

    def given(name: str, default: str) -> str:
        return f"(has(self.{name}) ? self.{name} : '{default}')"

    def minutes(text: str) -> str:
        parts = f"{text}.replace('bd', 'd').split('d ')"
        return f"(int({parts}[0]) * 1440 + int({parts}[1].substring(0, 2)) * 60 + int({parts}[1].substring(3)))"

    one, two = given(first, first_default), given(then, then_default)
    return Cel(
        f"{one}.contains('bd') != {two}.contains('bd') || {minutes(one)} <= {minutes(two)}",
        f"{first} lies after {then}: cutOff, candidate and production follow one another "
        f"(defaults {DEFAULT_CUT_OFF}, {DEFAULT_CANDIDATE}, {DEFAULT_PRODUCTION})",
        first,
    )


class TrainRule(Schema):
    """Which sprints make a train, and its times: offsets from the day on which its last sprint is over."""

    model_config = rules(
        Cel(
            "!has(self.sprints) || !has(self.every)",
            "a train has a number of sprints, or leaves every Month or Quarter: give one of them",
            "every",
        ),
        _order("cutOff", DEFAULT_CUT_OFF, "candidate", DEFAULT_CANDIDATE),
        _order("candidate", DEFAULT_CANDIDATE, "production", DEFAULT_PRODUCTION),
        Cel(
            "!has(self.name) || self.name.contains('{year}') && (self.name.contains('{number}') || "
            "has(self.every) && (self.every == 'Month' ? self.name.contains('{month}') : "
            "self.name.contains('{quarter}')))",
            "every train needs a name of its own: use {year} and {number} "
            "(or {month}, {quarter} with every: Month, Quarter)",
            "name",
        ),
    )

    sprints: Annotated[int, Field(ge=1, le=26)] | None = Field(
        None, description=f"How many sprints a train collects. Default {DEFAULT_SPRINTS}."
    )
    every: Every | None = Field(
        None, description="Instead: the sprints whose last day falls into the same month or quarter."
    )
    name: (
        Annotated[
            str, Field(pattern=r"^([A-Za-z0-9._-]|\{(year|number|month|quarter)\})+$", min_length=1, max_length=48)
        ]
        | None
    ) = Field(
        None,
        description="Name of a train: {year}, {number} in that year, {month}, {quarter} are those of its last day, "
        "with two digits. Default {year}.{number}.",
    )
    cut_off: Offset | None = Field(
        None, description=f"Scope: releases made before then are on the train. Default {DEFAULT_CUT_OFF}."
    )
    candidate: Offset | None = Field(
        None, description=f"From then on they may enter tier UAT. Default {DEFAULT_CANDIDATE}."
    )
    production: Offset | None = Field(
        None, description=f"From then on they may enter tier Production. Default {DEFAULT_PRODUCTION}."
    )
    production_for: Span | None = Field(
        None, description=f"How long; what has not started by then takes the next. Default {DEFAULT_PRODUCTION_FOR}."
    )


class CabMeeting(Schema):
    """A meeting of the change board that recurs."""

    model_config = rules(
        Cel(
            "!has(self.submitBy) || self.submitBy.startsWith('-') || "
            "self.submitBy.startsWith('+0') && self.submitBy.substring(size(self.submitBy) - 5) <= self.at",
            "submitBy lies after the meeting: count back from its day, such as -2bd 12:00",
            "submitBy",
        ),
        Cel(
            "!self.rrule.matches('BY(HOUR|MINUTE|SECOND)=')",
            "the time of day is in at: leave BYHOUR, BYMINUTE and BYSECOND out",
            "rrule",
        ),
    )

    name: Label = Field(description="Its name, for agendas and people.")
    rrule: Annotated[str, Field(pattern=r"^[A-Z]+=[A-Z0-9,+-]+(;[A-Z]+=[A-Z0-9,+-]+)*$", max_length=256)] = Field(
        description="The days, as an RFC 5545 recurrence rule that begins on sprint.start."
    )
    at: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length=5)] = Field(
        description="When it begins, on the wall clock of timeZone."
    )
    submit_by: Offset | None = Field(
        None,
        description="Changes raised before then are on the agenda, counted from its day. Default: until it begins.",
    )


class Cab(Schema):
    """The change board: when it meets, and how long before the work a change must be raised."""

    model_config = rules(
        Cel(
            "!has(self.minLeadTime) || self.minLeadTime.all(t, t in ['Standard', 'Normal'])",
            "lead times are for the change types Standard and Normal: an emergency has none",
            "minLeadTime",
        )
    )

    meetings: Annotated[tuple[CabMeeting, ...], Field(max_length=8, json_schema_extra=keyed("name"))] = ()
    min_lead_time: Annotated[
        dict[str, Span],
        Field(
            max_length=2,
            description="By change type, how long after a change was raised the work may start, such as Normal: 3bd.",
        ),
    ] = Field(default_factory=dict)


class OnHolidays(StrEnum):
    """Whether a change window opens on a day that is a holiday."""

    OPEN = "Open"
    CLOSED = "Closed"


class ChangeWindow(Schema):
    """A time in which changes of these types may start. Several windows are alternatives."""

    name: Label = Field(description="Its name in messages.")
    types: Annotated[tuple[ChangeType, ...], Field(min_length=1, max_length=3, json_schema_extra=SET)] = Field(
        description="The types of change it is for."
    )
    rrule: RRule
    duration: Timeout = Field(description="How long it stays open, elapsed: at most 366d.")
    on_holidays: OnHolidays | None = Field(
        None, description="Closed: it does not open on a day that is in holidays. Default Open."
    )


Around = Annotated[str, Field(pattern=r"^[1-9][0-9]?(bd|d)$", max_length=4)]
"""Whole days (d) or business days (bd)."""


class CriticalFreeze(Schema):
    """From the beginning of the first day to the end of the last, the date itself included."""

    before: Around | None = Field(None, description="How long before the date it begins. Default: with it.")
    after: Around | None = Field(None, description="How long after the date it ends. Default: with it.")


class CriticalDate(Schema):
    """A date around which nothing moves; without a year it comes every year."""

    name: Label = Field(description="What freezeOverride calls it.")
    date: Annotated[
        str,
        Field(
            pattern=r"^(2[0-9]{3}-)?(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
            max_length=10,
            json_schema_extra=validations(
                Cel("!self.matches('(02-3[01]|(04|06|09|11)-31)$')", "no such day: write it like 12-31 or 2027-03-15")
            ),
        ),
    ] = Field(description="Such as 12-31, or 2027-03-15 for once.")
    freeze: CriticalFreeze = CriticalFreeze()
    tiers: Annotated[tuple[Tier, ...], Field(max_length=5, json_schema_extra=SET)] = Field(
        (), description="Only these tiers. Default: all that follow the calendar."
    )
    exempt: Exempt | None = Field(None, description="What may move all the same.")
    override: Override | None = Field(None, description="Who may let a named change through. Default: nobody.")


class HotfixRule(Schema):
    """How a hotfix goes instead of by train, and who says that it is one."""

    model_config = rules(
        Cel(
            "self.tiers.exists(t, t == 'UAT') && self.tiers.exists(t, t == 'Production')",
            "a hotfix never skips the last tier before production: tiers names UAT and Production at least",
            "tiers",
        ),
        Cel(
            "!self.tiers.exists(t, t == 'Local')",
            "passing a Local environment proves nothing: leave Local out of tiers",
            "tiers",
        ),
    )

    tiers: Annotated[tuple[Tier, ...], Field(min_length=2, max_length=4, json_schema_extra=SET)] = Field(
        description="The tiers that a hotfix passes; those left out it may skip."
    )
    approvals: Annotated[tuple[RoleCount, ...], Field(min_length=1, max_length=8, json_schema_extra=keyed("role"))] = (
        Field(description="Needed on the normal change that says hotfix, beside those of its environments.")
    )
    back_merge_within: Timeout | None = Field(
        None,
        description="How long after production had it a Scheduled release must contain it. "
        f"Default {DEFAULT_BACK_MERGE}.",
    )


_DAYS = (
    "(!has(self.sprint.length) ? 14 : int(self.sprint.length.substring(0, size(self.sprint.length) - 1)) * "
    "(self.sprint.length.endsWith('w') ? 7 : 1))"
)


class ReleaseCalendarSpec(Schema):
    """The rhythm in which scope goes to production."""

    model_config = rules(
        Cel(
            f"!has(self.train) || !has(self.train.every) || {_DAYS} <= (self.train.every == 'Month' ? 28 : 84)",
            "in every month or quarter a sprint must end: with every: Month sprints have at most 4w, "
            "with Quarter at most 12w",
            "sprint.length",
        ),
    )

    time_zone: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$",
            max_length=64,
            description="IANA zone, such as Europe/Berlin: all times are on its wall clock.",
        ),
    ]
    sprint: Sprint
    train: TrainRule | None = None
    holidays: HolidayRule | None = Field(
        None, description="Days that are no business days, besides the weekend. Default: none."
    )
    cab: Cab | None = None
    change_windows: Annotated[tuple[ChangeWindow, ...], Field(max_length=32, json_schema_extra=keyed("name"))] = Field(
        (), description="When changes may start; rules are counted from the midnight of sprint.start."
    )
    critical_dates: Annotated[tuple[CriticalDate, ...], Field(max_length=32, json_schema_extra=keyed("name"))] = Field(
        (), description="Dates around which nothing moves."
    )
    hotfix: HotfixRule | None = Field(None, description="Default: a hotfix goes as every release does.")


class SprintStatus(Schema):
    """The sprint that is on."""

    number: int = Field(description="Its number in the train.")
    start: Annotated[str, Field(max_length=10)] = Field(description="Its first day.")
    end: Annotated[str, Field(max_length=10)] = Field(description="Its last day.")
    train: ObjectName = Field(description="The train it works for.")


class TrainStatus(Schema):
    """A train's times."""

    name: ObjectName = Field(description="Its name.")
    cut_off: Time = Field(description="Releases made before then are on it.")
    candidate: Time = Field(description="Tier UAT from then on.")
    production: Time = Field(description="Tier Production from then on.")
    production_until: Time = Field(description="Until then.")


class MeetingStatus(Schema):
    """A meeting of the change board."""

    name: ObjectName = Field(description="Its name.")
    at: Time = Field(description="When it begins.")
    submit_by: Time = Field(description="Changes raised before then are on its agenda.")


class Period(Schema):
    """[start, end) of a freeze or window."""

    name: ObjectName = Field(description="The critical date or change window.")
    start: Time = Field(description="From then on.")
    end: Time = Field(description="Until then.")


class HotfixCount(Schema):
    """Hotfixes that production had, of all stacks whose production follows this calendar."""

    count: int = Field(description="How many Releases on record.")
    not_merged: Annotated[tuple[Annotated[str, Field(max_length=512)], ...], Field(max_length=64)] = Field(
        (), description="Those that no release contains yet, namespace/name, the earliest deadline first."
    )


class ReleaseCalendarStatus(RuleStatus):
    """What the operator made of it, which gates do not rest on, and what people decided about it."""

    observed_generation: int = Field(0, description="The generation of the spec that status speaks of.")
    conditions: Conditions = ()
    sprint: SprintStatus | None = Field(None, description="The sprint that is on; absent before the first.")
    train: ObjectName | None = Field(None, description="The train that a release made now would be on.")
    cut_off: Time | None = Field(None, description="Its cut-off.")
    trains: Annotated[tuple[TrainStatus, ...], Field(max_length=6)] = Field(
        (), description="The next six trains that have not left for good."
    )
    next_meeting: MeetingStatus | None = Field(None, description="The change board's next meeting.")
    freezes: Annotated[tuple[Period, ...], Field(max_length=6)] = Field(
        (), description="The freezes around critical dates that are on or come next."
    )
    windows: Annotated[tuple[Period, ...], Field(max_length=32)] = Field(
        (), description="Of each change window the one that is open, else the next."
    )
    hotfixes: HotfixCount | None = Field(None, description="Absent where production had none.")


class ReleaseCalendar(Schema):
    """Sprints and trains. In the root namespace every stack may refer to it, elsewhere its own."""

    api_version: Literal["lockflight.dev/v1alpha1"] = API_VERSION  # type: ignore[assignment]
    kind: Literal["ReleaseCalendar"] = "ReleaseCalendar"
    metadata: Meta
    spec: ReleaseCalendarSpec
    status: ReleaseCalendarStatus = ReleaseCalendarStatus()
