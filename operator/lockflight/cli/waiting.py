"""Waiting with a deadline."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import click

from lockflight.api.common import parse_duration
from lockflight.cli.app import App
from lockflight.cli.errors import TimedOutError, UnreachableError

T = TypeVar("T")

INTERVAL, PATIENT_INTERVAL = 1.0, 5.0
"""Seconds between two looks: in the first minute, and after it."""


class DurationType(click.ParamType[timedelta]):
    """A duration such as 30m or 1h30m."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The duration, or wrong usage."""
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(str(value))
        except ValueError as problem:
            self.fail(str(problem), param, ctx)


DURATION = DurationType()

timeout_option = click.option(
    "--timeout", type=DURATION, default="30m", show_default=True, help="How long --wait waits."
)


def wait_for(app: App, timeout: timedelta, look: Callable[[], T | None], waiting: Callable[[], str]) -> T:
    """What ``look`` finds, looked for again and again.

    An API server that is away for a while ends no wait. Raises TimedOutError, which says what it was waiting for, or
    UnreachableError where the server is away when the time is up.
    """
    start = app.now()
    while True:
        away: UnreachableError | None = None
        try:
            found = look()
        except UnreachableError as problem:
            found, away = None, problem
        if found is not None:
            return found
        waited = app.now() - start
        if waited >= timeout:
            if away is not None:
                raise away
            msg = f"time is up: {waiting()}"
            raise TimedOutError(msg)
        app.sleep(INTERVAL if waited < timedelta(minutes=1) else PATIENT_INTERVAL)
