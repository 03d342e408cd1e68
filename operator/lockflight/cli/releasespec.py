"""The spec of a Release from options, and how two specs differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from lockflight.api.common import Ref
from lockflight.api.evidence import Evidence
from lockflight.api.release import (
    DEFAULT_COMPONENT,
    Component,
    ComponentValues,
    EnvironmentValues,
    ReleaseSpec,
    ReleaseType,
    Requirement,
    ScopeItem,
    Source,
)
from lockflight.cli.charts import chart_from, merged, pair, read_values


def components(
    version: str,
    *,
    chart: str | None,
    chart_version: str | None,
    repository: str | None,
    digest: str | None,
    named: Sequence[str],
    values: Sequence[str],
) -> dict[str, Any]:
    """``chart`` or ``components`` of the spec. Raises click.UsageError."""
    if bool(chart) == bool(named):
        msg = "give either --chart, or --component NAME=oci://… for each component"
        raise click.UsageError(msg)
    explicit = chart_version is not None
    if chart:
        single = chart_from(chart, chart_version or version, explicit=explicit, repository=repository, digest=digest)
        layers = _values_by_component(values, {DEFAULT_COMPONENT})
        if not layers:
            return {"chart": single}
        return {"components": (Component(name=DEFAULT_COMPONENT, chart=single, values=layers[DEFAULT_COMPONENT]),)}
    if repository or digest or explicit:
        msg = "--repo, --digest and --chart-version go with --chart; a component says NAME=oci://…:VERSION@DIGEST"
        raise click.UsageError(msg)
    references = [pair(text, "--component") for text in named]
    names = {name for name, _ in references}
    if len(names) < len(references):
        msg = "--component: a name occurs twice"
        raise click.UsageError(msg)
    layers = _values_by_component(values, names)
    return {
        "components": tuple(
            Component(
                name=name,
                chart=chart_from(reference, version, explicit=False, repository=None, digest=None),
                values=layers.get(name),
            )
            for name, reference in references
        )
    }


def _values_by_component(files: Sequence[str], names: set[str]) -> dict[str, dict[str, Any]]:
    layers: dict[str, list[dict[str, Any]]] = {}
    for text in files:
        name, equals, path = text.partition("=")
        if not equals or name not in names:
            if len(names) != 1:
                msg = f"--values {text!r}: write COMPONENT=FILE, with one of {', '.join(sorted(names))}"
                raise click.UsageError(msg)
            name, path = next(iter(names)), text
        layers.setdefault(name, []).append(read_values(path, "--values"))
    return {name: merged(parts) for name, parts in layers.items()}


def environments(files: Sequence[str]) -> dict[str, EnvironmentValues] | None:
    """``environments`` of the spec from ENVIRONMENT=FILE and ENVIRONMENT/COMPONENT=FILE. Raises click.UsageError."""
    whole: dict[str, list[dict[str, Any]]] = {}
    parts: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for text in files:
        where, path = pair(text, "--env-values")
        environment, slash, component = where.partition("/")
        read = read_values(path, "--env-values")
        if slash:
            parts.setdefault(environment, {}).setdefault(component, []).append(read)
        else:
            whole.setdefault(environment, []).append(read)
    return {
        name: EnvironmentValues(
            values=merged(whole[name]) if name in whole else None,
            components={c: ComponentValues(values=merged(v)) for c, v in parts[name].items()}
            if name in parts
            else None,
        )
        for name in sorted(whole.keys() | parts.keys())
    } or None


def requirements(given: Sequence[str]) -> tuple[Requirement, ...]:
    """``requires`` of the spec from APPLICATION=RANGE. Raises click.UsageError and pydantic.ValidationError."""
    return tuple(
        Requirement(application=name, version=version) for name, version in (pair(text, "--requires") for text in given)
    )


@dataclass(frozen=True, slots=True)
class Origin:
    """Which releases it comes from; none: it is a Scheduled one."""

    config_of: str | None = None
    hotfix_of: str | None = None
    includes: tuple[str, ...] = ()


_ALONE = Origin()


def build(
    application: str,
    version: str,
    charts: Mapping[str, Any],
    source: Source | None,
    values: dict[str, EnvironmentValues] | None,
    evidence: Sequence[Evidence],
    train: str | None = None,
    origin: Origin = _ALONE,
    scope: Sequence[ScopeItem] = (),
    requires: Sequence[Requirement] = (),
) -> ReleaseSpec:
    """The spec, of the type that ``origin`` says. Raises pydantic.ValidationError."""
    base = origin.config_of or origin.hotfix_of
    return ReleaseSpec(
        application=application,
        version=version,
        type=ReleaseType.CONFIG if origin.config_of else ReleaseType.HOTFIX if origin.hotfix_of else None,
        based_on=Ref(name=base) if base else None,
        includes=origin.includes,
        requires=tuple(requires),
        source=source,
        environments=values,
        evidence=tuple(evidence),
        scope=tuple(scope),
        train=train,
        **charts,
    )


def differences(there: Any, here: Any, path: str = "") -> Iterator[str]:
    """The fields in which two JSON values differ, as ``chart.digest (there a, here b)``."""
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        for key in sorted(there.keys() | here.keys()):
            yield from differences(there.get(key), here.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        for index, (old, new) in enumerate(zip(there, here, strict=True)):
            yield from differences(old, new, f"{path}[{_key(old, new, index)}]")
    elif there != here:
        yield f"{path} (there {_shown(there)}, here {_shown(here)})"


def _key(old: Any, new: Any, index: int) -> str:
    for field in ("name", "type"):
        if (
            isinstance(old, Mapping)
            and isinstance(new, Mapping)
            and old.get(field)
            and old.get(field) == new.get(field)
        ):
            return str(old[field])
    return str(index)


def _shown(value: Any) -> str:
    if value is None:
        return "absent"
    if isinstance(value, list | dict):
        return f"{len(value)} entries"
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"
