"""The self-test on a real API server, with the operator's own token: it sees what is in force, and what is not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from lockflight.adapters.admission import KubeAdmission
from lockflight.adapters.api_client import KubeClient
from lockflight.admission.installed import installed
from lockflight.devcluster.providers import ClusterLike
from lockflight.policy.model import Snapshot
from lockflight.policy.selftest import Comparison, compare, digests
from lockflight.ports import Forgery, RefusedError
from lockflight.workflow import selftest
from tests.unit.policy import builders

from .conftest import SHIPPED, apply, await_policies
from .world import MERGE_PATCH, POLICIES, STACK, Thing, World, attempts

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
        changes=(builders.change(change.name),),
    )


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


def test_a_refusal_by_rbac_is_no_answer(asked: Any, world: World) -> None:
    forgery = Forgery(policy="any", kind="ConfigMap", namespace=STACK, body={"metadata": {"name": "probe"}})
    with pytest.raises(RefusedError, match="cannot create resource"):
        _refusals(asked, [forgery])
