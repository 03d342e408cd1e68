"""The values of a release in an environment as the operator layers them, read as the person who asks."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lockflight.api.environment import Environment, ValuesSource
from lockflight.api.release import Release
from lockflight.cli.app import App
from lockflight.cli.calendars import in_root
from lockflight.cli.errors import CliError, NotFoundError
from lockflight.cli.objects import get, list_all
from lockflight.policy.effective import effective
from lockflight.policy.model import Effective
from lockflight.policy.provenance import Explained, explain
from lockflight.policy.ruleasked import baseline_of

_LARGEST = 262_144
"""As the operator has it, in bytes."""


@dataclass(frozen=True, slots=True)
class ValuesOf:
    """What counts, component by component."""

    release: Release
    governed: Effective
    components: Mapping[str, tuple[Explained, ...]]
    secrets: frozenset[str]
    """Sources whose values are not to be shown."""
    unread: tuple[str, ...]
    """Sources that the person may not read, or that are not there: what they give is missing here."""


def values_of(app: App, release: Release, environment: Environment, root: str) -> ValuesOf:
    """Layer them. Raises CliError."""
    governed = effective(
        environment,
        baseline_of(in_root(app, Environment, root), environment.spec.tier),
        list_all(app, Environment, app.namespace),
    )
    external: list[tuple[str, Mapping[str, Any]]] = []
    secrets: set[str] = set()
    unread: list[str] = []
    for ref in governed.spec.values_from:
        name = f"{ref.kind} {ref.name} key {ref.key}"
        if ref.kind == "Secret":
            secrets.add(name)
        try:
            external.append((name, _read(app, ref, name)))
        except CliError as problem:
            unread.append(f"{name}: {problem.message}")
    components = {
        part.name: explain(release, part, governed, environment.spec, external) for part in release.spec.parts()
    }
    return ValuesOf(release, governed, components, frozenset(secrets), tuple(unread))


def running_release(app: App, environment: Environment, application: str) -> Release | None:
    """The release that runs there; None where none does, or it is gone."""
    row = next((t for t in environment.status.targets if t.application == application), None)
    if row is None:
        return None
    try:
        return get(app, Release, row.release)
    except NotFoundError:
        return None


def shown(value: Any, source: str, secrets: frozenset[str]) -> Any:
    """A value as it may be shown: of a Secret its digest alone."""
    from lockflight.policy.digest import canonical_digest

    return canonical_digest(value)[:19] + "…" if source in secrets else value


def _read(app: App, ref: ValuesSource, name: str) -> Mapping[str, Any]:
    from lockflight.policy.valuestext import SourceError, parse

    found = app.api.config(ref.kind, app.namespace, ref.name)
    text = (found.get("data") or {}).get(ref.key)
    try:
        content: bytes | str | None = text
        if ref.kind == "Secret" and text is not None:
            content = base64.b64decode(text, validate=True)
        elif text is None and ref.kind == "ConfigMap" and ref.key in (found.get("binaryData") or {}):
            content = base64.b64decode(found["binaryData"][ref.key], validate=True)
        if content is None:
            msg = f"it has no key {ref.key}"
            raise CliError(msg)
        return parse(content, name, _LARGEST)
    except SourceError as problem:
        raise CliError(problem.problem.message) from None
    except binascii.Error:
        msg = f"key {ref.key} is not base64"
        raise CliError(msg) from None


def components_of(found: ValuesOf, component: str | None) -> Sequence[tuple[str, tuple[Explained, ...]]]:
    """All of them, or the one. Raises CliError where the release has no such component."""
    if component is None:
        return list(found.components.items())
    if component not in found.components:
        names = ", ".join(found.components)
        msg = f"release {found.release.metadata.name} has no component {component}: it has {names}"
        raise CliError(msg)
    return [(component, found.components[component])]
