"""A Lease that tests take away."""

from lockflight.ports import NotLeaderError


class FakeLeadership:
    """Leads until told otherwise."""

    def __init__(self, holder: str = "operator-1", fencing: int = 1) -> None:
        self._holder = holder
        self.fencing = fencing
        self.leading = True
        self.asked = 0
        """How often it looked at the Lease."""

    @property
    def holder(self) -> str:
        return self._holder

    async def fence(self) -> int:
        self.asked += 1
        if not self.leading:
            msg = f"{self._holder} does not lead"
            raise NotLeaderError(msg)
        return self.fencing
