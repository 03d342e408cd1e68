"""Admission in memory: it holds what the test registers, and refuses every forgery unless told otherwise."""

from collections.abc import Mapping
from typing import Any

from lockflight.ports import Forgery, PortError, Registered

ACCOUNT = "system:serviceaccount:lockflight-system:lockflight"


class FakeAdmission:
    """Tests change the public fields and read ``forged`` to see what was tried."""

    def __init__(self) -> None:
        self.objects: list[Mapping[str, Any]] = []
        self.stamps = True
        self.let_through: set[str] = set()
        """Policies that refuse nothing."""
        self.problem: PortError | None = None
        """Raised instead of any answer."""
        self.forged: list[Forgery] = []
        self.listed = 0
        """How often everything was listed."""

    async def account(self) -> str:
        return ACCOUNT

    async def registered(self) -> Registered:
        self.listed += 1
        self._fail()
        return Registered(tuple(self.objects), self.stamps)

    async def refused_by(self, forgery: Forgery) -> tuple[str, ...]:
        self.forged.append(forgery)
        self._fail()
        return () if forgery.policy in self.let_through else (forgery.policy,)

    def _fail(self) -> None:
        if self.problem is not None:
            raise self.problem
