"""Whether a change is an emergency that an environment accepts, whoever approved it."""

from collections.abc import Mapping
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import ChangeType
from lockflight.policy.emergencyrules import Terms, terms
from lockflight.policy.model import Effective, Verdict
from lockflight.policy.verdicts import denied, passed, utc, waiting


def is_emergency(change: ChangeRequest) -> bool:
    """It asks for permission as an emergency; a record of what nobody permitted asks for nothing."""
    return change.spec.type is ChangeType.EMERGENCY and change.spec.unauthorised is None


def terms_of(change: ChangeRequest, governed: Mapping[str, Effective]) -> tuple[Terms, ...]:
    """The terms of every environment that it names or was used in, as far as these accept emergencies."""
    names = dict.fromkeys((*change.spec.environments, *(use.environment for use in change.status.used_by)))
    found = (terms(governed[name].spec.change_control) for name in names if name in governed)
    return tuple(each for each in found if each is not None)


def unfit(change: ChangeRequest, environment: str, rule: Terms, now: datetime) -> Verdict | None:
    """Why it is no emergency here; None: it is one."""
    name, incident = change.metadata.name, change.spec.incident
    if incident is None:
        return waiting(reasons.SEVERITY_NOT_ALLOWED, f"change {name} names no incident: add spec.incident")
    if incident.severity not in rule.severities:
        return waiting(
            reasons.SEVERITY_NOT_ALLOWED,
            f"change {name} mends {incident.id} of severity {incident.severity}: {environment} accepts emergencies of "
            f"{', '.join(rule.severities)}; raise a normal change",
        )
    if incident.opened_at > now:
        return waiting(
            reasons.INCIDENT_IN_FUTURE,
            f"change {name} spec.incident.openedAt is {utc(incident.opened_at)}, which is still to come: correct it",
            incident.opened_at,
        )
    return None


def fit(change: ChangeRequest, governed: Mapping[str, Effective], now: datetime) -> Verdict | None:
    """Whether every environment that it names accepts it as an emergency; None: it is none."""
    if not is_emergency(change):
        return None
    for name in change.spec.environments:
        rule = terms(governed[name].spec.change_control) if name in governed else None
        if rule is None:
            return denied(reasons.CHANGE_TYPE_NOT_ALLOWED, f"spec.type is Emergency: {name} accepts none")
        wrong = unfit(change, name, rule, now)
        if wrong is not None:
            return wrong
    return passed()
