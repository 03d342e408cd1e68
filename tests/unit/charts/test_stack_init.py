"""``lockflight stack init``."""

import pytest
import yaml
from click.testing import CliRunner, Result

from lockflight.api.common import Tier
from lockflight.api.environment import Environment
from lockflight.cli.stack import stack
from lockflight.policy.effective import effective

from .helm import HELM


def init(*args: str) -> Result:
    return CliRunner().invoke(stack, ["init", *args, "--helm", str(HELM)])


def test_a_new_stack_can_be_piped_to_kubectl() -> None:
    result = init("payments")
    objects = [obj for obj in yaml.safe_load_all(result.stdout) if obj]

    assert result.exit_code == 0, result.output
    environments = [Environment.model_validate(obj) for obj in objects if obj["kind"] == "Environment"]
    assert [(e.metadata.namespace, e.metadata.name) for e in environments] == [
        ("payments", "integration"),
        ("payments", "production"),
    ]


def test_values_to_start_from_name_applications_and_tiers() -> None:
    result = init(
        "shop", "--application", "web", "--application", "api", "--tiers", "UAT,Local,Integration", "--values"
    )
    values = yaml.safe_load(result.stdout)

    assert values["applications"] == ["web", "api"]
    assert [e["name"] for e in values["environments"]] == ["local", "integration", "uat"]
    assert values["people"]["signers"] == {"business": [{"kind": "Group", "name": "shop-business"}]}


@pytest.mark.parametrize("tiers", ["Integration,Production", "UAT,Production", ",".join(Tier)])
def test_a_new_stack_is_within_the_floors_of_its_tiers(tiers: str) -> None:
    objects = yaml.safe_load_all(init("payments", "--tiers", tiers).stdout)
    environments = [Environment.model_validate(obj) for obj in objects if obj and obj["kind"] == "Environment"]
    assert {e.metadata.name: effective(e, None, environments).problems for e in environments} == {
        e.metadata.name: () for e in environments
    }


def test_an_operator_elsewhere_is_named() -> None:
    result = init("shop", "--root-namespace", "flight", "--values")
    assert yaml.safe_load(result.stdout)["operator"] == {"namespace": "flight", "serviceAccount": "lockflight"}


def test_an_unknown_tier_is_a_usage_error() -> None:
    result = init("shop", "--tiers", "Staging")
    assert result.exit_code == 2
    assert "name tiers of Local, Integration, SystemTest, UAT, Production" in result.output


def test_a_name_that_no_namespace_can_have_is_a_usage_error() -> None:
    result = init("My Shop")
    assert result.exit_code == 2
    assert "lower-case letters" in result.output


def test_without_helm_it_says_what_to_do() -> None:
    result = CliRunner().invoke(stack, ["init", "shop", "--helm", "no-such-helm"])
    assert result.exit_code == 1
    assert "install Helm, name it with --helm, or print the values with --values" in result.output


def test_helms_complaint_is_passed_on() -> None:
    result = init("a" * 40, "--application", "b" * 40, "--tiers", "Integration")
    assert result.exit_code == 0
    result = init("payments", "--application", "b" * 40 + "c", "--tiers", "Integration")
    assert result.exit_code == 2
