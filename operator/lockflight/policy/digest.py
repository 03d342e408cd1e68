"""Digests of what is bound: canonical JSON by RFC 8785, then SHA-256."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import rfc8785

from lockflight.api.changerequest import ChangePlan
from lockflight.api.release import Release


def canonical_digest(value: Any) -> str:
    """``sha256:…`` over the canonical JSON of ``value``. Raises ValueError where RFC 8785 cannot hold it."""
    try:
        return "sha256:" + hashlib.sha256(rfc8785.dumps(value)).hexdigest()
    except rfc8785.CanonicalizationError as problem:
        raise ValueError(str(problem)) from problem


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
        }
    )


def change_digest(plans: Sequence[ChangePlan]) -> str:
    """Over all plans of a change: what its approvals bind to."""
    return canonical_digest({plan.environment: plan.digest for plan in plans})
