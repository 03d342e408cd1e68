"""The ClusterRoles of people: what each job adds up to."""

from typing import Any

import pytest

from lockflight.api.access import LADDER_ROLES
from lockflight.api.kinds import KINDS

from .helm import ChartError, find, names, rights, template

GROUP = "lockflight.dev"
TRAIL = "auditrecords"
WRITE = {"create", "update", "patch"}
JOBS = (
    "viewer", "release-manager", "approver", "cab", "emergency-cab", "signer",
    "attester", "waiver", "deputy", "relay", "governor", "platform-admin", "auditor",
    "incident-manager",
)  # fmt: skip


def job(name: str, objects: list[dict[str, Any]]) -> set[tuple[str, str, str, str]]:
    """Everything that aggregation puts into a ClusterRole."""
    (selector,) = find(objects, "ClusterRole", f"lockflight-{name}")["aggregationRule"]["clusterRoleSelectors"]
    parts = [o for o in objects if o["kind"] == "ClusterRole" and "rules" in o]
    return {
        right
        for o in parts
        if selector["matchLabels"].items() <= o["metadata"]["labels"].items()
        for right in rights(o)
    }


def beyond_reading(name: str, objects: list[dict[str, Any]]) -> set[tuple[str, str, str, str]]:
    return job(name, objects) - job("viewer", objects)


def test_there_is_a_cluster_role_for_every_job() -> None:
    aggregated = {
        o["metadata"]["name"] for o in template("lockflight") if o["kind"] == "ClusterRole" and "aggregationRule" in o
    }
    assert aggregated - set(LADDER_ROLES) == {f"lockflight-{name}" for name in JOBS}


def test_every_part_belongs_to_a_job() -> None:
    for obj in template("lockflight"):
        if obj["kind"] == "ClusterRole" and obj["metadata"]["name"].startswith("lockflight-to-"):
            to = {k for k in obj["metadata"]["labels"] if k.startswith(f"{GROUP}/aggregate-to-")}
            assert to
            assert to <= {f"{GROUP}/aggregate-to-{name}" for name in (*JOBS, "access-operate", "access-edit")}


@pytest.mark.parametrize("name", JOBS)
def test_everybody_reads_every_kind_but_the_audit_trail(name: str) -> None:
    granted = job(name, template("lockflight"))
    kinds = {kind.plural for kind in KINDS} - {TRAIL}
    assert {(GROUP, kind, "", "list") for kind in kinds} <= granted
    assert ((GROUP, TRAIL, "", "get") in granted) is (name == "auditor")


def test_whoever_may_view_a_namespace_reads_what_is_released_there() -> None:
    read = find(template("lockflight"), "ClusterRole", "lockflight-to-read")
    assert read["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-view"] == "true"


DECIDE = ("approve", "review")
STATUS = {"get", "patch", "update"}
CHANGE = {
    (GROUP, f"{kind}/status", "", verb)
    for kind in ("changerequests", "environments", "freezewindows", "releasecalendars", "standardchanges")
    for verb in STATUS
}
FREEZE = {(GROUP, "freezewindows", "", verb) for verb in WRITE | {"lift"}} | {
    (GROUP, "delegations", "", verb) for verb in WRITE
}
RULES = {
    (GROUP, kind, "", verb)
    for kind in ("environments", "freezewindows", "releasecalendars", "standardchanges")
    for verb in WRITE | {"delete", "govern"}
}


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("viewer", set()),
        (
            "release-manager",
            {(GROUP, kind, "", verb) for kind in ("releases", "promotions", "changerequests") for verb in WRITE}
            | {(GROUP, "approvalroles", "requester", "submit")}
            | {(GROUP, "changerequests/status", "", verb) for verb in STATUS},
        ),
        ("approver", CHANGE | FREEZE),
        ("cab", CHANGE | FREEZE | {(GROUP, "approvalroles", "cab", verb) for verb in DECIDE}),
        ("emergency-cab", CHANGE | FREEZE | {(GROUP, "approvalroles", "ecab", verb) for verb in DECIDE}),
        ("signer", {(GROUP, "promotions/status", "", verb) for verb in STATUS}),
        ("governor", RULES),
        (
            "incident-manager",
            {("", "namespaces", "", verb) for verb in ("get", "list", "patch")}
            | {(GROUP, "targetnamespaces", "", "break-glass")},
        ),
    ],
)
def test_a_job_is_this_and_nothing_more(name: str, more: set[tuple[str, str, str, str]]) -> None:
    assert beyond_reading(name, template("lockflight")) == more


def test_a_platform_admin_governs_and_binds() -> None:
    more = beyond_reading("platform-admin", template("lockflight"))
    assert more >= RULES | {(GROUP, "targetnamespaces", "", "bind")}
    assert {resource for _, resource, _, _ in more - RULES} == {"targetnamespaces", "namespaces"}


def test_an_auditor_writes_nothing() -> None:
    more = beyond_reading("auditor", template("lockflight"))
    asks = ("authorization.k8s.io", "subjectaccessreviews", "", "create")
    assert {verb for _, _, _, verb in more - {asks}} == {"get", "list", "watch"}


def test_no_delivery_role_governs_and_no_rule_maker_delivers_or_decides() -> None:
    objects = template("lockflight")
    for name in (
        "release-manager",
        "approver",
        "cab",
        "emergency-cab",
        "signer",
        "attester",
        "waiver",
        "deputy",
        "relay",
    ):
        assert "govern" not in {verb for *_, verb in job(name, objects)}
    decided = {
        (resource, verb) for name in ("governor", "platform-admin") for _, resource, _, verb in job(name, objects)
    }
    assert not decided & {("releases", "create"), ("promotions", "create"), ("approvalroles", "approve")}


def test_the_boards_decide_as_the_roles_that_are_named() -> None:
    objects = template("lockflight", {"roles": {"cab": ["board", "payments-board"], "emergencyCab": []}})
    named = {name for _, resource, name, _ in job("cab", objects) if resource == "approvalroles"}
    assert named == {"board", "payments-board"}
    assert not {r for r in job("emergency-cab", objects) if r[1] == "approvalroles"}


def test_people_of_all_stacks_are_bound_cluster_wide() -> None:
    them = [{"kind": "Group", "name": "them"}]
    people = dict.fromkeys(("platformAdmins", "incidentManagers", "cab", "emergencyCab", "auditors", "viewers"), them)
    objects = template("lockflight", {"people": people})
    jobs = {"viewer", "cab", "emergency-cab", "platform-admin", "incident-manager", "auditor"}
    assert names(objects, "ClusterRoleBinding") == {"lockflight-operator"} | {f"lockflight-{name}" for name in jobs}
    for name in jobs:
        binding = find(objects, "ClusterRoleBinding", f"lockflight-{name}")
        assert binding["roleRef"]["name"] == f"lockflight-{name}"
        assert [s["name"] for s in binding["subjects"]] == ["them"]


@pytest.mark.parametrize("board", ["cab", "emergencyCab"])
def test_a_robot_sits_on_no_board(board: str) -> None:
    robot = {"kind": "ServiceAccount", "name": "ci", "namespace": "payments"}
    with pytest.raises(ChartError, match="kind"):
        template("lockflight", {"people": {board: [robot]}})
