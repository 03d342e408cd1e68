"""The attempts on what is ordered of the audit trail: legal holds, and going on from the archive."""

from collections.abc import Callable, Mapping
from typing import Any

from .world import API, MERGE_PATCH, World, digest

Act = Callable[[World, str], object]
Tries = tuple[tuple[str, str, Act], ...]

HELD, LEDGER = "legal-hold.lockflight.dev/held", "legal-hold.lockflight.dev/ledger"
RESTORE = "restore.lockflight.dev/ledger"
HOLD = {HELD: "super: case 7"}
_HEAD = f"120 {digest('the head')}"
_SOON = 100
"""Requests within which the API server knows of a hold."""


def _order(annotations: Mapping[str, str | None], *, dry: bool = True, path: str = "") -> Act:
    def act(world: World, who: str) -> dict[str, Any]:
        url = f"/api/v1/namespaces/{world.namespace}{path}" + ("?dryRun=All" if dry else "")
        return world.send(who, "PATCH", url, {"metadata": {"annotations": annotations}}, MERGE_PATCH)

    return act


def _lift(world: World, who: str) -> None:
    _order({HELD: "counsel: case 7"}, dry=False)(world, "counsel")
    _order({HELD: None})(world, who)


def _delete_held(world: World, who: str) -> None:
    _order({HELD: "counsel: case 7"}, dry=False)(world, "counsel")
    obj = world.record()
    name = obj["metadata"]["name"].replace("admission-", "held-")
    obj["metadata"]["name"], obj["spec"]["stack"] = name, "held"
    world.send("operator", "POST", f"{API}/namespaces/{world.namespace}/auditrecords", obj)
    for _ in range(_SOON):
        world.send(who, "DELETE", f"{API}/namespaces/{world.namespace}/auditrecords/{name}?dryRun=All")


ON_HOLD: dict[str, Tries] = {
    "a legal hold is on these audit records": (("the operator removes what is held", "operator", _delete_held),),
}

ORDERS: dict[str, Tries] = {
    "one order a request": (
        (
            "two orders, one of them allowed",
            "counsel",
            _order({LEDGER: "counsel: case 7", "legal-hold.lockflight.dev/payments": "counsel: case 7"}),
        ),
    ),
    "you may not order this of the audit trail": (
        ("a hold by nobody in particular", "nosy", _order({LEDGER: "nosy: case 7"})),
        ("lifting somebody's hold", "nosy", _lift),
        ("going on from an archive without the right", "nosy", _order({RESTORE: f"nosy: {_HEAD}"})),
        ("the right to hold, used to restore", "counsel", _order({"restore.lockflight.dev/held": f"counsel: {_HEAD}"})),
        (
            "the right for one stack, used for all",
            "counsel",
            _order({"legal-hold.lockflight.dev/all.stacks": "counsel: x"}),
        ),
        ("a hold by the status of the namespace", "nosy", _order({LEDGER: "nosy: case 7"}, path="/status")),
    ),
    "you hold this right by a wildcard": (
        ("a cluster administrator lifts a hold", "super", _lift),
        ("system:masters goes on from an archive", "admin", _order({RESTORE: f"lockflight-dev-admin: {_HEAD}"})),
    ),
    "an order says who gave it and why": (
        ("a hold in another one's name", "counsel", _order({LEDGER: "lena: case 7"})),
        ("a restore in another one's name", "counsel", _order({RESTORE: f"lena: {_HEAD}"})),
        ("a hold without a reason", "counsel", _order({LEDGER: "counsel: "})),
    ),
}
