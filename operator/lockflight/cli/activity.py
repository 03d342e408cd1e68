"""``change new --activity``: a change that brings no release."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from lockflight.api.activity import ActivityKind
from lockflight.api.changerequest import Strategy
from lockflight.api.common import ChangeType


@dataclass(frozen=True, slots=True)
class Asked:
    """What people say of an activity on the command line."""

    kind: str | None = None
    description: str | None = None
    duration: str | None = None
    applications: Sequence[str] = ()
    strategy: str | None = None
    steps: Sequence[str] = ()

    def spec(self, environments: Sequence[str]) -> dict[str, Any]:
        """The change's spec as far as it follows from that. Raises click.UsageError."""
        if not (self.kind and self.description and self.duration and self.steps):
            msg = "--activity goes with --description, --duration and a --step for taking it back"
            raise click.UsageError(msg)
        given = {"kind": self.kind, "description": self.description, "duration": self.duration}
        return {
            "type": ChangeType.NORMAL.value,
            "title": f"{self.kind} in {', '.join(environments)}"[:256],
            "reason": self.description[:1024],
            "environments": list(environments),
            "activity": given | ({"applications": list(self.applications)} if self.applications else {}),
            "rollbackPlan": {"strategy": self.strategy or Strategy.MANUAL.value, "steps": list(self.steps)},
        }

    @property
    def anything(self) -> bool:
        """Whether any of it was given."""
        return any((self.kind, self.description, self.duration, self.applications, self.strategy, self.steps))


def activity_options(function: Callable[..., None]) -> Callable[..., None]:
    """The options that speak of an activity."""
    for option in (
        click.option("--step", "steps", multiple=True, help="Activity: a step of taking it back; repeat, in order."),
        click.option(
            "--strategy",
            type=click.Choice([Strategy.MANUAL.value, Strategy.RESTORE.value, Strategy.ROLL_FORWARD.value]),
            help="Activity: how it is taken back. [default: Manual]",
        ),
        click.option("--application", "applications", multiple=True, help="Activity: what it touches. [default: all]"),
        click.option("--duration", metavar="DURATION", help="Activity: how long it takes once begun, such as 2h."),
        click.option("--description", help="Activity: what exactly is done; the board approves this text."),
        click.option("--activity", type=click.Choice([k.value for k in ActivityKind]), help="It brings no release."),
    ):
        function = option(function)
    return function
