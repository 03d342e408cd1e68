"""Evidence: every type that the environment asks for is there, passed or waived, by people entitled to say so."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.api.promotion import WaitingFor
from lockflight.policy.evidence import Stands, stands, wanted
from lockflight.policy.model import Verdict
from lockflight.policy.verdicts import ASK_AGAIN, Subject, denied, given, not_applicable, passed, waiting


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/evidence.md."""
    kinds = wanted(on.effective.spec)
    if on.rollback:
        return not_applicable("it was judged when the release came here first")
    if not kinds:
        return not_applicable("no evidence is asked for")
    s = on.snapshot
    found = [stands(on.release, on.effective.spec, kind, s.evidence_rights, s.signatures, now) for kind in kinds]
    failed = [row for row in found if row.failed_by]
    if failed:
        return _failed(failed, on.release.metadata.name)
    absent = [row for row in found if not row.given]
    if absent:
        return _absent(absent, on.release.metadata.name, now)
    return passed(
        "; ".join(row.words for row in found), retry_at=min((row.until for row in found if row.until), default=None)
    )


def _failed(rows: list[Stands], release: str) -> Verdict:
    said = ", ".join(f"{row.kind} failed, says {row.failed_by}" for row in rows)
    if any(row.final for row in rows):
        return denied(reasons.EVIDENCE_FAILED, f"{said}: build another version")
    return waiting(
        reasons.EVIDENCE_FAILED,
        f"{said}: build another version; where a test was wrong, whoever said so says Passed for {release} again",
        waiting_for=[
            WaitingFor(who=row.failed_by[:128], what=f"{row.kind} of {release}, which failed") for row in rows
        ],
    )


def _absent(rows: list[Stands], release: str, now: datetime) -> Verdict:
    ignored = "; ".join(f"{row.kind}: {text}" for row in rows for text in row.ignored)
    kinds = ", ".join(row.kind for row in rows)
    unsigned = [row for row in rows if row.unsigned]
    if unsigned:
        bare = ", ".join(row.kind for row in rows if not row.unsigned)
        return waiting(
            reasons.EVIDENCE_UNSIGNED,
            f"{', '.join(row.kind for row in unsigned)}: no signature counts: lockflight attest {release} "
            f"--attestation FILE, a test-result statement signed by whom entry.trust names; not counted: {ignored}"
            + (f"; and nobody entitled says that {bare} passed" if bare else ""),
            retry_at=now + ASK_AGAIN,
            waiting_for=[
                WaitingFor(who=f"attest on evidencetypes/{row.kind}", what=f"signed evidence {row.kind} of {release}")
                for row in rows
            ],
        )
    return waiting(
        reasons.EVIDENCE_MISSING,
        f"nobody entitled says that {kinds} passed: lockflight attest {release} --type {rows[0].kind} --result Passed"
        + (f"; not counted: {ignored}" if ignored else ""),
        # Rights come and go without an event.
        retry_at=now + ASK_AGAIN if ignored else None,
        waiting_for=[
            WaitingFor(who=f"attest on evidencetypes/{row.kind}", what=f"evidence {row.kind} of {release}")
            for row in rows
        ],
    )
