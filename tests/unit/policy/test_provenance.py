"""Every value with its source: the same values as in the plan, and nothing lost on the way."""

from typing import Any

from hypothesis import given

from lockflight.policy.effective import effective
from lockflight.policy.pointers import parsed
from lockflight.policy.provenance import Explained, explain
from lockflight.policy.values import layer
from tests.unit.policy.builders import component, environment, release
from tests.unit.policy.test_values import EXTERNAL, SPEC, WHERE, values


def explained(spec: dict[str, Any], where: Any, baseline: Any, external: list[Any]) -> tuple[Explained, ...]:
    made = release(**spec)
    governed = effective(where, baseline, (where,))
    found = explain(made, made.spec.parts()[0], governed, where.spec, external)
    assert built(found) == layer(made, made.spec.parts()[0], governed.name, governed.spec, external).values
    return found


def built(found: tuple[Explained, ...]) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for each in found:
        *way, last = parsed(each.path)
        place = whole
        for step in way:
            place = place.setdefault(step, {})
        place[last] = each.value
    return whole


def test_the_value_that_counts_comes_with_what_it_took_the_place_of() -> None:
    found = explained(SPEC, WHERE, None, EXTERNAL)
    (row,) = [each for each in found if each.path == "/from"]
    assert (row.value, row.source) == ("b", "Secret b")
    assert [o.source for o in row.overridden] == [
        "ConfigMap a",
        "Environment production spec.applications.payments.values",
        "Environment production spec.values",
        "Release payments-2.4.0 spec.environments.production.components.api.values",
        "Release payments-2.4.0 spec.environments.production.values",
        "Release payments-2.4.0 spec.components[api].values",
    ]


def test_what_an_environment_inherits_comes_from_its_baseline() -> None:
    base = environment(values={"a": 1, "b": 1}, applications={"payments": {"values": {"c": 1}}})
    found = explained({"components": [component("api")]}, environment(values={"b": 2}), base, [])
    assert {each.path: (each.value, each.source) for each in found} == {
        "/a": (1, "baseline production of tier Production spec.values"),
        "/b": (2, "Environment production spec.values"),
        "/c": (1, "baseline production of tier Production spec.applications.payments.values"),
    }


def test_a_list_is_one_value_and_a_map_over_a_scalar_takes_its_place() -> None:
    spec = {"components": [component("api", values={"hosts": ["a"], "tls": True, "a/b": {"~": 1}})]}
    found = explained(spec, environment(values={"hosts": ["b"], "tls": {"secret": "x"}}), None, [])
    assert [(each.path, each.value, [o.value for o in each.overridden]) for each in found] == [
        ("/a~1b/~0", 1, []),
        ("/hosts", ["b"], [["a"]]),
        ("/tls/secret", "x", [True]),
    ]


@given(values, values, values, values, values)
def test_they_are_the_values_of_the_plan(first: Any, second: Any, third: Any, fourth: Any, fifth: Any) -> None:
    spec = {"components": [component("api", values=first)], "environments": {"production": {"values": second}}}
    explained(spec, environment(values=fourth), environment(values=third), [("ConfigMap a", fifth)])
