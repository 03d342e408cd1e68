"""Several approval rules at once: whom a change asks."""

from typing import Any

import pytest

from lockflight.api.common import RiskLevel
from lockflight.policy.change import required
from lockflight.policy.effective import effective
from tests.unit.policy.builders import change, environment, freeze

UAT = environment("uat", "UAT", changeControl={"normal": {"approvals": [{"role": "qa"}, {"role": "cab"}]}})
PRODUCTION = environment(
    changeControl={
        "standard": {"catalogue": [{"role": "cab", "count": 2}]},
        "normal": {
            "approvals": [{"role": "cab", "count": 2}],
            "highRisk": [{"role": "cab", "count": 3}, {"role": "risk"}],
        },
    }
)
GOVERNED = {e.metadata.name: effective(e, None, (UAT, PRODUCTION)) for e in (UAT, PRODUCTION)}
YEAR_END = freeze(override={"approvals": [{"role": "cab", "count": 4}, {"role": "finance"}]})
OTHER = freeze("quarter-end", override={"approvals": [{"role": "finance", "count": 2}]})


@pytest.mark.parametrize(
    ("spec", "risk", "freezes", "needs"),
    [
        ({"environments": ["uat"]}, "Low", (), {"qa": 1, "cab": 1}),
        ({"environments": ["production"]}, "Low", (), {"cab": 2}),
        ({"environments": ["uat", "production"]}, "Low", (), {"qa": 1, "cab": 2}),
        ({"environments": ["production"]}, "High", (), {"cab": 3, "risk": 1}),
        ({"environments": ["uat", "production"]}, "High", (), {"qa": 1, "cab": 3, "risk": 1}),
        ({"environments": ["production"]}, "Low", (YEAR_END,), {"cab": 4, "finance": 1}),
        ({"environments": ["production"]}, "High", (YEAR_END, OTHER), {"cab": 4, "risk": 1, "finance": 2}),
        # The pattern was approved; going past a freeze was not.
        ({"type": "Standard"}, "Low", (), {}),
        ({"type": "Standard"}, "Low", (OTHER,), {"finance": 2}),
        # Unknown environments ask for nothing, so that a change for nothing else permits nothing.
        ({"environments": ["moon"]}, "Low", (), {}),
    ],
)
def test_the_roles_of_all_rules_each_with_its_largest_count(
    spec: dict[str, Any], risk: str, freezes: tuple[Any, ...], needs: dict[str, int]
) -> None:
    found = required(change(**spec), GOVERNED, RiskLevel(risk), freezes)
    assert {need.role: need.count for need in found} == needs
