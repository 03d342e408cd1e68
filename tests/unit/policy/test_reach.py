"""Whether a release can come into an environment at all."""

import pytest

from lockflight.api.environment import EnvironmentSpec, Require
from lockflight.policy.model import Effective
from lockflight.policy.reach import never_reached


def env(name: str, *before: str, problem: str = "", any_: bool = False) -> Effective:
    spec = EnvironmentSpec.model_validate({"tier": "Integration", "require": Require.ANY if any_ else Require.ALL})
    return Effective(name, spec, before, (problem,) if problem else ())


@pytest.mark.parametrize(
    ("stack", "been", "in_order", "why"),
    [
        ([env("production", "uat"), env("uat", "dev"), env("dev")], (), True, None),
        ([env("uat")], (), True, "environment production does not exist"),
        ([env("production", problem="spec.soak is 1h")], (), True, "environment production is closed: spec.soak is 1h"),
        ([env("production", problem="spec.soak is 1h")], ("production",), False, "environment production is closed"),
        ([env("production", "uat"), env("uat", problem="a cycle")], (), True, "environment uat is closed: a cycle"),
        ([env("production", "uat"), env("uat", "dev")], (), True, "environment dev does not exist"),
        # Further on than what is closed.
        ([env("production", "uat"), env("uat", "dev")], ("uat",), True, None),
        ([env("production", "uat"), env("uat", problem="a cycle")], ("production",), True, None),
        # What may skip those before it.
        ([env("production", "uat"), env("uat", problem="a cycle")], (), False, None),
        # One of several is enough, or all are needed.
        ([env("production", "a", "b", any_=True), env("a"), env("b", problem="x")], (), True, None),
        ([env("production", "a", "b"), env("a"), env("b", problem="x")], (), True, "environment b is closed: x"),
        ([env("production", "a", "b", any_=True), env("b", problem="x")], (), True, "environment a does not exist"),
        # Two ways that meet again, and a cycle that nobody called a problem: it ends all the same.
        ([env("production", "a", "b"), env("a", "c"), env("b", "c"), env("c")], (), True, None),
        ([env("production", "a"), env("a", "production")], (), True, None),
    ],
)
def test_what_stands_in_the_way_is_named(
    stack: list[Effective], been: tuple[str, ...], in_order: bool, why: str | None
) -> None:
    by_name = {each.name: each for each in stack}
    found = never_reached("production", by_name.get, been, in_order=in_order)
    assert found is None if why is None else str(found).startswith(why)
