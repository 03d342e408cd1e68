"""What a command is given: the API server, the namespace, the output, and time."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from lockflight.cli.client import Api

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(slots=True)
class App:
    """The context of one invocation; the API server is called upon first use."""

    kubeconfig: str | None = None
    context: str | None = None
    impersonate: str | None = None
    output: str = "table"
    chosen_namespace: str | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep
    terminal: Callable[[], bool] = lambda: sys.stdin.isatty() and sys.stdout.isatty()
    """Whether a person can be asked."""
    server: "Api | None" = None

    @property
    def api(self) -> "Api":
        """The API server. Raises UnreachableError where none is configured."""
        if self.server is None:
            from lockflight.cli.client import Server

            self.server = Server(self.kubeconfig, self.context, self.impersonate)
        return self.server

    @property
    def namespace(self) -> str:
        """The namespace chosen; else that of the kubeconfig's context."""
        if self.chosen_namespace:
            return self.chosen_namespace
        return self.api.namespace

    @property
    def as_data(self) -> bool:
        """Programs read the output."""
        return self.output != "table"


pass_app = click.make_pass_decorator(App, ensure=True)


def _choose(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def callback(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        if value is not None:
            setattr(ctx.find_object(App) or ctx.ensure_object(App), name, value)
        return value

    return callback


def global_options(command: F, *, hidden: bool = False) -> F:
    """Add the global options; on commands they are hidden: they may stand before or after the command's name."""
    for option in (
        click.option(
            "-o",
            "--output",
            type=click.Choice(["table", "json", "yaml"]),
            help="How to print. [default: table]",
            **_common("output", hidden=hidden),
        ),
        click.option(
            "--as", "impersonate", metavar="USER", help="Act as USER.", **_common("impersonate", hidden=hidden)
        ),
        click.option(
            "-n",
            "--namespace",
            metavar="NAMESPACE",
            help="The stack. [default: that of the context]",
            **_common("chosen_namespace", hidden=hidden),
        ),
        click.option(
            "--context", metavar="CONTEXT", help="A context of the kubeconfig.", **_common("context", hidden=hidden)
        ),
        click.option(
            "--kubeconfig",
            metavar="PATH",
            help="The kubeconfig. [default: $KUBECONFIG, ~/.kube/config]",
            **_common("kubeconfig", hidden=hidden),
        ),
    ):
        command = option(command)
    return command


def _common(field_name: str, *, hidden: bool) -> dict[str, Any]:
    return {"expose_value": False, "callback": _choose(field_name), "hidden": hidden, "is_eager": True}


def command_options(command: F) -> F:
    """The global options, hidden, on a command."""
    return global_options(command, hidden=True)


def local_zone_name() -> str | None:
    """The IANA name of this machine's zone, where it can be told."""
    from zoneinfo import available_timezones

    name = os.environ.get("TZ", "").lstrip(":")
    if not name:
        target = os.path.realpath("/etc/localtime")
        name = target.partition("zoneinfo/")[2]
    return name if name in available_timezones() else None
