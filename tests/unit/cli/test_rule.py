"""`rule approve`, `reject` and `withdraw`: shown, asked, sent with what was shown."""

from typing import Any

import pytest

from lockflight.api.kinds import BY_NAME
from tests.unit.cli.fakes import DIGEST, STACK, FakeApi, obj, run

SPECS: dict[str, dict[str, Any]] = {
    "Environment": {"tier": "Production"},
    "FreezeWindow": {"reason": "Year end", "timeZone": "UTC", "start": "2026-12-18T18:00:00"},
    "ReleaseCalendar": {"timeZone": "UTC", "sprint": {"start": "2026-11-02"}},
    "StandardChange": {
        "title": "Patch upgrade",
        "pattern": {"applications": ["payments"], "environments": ["production"], "kinds": ["Deployment"]},
        "validUntil": "2027-06-30",
    },
}


def _api(kind: str, **status: Any) -> FakeApi:
    found = obj(kind, "main", SPECS[kind], {"planDigest": DIGEST, "observedGeneration": 2, "approvals": [], **status})
    found["metadata"] |= {"generation": 2, "annotations": {"lockflight.dev/editors": "eve"}}
    return FakeApi(found)


def _entries(api: FakeApi, kind: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = api.objects[kind, STACK, "main"]["status"]["approvals"]
    return entries


@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize(
    ("command", "decision"), [("approve", "Approved"), ("reject", "Rejected"), ("withdraw", "Withdrawn")]
)
def test_a_decision_carries_who_and_what_was_shown(kind: str, command: str, decision: str) -> None:
    api = _api(kind)
    result = run(api, "rule", command, f"{BY_NAME[kind].short}/main", "--role", "cab", "-y")
    assert result.exit_code == 0, result.stderr
    assert _entries(api, kind) == [
        {
            "role": "cab",
            "decision": decision,
            "by": "alice",
            "groups": ["cab", "system:authenticated"],
            "generation": 2,
            "planDigest": DIGEST,
        }
    ]


@pytest.mark.parametrize("word", ["environment", "environments", "lfenv", "Environment"])
def test_a_kind_goes_by_all_its_names(word: str) -> None:
    assert run(_api("Environment"), "rule", "approve", f"{word}/main", "--role", "cab", "-y").exit_code == 0


def test_the_rule_and_who_edited_it_are_shown_before_it_is_asked() -> None:
    api = _api("Environment")
    result = run(api, "rule", "approve", "lfenv/main", "--role", "cab", stdin="n\n", terminal=True)
    before, asked, _ = result.stdout.partition("Approve lfenv main as cab")
    assert asked
    assert "edited by eve" in before
    assert "tier: Production" in before
    assert not api.writes


@pytest.mark.parametrize("status", [{"planDigest": None}, {"observedGeneration": 1}])
def test_nobody_decides_what_the_operator_has_not_seen(status: dict[str, Any]) -> None:
    result = run(_api("Environment", **status), "rule", "approve", "lfenv/main", "--role", "cab", "-y")
    assert result.exit_code == 1
    assert "has not looked at it as it is now" in result.stderr


@pytest.mark.parametrize("which", ["lfenv", "lfenv/", "lfrel/main", "main"])
def test_what_is_no_rule_is_wrong_usage(which: str) -> None:
    result = run(FakeApi(), "rule", "approve", which, "--role", "cab", "-y")
    assert (result.exit_code, "is no rule object: write lfenv/NAME" in result.stderr) == (2, True)
