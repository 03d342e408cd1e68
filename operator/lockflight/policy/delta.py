"""What would change in a target: what runs there, compared with what would run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import semver

from lockflight.api.standardchange import VersionBump
from lockflight.policy.model import HelmStatus, Part, Plan, Revision
from lockflight.policy.versions import parsed

_NONE: Final = "nothing"


class Step(StrEnum):
    """How a version moves."""

    SAME = "Same"
    PATCH = "Patch"
    MINOR = "Minor"
    MAJOR = "Major"
    DOWN = "Down"
    UNKNOWN = "Unknown"

    def within(self, most: VersionBump) -> bool:
        """Whether it rises by ``most`` at the most; staying is within, going down is not."""
        if self in (Step.DOWN, Step.UNKNOWN):
            return False
        return self is Step.SAME or VersionBump(self.value).rank <= most.rank


@dataclass(frozen=True, slots=True)
class Move:
    """A version, of the application (``of`` empty) or of a component's chart, before and after."""

    of: str
    before: str
    after: str
    step: Step

    def __str__(self) -> str:
        what = f"chart of {self.of}" if self.of else "version"
        return f"{what} {self.before} → {self.after} ({self.step})"


@dataclass(frozen=True, slots=True)
class Touched:
    """An object that changes, appears or goes."""

    kind: str
    name: str
    how: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} {self.how}"


@dataclass(frozen=True, slots=True)
class Delta:
    """Everything that differs; all empty: nothing does."""

    version: Move
    charts: tuple[Move, ...] = ()
    replaced: tuple[str, ...] = ()
    """Components that come, go, or get another chart, in words."""
    values: tuple[tuple[str, str], ...] = ()
    """Helm release and JSON pointer of each value that changes."""
    objects: tuple[Touched, ...] = ()
    unstable: tuple[str, ...] = ()
    """Helm releases whose objects cannot be compared, for they render differently twice."""
    first: bool = False
    """Nothing runs there yet."""
    steps: tuple[str, ...] = ()
    """What others do in the course of it, in words: nobody can compare that."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds touched, sorted, each once."""
        return tuple(sorted({touched.kind for touched in self.objects}))

    @property
    def summary(self) -> str:
        """On one line, for the board."""
        parts = [str(self.version), *(str(move) for move in self.charts), *self.replaced]
        if self.values:
            parts.append(f"values {listed(pointer for _, pointer in self.values)}")
        if self.objects:
            parts.append(f"objects {listed(map(str, self.objects))}")
        parts += self.steps
        if self.unstable:
            parts.append(f"{', '.join(self.unstable)} cannot be compared (renders differently twice)")
        return "; ".join(parts)


def delta(running: Sequence[Part], plan: Plan, *, before: str, after: str) -> Delta:
    """Compare. ``before`` and ``after`` are versions of the application; ``before`` is empty where nothing runs."""
    old, new = {p.name: p for p in running}, {p.name: p for p in plan.parts}
    charts: list[Move] = []
    replaced: list[str] = []
    values: list[tuple[str, str]] = []
    objects: list[Touched] = []
    for name in sorted(old.keys() | new.keys()):
        was, becomes = old.get(name), new.get(name)
        if was is None or becomes is None:
            replaced.append(f"component {name} {'added' if was is None else 'removed'}")
        elif was.chart != becomes.chart:
            replaced.append(f"chart of {name} {was.chart} → {becomes.chart}")
        elif was.chart_version != becomes.chart_version:
            step = step_of(was.chart_version, becomes.chart_version)
            charts.append(Move(name, was.chart_version, becomes.chart_version, step))
        elif was.chart_digest and becomes.chart_digest and was.chart_digest != becomes.chart_digest:
            replaced.append(f"chart of {name} {was.chart_version} has other bytes")
        values += [(name, pointer) for pointer in _values(was, becomes)]
        if not (becomes and becomes.unstable):
            objects += _objects(was.objects if was else {}, becomes.objects if becomes else {})
    return Delta(
        version=Move("", before or _NONE, after, step_of(before, after) if before else Step.UNKNOWN),
        charts=tuple(charts),
        replaced=tuple(replaced),
        values=tuple(values),
        objects=tuple(objects),
        unstable=tuple(part.name for part in plan.parts if part.unstable),
        first=not running,
        steps=tuple(f"step {step.name}, taken by others ({step.role}): {step.description}" for step in plan.steps),
    )


def running_version(revisions: Iterable[Revision]) -> str:
    """The highest version that is deployed there; empty where nothing of Lockflight's is, or it cannot be read."""
    labels = {r.version.replace("_", "+") for r in revisions if r.status is HelmStatus.DEPLOYED and r.version}
    found = [parsed(label) for label in labels if semver.Version.is_valid(label)]
    return str(max(found)) if found else ""


def step_of(before: str, after: str) -> Step:
    """By how much ``after`` is higher; builds of one version (+…) are the same, a pre-release's end is a patch."""
    try:
        old, new = parsed(before), parsed(after)
    except ValueError:
        return Step.SAME if before == after else Step.UNKNOWN
    if new < old:
        return Step.DOWN
    if new.major != old.major:
        return Step.MAJOR
    if new.minor != old.minor:
        return Step.MINOR
    return Step.SAME if new == old else Step.PATCH


def listed(names: Iterable[str], most: int = 12) -> str:
    """Each once, in order, the first ``most`` of them."""
    found = list(dict.fromkeys(names))
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


def _values(was: Part | None, becomes: Part | None) -> list[str]:
    secret = becomes.secret if becomes else frozenset()
    old, new = was.values if was else {}, becomes.values if becomes else {}
    return sorted(p for p in old.keys() | new.keys() if p not in secret and old.get(p) != new.get(p))


def _objects(old: Mapping[str, str], new: Mapping[str, str]) -> list[Touched]:
    found = []
    for identity in sorted(old.keys() | new.keys()):
        if old.get(identity) != new.get(identity):
            kind, _, name = identity.partition("/")
            how = "added" if identity not in old else "removed" if identity not in new else "changed"
            found.append(Touched(kind, name, how))
    return found
