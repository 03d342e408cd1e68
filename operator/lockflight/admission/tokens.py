"""What differs between installations: the chart's values of ``guard``, and the tokens they take the place of."""

import json
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from lockflight.admission.writers import KUBERNETES, PLATFORMS, by_subject
from lockflight.api.common import Tier

WRITERS_TOKEN = "LOCKFLIGHT_GUARD_WRITERS"  # noqa: S105
"""A CEL map: subject to what it may write in a guarded namespace."""
GROUP_TOKEN = "LOCKFLIGHT_BREAK_GLASS_GROUP"  # noqa: S105
LONGEST_TOKEN = "LOCKFLIGHT_BREAK_GLASS_LONGEST"  # noqa: S105
"""A CEL duration."""
ROOT_TOKEN = "LOCKFLIGHT_ROOT_NAMESPACE"  # noqa: S105

How = Literal["Deny", "Audit", "Off"]


_ENFORCEMENT: Mapping[Tier, How] = {Tier.UAT: "Deny", Tier.PRODUCTION: "Deny"}


class _Values(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, alias_generator=to_camel, extra="forbid")


class BreakGlass(_Values):
    """Who may write through broken glass, and for how long at most, as a CEL duration."""

    group: str = "lockflight-break-glass"
    longest: str = "4h"


class Guard(_Values):
    """The values ``guard`` of the operator's chart, with its defaults."""

    enforcement: Mapping[Tier, How] = _ENFORCEMENT
    root: How = "Deny"
    platforms: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()
    break_glass: BreakGlass = BreakGlass()

    def tiers(self, how: How) -> tuple[str, ...]:
        """The tiers that are guarded so."""
        return tuple(sorted(tier.value for tier, chosen in self.enforcement.items() if chosen == how))

    def known(self) -> str:
        """The CEL map of writers. Raises KeyError for an unknown platform, ValueError for a line of fewer parts."""
        return json.dumps(by_subject(self._lines()), sort_keys=True, separators=(",", ":"))

    def subjects(self) -> frozenset[str]:
        """Who they are, as a line names them. Raises as ``known`` does."""
        return frozenset(by_subject(self._lines()))

    def _lines(self) -> list[str]:
        platforms = (line for platform in (KUBERNETES, *self.platforms) for line in PLATFORMS[platform])
        return [*platforms, *self.writers]


DEFAULT = Guard()


def resolve(text: str, guard: Guard = DEFAULT, root: str = "lockflight-system") -> str:
    """``text`` with every token replaced."""
    values: Mapping[str, str] = {
        WRITERS_TOKEN: guard.known(),
        GROUP_TOKEN: guard.break_glass.group,
        LONGEST_TOKEN: guard.break_glass.longest,
        ROOT_TOKEN: root,
    }
    for token, value in values.items():
        text = text.replace(token, value)
    return text
