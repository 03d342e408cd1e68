"""Layer Helm values in the order of precedence, and remember where each layer came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lockflight.api.environment import EnvironmentSpec
from lockflight.api.release import Component, Release


@dataclass(frozen=True, slots=True)
class Layered:
    """Merged values and their sources, lowest precedence first."""

    values: Mapping[str, Any]
    sources: tuple[str, ...]


def layer(
    release: Release,
    component: Component,
    environment: str,
    spec: EnvironmentSpec,
    external: Sequence[tuple[str, Mapping[str, Any]]],
) -> Layered:
    """The values of one component in one environment: its ``layers``, each over those before."""
    given = layers(release, component, environment, spec, external)
    merged: Mapping[str, Any] = {}
    for _, values in given:
        merged = merge(merged, values)
    return Layered(merged, tuple(source for source, _ in given))


def layers(
    release: Release,
    component: Component,
    environment: str,
    spec: EnvironmentSpec,
    external: Sequence[tuple[str, Mapping[str, Any]]],
) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """The layers that say anything, each with its source.

    Low to high: the component, the Release's configuration for the environment, the Environment, its part for the
    application, then ``external`` (valuesFrom) in order. The chart's own values lie below and are Helm's business.
    """
    name = f"Release {release.metadata.name}"
    mine = (release.spec.environments or {}).get(environment)
    theirs = (mine.components or {}).get(component.name) if mine else None
    application = (spec.applications or {}).get(release.spec.application)
    found: list[tuple[str, Mapping[str, Any] | None]] = [
        (f"{name} spec.components[{component.name}].values", component.values),
        (f"{name} spec.environments.{environment}.values", mine.values if mine else None),
        (
            f"{name} spec.environments.{environment}.components.{component.name}.values",
            theirs.values if theirs else None,
        ),
        (f"Environment {environment} spec.values", spec.values),
        (
            f"Environment {environment} spec.applications.{release.spec.application}.values",
            application.values if application else None,
        ),
        *external,
    ]
    return [(source, values) for source, values in found if values]


def merge(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """``high`` over ``low`` as Helm does it: objects merge, everything else replaces.

    A null stays: Helm itself takes it as "remove the chart's default".
    """
    merged = dict(low)
    for key, value in high.items():
        before = merged.get(key)
        merged[key] = merge(before, value) if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    return merged
