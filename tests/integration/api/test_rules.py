"""Every CEL rule of the CRDs lets through what it should and refuses what it should, and says so in its own words."""

from collections.abc import Iterator

import pytest

from lockflight.api.changerequest import BEGUN, ENDED, ChangePhase
from lockflight.api.kinds import KINDS
from lockflight.crdgen.crd import crd
from lockflight.policy.steps import reachable

from .cases import CASES, INCIDENT, Case
from .objects import Json, change, documented
from .server import MERGE_PATCH, RefusedError, Server


def _rules(schema: Json, where: str) -> Iterator[tuple[str, str]]:
    for rule in schema.get("x-kubernetes-validations", []):
        yield where, rule["message"]
    for name, child in schema.get("properties", {}).items():
        yield from _rules(child, f"{where}.{name}".lstrip("."))
    for key, step in (("items", "[]"), ("additionalProperties", ".*")):
        if key in schema:
            yield from _rules(schema[key], where + step)


def test_every_rule_has_a_case_and_every_case_a_rule() -> None:
    shipped = {
        (kind.name, *rule)
        for kind in KINDS
        for rule in _rules(crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"], "")
    }
    assert {(case.kind, case.where, case.message) for case in CASES} == shipped


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_rule_accepts_and_refuses(server: Server, case: Case) -> None:
    example = documented(case.kind)[0]
    if case.before is None:
        server.try_create(change(example, case.accepted))
        with pytest.raises(RefusedError) as refused:
            server.try_create(change(example, case.refused))
    else:
        base = change(example, case.before)
        stored = server.create(base)
        if case.status:
            stored = server.patch_status(stored, {"status": case.status}, MERGE_PATCH)
        _try_edit(server, stored, base, case.accepted)
        with pytest.raises(RefusedError) as refused:
            _try_edit(server, stored, base, case.refused)
    (cause,) = refused.value.causes
    assert cause.message.endswith(case.message)


def _try_edit(server: Server, stored: Json, base: Json, fields: Json) -> None:
    status = {name.removeprefix("status."): value for name, value in fields.items() if name.startswith("status.")}
    if status:
        server.patch_status(stored, {"status": status}, MERGE_PATCH, dry_run=True)
    else:
        server.try_replace(stored, change(base, fields))


@pytest.mark.parametrize("before", ChangePhase, ids=str)
def test_a_change_takes_no_illegal_step(server: Server, before: ChangePhase) -> None:
    stored = server.create(documented("ChangeRequest")[0])
    stored = server.patch_status(stored, {"status": {"phase": before}}, MERGE_PATCH)
    refused = {after: _objects_to(server, stored, after) for after in ChangePhase}
    assert {after for after, fields in refused.items() if not fields} == reachable(before)
    assert set().union(*refused.values()) <= {"status.phase"}
    # Nor is it forgotten where it stood.
    assert bool(_objects_to(server, stored, None)) is (before in (*ENDED, *BEGUN))


def _objects_to(server: Server, stored: Json, phase: ChangePhase | None) -> set[str]:
    """The fields that the API server objects to where ``stored`` would be in ``phase``."""
    try:
        server.patch_status(stored, {"status": {"phase": phase}}, MERGE_PATCH, dry_run=True)
    except RefusedError as refused:
        return {cause.field for cause in refused.causes}
    return set()


def test_type_may_change_until_somebody_decided(server: Server) -> None:
    example = documented("ChangeRequest")[0]
    server.try_replace(server.create(example), change(example, {"spec.type": "Emergency", "spec.incident": INCIDENT}))


@pytest.mark.parametrize(
    "fields",
    [
        {"spec.components.1.values.image.digest": "sha256:other"},
        {"spec.components.1.values.added": {"deep": [1]}},
        {"spec.environments.production.values.logLevel": "debug"},
        {"spec.environments.production.components.api.values.replicaCount": 5},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_release_is_immutable_down_to_its_values(server: Server, fields: Json) -> None:
    example = documented("Release")[0]
    stored = server.create(example)
    with pytest.raises(RefusedError, match="a release is immutable"):
        server.try_replace(stored, change(example, fields))


def test_the_component_of_the_short_form_is_called_app(server: Server) -> None:
    short = documented("Release")[1]
    server.try_create(change(short, {"spec.environments": {"uat": {"components": {"app": {"values": {}}}}}}))
    with pytest.raises(RefusedError, match="with the short form chart it is app"):
        server.try_create(change(short, {"spec.environments": {"uat": {"components": {"api": {"values": {}}}}}}))
