"""Freeze windows: what they make of their clocks, and what they select."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.api.common import Tier
from lockflight.policy.time.zones import InvalidTime
from lockflight.policy.windows import FOREVER, Target, occurrences, selects
from tests.unit.policy.builders import NOW, freeze


def test_a_window_that_daylight_saving_leaves_nothing_of_is_invalid() -> None:
    with pytest.raises(InvalidTime, match="does not lie after"):
        occurrences(freeze(start="2026-03-29T02:30:00", end="2026-03-29T03:15:00"))


def test_until_lifted_has_no_end() -> None:
    current = occurrences(freeze(end=None)).around(NOW).current
    assert current is not None
    assert current.end == FOREVER


names = st.sampled_from(["uat", "production"])
tiers = st.sampled_from(list(Tier))
apps = st.sampled_from(["payments", "ledger"])


@given(st.sets(tiers), st.sets(names), st.sets(apps), tiers, names, apps)
def test_selectors_are_anded_and_their_lists_are_ored(
    chosen_tiers: set[Tier], chosen_names: set[str], chosen_apps: set[str], tier: Tier, name: str, app: str
) -> None:
    window = freeze(
        environments={"tiers": sorted(chosen_tiers), "names": sorted(chosen_names)}, applications=sorted(chosen_apps)
    )
    expected = (
        (not chosen_tiers or tier in chosen_tiers)
        and (not chosen_names or name in chosen_names)
        and (not chosen_apps or app in chosen_apps)
    )
    assert selects(window, Target(name, tier, app)) is expected
