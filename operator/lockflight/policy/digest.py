"""Digests of what is bound: canonical JSON by RFC 8785, then SHA-256."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import rfc8785

from lockflight.api.changerequest import ChangePlan
from lockflight.api.release import Release


def canonical_digest(value: Any) -> str:
    """``sha256:…`` over the canonical JSON of ``value``. Raises ValueError naming the place that it cannot hold."""
    try:
        return "sha256:" + hashlib.sha256(rfc8785.dumps(value)).hexdigest()
    except ValueError as problem:
        place, cause = _culprit(value) or ("", problem)
        msg = f"{place or 'the value'} cannot be written as canonical JSON: {cause}"
        raise ValueError(msg) from problem


def _culprit(value: Any, path: str = "") -> tuple[str, ValueError] | None:
    """The innermost place that cannot be written, and why."""
    if isinstance(value, Mapping):
        members = [(f"{path}.{key}" if path else str(key), item) for key, item in value.items()]
    elif isinstance(value, list | tuple):
        members = [(f"{path}[{index}]", item) for index, item in enumerate(value)]
    else:
        members = []
    inner = next((found for place, item in members if (found := _culprit(item, place)) is not None), None)
    if inner is not None:
        return inner
    try:
        rfc8785.dumps(value)
    except ValueError as problem:
        return path, problem
    return None


def release_digest(release: Release, chart_digests: Mapping[str, str]) -> str:
    """The release's identity: components (name, chart digest, values) and the configuration for each environment.

    Raises ValueError where values cannot be written as canonical JSON, KeyError where a chart is not resolved.
    """
    return canonical_digest(
        {
            "components": [
                {"name": part.name, "chart": chart_digests[part.name], "values": part.values or {}}
                for part in release.spec.parts()
            ],
            "environments": {name: values.dump() for name, values in sorted((release.spec.environments or {}).items())},
            # Absent where there are none, so that such a release has the digest that it always had.
            **({"steps": steps} if (steps := _steps(release)) else {}),
            **({"data": data} if (data := _data(release)) else {}),
        }
    )


def _steps(release: Release) -> list[Any]:
    """The steps that others take, with their places."""
    return [[after, step.name, step.external.dump()] for after, step in release.spec.steps() if step.external]


def _data(release: Release) -> list[Any]:
    """The data that it brings: whoever passed upstream brought the same."""
    return sorted([component, each.name, each.class_.value] for component, each in release.spec.data())


def change_digest(plans: Sequence[ChangePlan]) -> str:
    """Over all plans of a change: what its approvals bind to."""
    return canonical_digest({plan.environment: plan.digest for plan in plans})
