"""AccessLadder: access gets stricter towards production, by the rights that are really there."""

from typing import Any

import pytest

from lockflight.api import reasons
from lockflight.api.access import AccessLevel
from lockflight.api.common import Tier
from lockflight.api.promotion import Outcome
from lockflight.policy.effective import effective
from lockflight.policy.ladder import CEILING, Ladder
from lockflight.policy.model import PlanProblem, Verdict
from lockflight.policy.rbac import Holding, Who, holdings, level
from tests.unit.policy.builders import FIVE, ROOT, environment, verdict, world

VIEW, OPERATE, EDIT, ADMIN = AccessLevel
DEVELOPERS, SRE, JO = Who("Group", "developers"), Who("Group", "sre"), Who("User", "jo")
RBAC = "rbac.authorization.k8s.io"


def right(verb: str, resource: str, group: str = "") -> dict[str, Any]:
    return {"apiGroups": [group], "resources": [resource], "verbs": [verb]}


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (right("list", "pods"), VIEW),
        (right("get", "pods/log"), VIEW),
        (right("watch", "widgets", "example.com"), VIEW),
        (right("get", "secrets"), EDIT),
        (right("list", "*"), EDIT),
        (right("get", "pods/exec"), EDIT),
        (right("get", "services/proxy"), EDIT),
        (right("delete", "pods"), OPERATE),
        (right("create", "pods/eviction"), OPERATE),
        (right("patch", "deployments/scale", "apps"), OPERATE),
        (right("patch", "deployments", "apps"), EDIT),
        (right("create", "pods/exec"), EDIT),
        (right("create", "serviceaccounts/token"), EDIT),
        (right("impersonate", "serviceaccounts"), EDIT),
        (right("impersonate", "users"), ADMIN),
        (right("create", "rolebindings", RBAC), ADMIN),
        (right("escalate", "roles", RBAC), ADMIN),
        (right("create", "clusterrolebindings", RBAC), ADMIN),
        (right("bind", "clusterroles", RBAC), ADMIN),
        (right("list", "clusterroles", RBAC), None),
        (right("get", "nodes/proxy"), ADMIN),
        (right("patch", "roles", "*"), ADMIN),
        (right("*", "pods"), ADMIN),
        (right("update", "*", "apps"), ADMIN),
        (right("get", "roles", RBAC), VIEW),
        (right("create", "events"), None),
        (right("create", "selfsubjectaccessreviews", "authorization.k8s.io"), None),
        (right("patch", "namespaces"), None),
        (right("create", "releases", "lockflight.dev"), None),
        ({"nonResourceURLs": ["*"], "verbs": ["*"]}, None),
    ],
)
def test_what_one_right_amounts_to(rule: dict[str, Any], found: AccessLevel | None) -> None:
    assert level([rule]) is found


def test_the_highest_right_counts() -> None:
    assert level([right("get", "pods"), right("patch", "deployments", "apps"), right("delete", "pods")]) is EDIT
    assert level([{"apiGroups": ["", "apps"], "resources": ["pods", "secrets"], "verbs": ["list", "*"]}]) is ADMIN
    assert level([]) is None


def role(kind: str, name: str, *rules: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name}, "rules": list(rules)}


def binding(kind: str, name: str, to: str, *subjects: dict[str, Any], of: str = "ClusterRole") -> dict[str, Any]:
    return {
        "kind": kind,
        "metadata": {"name": name},
        "roleRef": {"kind": of, "name": to},
        "subjects": list(subjects),
    }


def test_every_binding_that_reaches_the_namespace_counts() -> None:
    group = {"kind": "Group", "name": "developers"}
    robot = {"kind": "ServiceAccount", "name": "ci", "namespace": "build"}
    same = {"kind": "User", "name": "system:serviceaccount:build:ci"}
    here = [
        role("Role", "view", right("patch", "deployments", "apps")),
        binding("RoleBinding", "a", "view", group),
        binding("RoleBinding", "b", "view", robot, of="Role"),
        binding("RoleBinding", "dangling", "nothing", group),
    ]
    cluster = [
        role("ClusterRole", "view", right("list", "pods")),
        role("ClusterRole", "all", right("*", "*", "*")),
        binding("ClusterRoleBinding", "c", "all", same),
    ]
    found = {(str(h.who), h.level, h.via) for h in holdings(here, cluster)}
    assert found == {
        ("Group developers", VIEW, "RoleBinding a"),
        ("ServiceAccount build/ci", EDIT, "RoleBinding b"),
        ("ServiceAccount build/ci", ADMIN, "ClusterRoleBinding c"),
    }


def judged(
    *here: Holding, upstream: tuple[Holding, ...] | None = None, tier: str = "Production", **given: Any
) -> Verdict:
    spec = given.pop("spec", {})
    where = next(e for e in FIVE if e.spec.tier == tier) if not spec else environment("production", tier, **spec)
    before = {"uat": here if upstream is None else upstream}
    return verdict(reasons.ACCESS_LADDER, world(environment=where, ladder=Ladder(here, before, **given)))


def holds(who: Who, what: AccessLevel, via: str = "RoleBinding x") -> Holding:
    return Holding(who, what, via)


@pytest.mark.parametrize("tier", [t for t in Tier if t.rank >= Tier.SYSTEM_TEST.rank])
@pytest.mark.parametrize("what", AccessLevel)
def test_nobody_is_above_the_ceiling(tier: Tier, what: AccessLevel) -> None:
    found = judged(holds(JO, what), tier=tier.value)
    assert found.open == (what.rank <= CEILING[tier].rank)
    assert found.open or (found.outcome, found.reason) == (Outcome.WAITING, reasons.ACCESS_ABOVE_CEILING)


def test_it_names_who_holds_what_and_by_which_binding() -> None:
    found = judged(holds(JO, EDIT, "RoleBinding by-hand"))
    assert found.message.startswith(
        "User jo has Edit by RoleBinding by-hand in payments-production: tier Production allows at most View"
    )


@pytest.mark.parametrize(("before", "open_"), [((), False), ((holds(JO, VIEW),), True), ((holds(JO, EDIT),), True)])
def test_nobody_has_more_than_upstream(before: tuple[Holding, ...], open_: bool) -> None:
    found = judged(holds(JO, VIEW), upstream=before)
    assert found.open is open_
    assert open_ or found.reason == reasons.ACCESS_ABOVE_UPSTREAM


OPERATIONS = {"access": [{"level": "Operate", "purpose": "Operations", "subjects": [{"kind": "Group", "name": "sre"}]}]}


def test_operations_are_not_bound_and_may_not_create_releases() -> None:
    assert judged(holds(SRE, EDIT), upstream=(), spec=OPERATIONS).open
    found = judged(holds(SRE, EDIT), upstream=(), spec=OPERATIONS, releasers=frozenset({SRE}))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.OPERATIONS_RELEASE)
    assert not judged(holds(Who("User", "sre"), EDIT), upstream=(), spec=OPERATIONS).open


def test_whoever_writes_through_broken_glass_may_not_create_releases_either() -> None:
    assert judged(holds(SRE, EDIT), upstream=(), spared=frozenset({SRE})).open
    found = judged(holds(SRE, EDIT), upstream=(), spared=frozenset({SRE}), releasers=frozenset({SRE}))
    assert found.reason == reasons.OPERATIONS_RELEASE


@pytest.mark.parametrize(
    "who",
    [
        Who("User", "lockflight:deployer:payments-production"),
        Who("User", "system:kube-scheduler"),
        Who("Group", "system:masters"),
        Who("Group", "kubeadm:cluster-admins"),
        Who("ServiceAccount", "job-controller", "kube-system"),
        Who("ServiceAccount", "payments", "payments-production"),
        Who("ServiceAccount", "controller", "argocd"),
        Who("ServiceAccount", "lockflight", "lockflight-system"),
    ],
    ids=str,
)
def test_the_clusters_own_and_the_releases_own_are_not_bound(who: Who) -> None:
    named = frozenset({"serviceaccount:argocd:controller", "namespace:lockflight-system"})
    assert judged(holds(who, ADMIN), upstream=(), controllers=named).open


@pytest.mark.parametrize(
    "who",
    [
        Who("Group", "system:authenticated"),
        Who("Group", "system:serviceaccounts"),
        Who("Group", "system:serviceaccounts:payments-production"),
        Who("User", "system:anonymous"),
        Who("ServiceAccount", "payments", "payments-uat"),
        Who("Group", "lockflight:access:payments-production"),
    ],
    ids=str,
)
def test_everybody_else_is(who: Who) -> None:
    assert not judged(holds(who, EDIT)).open


def test_whom_an_emergency_lets_in_is_free_by_that_binding_alone() -> None:
    boxed = frozenset({(JO, "RoleBinding boxed")})
    assert judged(holds(JO, EDIT, "RoleBinding boxed"), upstream=(), boxed=boxed).open
    assert not judged(holds(JO, EDIT, "RoleBinding other"), upstream=(), boxed=boxed).open


@pytest.mark.parametrize("ladder", [None, PlanProblem("CannotTell", "rolebindings is forbidden")])
def test_what_cannot_be_read_is_closed(ladder: PlanProblem | None) -> None:
    found = verdict(reasons.ACCESS_LADDER, world(ladder=ladder))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.CANNOT_TELL)


def test_an_entry_above_the_ceiling_is_not_governed_and_does_not_count() -> None:
    loose = environment(access=[{"level": "Edit", "subjects": [{"kind": "Group", "name": "developers"}]}])
    found = effective(loose, None, FIVE)
    assert found.problems == (
        "spec.access[developers].level is Edit: allowed is at most View in tier Production, but for purpose Operations",
    )
    assert found.spec.access is None


def test_a_baselines_entries_and_the_environments_are_added_together() -> None:
    mine = environment(access=[{"level": "View", "subjects": [{"kind": "Group", "name": "developers"}]}])
    found = effective(mine, environment(namespace=ROOT, **OPERATIONS), FIVE)
    assert found.spec.access is not None
    assert [entry.purpose for entry in found.spec.access] == ["Operations", None]
