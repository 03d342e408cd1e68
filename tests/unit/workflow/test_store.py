"""The store: newest state by key, a stack at a time, finished promotions slim."""

from lockflight.api.environment import Environment
from lockflight.api.promotion import HistoryEntry, Outcome, Phase, Promotion
from lockflight.policy.model import Namespace
from lockflight.workflow.keys import Key, key_of
from lockflight.workflow.store import Store
from tests.unit.policy.builders import NOW, environment, promotion, release


def _long(phase: Phase) -> Promotion:
    made = promotion(phase=phase, gates={"Order": Outcome.PASSED}, started=NOW, deployed=NOW)
    history = (HistoryEntry(phase=phase, at=NOW),)
    return made.model_copy(update={"status": made.status.model_copy(update={"history": history})})


def test_an_object_is_found_by_model_and_by_key() -> None:
    store, made = Store(), release()
    assert store.put(made) is None
    assert store.get(type(made), "payments", made.metadata.name) == made
    assert store.find(key_of(made)) == made
    assert store.get(Environment, "payments", made.metadata.name) is None
    assert store.put(made) == made


def test_a_stack_is_listed_without_the_others() -> None:
    store = Store()
    here, there = environment(), environment(namespace="shop")
    for obj in (here, there, release()):
        store.put(obj)
    assert list(store.of(Environment, "payments")) == [here]
    assert {e.metadata.namespace for e in store.of(Environment)} == {"payments", "shop"}
    assert list(store.of(Environment, "elsewhere")) == []
    assert dict(store.sizes()) == {"Environment": 2, "Release": 1}


def test_what_is_removed_is_gone_and_told() -> None:
    store, made = Store(), release()
    store.put(made)
    assert store.remove(key_of(made)) == made
    assert store.remove(key_of(made)) is None
    assert store.find(key_of(made)) is None


def test_a_listing_may_be_changed_while_it_is_read() -> None:
    store = Store()
    for name in ("a", "b"):
        store.put(environment(name))
    for found in store.of(Environment):
        store.remove(key_of(found))
    assert list(store.of(Environment)) == []


def test_a_broken_object_is_forgotten_with_its_mending_or_its_end() -> None:
    store, made = Store(), environment()
    store.broken[key_of(made)] = "spec.tier: not a tier"
    store.put(made)
    assert store.broken == {}
    gone = Key("FreezeWindow", "payments", "odd")
    store.broken[gone] = "spec.start: not a time"
    store.remove(gone)
    assert store.broken == {}


def test_a_finished_promotion_keeps_its_outcome_only() -> None:
    store = Store()
    for phase, kept in ((Phase.SUCCEEDED, False), (Phase.AWAITING_SIGN_OFF, True)):
        made = _long(phase)
        store.put(made)
        found = store.get(Promotion, "payments", made.metadata.name)
        assert found is not None
        assert (bool(found.status.gates), bool(found.status.history)) == (kept, kept)
        outcome = (found.status.phase, found.status.execution, found.status.deployed_at, found.status.plan)
        assert outcome == (phase, made.status.execution, NOW, made.status.plan)


def test_namespaces_are_known_by_name() -> None:
    store, made = Store(), Namespace("payments-production", {})
    assert store.put_namespace(made) is None
    assert store.namespaces == {"payments-production": made}
    store.remove_namespace("payments-production")
    store.remove_namespace("payments-production")
    assert store.namespaces == {}
