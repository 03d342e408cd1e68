"""Values: who wins, and where each came from."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.policy.values import Layered, layer, merge
from tests.unit.policy.builders import component, environment, release

values = st.recursive(
    st.dictionaries(st.sampled_from("abc"), st.none() | st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2)),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)

SPEC: dict[str, Any] = {
    "components": [component("api", values={"from": "component", "component": 1}), component("web")],
    "environments": {
        "production": {
            "values": {"from": "release", "release": 1},
            "components": {"api": {"values": {"from": "release component", "release-component": 1}}},
        },
        "uat": {"values": {"from": "elsewhere"}},
    },
}
WHERE = environment(
    values={"from": "environment", "environment": 1},
    applications={
        "payments": {"values": {"from": "application", "application": 1}},
        "ledger": {"values": {"from": "elsewhere"}},
    },
)
EXTERNAL = [("ConfigMap a", {"from": "a", "a": 1}), ("Secret b", {"from": "b", "b": 1})]


def layered(name: str, external: list[tuple[str, dict[str, Any]]]) -> Layered:
    made = release(**SPEC)
    part = next(part for part in made.spec.parts() if part.name == name)
    return layer(made, part, "production", WHERE.spec, external)


def test_every_layer_is_there_and_the_highest_wins() -> None:
    found = layered("api", EXTERNAL)
    assert found.values == {
        "from": "b",
        **dict.fromkeys(("component", "release", "release-component", "environment", "application", "a", "b"), 1),
    }


def test_the_sources_are_told_lowest_first() -> None:
    assert layered("api", EXTERNAL).sources == (
        "Release payments-2.4.0 spec.components[api].values",
        "Release payments-2.4.0 spec.environments.production.values",
        "Release payments-2.4.0 spec.environments.production.components.api.values",
        "Environment production spec.values",
        "Environment production spec.applications.payments.values",
        "ConfigMap a",
        "Secret b",
    )


def test_what_gives_nothing_is_no_source() -> None:
    assert layered("web", []).sources == (
        "Release payments-2.4.0 spec.environments.production.values",
        "Environment production spec.values",
        "Environment production spec.applications.payments.values",
    )


@pytest.mark.parametrize("removed", range(7))
def test_without_the_highest_layer_the_next_one_wins(removed: int) -> None:
    order = ["component", "release", "release component", "environment", "application", "a", "b"]
    spec, where = SPEC, WHERE.spec
    external = EXTERNAL[: max(0, 2 - removed)]
    if removed > 2:
        where = where.model_copy(update={"applications": None})
    if removed > 3:
        where = where.model_copy(update={"values": None})
    if removed > 4:
        kept = {"values": SPEC["environments"]["production"]["values"]} if removed == 5 else {}
        spec = {**SPEC, "environments": {"production": kept}}
    made = release(**spec)
    assert layer(made, made.spec.parts()[0], "production", where, external).values["from"] == order[6 - removed]


@given(values, values, values)
def test_merging_is_associative(a: dict[str, Any], b: dict[str, Any], c: dict[str, Any]) -> None:
    assert merge(merge(a, b), c) == merge(a, merge(b, c)) or _shadowed(a, b, c)


def _shadowed(low: Any, middle: Any, high: Any) -> bool:
    """A scalar in the middle cuts off what lies below it; merged from the right it would not."""
    return any(
        (isinstance(low.get(key), dict) and isinstance(high.get(key), dict) and not isinstance(middle[key], dict))
        or (
            all(isinstance(layer_.get(key), dict) for layer_ in (low, middle, high))
            and _shadowed(low[key], middle[key], high[key])
        )
        for key in middle
    )


@given(values, values)
def test_every_leaf_of_the_higher_layer_is_kept(low: dict[str, Any], high: dict[str, Any]) -> None:
    def kept(found: Any, wanted: Any) -> bool:
        if isinstance(wanted, dict) and isinstance(found, dict):
            return all(key in found and kept(found[key], value) for key, value in wanted.items())
        return bool(found == wanted)

    assert kept(merge(low, high), high)


@given(values)
def test_nothing_changes_nothing(value: dict[str, Any]) -> None:
    assert merge(value, {}) == value
    assert merge({}, value) == value
    assert merge(value, value) == value


@given(values, values)
def test_merging_leaves_its_inputs_alone(low: dict[str, Any], high: dict[str, Any]) -> None:
    before = repr((low, high))
    merge(low, high)
    assert repr((low, high)) == before


def test_a_null_stays_for_helm_to_delete_the_charts_default() -> None:
    assert merge({"a": {"b": 1}}, {"a": None}) == {"a": None}
    assert merge({"a": None}, {"a": {"b": 1}}) == {"a": {"b": 1}}


def test_lists_are_replaced_not_joined() -> None:
    assert merge({"a": [1, 2]}, {"a": [3]}) == {"a": [3]}
