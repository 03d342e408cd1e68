"""``adopt``: drafts of a Release and an Environment for Helm releases that are there already."""

import base64
import binascii
import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

import click

from lockflight.api.common import API_VERSION, Tier
from lockflight.api.environment import Environment
from lockflight.api.release import Release
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.errors import CliError
from lockflight.policy.labels import PROMOTION
from lockflight.policy.versions import order

_PLACEHOLDER: Final = "oci://registry.example/charts"
_SEMVER: Final = re.compile(r"^v?([0-9]+\.[0-9]+\.[0-9]+)$")


@dataclass(frozen=True, slots=True)
class Found:
    """A Helm release as Helm's storage holds it."""

    name: str
    chart: str
    chart_version: str
    app_version: str
    values: Mapping[str, Any]


@click.command()
@click.argument("target", metavar="NAMESPACE")
@click.option("--env", "environment", required=True, metavar="NAME", help="What the environment is to be called.")
@click.option("--tier", type=click.Choice([t.value for t in Tier]), required=True, help="Its tier.")
@click.option("--application", help="What all of it is one application of. [default: the stack's name]")
@click.option("--version", help="The version to call it. [default: the highest that the charts say of what they hold]")
@click.option("--charts", metavar="oci://…", help="Where the charts are, each under its name.")
@click.option("--repo", metavar="URL", help="Or the chart repository that they are in.")
@click.option("--only", metavar="HELM_RELEASE", multiple=True, help="These alone; repeat, in order.")
@command_options
@pass_app
def adopt(
    app: App,
    *,
    target: str,
    environment: str,
    tier: str,
    application: str | None,
    version: str | None,
    charts: str | None,
    repo: str | None,
    only: Sequence[str],
) -> None:
    """Draft a Release and an Environment for Helm releases that are there already.

    Prints YAML for the stack; nothing is written to the cluster. The first promotion of the release takes them over as
    they are: each keeps its name, its objects and its history. Takes the right to read Secrets there.
    """
    if charts and repo:
        msg = "--charts is an OCI registry, --repo a chart repository: give one of them"
        raise click.UsageError(msg)
    found = _there(app, target, only)
    name = application or app.namespace
    release = _release(app.namespace, name, version or _version(found), found, charts, repo)
    place = _environment(app.namespace, environment, Tier(tier), name, target)
    _checked(release, place)
    output.show_documents([place, release])
    for note in _notes(release, environment, target, found, known=bool(charts or repo)):
        output.note(note)


def _there(app: App, namespace: str, only: Sequence[str]) -> Sequence[Found]:
    """What is deployed there and not Lockflight's. Raises CliError."""
    query = urlencode({"labelSelector": "owner=helm,status=deployed"})
    secrets = app.api.items(f"/api/v1/namespaces/{quote(namespace, safe='')}/secrets?{query}")
    by_name = {
        found.name: found
        for secret in secrets
        if not (secret["metadata"].get("labels") or {}).get(PROMOTION) and (found := _read(secret)) is not None
    }
    missing = [name for name in only if name not in by_name]
    if missing or not by_name:
        there = ", ".join(sorted(by_name)) or "none"
        what = f"no Helm release {', '.join(missing)} to adopt" if missing else "nothing to adopt"
        msg = f"{what} in {namespace}: deployed there by others than Lockflight: {there}"
        raise CliError(msg)
    return [by_name[name] for name in only] if only else [by_name[name] for name in sorted(by_name)]


def _read(secret: Mapping[str, Any]) -> Found | None:
    """A Secret of Helm's: base64 by the API, base64 by Helm, gzip, JSON. Raises CliError."""
    name = str(secret["metadata"]["name"])
    try:
        packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
        release = json.loads(gzip.decompress(packed))
        chart = release["chart"]["metadata"]
        return Found(
            name=str(release["name"]),
            chart=str(chart["name"]),
            chart_version=str(chart["version"]),
            app_version=str(chart.get("appVersion") or ""),
            values=release.get("config") or {},
        )
    except (KeyError, TypeError, ValueError, OSError, EOFError, binascii.Error) as problem:
        msg = f"Secret {name} is not readable as a Helm release: {problem!r}"
        raise CliError(msg) from problem


def _version(found: Sequence[Found]) -> str:
    """The highest version of what the charts hold, else of the charts themselves."""
    for texts in ([f.app_version for f in found], [f.chart_version for f in found]):
        known = [match[1] for text in texts if (match := _SEMVER.match(text))]
        if known:
            return max(known, key=order)
    msg = "neither the charts nor what they hold have a version by Semantic Versioning: give --version"
    raise CliError(msg)


def _release(
    stack: str, application: str, version: str, found: Sequence[Found], charts: str | None, repo: str | None
) -> dict[str, Any]:
    def chart(one: Found) -> dict[str, Any]:
        if repo:
            return {"repository": repo, "name": one.chart, "version": one.chart_version}
        return {"oci": f"{(charts or _PLACEHOLDER).rstrip('/')}/{one.chart}", "version": one.chart_version}

    components = [
        {
            "name": _component(application, one.name),
            "releaseName": one.name,
            "chart": chart(one),
            **({"values": one.values} if one.values else {}),
        }
        for one in found
    ]
    return {
        "apiVersion": API_VERSION,
        "kind": "Release",
        "metadata": {"name": f"{application}-{version}", "namespace": stack},
        "spec": {"application": application, "version": version, "components": components},
    }


def _component(application: str, helm_release: str) -> str:
    """What the Helm release is called without the application's name, as far as a name may be long."""
    return (helm_release.removeprefix(f"{application}-") or helm_release)[:40].rstrip("-")


def _environment(stack: str, name: str, tier: Tier, application: str, namespace: str) -> dict[str, Any]:
    """Of its tier what it cannot do without; an entry, for what is there passed nothing yet."""
    spec: dict[str, Any] = {"tier": tier.value, "autoPromote": False, "promotesFrom": []}
    if namespace != f"{application}-{name}":
        spec["target"] = {"namespace": namespace.replace(application, "{application}", 1)}
    if tier is Tier.SYSTEM_TEST:
        spec["exit"] = {"verification": [{"name": "smoke", "helmTest": {"timeout": "5m"}}]}
    if tier is Tier.PRODUCTION:
        spec["changeControl"] = {"normal": {"approvals": [{"role": "cab", "count": 1}]}}
    return {
        "apiVersion": API_VERSION,
        "kind": "Environment",
        "metadata": {"name": name, "namespace": stack},
        "spec": spec,
    }


def _checked(release: dict[str, Any], place: dict[str, Any]) -> None:
    """Raises CliError where what was found does not make objects that the API server takes."""
    from pydantic import ValidationError

    try:
        Release.model_validate(release)
        Environment.model_validate(place)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(map(str, first["loc"]))
        msg = f"what is there makes no Release or Environment: {where}: {first['msg']}"
        raise CliError(msg) from problem


def _notes(
    release: Mapping[str, Any], environment: str, namespace: str, found: Sequence[Found], *, known: bool
) -> Iterator[str]:
    if not known:
        yield f"Helm does not record where charts come from: put your registry in place of {_PLACEHOLDER}"
    if any(one.values for one in found):
        yield "values stand there as they were given: what is secret in them belongs into a Secret of valuesFrom"
    yield f"namespace {namespace} needs its labels and its deployer: lockflight stack init shows both"
    yield f"then: lockflight promote {release['metadata']['name']} {environment}"
