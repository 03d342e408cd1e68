"""Broken glass: a guarded namespace that the break-glass group may write in, for a while."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from lockflight.api.common import (
    BREAK_GLASS_ANNOTATION,
    BREAK_GLASS_REASON_ANNOTATION,
    BREAK_GLASS_UNTIL_ANNOTATION,
)


@dataclass(frozen=True, slots=True)
class BrokenGlass:
    """Who broke it, why, and until when; ``until`` is None where nobody can tell, which lets nobody through."""

    by: str
    reason: str
    until: datetime | None

    def over(self, now: datetime) -> bool:
        """Whether it is to be mended."""
        return self.until is None or now >= self.until

    def __str__(self) -> str:
        """In a sentence: by whom, until when, why."""
        until = f"{self.until:%Y-%m-%dT%H:%M:%SZ}" if self.until else "?"
        return f"by {self.by or 'somebody'} until {until}: {self.reason}"


def broken(annotations: Mapping[str, str]) -> BrokenGlass | None:
    """What the annotations of a Namespace say; None where its glass is whole."""
    text = annotations.get(BREAK_GLASS_UNTIL_ANNOTATION)
    if text is None:
        return None
    try:
        until: datetime | None = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        until = None
    return BrokenGlass(
        annotations.get(BREAK_GLASS_ANNOTATION, ""), annotations.get(BREAK_GLASS_REASON_ANNOTATION, ""), until
    )
