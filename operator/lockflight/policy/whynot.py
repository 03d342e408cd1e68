"""Why a release could not, or could, start in an environment at a time."""

from dataclasses import dataclass
from datetime import datetime

from lockflight.api.release import Release
from lockflight.policy.climb import Leg, known
from lockflight.policy.forecast import foresee
from lockflight.policy.gates import evaluate_all
from lockflight.policy.model import NamedVerdict
from lockflight.policy.outlook import UNSEEN, Objects, snapshot


@dataclass(frozen=True, slots=True)
class Then:
    """What the gates of one environment say at a time."""

    at: datetime
    gates: tuple[NamedVerdict, ...]
    """As things stand."""
    shut_anyway: tuple[NamedVerdict, ...]
    """Those that stay shut even if everybody gives what is asked of them."""

    @property
    def shut(self) -> tuple[NamedVerdict, ...]:
        """Shut as things stand."""
        return tuple(row for row in self.gates if not row.verdict.open)


def then(objects: Objects, release: Release, name: str, at: datetime, leg: Leg | None = None) -> Then:
    """Why it could not, or could, start in ``name`` at ``at``. ``leg`` is what was forecast for it, where it was."""
    s = snapshot(objects, release, name)
    gates = tuple(known(v, objects.open_promotion(release.metadata.name, name)) for v in evaluate_all(s, at))
    if leg is not None and leg.foreseen is not None:
        rows = evaluate_all(leg.foreseen.assumed, at)
        taken = leg.foreseen.taken
    else:
        found = foresee(s, at, taken=UNSEEN)
        rows, taken = evaluate_all(found.assumed, at), found.taken
    anyway = tuple(row for row in rows if not row.verdict.open and row.gate not in taken)
    return Then(at, gates, anyway)
