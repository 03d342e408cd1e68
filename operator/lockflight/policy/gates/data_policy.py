"""DataPolicy: the data that a release brings may be here."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.policy.datapolicy import classes, words
from lockflight.policy.model import Verdict
from lockflight.policy.verdicts import Subject, denied, given, passed


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/datapolicy.md."""
    may = classes(on.effective.spec.data)
    declared = on.release.spec.data()
    wrong = [
        f"spec.components[{component}].data[{each.name}] of release {on.release.metadata.name} is {each.class_}"
        for component, each in declared
        if each.class_ not in may
    ]
    if wrong:
        return denied(
            reasons.DATA_CLASS_NOT_ALLOWED,
            f"{'; '.join(wrong)}: allowed in {on.environment.metadata.name} is {words(may)}",
        )
    return passed(f"declared: {words({each.class_ for _, each in declared})}; allowed here: {words(may)}")
