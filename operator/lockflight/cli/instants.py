"""Days and instants on the command line."""

from datetime import UTC, datetime, time, timedelta

import click


def instant(text: str, *, last: bool = False) -> datetime:
    """A day in UTC, its end where it is the ``last``; or an instant. Raises UsageError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as problem:
        msg = f"{text!r}: write a day such as 2026-12-01, or an instant such as 2026-12-01T09:00:00+01:00"
        raise click.UsageError(msg) from problem
    if "T" not in text and " " not in text:
        return datetime.combine(found.date(), time(), UTC) + timedelta(days=1 if last else 0)
    if found.tzinfo is None:
        msg = f"{text!r} has no offset: write 2026-12-01T09:00:00+01:00"
        raise click.UsageError(msg)
    return found.astimezone(UTC)
