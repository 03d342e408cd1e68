"""From the API server's words into the store, in any order, and who hears of it."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.kinds import AnyObject
from lockflight.handlers.intake import Intake
from lockflight.handlers.store import LiveStore
from lockflight.workflow.keys import Key
from tests.unit.runtime.objects import broken, freeze, namespace

KEY = Key("FreezeWindow", "payments", "year-end")
ODD = Key("FreezeWindow", "payments", "odd")


class Scene:
    """A store with a listener that writes down what it hears."""

    def __init__(self) -> None:
        self.store = LiveStore()
        self.intake = Intake(self.store)
        self.heard: list[tuple[Key, str | None, str | None]] = []
        self.namespaces: list[str] = []
        self.store.listen(self._changed, self.namespaces.append)

    def saw(self, raw: dict[str, Any]) -> None:
        self.intake.saw("FreezeWindow", raw)

    def gone(self, raw: dict[str, Any]) -> None:
        self.intake.gone("FreezeWindow", raw)

    @property
    def version(self) -> str | None:
        found = self.store.find(KEY)
        return found.metadata.resource_version if found else None

    def _changed(self, key: Key, old: AnyObject | None, new: AnyObject | None) -> None:
        versions = [each.metadata.resource_version if each else None for each in (old, new)]
        self.heard.append((key, versions[0], versions[1]))


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_listener_hears_what_was_and_what_is(scene: Scene) -> None:
    scene.saw(freeze(version=5))
    scene.saw(freeze(version=9))
    scene.gone(freeze(version=12))
    assert scene.heard == [(KEY, None, "5"), (KEY, "5", "9"), (KEY, "9", None)]


def test_the_same_state_twice_is_no_news(scene: Scene) -> None:
    scene.saw(freeze(version=5))
    scene.saw(freeze(version=5))
    assert scene.heard == [(KEY, None, "5")]


def test_an_older_state_that_comes_late_changes_nothing(scene: Scene) -> None:
    scene.saw(freeze(version=100))
    scene.saw(freeze(version=99))
    assert scene.version == "100"
    assert len(scene.heard) == 1


def test_our_own_write_is_heard_at_once_and_its_event_is_no_news(scene: Scene) -> None:
    scene.saw(freeze(version=5))
    scene.store.put(FreezeWindow.model_validate(freeze(version=6)))
    scene.saw(freeze(version=6))
    assert scene.heard == [(KEY, None, "5"), (KEY, "5", "6")]


def test_deletion_told_after_the_re_creation_does_not_remove_the_new_object(scene: Scene) -> None:
    scene.saw(freeze(version=5, uid="old"))
    scene.saw(freeze(version=8, uid="new"))
    scene.gone(freeze(version=7, uid="old"))
    assert scene.version == "8"


def test_deletion_of_something_unknown_is_no_news(scene: Scene) -> None:
    scene.gone(freeze(version=7))
    assert scene.heard == []


def test_before_anybody_listens_the_store_fills_in_silence() -> None:
    store = LiveStore()
    Intake(store).saw("FreezeWindow", freeze())
    assert store.find(KEY) is not None


def test_items_of_a_list_carry_no_kind_and_are_understood(scene: Scene) -> None:
    raw = freeze()
    del raw["kind"], raw["apiVersion"]
    scene.saw(raw)
    assert scene.version == "1"


def test_a_broken_object_is_remembered_logged_once_and_affects_no_other(scene: Scene) -> None:
    with capture_logs() as logs:
        scene.saw(broken(version=1))
        scene.saw(broken(version=2))
        scene.saw(freeze(version=3))
    assert [(entry["event"], entry["key"]) for entry in logs] == [
        ("an object does not parse and takes part in nothing", str(ODD))
    ]
    assert set(scene.store.broken) == {ODD}
    assert scene.version == "3"


def test_what_is_wrong_is_said_without_the_value(scene: Scene) -> None:
    scene.saw(broken())
    assert scene.store.broken[ODD].startswith("spec.start")
    assert "secret-value" not in scene.store.broken[ODD]


def test_another_defect_of_the_same_object_is_logged_too(scene: Scene) -> None:
    with capture_logs() as logs:
        scene.saw(broken(version=1))
        scene.saw(broken(version=2, why="reason"))
    assert len(logs) == 2


def test_an_object_that_breaks_leaves_the_store_and_one_that_is_mended_returns(scene: Scene) -> None:
    scene.saw(freeze("odd", version=1))
    scene.saw(broken(version=2))
    assert scene.store.find(ODD) is None
    scene.saw(freeze("odd", version=3))
    assert scene.store.broken == {}
    assert scene.heard == [(ODD, None, "1"), (ODD, "1", None), (ODD, None, "3")]


def test_a_broken_object_that_is_deleted_is_forgotten(scene: Scene) -> None:
    scene.saw(broken(version=1))
    scene.gone(broken(version=2))
    assert scene.store.broken == {}
    assert scene.intake.versions("FreezeWindow") == {}


def test_namespaces_are_heard_of_when_what_matters_of_them_changes(scene: Scene) -> None:
    scene.intake.saw("Namespace", namespace(version=1, tier="UAT"))
    scene.intake.saw("Namespace", namespace(version=2, tier="UAT"))
    scene.intake.saw("Namespace", namespace(version=3, tier="Production"))
    assert scene.namespaces == ["payments-prod"] * 2
    assert scene.store.namespaces["payments-prod"].labels == {"tier": "Production"}


def test_a_namespace_that_goes_is_forgotten(scene: Scene) -> None:
    scene.intake.saw("Namespace", namespace(version=1))
    scene.intake.gone("Namespace", namespace(version=2))
    assert scene.store.namespaces == {}
    assert scene.namespaces == ["payments-prod"] * 2


def test_a_terminating_namespace_is_known_as_such(scene: Scene) -> None:
    raw = namespace()
    raw["metadata"]["deletionTimestamp"] = "2026-12-01T09:00:00Z"
    scene.intake.saw("Namespace", raw)
    assert scene.store.namespaces["payments-prod"].terminating
