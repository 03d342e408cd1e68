"""Sprints and trains: pure arithmetic on the days of a calendar.

A sprint is a number of whole days; it is over at the midnight that ends its last day. The day that begins then is day 0
of the offsets of a train whose last sprint it was.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import count
from typing import Final
from zoneinfo import ZoneInfo

from lockflight.api import releasecalendar as api
from lockflight.api.releasecalendar import Every, TrainRule
from lockflight.policy.cadence.offsets import BusinessDay, InvalidCalendar, after, at, offset
from lockflight.policy.time.zones import both_clocks

_MONTHS: Final = {Every.MONTH: 1, Every.QUARTER: 3}


@dataclass(frozen=True, slots=True)
class Sprint:
    """One sprint: its first and last day, and its number, 0 for the one that begins at spec.sprint.start."""

    index: int
    start: date
    end: date


@dataclass(frozen=True, slots=True)
class Train:
    """One train. [production, until) is when it enters production."""

    index: int
    name: str
    start: date
    """First day of its first sprint."""
    end: date
    """Last day of its last sprint."""
    cut_off: datetime
    candidate: datetime
    production: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Trains:
    """The sprints and trains of a calendar."""

    sprints: api.Sprint
    rule: TrainRule
    zone: ZoneInfo
    works: BusinessDay
    _known: dict[int, Train] = field(default_factory=dict, compare=False, repr=False)
    """Trains that were asked for before: gates ask for the same few again and again."""

    @property
    def first_day(self) -> date:
        """The day on which the first sprint begins."""
        return date.fromisoformat(self.sprints.start)

    @property
    def sprint_days(self) -> int:
        """Days in a sprint."""
        text = self.sprints.length or api.DEFAULT_LENGTH
        return int(text[:-1]) * (7 if text[-1] == "w" else 1)

    def sprint(self, day: date) -> Sprint:
        """The sprint that ``day`` is in; before the first one by counting back."""
        index = (day - self.first_day).days // self.sprint_days
        start = self.first_day + timedelta(days=index * self.sprint_days)
        return Sprint(index, start, start + timedelta(days=self.sprint_days - 1))

    def of_sprint(self, sprint: Sprint) -> int:
        """The index of the train that collects ``sprint``."""
        months = _MONTHS.get(self.rule.every) if self.rule.every else None
        if months is None:
            return sprint.index // (self.rule.sprints or api.DEFAULT_SPRINTS)
        return (sprint.end.year * 12 + sprint.end.month - 1) // months

    def train(self, index: int) -> Train:
        """The train of that index. Raises InvalidCalendar where its times do not follow one another."""
        known = self._known.get(index)
        if known is not None:
            return known
        rule, (start, end) = self.rule, self._days(index)
        day = end + timedelta(days=1)
        production = self._at(rule.production or api.DEFAULT_PRODUCTION, day)
        train = Train(
            index=index,
            name=self._name(end),
            start=start,
            end=end,
            cut_off=self._at(rule.cut_off or api.DEFAULT_CUT_OFF, day),
            candidate=self._at(rule.candidate or api.DEFAULT_CANDIDATE, day),
            production=production,
            until=after(production, rule.production_for or api.DEFAULT_PRODUCTION_FOR, self.zone, self.works),
        )
        if not train.cut_off <= train.candidate <= train.production < train.until:
            raise InvalidCalendar(self._disorder(train))
        self._known[index] = train
        return train

    def begins(self, sprint: Sprint) -> datetime:
        """The instant at which ``sprint`` begins."""
        return at(sprint.start, time(0), self.zone)

    def since(self, day: date) -> Iterator[Train]:
        """All trains, endlessly, from the first that might have a time on or after ``day``; none from before the start.

        Raises InvalidCalendar.
        """
        for index in count(self.of_sprint(self.sprint(max(self.first_day, day - self._reach())))):
            yield self.train(index)

    def _reach(self) -> timedelta:
        """How many days after day 0 the last of a train's times may lie, generously."""
        texts = (self.rule.production or api.DEFAULT_PRODUCTION, self.rule.production_for or api.DEFAULT_PRODUCTION_FOR)
        found = [re.match(r"[+-]?([0-9]+)(bd|d|h)", text) for text in texts]
        days = sum(int(part[1]) // (24 if part[2] == "h" else 1) for part in found if part)
        return timedelta(days=2 * days + 30)

    def _days(self, index: int) -> tuple[date, date]:
        months = _MONTHS.get(self.rule.every) if self.rule.every else None
        if months is None:
            length = (self.rule.sprints or api.DEFAULT_SPRINTS) * self.sprint_days
            start = self.first_day + timedelta(days=index * length)
            return start, start + timedelta(days=length - 1)
        opens, closes = _month(index * months), _month((index + 1) * months)
        first, last = self.sprint(opens), self.sprint(closes)
        return first.start, last.start - timedelta(days=1)

    def _name(self, last: date) -> str:
        every = self.rule.every
        if every is None:
            length = (self.rule.sprints or api.DEFAULT_SPRINTS) * self.sprint_days
            number = (last.timetuple().tm_yday - 1) // length + 1
        else:
            number = (last.month - 1) // _MONTHS[every] + 1
        pattern = self.rule.name or "{year}.{number}"
        values = {"year": last.year, "number": number, "month": last.month, "quarter": (last.month - 1) // 3 + 1}
        for key, value in values.items():
            pattern = pattern.replace("{" + key + "}", f"{value:02d}")
        return pattern

    def _at(self, text: str, day: date) -> datetime:
        return offset(text, day, self.zone, self.works)

    def _disorder(self, train: Train) -> str:
        times = {
            "cutOff": train.cut_off,
            "candidate": train.candidate,
            "production": train.production,
            "end of production": train.until,
        }
        said = ", ".join(f"{name} {both_clocks(when, self.zone)}" for name, when in times.items())
        return (
            f"spec.train: the times of train {train.name} do not follow one another ({said}): "
            "allowed is cutOff before candidate before production"
        )


def _month(index: int) -> date:
    return date(index // 12, index % 12 + 1, 1)
