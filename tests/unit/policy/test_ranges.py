"""Ranges of versions."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lockflight.api.release import Requirement
from lockflight.policy.ranges import within
from lockflight.policy.versions import parsed

IN = (
    ("1.2.0", ">=1.2 <2"),
    ("1.9.9", ">=1.2 <2"),
    ("1.2.9", "=1.2"),
    ("1.2.9", "1.2"),
    ("1.2.9", "<=1.2"),
    ("1.3.0", ">1.2"),
    ("1.3.0-rc.1", ">=1.2 <2"),
    ("1.2.0-rc.2", ">=1.2.0-rc.1"),
    ("1.2.3", "=1.2.3"),
    ("1.2.3+cfg.4", "=1.2.3"),
    ("0.0.1", "<1"),
)
OUT = (
    ("1.1.9", ">=1.2 <2"),
    ("2.0.0", ">=1.2 <2"),
    ("2.0.0-rc.1", "<2"),
    ("2.0.0-rc.1", ">=2"),
    ("1.2.0-rc.1", "=1.2"),
    ("1.2.9", ">1.2"),
    ("1.3.0", "<=1.2"),
    ("1.2.0-rc.1", ">=1.2.0-rc.2"),
    ("1.2.4", "=1.2.3"),
)


@pytest.mark.parametrize(("version", "allowed"), IN)
def test_a_version_in_the_range(version: str, allowed: str) -> None:
    assert within(version, allowed)


@pytest.mark.parametrize(("version", "allowed"), OUT)
def test_a_version_outside_the_range(version: str, allowed: str) -> None:
    assert not within(version, allowed)


@pytest.mark.parametrize("allowed", ["", "^1.2", "~1", ">=1.2,<2", ">= 1.2", "latest", ">=1.2.3.4"])
def test_what_is_no_range_is_never_read_as_one(allowed: str) -> None:
    with pytest.raises(ValueError, match=r"bound|empty"):
        within("1.2.3", allowed)
    with pytest.raises(ValidationError):
        Requirement(application="ledger", version=allowed)


NUMBERS = st.integers(0, 3)
VERSIONS = st.builds(
    lambda a, b, c, pre: f"{a}.{b}.{c}{pre}", NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["", "-rc.1", "-alpha"])
)


@given(VERSIONS, VERSIONS)
def test_a_full_bound_orders_as_versions_do_but_for_its_own_pre_releases(one: str, bound: str) -> None:
    compared = parsed(one).compare(bound)
    if re.sub("-.*", "", one) == bound and "-" in one:
        # 2.0.0-rc.1 comes before 2.0.0, and is no 1.x either.
        assert not within(one, f"<{bound}")
        assert within(one, f"<={bound}")
    else:
        assert within(one, f"<{bound}") is (compared < 0)
        assert within(one, f"<={bound}") is (compared <= 0)
    assert within(one, f">={bound}") is (compared >= 0)
    assert within(one, f">{bound}") is (compared > 0)
    assert within(one, f"={bound}") is (compared == 0)


@given(VERSIONS, NUMBERS)
def test_what_is_at_least_a_version_is_never_below_it(one: str, major: int) -> None:
    assert not (within(one, f">={major}") and within(one, f"<{major}"))


PATTERN = next(p for m in Requirement.model_fields["version"].metadata if (p := getattr(m, "pattern", None)))


@given(st.from_regex(PATTERN, fullmatch=True))
def test_whatever_the_schema_lets_in_can_be_read(allowed: str) -> None:
    assert within("1.2.3", allowed) in (True, False)
