"""Business days: the weekend and the public holidays of a country or one of its parts, and dates of one's own."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from holidays import HolidayBase, country_holidays
from holidays.registry import COUNTRIES

from lockflight.policy.time.zones import InvalidTime

FURTHEST: Final = 400
"""The largest shift, in business days: more is a mistake."""
_WEEKEND: Final = frozenset({5, 6})
_DAY: Final = timedelta(days=1)


class Holidays:
    """Which days are business days. Make one with ``holidays``, which refuses an unknown country."""

    __slots__ = ("_country", "_named", "_weekend")

    def __init__(self, country: HolidayBase | None, dates: Sequence[date]) -> None:
        self._country = country
        self._named = frozenset(dates)
        self._weekend = frozenset(country.weekend) if country is not None else _WEEKEND

    def holiday(self, day: date) -> str | None:
        """Why ``day`` is a holiday, for people; None where it is none. Weekends are not holidays."""
        if day in self._named:
            return "holiday"
        return self._country.get(day) if self._country is not None else None

    def is_business_day(self, day: date) -> bool:
        """Neither weekend nor holiday."""
        return day.weekday() not in self._weekend and self.holiday(day) is None

    def shift(self, day: date, by: int) -> date:
        """The ``by``-th business day after ``day``, before it where negative; for 0 it, or the next one.

        Raises InvalidTime where ``by`` is more than 400, or there are no business days for years.
        """
        if abs(by) > FURTHEST:
            msg = f"{by}bd is too far: allowed are {FURTHEST} business days either way"
            raise InvalidTime(msg)
        step, left, found = (-_DAY if by < 0 else _DAY), abs(by), day
        if by == 0:
            found, left = day - _DAY, 1
        for _ in range(FURTHEST * 5):
            found += step
            left -= self.is_business_day(found)
            if left == 0:
                return found
        msg = f"there are hardly any business days around {day}: see holidays"
        raise InvalidTime(msg)


def holidays(
    country: str | None = None,
    subdivision: str | None = None,
    dates: Sequence[str] = (),
    field: str = "spec.holidays",
) -> Holidays:
    """The business days of a country (ISO 3166-1, two letters) and subdivision (ISO 3166-2, without the country).

    Without a country the weekend is Saturday and Sunday. Raises InvalidTime.
    """
    found = _holidays(country, subdivision, tuple(dates), field)
    if isinstance(found, InvalidTime):
        raise found
    return found


@lru_cache(maxsize=1024)
def _holidays(
    country: str | None, subdivision: str | None, dates: tuple[str, ...], field: str
) -> Holidays | InvalidTime:
    days: list[date] = []
    for text in dates:
        try:
            days.append(date.fromisoformat(text))
        except ValueError:
            return InvalidTime(f"{field}.dates has {text!r}: write days such as 2026-12-24")
    if country is None:
        if subdivision is not None:
            return InvalidTime(f"{field}.subdivision is {subdivision}: give its country too")
        return Holidays(None, days)
    known = _countries()
    if country not in known:
        return InvalidTime(f"{field}.country is {country!r}: allowed are the ISO codes {', '.join(sorted(known))}")
    try:
        calendar = country_holidays(country, subdiv=subdivision, language="en_US")
    except NotImplementedError:
        parts = ", ".join(country_holidays(country).subdivisions) or "none"
        return InvalidTime(f"{field}.subdivision is {subdivision!r}: {country} has {parts}")
    return Holidays(calendar, days)


def _countries() -> frozenset[str]:
    return frozenset(codes[1] for codes in COUNTRIES.values())
