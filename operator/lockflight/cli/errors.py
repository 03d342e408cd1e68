"""What a command may end with: one line that says what to do next, and an exit code."""

from typing import IO, Any

import click

OK, FAILED, USAGE, NOT_FOUND, TIMED_OUT, UNREACHABLE = range(6)

EXIT_CODES = (
    (OK, "done"),
    (FAILED, "refused, or what was waited for failed"),
    (USAGE, "wrong usage"),
    (NOT_FOUND, "not found"),
    (TIMED_OUT, "still waiting when the time was up"),
    (UNREACHABLE, "the API server cannot be reached"),
)


class CliError(click.ClickException):
    """Refused, or failed (exit code 1). The message says what to do next."""

    exit_code = FAILED

    def show(self, file: IO[Any] | None = None) -> None:
        """Write ``error: message`` to standard error."""
        click.echo(f"error: {self.format_message()}", file=file, err=file is None)


class NotFoundError(CliError):
    """The object does not exist, or not here."""

    exit_code = NOT_FOUND


class TimedOutError(CliError):
    """The deadline passed first."""

    exit_code = TIMED_OUT


class UnreachableError(CliError):
    """The API server does not answer."""

    exit_code = UNREACHABLE


class AlreadyExistsError(CliError):
    """The name is taken."""
