"""JSON pointers (RFC 6901) to fields of an object; ``*`` as a whole segment stands for any one."""

from collections.abc import Iterable, Sequence
from typing import Final

ANY: Final = "*"


def written(segments: Iterable[str | int]) -> str:
    """A pointer from its segments."""
    return "".join("/" + str(segment).replace("~", "~0").replace("/", "~1") for segment in segments)


def parsed(pointer: str) -> tuple[str, ...]:
    """The segments of a pointer. Raises ValueError where it is none."""
    if pointer == "":
        return ()
    first, *rest = pointer.split("/")
    if first or any("~" in segment.replace("~0", "").replace("~1", "") for segment in rest):
        msg = f"{pointer!r} is no JSON pointer: write /spec/replicas, with ~0 for ~ and ~1 for /"
        raise ValueError(msg)
    return tuple(segment.replace("~1", "/").replace("~0", "~") for segment in rest)


class Ignored:
    """Fields that are left out of a comparison, each with all that stands below."""

    def __init__(self, pointers: Iterable[str]) -> None:
        """Raises ValueError where one is no pointer."""
        self._patterns = tuple(tuple(segment for segment in parsed(pointer)) for pointer in pointers)

    def covers(self, segments: Sequence[str | int]) -> bool:
        """Whether the field that ``segments`` lead to is one of them, or lies below one."""
        return any(
            len(pattern) <= len(segments)
            and all(part in (ANY, str(given)) for part, given in zip(pattern, segments, strict=False))
            for pattern in self._patterns
        )
