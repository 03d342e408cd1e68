"""The self-test on a real API server, with the operator's own token: it sees what is in force, and what is not."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from lockflight.adapters.admission import KubeAdmission
from lockflight.adapters.api_client import KubeClient
from lockflight.admission.installed import installed
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import ENVIRONMENT_LABEL, STACK_LABEL
from lockflight.devcluster.providers import ClusterLike
from lockflight.policy.model import Namespace, Snapshot
from lockflight.policy.selftest import Comparison, compare, digests
from lockflight.ports import Forgery, RefusedError
from lockflight.workflow import guardprobe, selftest
from lockflight.workflow.store import Store
from tests.unit.policy import builders
from tests.unit.workflow.deps import make_deps

from .conftest import SHIPPED, apply, await_policies
from .world import MERGE_PATCH, POLICIES, STACK, TARGET, Thing, World, attempts

T = TypeVar("T")
BINDINGS = f"{POLICIES}/validatingadmissionpolicybindings"
SIGN_OFFS = "lockflight-people-promotions-signoffs"
REMOVE = "[JSONPatch{op: 'remove', path: '/spec/paused'}]"
SWAP = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "MutatingAdmissionPolicy",
    "metadata": {"name": "selftest-swap"},
    "spec": {
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}
            ]
        },
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": REMOVE}}],
    },
}


@pytest.fixture
def asked(world: World, cluster: ClusterLike) -> Callable[[Callable[[KubeAdmission], Awaitable[T]]], T]:
    """Ask the API server as the operator."""
    account = ("lockflight-system", "lockflight")
    kubeconfig = cluster.service_account_kubeconfig(*account, cluster.token(*account))

    def ask(question: Callable[[KubeAdmission], Awaitable[T]]) -> T:
        async def run() -> T:
            client = await KubeClient.connect(str(kubeconfig))
            try:
                return await question(KubeAdmission(client))
            finally:
                await client.close()

        return asyncio.run(run())

    return ask


async def _compared(admission: KubeAdmission) -> Comparison:
    registered = await admission.registered()
    return compare(
        digests(installed(await admission.account(), '{"platforms":["KWOK"]}'), stamps=registered.stamps),
        registered.objects,
    )


def test_what_the_api_server_holds_is_what_was_shipped(asked: Any) -> None:
    assert asked(_compared).differences == ()


def test_another_mutating_policy_is_listed(asked: Any, world: World) -> None:
    path = f"{POLICIES}/mutatingadmissionpolicies"
    world.send("admin", "POST", path, SWAP)
    try:
        assert "MutatingAdmissionPolicy selftest-swap" in asked(_compared).others
    finally:
        world.send("admin", "DELETE", f"{path}/selftest-swap")


def _snapshot(promotion: Thing, change: Thing) -> Snapshot:
    return builders.world(
        stack=STACK,
        promotion=builders.promotion(promotion.name),
        changes=(_here(builders.change(change.name)),),
    )


def _here(change: ChangeRequest) -> ChangeRequest:
    return change.model_copy(update={"metadata": change.metadata.model_copy(update={"namespace": STACK})})


def _refusals(asked: Any, forgeries: list[Forgery]) -> list[tuple[str, ...]]:
    async def try_all(admission: KubeAdmission) -> list[tuple[str, ...]]:
        return [await admission.refused_by(forgery) for forgery in forgeries]

    found: list[tuple[str, ...]] = asked(try_all)
    return found


def test_every_forgery_is_refused_by_the_policy_it_names(asked: Any, world: World) -> None:
    snapshot = _snapshot(world.make("promotions"), world.planned())
    forgeries = [*selftest.forgeries(snapshot), *selftest.round_forgeries(STACK)]
    assert len(forgeries) == 3
    assert _refusals(asked, forgeries) == [(forgery.policy,) for forgery in forgeries]


def test_a_binding_set_to_warn_or_gone_is_found_by_both_halves(asked: Any, world: World, cluster: ClusterLike) -> None:
    promotion = world.make("promotions")
    forgery = next(iter(selftest.forgeries(_snapshot(promotion, world.planned()))))
    try:
        warn = {"spec": {"validationActions": ["Warn"]}}
        world.send("admin", "PATCH", f"{BINDINGS}/{SIGN_OFFS}", warn, MERGE_PATCH)
        (difference,) = asked(_compared).differences
        assert difference.startswith(f"ValidatingAdmissionPolicyBinding {SIGN_OFFS} is ")
        for _ in attempts("the policy acts no more"):
            if _refusals(asked, [forgery]) == [()]:
                break
        world.send("admin", "DELETE", f"{BINDINGS}/{SIGN_OFFS}")
        missing = f"ValidatingAdmissionPolicyBinding {SIGN_OFFS} is missing"
        assert asked(_compared).differences == (missing,)
    finally:
        apply(cluster, "\n---\n".join(SHIPPED.values()))
        await_policies(world)
    assert asked(_compared).differences == ()


def _guard(world: World) -> Forgery:
    """What the round tries in the target namespace, which carries an environment of a guarded tier."""
    found = Namespace(TARGET, {STACK_LABEL: STACK, ENVIRONMENT_LABEL: "production"})
    governed = builders.environment("production", namespace=STACK)
    deps = make_deps(store=Store())
    deps.store.put_namespace(found)
    deps.store.put(governed)
    (forgery,) = guardprobe.guard_forgeries(deps, STACK)
    return forgery


def _let_through(asked: Any, forgery: Forgery) -> None:
    for _ in attempts("the probe is let through", 60):
        if _refusals(asked, [forgery]) == [()]:
            return


def test_the_guard_refuses_the_probe_by_its_name(asked: Any, world: World) -> None:
    assert _refusals(asked, [_guard(world)]) == [("lockflight-guard",)]


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("set to Warn", {"validationActions": ["Warn"]}),
        (
            "without one namespace",
            {
                "matchResources": {
                    "namespaceSelector": {
                        "matchExpressions": [
                            {"key": "lockflight.dev/tier", "operator": "In", "values": ["Production", "UAT"]},
                            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": [TARGET]},
                        ]
                    }
                }
            },
        ),
    ],
)
def test_a_guard_that_lets_the_probe_through_is_found_within_a_minute(
    asked: Any, world: World, cluster: ClusterLike, name: str, spec: dict[str, Any]
) -> None:
    try:
        world.send("admin", "PATCH", f"{BINDINGS}/lockflight-guard", {"spec": spec}, MERGE_PATCH)
        (difference,) = asked(_compared).differences
        assert difference.startswith("ValidatingAdmissionPolicyBinding lockflight-guard is "), name
        _let_through(asked, _guard(world))
    finally:
        # An apply would only add to the actions.
        world.send("admin", "DELETE", f"{BINDINGS}/lockflight-guard")
        apply(cluster, "\n---\n".join(SHIPPED.values()))
        await_policies(world)
    assert _refusals(asked, [_guard(world)]) == [("lockflight-guard",)]


def test_a_tier_label_taken_away_is_found_by_the_probe(asked: Any, world: World) -> None:
    def label(value: str | None) -> None:
        body = {"metadata": {"labels": {"lockflight.dev/tier": value}}}
        world.send("admin", "PATCH", f"/api/v1/namespaces/{TARGET}", body, MERGE_PATCH)

    label(None)
    try:
        _let_through(asked, _guard(world))
    finally:
        label("Production")
    for _ in attempts("the guard holds again"):
        if _refusals(asked, [_guard(world)]) == [("lockflight-guard",)]:
            return


def test_a_probe_without_its_rights_proves_nothing(asked: Any, world: World, cluster: ClusterLike) -> None:
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{TARGET}/rolebindings/lockflight-probe"
    binding = world.send("admin", "GET", path)
    world.send("admin", "DELETE", path)
    try:
        for _ in attempts("RBAC refuses the probe"):
            with suppress(RefusedError):
                _refusals(asked, [_guard(world)])
                continue
            break
        with pytest.raises(RefusedError, match="cannot create resource"):
            _refusals(asked, [_guard(world)])
    finally:
        metadata = {key: binding["metadata"][key] for key in ("name", "namespace", "labels")}
        made = {key: binding[key] for key in ("apiVersion", "kind", "roleRef", "subjects")}
        cluster.kubectl("apply", "-f", "-", stdin=json.dumps(made | {"metadata": metadata}))
    for _ in attempts("the probe may try again"):
        with suppress(RefusedError):
            assert _refusals(asked, [_guard(world)]) == [("lockflight-guard",)]
            return


def test_the_operator_is_the_probe_and_the_probe_is_nobody_else(asked: Any, world: World) -> None:
    elsewhere = replace(_guard(world), namespace=STACK, body={"metadata": {"name": "lockflight-probe"}})
    with pytest.raises(RefusedError, match="cannot create resource"):
        _refusals(asked, [elsewhere])
    with pytest.raises(RefusedError, match="cannot impersonate"):
        _refusals(asked, [replace(_guard(world), user="lockflight:probe2")])


def test_a_refusal_by_rbac_is_no_answer(asked: Any, world: World) -> None:
    forgery = Forgery(policy="any", kind="ConfigMap", namespace=STACK, body={"metadata": {"name": "probe"}})
    with pytest.raises(RefusedError, match="cannot create resource"):
        _refusals(asked, [forgery])
