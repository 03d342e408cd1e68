"""A group that imports a command when it is called: help is instant, and a missing library breaks one command."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass

import click

from lockflight.cli.errors import CliError


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is, and its first line of help."""

    module: str
    attribute: str
    help: str


class LazyGroup(click.Group):
    """A group whose commands are named in a table."""

    def __init__(self, *args: object, entries: Mapping[str, Entry], **kwargs: object) -> None:
        """``entries`` by command name, in the order of ``--help``."""
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.entries = entries

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command. Raises CliError naming the library that is missing."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        try:
            command = getattr(importlib.import_module(entry.module), entry.attribute)
        except ModuleNotFoundError as problem:
            msg = f"`{cmd_name}` needs the Python package {problem.name}: pip install {problem.name}"
            raise CliError(msg) from problem
        if not isinstance(command, click.Command):
            msg = f"{entry.module}.{entry.attribute} is no command"
            raise TypeError(msg)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.entries.items()])
