"""The table of tier defaults is the one that the gates work with."""

from typing import Any

from lockflight.api.common import Tier
from lockflight.policy.effective import TIER_DEFAULTS
from tests.documents import ROOT

FIELDS = (
    "autoPromote",
    "entry.evidence",
    "entry.waivable",
    "entry.taggedOnly",
    "entry.images.require",
    "exit.signOffs",
    "data.allowed",
    "require",
    "soak",
    "drift.mode",
    "onFailure",
    "timeout",
)


def _cell(tier: Tier, field: str) -> str:
    found: Any = TIER_DEFAULTS[tier].dump()
    for step in field.split("."):
        found = (found or {}).get(step)
    match found:
        case None | []:
            return "none"
        case bool():
            return str(found).lower()
        case [{"role": _}, *_]:
            return ", ".join(f"{need['count']} {need['role']}" for need in found)
        case list():
            return ", ".join(found)
        case _:
            return str(found)


def _table() -> str:
    head = ["| field |" + "".join(f" {tier} |" for tier in Tier), "|---" * (len(Tier) + 1) + "|"]
    rows = [f"| `{field}` |" + "".join(f" {_cell(tier, field)} |" for tier in Tier) for field in FIELDS]
    return "\n".join([*head, *rows])


def test_the_table_is_what_the_code_says() -> None:
    assert _table() in (ROOT / "docs/tiers.md").read_text(encoding="utf-8")


def test_every_default_is_in_the_table() -> None:
    def leaves(found: dict[str, Any], prefix: str = "") -> set[str]:
        names: set[str] = set()
        for name, value in found.items():
            names |= leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name}
        return names

    given = {name for tier in Tier for name in leaves(TIER_DEFAULTS[tier].dump()) if _cell(tier, name) != "none"}
    assert given - {"tier"} == set(FIELDS)
