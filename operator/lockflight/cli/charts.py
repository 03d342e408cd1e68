"""Charts and values from the command line."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from lockflight.api.release import Chart

MAX_BYTES = 1024 * 1024
_OCI = re.compile(
    r"(?P<oci>oci://[^@\s]+?)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def chart_from(reference: str, version: str, *, explicit: bool, repository: str | None, digest: str | None) -> Chart:
    """A chart from ``oci://…[:VERSION][@DIGEST]``, or by name from a chart repository.

    ``version`` is used where the reference has no tag; with ``explicit`` the two must agree. Raises click.UsageError.
    """
    if not reference.startswith("oci://"):
        if repository is None:
            msg = f"--chart {reference!r}: write oci://…, or the chart's name with --repo https://…"
            raise click.UsageError(msg)
        return Chart(repository=repository, name=reference, version=version, digest=digest)
    if repository is not None:
        msg = "--repo goes with a chart's name, not with oci://"
        raise click.UsageError(msg)
    found = _OCI.fullmatch(reference)
    if found is None:
        msg = f"--chart {reference!r} is no OCI reference: write oci://host/path[:version][@sha256:…]"
        raise click.UsageError(msg)
    # A + of a version is written _ in an OCI tag.
    tag = found["tag"].replace("_", "+") if found["tag"] else None
    if tag and explicit and tag != version:
        msg = f"the chart says version {tag}, --chart-version says {version}: give one of them"
        raise click.UsageError(msg)
    if found["digest"] and digest and found["digest"] != digest:
        msg = "the chart and --digest name different digests: give one of them"
        raise click.UsageError(msg)
    return Chart(oci=found["oci"], version=tag or version, digest=found["digest"] or digest)


def pair(text: str, option: str) -> tuple[str, str]:
    """``name=rest``. Raises click.UsageError."""
    name, equals, rest = text.partition("=")
    if not (name and equals and rest):
        msg = f"{option} {text!r}: write name=…"
        raise click.UsageError(msg)
    return name, rest


def read_values(path: str, option: str) -> dict[str, Any]:
    """Helm values from a YAML or JSON file of at most 1 MiB. Raises click.UsageError."""
    import yaml

    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            msg = f"{option} {path}: more than {MAX_BYTES} bytes"
            raise click.UsageError(msg)
        values = yaml.safe_load(data)
    except OSError as problem:
        msg = f"{option} {path}: {problem.strerror}"
        raise click.UsageError(msg) from problem
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        msg = f"{option} {path} is no YAML: {' '.join(str(problem).split())}"
        raise click.UsageError(msg) from problem
    if values is None:
        return {}
    if not isinstance(values, dict):
        msg = f"{option} {path}: values are a mapping, not {type(values).__name__}"
        raise click.UsageError(msg)
    return values


def merged(layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Values laid over each other as Helm does: mappings merge, everything else is replaced."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            known = result.get(key)
            both = isinstance(known, Mapping) and isinstance(value, Mapping)
            result[key] = merged([known, value]) if both and isinstance(known, Mapping) else value
    return result
