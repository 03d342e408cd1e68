"""Every rule carries weight: without it, and with all others in force, the attempt that it stops succeeds."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import pytest
import yaml

from lockflight.admission.manifest import PREFIX
from lockflight.admission.shipped import policies
from lockflight.devcluster.providers import ClusterLike

from .attacks import ATTACKS, Attack
from .attacks_guard import WRITERS, named
from .conftest import SHIPPED, VALUES, apply, await_policies, template
from .world import RefusedError, World, attempts, documents

LABEL = "without-rule"
TARGETS = ("guard", "namespaces", "break-glass", "deployer", "impersonation")
"""Policies whose rules are about target namespaces."""
RULES = sorted({(attack.policy, attack.says) for attack in ATTACKS})
NAMESPACE = {rule: f"admission-without-{number}" for number, rule in enumerate(RULES)}


def _selected(**selector: object) -> dict[str, Any]:
    return {"namespaceSelector": selector}


def _without(policy: str, says: str, namespace: str) -> list[dict[str, Any]]:
    """The policy without the rule, for one namespace."""
    found, binding, *_ = documents(SHIPPED[f"{policy}.yaml"])
    changed = deepcopy(found)
    kept = [v for v in found["spec"]["validations"] if says not in v["messageExpression"]]
    assert len(kept) < len(found["spec"]["validations"]), f"no rule of {policy} says {says!r}"
    # A policy needs one validation.
    changed["spec"]["validations"] = kept or [{"expression": "true"}]
    binding["spec"] |= {"policyName": namespace, "matchResources": _selected(matchLabels={LABEL: namespace})}
    for obj in (changed, binding):
        obj["metadata"]["name"] = namespace
    return [changed, binding]


def _elsewhere(policy: str) -> dict[str, Any]:
    """The shipped binding, but for the namespaces in which a rule is left out."""
    _, binding, *_ = documents(SHIPPED[f"{policy}.yaml"])
    names = [NAMESPACE[rule] for rule in RULES if rule[0] == policy]
    where = binding["spec"].get("matchResources", _selected())
    also = {"key": LABEL, "operator": "NotIn", "values": names}
    where["namespaceSelector"].setdefault("matchExpressions", []).append(also)
    binding["spec"]["matchResources"] = where
    return binding


def _everywhere(stack: str) -> Iterator[dict[str, Any]]:
    """The stack's rights for people in every namespace."""
    for obj in documents(stack):
        if obj["kind"] in {"Role", "RoleBinding"} and obj["metadata"].get("namespace") == VALUES["stack"]:
            obj["kind"] = "Cluster" + obj["kind"]
            obj["metadata"] = {"name": "admission-" + obj["metadata"]["name"]}
            if "roleRef" in obj:
                if obj["roleRef"]["kind"] == "Role":
                    obj["roleRef"] |= {"kind": "ClusterRole", "name": "admission-" + obj["roleRef"]["name"]}
                obj["subjects"] += _ROBOT if obj["metadata"]["name"].endswith(_ROBOTS) else []
            yield obj


_ROBOTS = ("approve-cab", "-approver", "-release-manager", "waive-test-lead", "-waiver")
"""Whose rights the robot has, too: what stops it is that it is no person."""
_ROBOT = [{"kind": "ServiceAccount", "name": "robot", "namespace": VALUES["stack"]}]


@pytest.fixture(scope="module")
def without(cluster: ClusterLike, world: World) -> Iterator[Mapping[tuple[str, str], World]]:
    """For each rule a namespace in which that rule, and no other, is missing."""
    spaces = [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": name,
                # A guard lets nobody work on our own objects in a target namespace.
                "labels": {LABEL: name} | ({"lockflight.dev/tier": "Production"} if rule[0] in TARGETS else {}),
                "annotations": {WRITERS: named(name)},
            },
        }
        for rule, name in NAMESPACE.items()
    ]
    changed = [obj for rule, name in NAMESPACE.items() for obj in _without(*rule, name)]
    rights = list(_everywhere(template(cluster, "lockflight-stack", values=VALUES)))
    ours = yaml.safe_dump_all([*spaces, *changed, *rights])
    bindings = [_elsewhere(policy) for policy in {policy for policy, _ in RULES}]
    apply(cluster, ours)
    apply(cluster, yaml.safe_dump_all(bindings))
    try:
        yield {rule: world.elsewhere(name, **{LABEL: name}) for rule, name in NAMESPACE.items()}
    finally:
        cluster.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", "-", stdin=ours)
        names = [PREFIX + policy for policy in {policy for policy, _ in RULES}]
        cluster.kubectl("delete", "validatingadmissionpolicybinding", *names)
        apply(cluster, "\n---\n".join(SHIPPED.values()))
        await_policies(world)


def test_every_rule_of_every_policy_has_an_attempt() -> None:
    silent = [
        f"{stem}: {validation['messageExpression']}"
        for stem in policies()
        if not stem.startswith("stamp")
        for validation in documents(policies()[stem])[0]["spec"]["validations"]
        if not any(f"{a.policy}.yaml" == stem and a.says in validation["messageExpression"] for a in ATTACKS)
        and not any(words in validation["messageExpression"] for words in STAMPED)
        # The other lists have the same text: what the first one shows holds for them.
        and (stem == "people-changerequests-approvals.yaml" or not stem.startswith("people-"))
    ]
    assert not silent


STAMPED = ("by is who you are", "groups are those", "annotation lockflight.dev/", "nobody knows who created this")
"""Rules behind a stamp: while it is there nothing forged reaches them. See test_strict_clients and test_attacks."""


STOPPED_TWICE = {
    "the operator drops an approval",
    "prolonging an opening",
    "approving an environment without the right",
    "cluster-admin by binding approves an environment",
    "system:masters approves an environment",
    "a robot approves an environment",
}
"""The append-only rule stops it, too; so does the clock, within the second of the opening; who may do everything here
may create releases as well."""


@pytest.mark.parametrize("attack", [a for a in ATTACKS if a.name not in STOPPED_TWICE], ids=lambda attack: attack.name)
def test_without_its_rule_the_attempt_succeeds(without: Mapping[tuple[str, str], World], attack: Attack) -> None:
    there = without[attack.policy, attack.says]
    for _ in attempts(attack.name):
        try:
            attack.act(there, attack.who)
        except RefusedError as error:
            # The shipped policy until the exchange takes effect; what is left of it never.
            if f"'{PREFIX}{attack.policy}'" not in error.message:
                raise
        else:
            return
