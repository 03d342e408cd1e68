"""Every enum, pattern, bound and required field of the CRDs holds on the API server.

The cases are derived: from each example of the documentation, each constraint of each field is broken once.
"""

from typing import Any

import pytest

from lockflight.api.kinds import BY_NAME, KINDS, Kind
from lockflight.crdgen.crd import crd

from .objects import Json, full, put
from .server import JSON_PATCH, RefusedError, Server
from .violations import Violation, names, violations, walk

LISTS = {"ChangeRequest": "approvals", "Promotion": "signOffs", "StandardChange": "approvals"}
ENTRY = {
    "role": "cab",
    "decision": "Approved",
    "comment": "read it",
    "by": "alice",
    "groups": ["cab"],
    "generation": 1,
    "planDigest": "sha256:" + "0" * 64,
}


def _schema(kind: str) -> Json:
    found: Json = crd(BY_NAME[kind])["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    return found


def _specs() -> list[Any]:
    cases: dict[str, tuple[Json, Violation]] = {}
    for kind in KINDS:
        for example in full(kind.name):
            for violation in violations(_schema(kind.name)["spec"], example["spec"], "spec", ("spec",)):
                cases.setdefault(f"{kind.name} {violation}", (example, violation))
    return [pytest.param(*case, id=name) for name, case in cases.items()]


def _entries() -> list[Any]:
    return [
        pytest.param(kind, violation, id=f"{kind} {violation}")
        for kind, name in LISTS.items()
        for violation in violations(_schema(kind)["status"]["properties"][name]["items"], ENTRY, f"status.{name}[]")
    ]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_examples_have_every_field(kind: Kind) -> None:
    schema = _schema(kind.name)["spec"]
    found = {path for example in full(kind.name) for _, _, path, _ in walk(schema, example["spec"], "spec", ())}
    assert set(names(schema, "spec")) - found == set()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_examples_are_accepted(server: Server, kind: Kind) -> None:
    for example in full(kind.name):
        stored = server.try_create(example)
        assert stored["spec"].keys() == example["spec"].keys(), "nothing is pruned, no default is added"


@pytest.mark.parametrize(("example", "violation"), _specs())
def test_a_broken_spec_is_refused(server: Server, example: Json, violation: Violation) -> None:
    with pytest.raises(RefusedError) as refused:
        server.try_create(put(example, violation.steps, violation.value))
    assert any(violation.says in cause.message for cause in refused.value.causes), refused.value


@pytest.fixture(scope="module")
def stored(server: Server) -> dict[str, Json]:
    """An object of each kind that has a people's list."""
    return {kind: server.create(full(kind)[0]) for kind in LISTS}


@pytest.mark.parametrize(("kind", "violation"), _entries())
def test_a_broken_entry_is_refused(server: Server, stored: dict[str, Json], kind: str, violation: Violation) -> None:
    entry = put(ENTRY, violation.steps, violation.value) if violation.steps else violation.value
    body = [{"op": "add", "path": f"/status/{LISTS[kind]}/-", "value": entry}]
    with pytest.raises(RefusedError) as refused:
        server.patch_status(stored[kind], body, JSON_PATCH, dry_run=True)
    assert any(violation.says in cause.message for cause in refused.value.causes), refused.value


def test_an_unknown_field_is_named(server: Server) -> None:
    with pytest.raises(RefusedError, match=r'unknown field "spec.entry.branch"'):
        server.try_create(put(full("Environment")[0], ("spec", "entry", "branch"), "main"))
