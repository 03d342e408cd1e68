"""What a person holds in an environment: everything, or one application. The baseline's hold counts, too."""

from dataclasses import dataclass

from lockflight.policy.model import Effective


@dataclass(frozen=True, slots=True)
class Held:
    """Why it is held; ``application`` empty: the whole environment."""

    reason: str
    application: str = ""
    baseline: bool = False
    """It is the baseline of the tier that is held, and so every environment of it."""


def held(governed: Effective, application: str) -> Held | None:
    """The hold that keeps ``application`` there; the widest of several."""
    base = governed.baseline.spec if governed.baseline is not None else None
    if base is not None and base.hold is not None:
        return Held(base.hold.reason, baseline=True)
    if governed.spec.hold is not None:
        return Held(governed.spec.hold.reason)
    for spec in (base, governed.spec):
        found = (spec.applications or {}).get(application) if spec is not None else None
        if found is not None and found.hold is not None:
            return Held(found.hold.reason, application)
    return None
