"""`compare`: how two environments differ."""

from typing import Any

import pytest

from tests.unit.cli.fakes import DIGEST, OTHER, FakeApi, data, environment, promotion, release, run


def brought(version: str, where: str, chart: str, image: str) -> dict[str, Any]:
    component = {
        "name": "app",
        "chartDigest": chart,
        "valuesDigest": DIGEST,
        "manifestDigest": DIGEST,
        "images": [image],
    }
    return promotion(
        version, where, "Succeeded", plan={"digest": DIGEST, "namespace": where, "components": [component]}
    )


def api() -> FakeApi:
    return FakeApi(
        environment("uat", "UAT", "2.4.0", values={"replicas": 2, "log": "info"}),
        environment("production", "Production", "2.3.1", values={"replicas": 6, "log": "info"}),
        release("2.4.0"),
        release("2.3.1"),
        brought("2.4.0", "uat", OTHER, "app:2"),
        brought("2.3.1", "production", DIGEST, "app:1"),
    )


def test_what_runs_and_what_counts_is_compared() -> None:
    found = data(run(api(), "compare", "uat", "production", "-o", "json"))
    assert {(r["what"], r.get("path", "")): (r["uat"], r["production"]) for r in found} == {
        ("version", ""): ("2.4.0", "2.3.1"),
        ("release", ""): ("payments-2.4.0", "payments-2.3.1"),
        ("chart", ""): (OTHER, DIGEST),
        ("images", ""): ("app:2", "app:1"),
        ("value", "/replicas"): ("2 (Environment uat spec.values)", "6 (Environment production spec.values)"),
    }


def test_people_read_a_table() -> None:
    result = run(api(), "compare", "uat", "production")
    assert "/replicas" in result.stdout
    assert "UAT" in result.stdout.splitlines()[0]


def test_an_environment_does_not_differ_from_itself() -> None:
    assert run(api(), "compare", "uat", "uat").stdout == "uat and uat do not differ\n"


def test_where_nothing_runs_the_other_ones_release_is_taken() -> None:
    found = api()
    found.put(environment("production", "Production", values={"replicas": 6}))
    rows = data(run(found, "compare", "uat", "production", "-o", "json"))
    assert ("version", "2.4.0", "-") in {(r["what"], r["uat"], r["production"]) for r in rows}
    assert {r["path"] for r in rows if r["what"] == "value"} == {"/replicas", "/log"}


def test_a_promotion_that_is_gone_is_said() -> None:
    found = api()
    del found.objects["Promotion", "payments", "payments-2.3.1-production"]
    result = run(found, "compare", "uat", "production", "-o", "json")
    assert "promotion payments-2.3.1-production is gone" in result.stderr
    assert "chart" not in {r["what"] for r in data(result)}


@pytest.mark.parametrize("options", [["--application", "ledger"], []])
def test_where_there_is_nothing_to_compare_that_is_said(options: list[str]) -> None:
    found = FakeApi(environment("uat", "UAT"), environment("production", "Production"))
    result = run(found, "compare", "uat", "production", *options)
    assert (result.exit_code, "name a release" in result.stderr) == (1, True)


def test_the_configuration_of_one_release_is_compared() -> None:
    rows = data(run(api(), "compare", "uat", "production", "--release", "payments-2.4.0", "-o", "json"))
    assert "/replicas" in {r.get("path") for r in rows}
