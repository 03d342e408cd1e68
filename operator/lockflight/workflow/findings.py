"""What the self-test of this process last found."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from lockflight.policy.selftest import Admission, Comparison


@dataclass(slots=True)
class Findings:
    """Kept in memory: a new process tests anew before it lets anything through."""

    comparison: Comparison | None = None
    compared_at: datetime | None = None
    """None: the last attempt got no answer."""
    unknown: str = ""
    """Why the policies could not be compared; empty where they were."""
    stacks: dict[str, Admission] = field(default_factory=dict)
    """What the probe found, by stack."""
    since: dict[tuple[str, str], datetime] = field(default_factory=dict)
    """When each problem that stands was first seen, by chain of the audit trail and what is wrong."""
    comparing: asyncio.Lock = field(default_factory=asyncio.Lock)
