"""Waiting with a deadline."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import click

from lockflight.api.common import parse_duration
from lockflight.cli.app import App
from lockflight.cli.errors import TimedOutError

T = TypeVar("T")

INTERVAL = 1.0
"""Seconds between two looks."""


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
    """What ``look`` finds, looked for once a second. Raises TimedOutError, which says what it was waiting for."""
    deadline = app.now() + timeout
    while True:
        found = look()
        if found is not None:
            return found
        if app.now() >= deadline:
            msg = f"time is up: {waiting()}"
            raise TimedOutError(msg)
        app.sleep(INTERVAL)
