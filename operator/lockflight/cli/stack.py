"""``lockflight stack``: a new stack, as manifests or as values of its chart."""

import subprocess
from collections.abc import Sequence
from typing import Any

import click
import yaml
from pydantic import TypeAdapter, ValidationError

from lockflight.api.common import Label, Tier
from lockflight.assets import asset

_NAMES = {
    Tier.LOCAL: "local",
    Tier.INTEGRATION: "integration",
    Tier.SYSTEM_TEST: "system-test",
    Tier.UAT: "uat",
    Tier.PRODUCTION: "production",
}
_SMOKE = {"verification": [{"name": "smoke", "helmTest": {"timeout": "5m"}}]}
_SPECS: dict[Tier, dict[str, Any]] = {
    Tier.SYSTEM_TEST: {"exit": {**_SMOKE, "signOffs": [{"role": "qa"}]}},
    Tier.UAT: {"exit": {"signOffs": [{"role": "business"}]}},
    Tier.PRODUCTION: {"changeControl": {"normal": {"approvals": [{"role": "cab"}]}}},
}
_SIGNERS = {Tier.SYSTEM_TEST: "qa", Tier.UAT: "business"}


class _Label(click.ParamType[str]):
    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return TypeAdapter(Label).validate_python(value)
        except ValidationError:
            self.fail(f"{value!r}: want lower-case letters, digits and '-', at most 40", param, ctx)


class _Tiers(click.ParamType[list[Tier]]):
    name = "tiers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[Tier]:
        if isinstance(value, list):
            return value
        try:
            tiers = {Tier(name.strip()) for name in value.split(",")}
        except ValueError:
            self.fail(f"{value!r}: name tiers of {', '.join(Tier)}, separated by commas", param, ctx)
        return sorted(tiers, key=lambda tier: tier.rank)


def starter(name: str, applications: Sequence[str], tiers: Sequence[Tier]) -> dict[str, Any]:
    """Values of the stack chart to start from: one group of the stack's name for each thing that people do."""

    def group(purpose: str) -> list[dict[str, str]]:
        return [{"kind": "Group", "name": f"{name}-{purpose}"}]

    return {
        "stack": name,
        "applications": list(applications) or [name],
        "environments": [_environment(tier) for tier in tiers],
        "people": {
            "releasers": group("developers"),
            "approvers": {"cab": group("cab")},
            "signers": {role: group(role) for tier, role in _SIGNERS.items() if tier in tiers},
            "governors": group("platform"),
        },
    }


def _environment(tier: Tier) -> dict[str, Any]:
    spec = _SPECS.get(tier)
    return {"name": _NAMES[tier], "tier": tier.value} | ({"spec": spec} if spec else {})


def _render(helm: str, namespace: str, values: dict[str, Any]) -> str:
    command = [
        helm,
        "template",
        values["stack"],
        str(asset("charts/lockflight-stack")),
        "--namespace",
        namespace,
        "--values",
        "-",
    ]
    try:
        done = subprocess.run(command, input=yaml.safe_dump(values), capture_output=True, text=True, check=True)
    except FileNotFoundError:
        msg = f"{helm} was not found: install Helm, name it with --helm, or print the values with --values"
        raise click.ClickException(msg) from None
    except subprocess.CalledProcessError as error:
        raise click.ClickException(error.stderr.strip()) from None
    return done.stdout


@click.group()
def stack() -> None:
    """Set up stacks: a namespace with its chain of environments."""


@stack.command()
@click.argument("name", type=_Label())
@click.option(
    "--application", "applications", type=_Label(), multiple=True, help="An application; default: named like the stack."
)
@click.option(
    "--tiers", type=_Tiers(), default="Integration,Production", show_default=True, help="One environment each."
)
@click.option("--values", "values_only", is_flag=True, help="Print values for the chart lockflight-stack instead.")
@click.option("--root-namespace", default="lockflight-system", show_default=True, help="Where the operator runs.")
@click.option("--helm", envvar="LOCKFLIGHT_HELM_BINARY", default="helm", show_default=True, help="The helm program.")
def init(
    *, name: str, applications: tuple[str, ...], tiers: list[Tier], values_only: bool, root_namespace: str, helm: str
) -> None:
    """Print a new stack: namespaces, rights and environments, ready for kubectl apply.

    People are groups named after the stack (NAME-developers, NAME-cab, …); for anything else start from --values.
    """
    values = starter(name, applications, tiers)
    if root_namespace != "lockflight-system":
        values["operator"] = {"namespace": root_namespace, "serviceAccount": "lockflight"}
    click.echo(
        yaml.safe_dump(values, sort_keys=False) if values_only else _render(helm, root_namespace, values), nl=False
    )
