"""`adopt`."""

import base64
import gzip
import json
from typing import Any

import yaml

from lockflight.api.environment import Environment
from lockflight.api.release import Release
from lockflight.policy.effective import effective
from tests.unit.cli.fakes import FakeApi, run

LIST = "secrets?labelSelector=owner%3Dhelm%2Cstatus%3Ddeployed"


def stored(name: str, version: str = "1.4.0", config: dict[str, Any] | None = None, **labels: str) -> dict[str, Any]:
    """A Secret as Helm keeps it."""
    chart = {"metadata": {"name": f"{name}-chart", "version": version, "appVersion": f"v{version}"}}
    release = {"name": name, "chart": chart, "config": config}
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode()))).decode()
    return {"metadata": {"name": f"sh.helm.release.v1.{name}.v3", "labels": labels}, "data": {"release": packed}}


def api(*secrets: dict[str, Any]) -> FakeApi:
    server = FakeApi()
    server.rbac[LIST] = list(secrets)
    return server


BOTH = (stored("billing", "2.3.1", {"replicaCount": 3}), stored("payments-web"))
ASKED = ("adopt", "pay-prod", "--env", "production", "--application", "payments")


def test_what_it_drafts_is_what_the_api_server_takes() -> None:
    result = run(api(*BOTH), *ASKED, "--tier", "Production", "--charts", "oci://registry.example/c", "-n", "payments")
    assert result.exit_code == 0, result.output
    place, release = (doc for doc in yaml.safe_load_all(result.stdout))
    made, environment = Release.model_validate(release), Environment.model_validate(place)
    assert [(c.name, c.release_name) for c in made.spec.components or ()] == [
        ("billing", "billing"),
        ("web", "payments-web"),
    ]
    assert made.spec.version == "2.3.1"
    assert (made.spec.components or ())[0].values == {"replicaCount": 3}
    assert environment.target_namespace("payments") == "pay-prod"
    assert effective(environment, None, (environment,)).problems == ()
    assert "what is secret in them belongs into a Secret" in result.stderr


def test_every_tier_gets_an_environment_that_is_governed() -> None:
    for tier in ("Local", "Integration", "SystemTest", "UAT", "Production"):
        result = run(api(*BOTH), *ASKED, "--tier", tier)
        place = Environment.model_validate(next(yaml.safe_load_all(result.stdout)))
        assert effective(place, None, (place,)).problems == (), tier


def test_where_charts_come_from_is_asked_for() -> None:
    assert "put your registry in place of" in run(api(*BOTH), *ASKED, "--tier", "UAT").stderr
    refused = run(api(*BOTH), *ASKED, "--tier", "UAT", "--charts", "oci://a/b", "--repo", "https://charts.example")
    assert refused.exit_code == 2
    result = run(api(*BOTH), *ASKED, "--tier", "UAT", "--repo", "https://charts.example", "--only", "billing")
    release = list(yaml.safe_load_all(result.stdout))[1]
    assert release["spec"]["components"][0]["chart"] == {
        "repository": "https://charts.example",
        "name": "billing-chart",
        "version": "2.3.1",
    }


def test_what_lockflight_made_is_not_adopted() -> None:
    mine = stored("payments-api", **{"lockflight.dev/promotion": "uid"})
    result = run(api(mine), *ASKED, "--tier", "UAT")
    assert (result.exit_code, "nothing to adopt in pay-prod" in result.stderr) == (1, True)


def test_what_is_not_there_or_not_readable_is_said() -> None:
    missing = run(api(*BOTH), *ASKED, "--tier", "UAT", "--only", "ledger")
    assert "no Helm release ledger to adopt" in missing.stderr
    broken = run(api({"metadata": {"name": "x"}, "data": {"release": "AAAA"}}), *ASKED, "--tier", "UAT")
    assert "Secret x is not readable as a Helm release" in broken.stderr
    odd = run(api(stored("billing", "latest")), *ASKED, "--tier", "UAT")
    assert "give --version" in odd.stderr
