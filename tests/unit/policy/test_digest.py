"""Digests: the same for the same content, another for any other."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.api.changerequest import ChangePlan
from lockflight.policy.digest import canonical_digest, change_digest, release_digest
from tests.unit.policy.builders import component, digest, release

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
)
values = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.recursive(
        leaves,
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
        max_leaves=8,
    ),
)


def turned_round(value: Any) -> Any:
    """The same content with every object's keys in the opposite order."""
    if isinstance(value, dict):
        return {key: turned_round(value[key]) for key in reversed(list(value))}
    return [turned_round(item) for item in value] if isinstance(value, list) else value


@given(values)
def test_the_order_of_keys_does_not_matter(value: dict[str, Any]) -> None:
    assert canonical_digest(turned_round(value)) == canonical_digest(value)


@given(values)
def test_a_round_trip_through_json_does_not_matter(value: dict[str, Any]) -> None:
    assert canonical_digest(json.loads(json.dumps(value))) == canonical_digest(value)


@given(values, values)
def test_other_content_has_another_digest(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one == other or canonical_digest(one) != canonical_digest(other)


@pytest.mark.parametrize("value", [2**53, float("nan"), float("inf"), "\ud800", {1: "x"}, object()])
def test_what_canonical_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        canonical_digest({"a": [value]} if not isinstance(value, dict) else value)


def test_the_place_that_cannot_be_written_is_named() -> None:
    with pytest.raises(ValueError, match=r"^api\.ports\[1\]\.number cannot be written as canonical JSON: "):
        canonical_digest({"api": {"ports": [{}, {"number": 2**60}]}})


CHARTS = {"app": digest("chart")}


def of(**spec: Any) -> str:
    return release_digest(release(**spec), CHARTS)


def test_a_release_is_its_components_and_its_configuration() -> None:
    first = of()
    assert first == of()
    assert first == of(version="9.9.9", evidence=[], source=None)
    assert first != of(components=[component(values={"a": 1})])
    assert first != of(environments={"uat": {"values": {"a": 1}}})
    assert first != release_digest(release(), {"app": digest("other chart")})


def test_a_null_is_not_the_same_as_nothing() -> None:
    assert of(components=[component(values={"a": None})]) != of(components=[component(values={})])
    assert of(environments={"uat": {"values": {"a": None}}}) != of(environments={"uat": {"values": {}}})


def test_the_data_that_it_brings_is_part_of_a_release() -> None:
    fixtures = {"name": "fixtures", "class": "Synthetic"}
    first = of(components=[component(data=[fixtures])])
    assert first != of()
    assert first != of(components=[component(data=[{**fixtures, "class": "Anonymised"}])])


def test_the_order_of_components_matters() -> None:
    charts = {"api": digest("a"), "web": digest("b")}
    one = release(components=[component("api"), component("web")])
    other = release(components=[component("web"), component("api")])
    assert release_digest(one, charts) != release_digest(other, charts)


def test_a_change_is_all_of_its_plans_in_any_order() -> None:
    uat, production = (ChangePlan(environment=e, digest=digest(e)) for e in ("uat", "production"))
    assert change_digest([uat, production]) == change_digest([production, uat])
    assert change_digest([uat, production]) != change_digest([production])
    assert change_digest([uat]) != change_digest([uat.model_copy(update={"digest": digest("x")})])
