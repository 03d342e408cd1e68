"""``plan``: when, who is next, and the whole way."""

from tests.unit.cli.fakes import FakeApi, data, environment, obj, release, run

EVIDENCE = [{"type": kind, "result": "Passed"} for kind in ("unit-tests", "static-analysis", "integration-tests")]
CAB = {"normal": {"approvals": [{"role": "cab", "count": 2}]}}


def stack(*more: dict[str, object]) -> FakeApi:
    """Two environments, and a release that is in none of them."""
    freeze = {
        "reason": "Audit",
        "timeZone": "Europe/Berlin",
        "start": "2026-11-20T18:00:00",
        "end": "2026-12-02T00:00:00",
        "environments": {"tiers": ["Production"], "names": []},
    }
    return FakeApi(
        environment("uat", "UAT", promotesFrom=[], exit={"signOffs": [{"role": "business", "count": 1}]}),
        environment("production", "Production", changeControl=CAB),
        obj("FreezeWindow", "audit", freeze, creationTimestamp="2026-11-01T09:00:00Z"),
        release("2.4.0", source={"branch": "main", "tag": "v2.4.0"}, evidence=EVIDENCE),
        *more,
    )


def test_it_says_when_who_is_next_and_the_way() -> None:
    result = run(stack(), "plan", "payments-2.4.0", "--to", "production")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[:2] == [
        "payments-2.4.0 to production: earliest start 2026-12-01 23:00 UTC, if people act now",
        "  next: delivery team, in uat: lockflight promote payments-2.4.0 uat",
    ]
    for words in (
        "uat          UAT         to come  2026-11-24 12:00Z  2026-11-24 12:00Z  10m    2026-11-24 12:10Z",
        "waits for business: 1 sign-offs, once it runs",
        "waits for requester: a change that names payments-2.4.0 and production",
        "held by Freeze until 2026-12-01 23:00 UTC: freeze payments/audit (Audit)",
        "shut when it is reached: Freeze, ChangeWindow, ChangeControl",
        "judged by the operator alone, once it is promoted there: Binding, Artifacts",
    ):
        assert words in result.stdout, words


def test_programs_read_the_same() -> None:
    said = data(run(stack(), "plan", "payments-2.4.0", "--to", "production", "-o", "json"))
    assert (said["earliestStart"], said["then"]) == ("2026-12-01T23:00:00Z", None)
    assert said["next"]["environment"] == "uat"
    production = said["legs"][-1]
    assert (production["reached"], production["durationSeconds"]) == ("2026-11-24T12:10:00Z", 600)
    assert [row["who"] for row in production["waitingFor"]] == ["delivery team", "requester", "cab"]
    assert [row["gate"] for row in production["heldBy"]] == ["Freeze"]
    judges = {row["name"]: row["judgedBy"] for row in production["gates"]}
    assert (judges["Freeze"], judges["Binding"]) == ("plan", "operator")


def test_why_not_at_a_time_to_come() -> None:
    result = run(stack(), "plan", "payments-2.4.0", "--to", "production", "--at", "2026-12-01T12:00:00+01:00")
    for words in (
        "production at 2026-12-01 11:00 UTC",
        "too early: the earliest start is 2026-12-01 23:00 UTC",
        "shut, whatever people do: Freeze",
        "shut as things stand: ChangeControl",
    ):
        assert words in result.stdout, words
    later = data(run(stack(), "plan", "payments-2.4.0", "--to", "production", "--at", "2026-12-05", "-o", "json"))
    assert later["then"]["shutAnyway"] == []


def test_why_not_at_a_past_time() -> None:
    result = run(stack(), "plan", "payments-2.4.0", "--to", "production", "--at", "2026-11-22")
    assert "by what was there then, and the rules as they are now" in result.stdout
    assert "shut, whatever people do: Freeze" in result.stdout


def test_what_nobody_opens_has_no_start() -> None:
    api = stack()
    api.put(release("2.4.0", source={"branch": "feature", "tag": "v2.4.0"}, evidence=EVIDENCE))
    api.put(environment("uat", "UAT", promotesFrom=[], entry={"branches": ["main"]}))
    result = run(api, "plan", "payments-2.4.0", "--to", "production")
    assert "no start can be foreseen" in result.stdout
    assert "next: Source in uat is shut, and nobody opens it" in result.stdout
    assert "never reached: see upstream" in result.stdout


def test_what_has_passed_is_said() -> None:
    row = {
        "name": "uat",
        "environmentUID": "uid-uat",
        "digest": "sha256:" + "a" * 64,
        "deployedAt": "2026-11-20T10:00:00Z",
        "verifiedAt": "2026-11-20T10:00:00Z",
        "signedOffAt": "2026-11-20T10:00:00Z",
    }
    api = stack()
    api.put(release("2.4.0", {"environments": [row]}, source={"branch": "main"}, evidence=EVIDENCE))
    assert "payments-2.4.0 has passed uat" in run(api, "plan", "payments-2.4.0", "--to", "uat").stdout


def test_an_environment_that_is_not_there_ends_with_3() -> None:
    result = run(stack(), "plan", "payments-2.4.0", "--to", "nowhere")
    assert (result.exit_code, "lockflight board shows them" in result.stderr) == (3, True)


def test_whoever_holds_the_role_is_named_where_rbac_may_be_read() -> None:
    api = stack()
    cab = {
        "resources": ["approvalroles"],
        "resourceNames": ["cab"],
        "verbs": ["approve"],
        "apiGroups": ["lockflight.dev"],
    }
    everything = {"resources": ["*"], "verbs": ["*"], "apiGroups": ["*"]}
    api.rbac["roles"] = [
        {"metadata": {"name": "cab"}, "rules": [cab]},
        {"metadata": {"name": "admin"}, "rules": [everything]},
    ]
    api.rbac["rolebindings"] = [
        {
            "metadata": {"namespace": "payments"},
            "roleRef": {"kind": "Role", "name": name},
            "subjects": [{"kind": "Group", "name": f"{name}-people"}],
        }
        for name in ("cab", "admin")
    ]
    text = run(api, "plan", "payments-2.4.0", "--to", "production").stdout
    assert "waits for cab (Group cab-people): 0 of 2 approvals of new-change" in text
    assert "admin-people" not in text
    said = data(run(api, "plan", "payments-2.4.0", "--to", "production", "-o", "json"))
    (row,) = [r for r in said["legs"][-1]["waitingFor"] if r["who"] == "cab"]
    assert row["holders"] == ["Group cab-people"]
