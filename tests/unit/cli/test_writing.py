"""Objects say who created and edited them, where the API server cannot stamp it."""

from lockflight.admission.foureyes import STAMPED
from lockflight.api.common import CREATOR_ANNOTATION, CREATOR_GROUPS_ANNOTATION, EDITORS_ANNOTATION
from lockflight.cli.writing import SIGNED
from tests.unit.cli.fakes import STACK, FakeApi, release, run


def _annotations(api: FakeApi, name: str = "payments-2.4.0") -> dict[str, str]:
    found: dict[str, str] = api.objects["Release", STACK, name]["metadata"]["annotations"]
    return found


def _of(creator: str, *editors: str) -> FakeApi:
    found = release("2.4.0")
    found["metadata"]["annotations"] = {
        CREATOR_ANNOTATION: creator,
        **({EDITORS_ANNOTATION: "\n".join(editors)} if editors else {}),
    }
    return FakeApi(found)


def test_a_new_object_names_its_creator() -> None:
    api = FakeApi()
    run(api, *("release", "create", "--application", "payments", "--version", "2.4.0", "--chart", "oci://r/c"))
    assert _annotations(api) == {
        CREATOR_ANNOTATION: "alice",
        CREATOR_GROUPS_ANNOTATION: "cab\nsystem:authenticated",
    }


def test_an_edit_names_its_editor_once_and_keeps_the_others() -> None:
    api = _of("jo", "kim")
    run(api, "hold", "payments-2.4.0", "triage")
    run(api, "hold", "payments-2.4.0", "still triage")
    assert _annotations(api) == {CREATOR_ANNOTATION: "jo", EDITORS_ANNOTATION: "kim\nalice"}


def test_the_creator_is_no_editor() -> None:
    api = _of("alice")
    run(api, "hold", "payments-2.4.0", "triage")
    assert _annotations(api) == {CREATOR_ANNOTATION: "alice"}


def test_what_changes_nothing_is_not_sent() -> None:
    api = _of("jo")
    assert run(api, "unhold", "payments-2.4.0").stdout.endswith("unchanged\n")
    run(api, "hold", "payments-2.4.0", "triage")
    assert run(api, "hold", "payments-2.4.0", "triage").stdout.endswith("unchanged\n")
    assert len(api.writes) == 1


def test_a_freeze_names_who_declared_it_for_rules_are_approved_by_others() -> None:
    api = FakeApi()
    run(api, "freeze", "now", "--reason", "x", "--name", "f", "--time-zone", "UTC")
    assert api.objects["FreezeWindow", STACK, "f"]["metadata"]["annotations"] == {CREATOR_ANNOTATION: "alice"}


def test_every_kind_that_is_stamped_is_signed() -> None:
    assert {kind.plural for kind in SIGNED} == set(STAMPED)
