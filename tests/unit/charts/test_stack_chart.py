"""The chart of a stack."""

from typing import Any

import pytest

from lockflight.api.access import LADDER_ROLES
from lockflight.api.environment import Environment
from lockflight.policy.labels import access_user, deployer

from .helm import ROOT, ChartError, find, names, rights, run, template

SMALL: dict[str, Any] = {
    "stack": "payments",
    "environments": [
        {"name": "integration", "tier": "Integration"},
        {
            "name": "production",
            "tier": "Production",
            "spec": {"changeControl": {"normal": {"approvals": [{"role": "lead"}]}}},
        },
    ],
    "people": {
        "releasers": [{"kind": "Group", "name": "developers"}],
        "approvers": {"lead": [{"kind": "User", "name": "alice"}]},
        "signers": {"qa": [{"kind": "Group", "name": "testers"}]},
        "governors": [{"kind": "Group", "name": "platform"}],
        "viewers": [{"kind": "ServiceAccount", "name": "board", "namespace": "tools"}],
    },
}


def test_the_chart_lints() -> None:
    text = run("lint", str(ROOT / "charts/lockflight-stack"), "--strict", values=SMALL)
    assert "1 chart(s) linted, 0 chart(s) failed" in text


def test_each_environment_and_application_has_a_namespace_bound_to_it() -> None:
    objects = template("lockflight-stack", SMALL | {"applications": ["api", "web"]})

    assert names(objects, "Namespace") == {
        "payments", "api-integration", "web-integration", "api-production", "web-production",
    }  # fmt: skip
    labels = find(objects, "Namespace", "web-production")["metadata"]["labels"]
    assert {k: v for k, v in labels.items() if k.startswith("lockflight.dev/")} == {
        "lockflight.dev/stack": "payments",
        "lockflight.dev/environment": "production",
        "lockflight.dev/tier": "Production",
    }


def test_the_namespaces_are_those_the_operator_derives() -> None:
    values = SMALL | {
        "environments": [{"name": "uat", "tier": "UAT", "spec": {"target": {"namespace": "t-{application}"}}}]
    }
    objects = template("lockflight-stack", values)
    environment = Environment.model_validate(find(objects, "Environment", "uat"))
    assert environment.target_namespace("payments") in names(objects, "Namespace")


def test_environments_are_what_the_models_accept() -> None:
    objects = template("lockflight-stack", SMALL)
    found = [Environment.model_validate(o) for o in objects if o["kind"] == "Environment"]
    assert [(e.metadata.name, e.spec.tier.value) for e in found] == [
        ("integration", "Integration"),
        ("production", "Production"),
    ]


def test_the_operator_may_be_the_deployers_of_this_stack_and_nobody_else() -> None:
    objects = template("lockflight-stack", SMALL)
    assert rights(find(objects, "ClusterRole", "lockflight-stack-payments-impersonate")) == {
        ("", "users", deployer("payments-integration"), "impersonate"),
        ("", "users", deployer("payments-production"), "impersonate"),
        ("", "users", access_user("payments-integration"), "impersonate"),
        ("", "users", access_user("payments-production"), "impersonate"),
        ("", "users", "lockflight:probe", "impersonate"),
    }
    (subject,) = find(objects, "ClusterRoleBinding", "lockflight-stack-payments-impersonate")["subjects"]
    assert subject == {"kind": "ServiceAccount", "name": "lockflight", "namespace": "lockflight-system"}


def test_the_user_of_access_rights_binds_the_roles_of_the_ladder_each_by_name_and_nothing_else() -> None:
    objects = template("lockflight-stack", SMALL)
    rbac = "rbac.authorization.k8s.io"
    assert rights(find(objects, "Role", "lockflight-access", "payments-production")) == {
        *((rbac, "rolebindings", "", verb) for verb in ("create", "patch", "delete")),
        *((rbac, "clusterroles", name, "bind") for name in LADDER_ROLES),
    }
    (subject,) = find(objects, "RoleBinding", "lockflight-access", "payments-production")["subjects"]
    assert (subject["kind"], subject["name"]) == ("User", access_user("payments-production"))


def test_the_roles_of_the_ladder_hold_what_the_built_in_ones_hold() -> None:
    objects = template("lockflight")
    selected = {
        name: {key for each in find(objects, "ClusterRole", name)["aggregationRule"]["clusterRoleSelectors"]
               for key in each["matchLabels"]}
        for name in LADDER_ROLES
    }  # fmt: skip
    built_in = {name: {key for key in keys if key.startswith("rbac.")} for name, keys in selected.items()}
    view, edit = (f"rbac.authorization.k8s.io/aggregate-to-{name}" for name in ("view", "edit"))
    assert built_in == dict(zip(LADDER_ROLES, ({view}, {view}, {view, edit}), strict=True))


def test_the_probe_could_create_a_config_map_where_a_guard_refuses_it_and_nothing_else() -> None:
    objects = template("lockflight-stack", SMALL)
    assert rights(find(objects, "Role", "lockflight-probe", "payments-production")) == {
        ("", "configmaps", "", "create")
    }
    (subject,) = find(objects, "RoleBinding", "lockflight-probe", "payments-production")["subjects"]
    assert (subject["kind"], subject["name"]) == ("User", "lockflight:probe")
    places = {o["metadata"]["namespace"] for o in objects if o["metadata"]["name"] == "lockflight-probe"}
    assert places == {"payments-production"}


def test_in_a_stack_the_operator_reads_a_config_map_or_secret_by_name_only() -> None:
    role = find(template("lockflight-stack", SMALL), "Role", "lockflight-operator", "payments")
    assert rights(role) == {("", "configmaps", "", "get"), ("", "secrets", "", "get")}


def test_a_deployer_works_in_its_own_namespace() -> None:
    objects = template("lockflight-stack", SMALL)
    (subject,) = find(objects, "RoleBinding", "lockflight-deployer", "payments-production")["subjects"]
    assert (subject["kind"], subject["name"]) == ("User", deployer("payments-production"))
    granted = rights(find(objects, "Role", "lockflight-deployer", "payments-production"))
    # Helm's storage, what the sample application brings, and a Helm test.
    assert {("", "secrets", "", "create"), ("apps", "deployments", "", "patch"), ("", "pods", "", "create")} <= granted
    assert not {r for r in granted if r[1] in {"roles", "rolebindings"}}


def test_a_deployer_can_be_given_more() -> None:
    extra = {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["httproutes"], "verbs": ["create"]}
    objects = template("lockflight-stack", SMALL | {"deployer": {"extraRules": [extra]}})
    role = find(objects, "Role", "lockflight-deployer", "payments-production")
    assert ("gateway.networking.k8s.io", "httproutes", "", "create") in rights(role)


def bound(objects: list[dict[str, Any]], name: str) -> tuple[str, set[str]]:
    binding = find(objects, "RoleBinding", name, "payments")
    assert binding["roleRef"]["name"] == name
    return binding["roleRef"]["kind"], {s["name"] for s in binding["subjects"]}


@pytest.mark.parametrize(
    ("people", "role", "resource", "name", "verb", "job"),
    [
        ("approvers", "lockflight-approve-lead", "approvalroles", "lead", "approve review", "approver"),
        ("signers", "lockflight-sign-off-qa", "approvalroles", "qa", "sign-off", "signer"),
        ("attesters", "lockflight-attest-unit-tests", "evidencetypes", "unit-tests", "attest", "attester"),
        ("waivers", "lockflight-waive-lead", "approvalroles", "lead", "waive", "waiver"),
        ("deputies", "lockflight-deputize-cab", "approvalroles", "cab", "deputize", "deputy"),
        ("relays", "lockflight-relay-cab", "approvalroles", "cab", "relay", "relay"),
    ],
)
def test_a_right_to_decide_is_held_by_name(
    people: str, role: str, resource: str, name: str, verb: str, job: str
) -> None:
    objects = template("lockflight-stack", SMALL | {"people": {people: {name: [{"kind": "Group", "name": "them"}]}}})
    assert rights(find(objects, "Role", role)) == {("lockflight.dev", resource, name, each) for each in verb.split()}
    assert bound(objects, role) == ("Role", {"them"})
    assert bound(objects, f"lockflight-{job}") == ("ClusterRole", {"them"})


def _attesters(attesters: dict[str, Any]) -> dict[str, set[str]]:
    """Who attests which type, where the developers release and production asks for a scan."""
    people = {"releasers": [{"kind": "Group", "name": "developers"}], "attesters": attesters}
    where = [{"name": "production", "tier": "Production", "spec": {"entry": {"evidence": ["security-scan"]}}}]
    objects = template("lockflight-stack", SMALL | {"people": people, "environments": where})
    roles = [name for name in names(objects, "Role") if name.startswith("lockflight-attest-")]
    return {name.removeprefix("lockflight-attest-"): bound(objects, name)[1] for name in roles}


BUILT = ("static-analysis", "unit-tests", "integration-tests", "security-scan")


def test_the_releasers_attest_what_is_asked_for_until_somebody_is_named() -> None:
    everything = {kind: {"developers"} for kind in BUILT}
    assert _attesters({}) == everything
    ops = [{"kind": "Group", "name": "ops"}]
    assert _attesters({"tariff-load": ops}) == everything | {"tariff-load": {"ops"}}
    assert _attesters({"security-scan": ops}) == {"security-scan": {"ops"}}


@pytest.mark.parametrize(
    ("people", "job"),
    [("releasers", "release-manager"), ("governors", "governor"), ("auditors", "auditor"), ("viewers", "viewer")],
)
def test_people_are_bound_to_the_job_they_do(people: str, job: str) -> None:
    objects = template("lockflight-stack", SMALL | {"people": {people: [{"kind": "User", "name": "them"}]}})
    assert bound(objects, f"lockflight-{job}") == ("ClusterRole", {"them"})


def test_every_job_bound_is_one_that_the_operators_chart_brings() -> None:
    them = [{"kind": "User", "name": "them"}]
    lists = dict.fromkeys(("releasers", "governors", "auditors", "viewers"), them)
    named = {key: {"cab": them} for key in ("approvers", "signers", "attesters", "waivers", "deputies", "relays")}
    objects = template("lockflight-stack", SMALL | {"people": lists | named})
    bindings = [o for o in objects if o["kind"] == "RoleBinding" and o["roleRef"]["kind"] == "ClusterRole"]
    assert len(bindings) == 10
    assert {b["roleRef"]["name"] for b in bindings} <= names(template("lockflight"), "ClusterRole")


@pytest.mark.parametrize("kind", ["Role", "ClusterRole"])
def test_nothing_is_granted_by_wildcard(kind: str) -> None:
    objects = template("lockflight-stack", SMALL) + template("lockflight")
    granted = {right for o in objects if o["kind"] == kind and "rules" in o for right in rights(o)}
    assert granted
    assert not {right for right in granted if any("*" in part for part in right)}


def test_namespaces_stay_when_the_chart_goes() -> None:
    objects = template("lockflight-stack", SMALL)
    kept = {
        "helm.sh/resource-policy": "keep",
        "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
        "kustomize.toolkit.fluxcd.io/prune": "disabled",
    }
    assert [o["metadata"]["annotations"] for o in objects if o["kind"] == "Namespace"] == [kept] * 3


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"stack": ""}, "stack"),
        ({"stack": "Payments"}, "stack"),
        ({"environments": [{"name": "prod", "tier": "Prod"}]}, "tier"),
        ({"environments": [{"name": "prod"}]}, "tier"),
        ({"environments": [{"name": "prod", "tier": "UAT", "spec": {"tier": "Local"}}]}, "spec"),
        (
            {"environments": [{"name": "x", "tier": "UAT", "spec": {"target": {"namespace": "payments"}}}]},
            "own namespace",
        ),
        (
            {
                "environments": [
                    {"name": n, "tier": "UAT", "spec": {"target": {"namespace": "same"}}} for n in ("a", "b")
                ]
            },
            "a target namespace belongs to one",
        ),
        ({"applications": ["a" * 40], "environments": [{"name": "e" * 40, "tier": "UAT"}]}, "more than 63"),
        ({"people": {"approvers": {"cab": [{"kind": "ServiceAccount", "name": "ci", "namespace": "x"}]}}}, "kind"),
        ({"people": {"releasers": [{"kind": "ServiceAccount", "name": "ci"}]}}, "namespace"),
        ({"deployer": {"rules": [{"apiGroups": ["*"], "resources": ["pods"], "verbs": ["get"]}]}}, "apiGroups"),
        ({"deployer": {"extraRules": [{"apiGroups": [""], "resources": ["*"], "verbs": ["get"]}]}}, "resources"),
        (
            {"deployer": {"extraRules": [{"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"]}]}},
            "verbs",
        ),
        ({"surprise": True}, "surprise"),
    ],
)
def test_values_that_make_no_sense_are_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ChartError, match=complaint):
        template("lockflight-stack", SMALL | change)
