"""`values`: every value with its source; of Secrets digests only."""

import base64
from typing import Any

from tests.unit.cli.fakes import FakeApi, data, environment, obj, release, run


def api() -> FakeApi:
    """Values from everywhere."""
    chart = {"oci": "oci://registry.example/app", "version": "1.0.0"}
    made = release("2.4.0", components=[{"name": "app", "chart": chart, "values": {"replicas": 1, "level": "info"}}])
    del made["spec"]["chart"]
    sources = [{"kind": "ConfigMap", "name": "shared"}, {"kind": "Secret", "name": "keys", "key": "v.yaml"}]
    where = environment("production", "Production", values={"replicas": 6}, valuesFrom=sources)
    config: dict[str, Any] = {**obj("ConfigMap", "shared", {}), "data": {"values.yaml": "level: debug"}}
    text = base64.b64encode(b"token: hunter2\nreplicas: 7").decode()
    secret: dict[str, Any] = {**obj("Secret", "keys", {}), "data": {"v.yaml": text}}
    return FakeApi(made, where, config, secret)


def test_every_value_has_its_source() -> None:
    result = run(api(), "values", "payments-2.4.0", "--env", "production")
    assert result.exit_code == 0, result.stderr
    assert 'app        /level     "debug"' in result.stdout
    assert "ConfigMap shared key values.yaml" in result.stdout
    assert "overridden" not in result.stdout


def test_of_a_secret_digests_alone_are_shown() -> None:
    for form in ("table", "json", "yaml"):
        result = run(api(), "values", "payments-2.4.0", "--env", "production", "--overridden", "-o", form)
        assert "hunter2" not in result.stdout
        assert "Secret keys key v.yaml" in result.stdout
        assert "sha256:" in result.stdout


def test_what_was_overridden_is_shown_on_request() -> None:
    found = data(run(api(), "values", "payments-2.4.0", "--env", "production", "--overridden", "-o", "json"))
    (row,) = [each for each in found if each["path"] == "/replicas"]
    assert [o["value"] for o in row["overridden"]] == [6, 1]
    assert "digest" in row


def test_a_source_that_may_not_be_read_is_named_and_the_rest_is_shown() -> None:
    found = api()
    found.unreadable = {"keys"}
    result = run(found, "values", "payments-2.4.0", "--env", "production")
    assert result.exit_code == 0
    assert "not read, so what it gives is missing here: Secret keys key v.yaml" in result.stderr
    assert "Environment production spec.values" in result.stdout


def test_a_component_that_is_not_there_is_said() -> None:
    result = run(api(), "values", "payments-2.4.0", "--env", "production", "--component", "web")
    assert (result.exit_code, "has no component web: it has app" in result.stderr) == (1, True)


def test_the_baseline_is_named_where_a_value_is_inherited() -> None:
    found = api()
    base = environment("base", "Production", values={"region": "eu"})
    base["metadata"]["namespace"] = "lockflight-system"
    found.put(base)
    result = run(found, "values", "payments-2.4.0", "--env", "production")
    assert "baseline base of tier Production spec.values" in result.stdout
