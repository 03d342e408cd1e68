"""`release create`: once, whatever happens meanwhile."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.fakes import DIGEST, NOW, OTHER, STACK, Clock, FakeApi, data, promotion, release, run

CREATE = ("release", "create", "--application", "payments", "--version", "2.4.0")
CHART = ("--chart", "oci://registry.example/charts/payments:2.4.0", "--digest", DIGEST)


def _spec(api: FakeApi, name: str = "payments-2.4.0") -> dict[str, Any]:
    spec: dict[str, Any] = api.objects["Release", STACK, name]["spec"]
    return spec


def test_one_command_makes_a_release() -> None:
    api = FakeApi()
    result = run(api, *CREATE, *CHART, "--evidence", "unit-tests=Passed:https://ci.example/7", "--branch", "main")
    assert (result.exit_code, result.stdout) == (0, "releases.lockflight.dev/payments-2.4.0 created\n")
    assert _spec(api) == {
        "application": "payments",
        "version": "2.4.0",
        "source": {"branch": "main", "authors": []},
        "chart": {"oci": "oci://registry.example/charts/payments", "version": "2.4.0", "digest": DIGEST},
        "evidence": [{"type": "unit-tests", "result": "Passed", "url": "https://ci.example/7"}],
        "includes": [],
        "scope": [],
        "requires": [],
    }


def test_the_same_again_is_unchanged() -> None:
    api = FakeApi()
    run(api, *CREATE, *CHART)
    again = run(api, *CREATE, *CHART)
    assert (again.exit_code, again.stdout) == (0, "releases.lockflight.dev/payments-2.4.0 unchanged\n")
    assert len(api.writes) == 1


def test_a_hold_put_on_it_meanwhile_does_not_make_it_other_content() -> None:
    api = FakeApi()
    run(api, *CREATE, *CHART)
    run(api, "hold", "payments-2.4.0", "found in triage")
    assert "unchanged" in run(api, *CREATE, *CHART).stdout


def test_other_content_under_the_same_version_is_refused_naming_the_fields() -> None:
    api = FakeApi()
    run(api, *CREATE, *CHART, "--evidence", "unit-tests=Passed")
    result = run(
        api,
        *CREATE,
        "--chart",
        "oci://registry.example/charts/payments",
        "--digest",
        OTHER,
        "--evidence",
        "unit-tests=Failed",
    )
    assert result.exit_code == 1
    assert "chart.digest (there sha256:aaa" in result.stderr
    assert "evidence[unit-tests].result (there Passed, here Failed)" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert len(api.writes) == 1


def test_the_same_version_under_another_name_is_found() -> None:
    api = FakeApi()
    run(api, *CREATE, *CHART, "--name", "by-hand")
    assert run(api, *CREATE, *CHART).stdout == "releases.lockflight.dev/by-hand unchanged\n"


def test_somebody_quicker_with_the_same_content_is_no_failure() -> None:
    api = FakeApi()

    def quicker() -> None:
        api.before_create = lambda: None
        run(api, *CREATE, *CHART)

    api.before_create = quicker
    assert run(api, *CREATE, *CHART).stdout.endswith("unchanged\n")


def test_build_metadata_makes_a_valid_name() -> None:
    api = FakeApi()
    run(api, "release", "create", "--application", "payments", "--version", "2.4.0+cfg.1", *CHART)
    assert _spec(api, "payments-2.4.0-cfg.1")["version"] == "2.4.0+cfg.1"


def test_values_are_laid_over_each_other_as_helm_does(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("image: {tag: '1', name: x}\nports: [1, 2]\n")
    second.write_text("image: {tag: '2'}\nports: [3]\n")
    api = FakeApi()
    run(api, *CREATE, *CHART, "--values", str(first), "--values", str(second), "--env-values", f"production={second}")
    spec = _spec(api)
    assert spec["components"][0]["name"] == "app"
    assert spec["components"][0]["values"] == {"image": {"tag": "2", "name": "x"}, "ports": [3]}
    assert spec["environments"] == {"production": {"values": {"image": {"tag": "2"}, "ports": [3]}}}


def test_components_keep_their_order_and_their_own_versions(tmp_path: Path) -> None:
    values = tmp_path / "api.yaml"
    values.write_text("replicas: 2")
    api = FakeApi()
    result = run(
        api,
        *CREATE,
        *("--component", "schema=oci://registry.example/charts/schema:1.1.0"),
        *("--component", f"api=oci://registry.example/charts/api@{DIGEST}"),
        *("--values", f"api={values}", "--env-values", f"production/api={values}"),
    )
    assert result.exit_code == 0, result.stderr
    spec = _spec(api)
    assert [(c["name"], c["chart"]["version"]) for c in spec["components"]] == [("schema", "1.1.0"), ("api", "2.4.0")]
    assert spec["components"][1]["values"] == {"replicas": 2}
    assert spec["environments"]["production"]["components"] == {"api": {"values": {"replicas": 2}}}


def test_a_chart_repository_is_named_with_repo() -> None:
    api = FakeApi()
    run(api, *CREATE, "--chart", "payments", "--repo", "https://charts.example", "--chart-version", "7.0.0")
    assert _spec(api)["chart"] == {"repository": "https://charts.example", "name": "payments", "version": "7.0.0"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "give either --chart, or --component"),
        (("--chart", "payments"), "with --repo"),
        (("--chart", "oci://a b"), "is no OCI reference"),
        (("--chart", "oci://r/c:1.0.0", "--chart-version", "2.0.0"), "give one of them"),
        ((*CHART, "--component", "api=oci://r/c"), "give either --chart, or --component"),
        (("--component", "api"), "write name=…"),
        (("--component", "api=oci://r/c", "--component", "api=oci://r/d"), "occurs twice"),
        (("--component", "api=oci://r/c", "--digest", DIGEST), "go with --chart"),
        ((*CHART, "--digest", "sha256:short"), "digest"),
        ((*CHART, "--values", "/nonexistent.yaml"), "No such file"),
        ((*CHART, "--evidence", "unit-tests"), "is neither TYPE=Passed"),
    ],
)
def test_wrong_usage_ends_with_2_and_sends_nothing(arguments: tuple[str, ...], says: str) -> None:
    api = FakeApi()
    result = run(api, *CREATE, *arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert not api.writes


def test_a_version_that_is_no_semantic_version_is_wrong_usage() -> None:
    result = run(FakeApi(), "release", "create", "--application", "payments", "--version", "v2", *CHART)
    assert result.exit_code == 2
    assert "version" in result.stderr


@pytest.mark.parametrize("text", ["- a list", "a: [", "!!python/object:os.system {}"])
def test_a_values_file_that_is_no_mapping_is_wrong_usage(tmp_path: Path, text: str) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(text)
    assert run(FakeApi(), *CREATE, *CHART, "--values", str(path)).exit_code == 2


def test_waiting_ends_when_the_charts_are_resolved() -> None:
    api = FakeApi()
    clock = Clock(lambda n: api.put(release("2.4.0")) if n == 3 else None)
    result = run(api, *CREATE, *CHART, "--wait", clock=clock)
    assert result.exit_code == 0
    assert result.stdout.endswith("release payments-2.4.0 is resolved\n")
    assert clock.slept == 3


def test_waiting_fails_at_once_where_a_chart_cannot_be_resolved() -> None:
    stalled = {
        "type": "Stalled",
        "status": "True",
        "reason": "ChartNotFound",
        "message": "no such chart",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-11-24T10:00:00Z",
    }
    api = FakeApi()
    clock = Clock(lambda _: api.put({**release("2.4.0"), "status": {"conditions": [stalled]}}))
    result = run(api, *CREATE, *CHART, "--wait", clock=clock)
    assert (result.exit_code, result.stderr) == (1, "error: release payments-2.4.0 cannot be resolved: no such chart\n")


def test_waiting_for_an_environment_ends_when_it_is_signed_off_there() -> None:
    row = {"name": "uat", "digest": DIGEST, "deployedAt": "2026-11-24T10:00:00Z", "signedOffAt": "2026-11-24T11:00:00Z"}
    api = FakeApi()
    clock = Clock(lambda _: api.put(release("2.4.0", {"environments": [row]})))
    assert run(api, *CREATE, *CHART, "--wait", "uat", clock=clock).stdout.endswith("has passed uat\n")


def test_waiting_for_an_environment_fails_when_a_promotion_on_the_way_failed() -> None:
    api = FakeApi(promotion("2.4.0", "system-test", "RolledBack"))
    result = run(api, *CREATE, *CHART, "--wait", "uat")
    assert result.exit_code == 1
    assert "promotion payments-2.4.0-system-test ended RolledBack" in result.stderr


def test_waiting_ends_with_4_at_the_deadline_and_says_what_for() -> None:
    api = FakeApi(promotion("2.4.0", "system-test", "Waiting", waitsFor="Soak"))
    clock = Clock()
    result = run(api, *CREATE, *CHART, "--wait", "uat", "--timeout", "1m", clock=clock)
    assert result.exit_code == 4
    assert "payments-2.4.0-system-test is Waiting: Soak" in result.stderr
    assert (clock.now() - NOW).total_seconds() == 60


def test_programs_get_the_object() -> None:
    assert data(run(FakeApi(), *CREATE, *CHART, "-o", "json"))["metadata"]["name"] == "payments-2.4.0"


def test_a_hold_can_be_put_on_and_taken_off() -> None:
    api = FakeApi(release("2.4.0"))
    run(api, "hold", "payments-2.4.0", "found in triage")
    assert _spec(api)["hold"] == {"reason": "found in triage"}
    run(api, "unhold", "payments-2.4.0")
    assert "hold" not in _spec(api)


def test_holding_what_does_not_exist_ends_with_3() -> None:
    assert run(FakeApi(), "hold", "payments-9.9.9", "why").exit_code == 3


def test_a_hotfix_names_what_it_mends_and_what_it_contains() -> None:
    api = FakeApi()
    arguments = ("--hotfix-of", "payments-2.3.1", "--includes", "payments-2.3.0", "--includes", "payments-2.2.9")
    assert run(api, *CREATE, *CHART, *arguments).exit_code == 0
    spec = _spec(api)
    assert (spec["type"], spec["basedOn"]) == ("Hotfix", {"name": "payments-2.3.1"})
    assert spec["includes"] == ["payments-2.3.0", "payments-2.2.9"]
    assert "unchanged" in run(api, *CREATE, *CHART, *arguments).stdout


def test_a_release_is_no_hotfix_and_configuration_at_once() -> None:
    result = run(FakeApi(), *CREATE, *CHART, "--hotfix-of", "payments-2.3.1", "--based-on", "payments-2.3.1")
    assert (result.exit_code, "give one of them" in result.stderr) == (2, True)


def test_the_scope_is_told_in_options() -> None:
    api = FakeApi()
    arguments = ("--scope", "PAY-381=Refund limits", "--scope", "PAY-390=Sums = amounts")
    assert run(api, *CREATE, *CHART, *arguments).exit_code == 0
    assert _spec(api)["scope"] == [
        {"id": "PAY-381", "title": "Refund limits"},
        {"id": "PAY-390", "title": "Sums = amounts"},
    ]
    assert "unchanged" in run(api, *CREATE, *CHART, *arguments).stdout
    other = run(api, *CREATE, *CHART, "--scope", "PAY-381=Refund limits")
    assert (other.exit_code, "scope (there 2 entries, here 1 entries)" in other.stderr) == (1, True)


def test_a_scope_without_a_title_is_refused() -> None:
    result = run(FakeApi(), *CREATE, *CHART, "--scope", "PAY-381")
    assert (result.exit_code, "--scope 'PAY-381': write name=…" in result.stderr) == (2, True)


def test_what_it_requires_is_said_by_application_and_range() -> None:
    api = FakeApi()
    run(api, *CREATE, *CHART, "--requires", "ledger=>=1.2 <2")
    assert _spec(api)["requires"] == [{"application": "ledger", "version": ">=1.2 <2"}]
    assert run(api, *CREATE, *CHART, "--requires", "ledger=latest").exit_code == 2
