"""Evidence: whose word on a release counts, for which bytes, and what it comes to."""

from dataclasses import replace
from typing import Any

import pytest

from lockflight.api import reasons
from lockflight.api.common import CREATOR_GROUPS_ANNOTATION
from lockflight.api.evidence import EvidenceWord
from lockflight.api.promotion import Action, Outcome
from lockflight.api.release import Release
from lockflight.policy.evidence import asked, unreviewed
from lockflight.policy.model import Snapshot, Verdict
from lockflight.policy.rights import Question, Rights
from tests.unit.policy.builders import digest, environment, release, verdict, world

KIND = "integration-tests"
TESTED = environment(entry={"evidence": [KIND]})
WAIVABLE = environment(entry={"evidence": [KIND], "waivable": [KIND]})
OURS = digest("payments-2.4.0")


def word(result: str = "Passed", by: str | None = "ci", **given: Any) -> EvidenceWord:
    """One word, bound to the release of the world."""
    return EvidenceWord.model_validate(
        {"type": KIND, "result": result, "by": by, "groups": ["robots"], "releaseDigest": OURS, **given}
    )


def waiver(by: str | None = "wanda", **given: Any) -> EvidenceWord:
    return word("NotApplicable", by, **{"role": "test-lead", "reason": "no other system there", **given})


def attested(*words: EvidenceWord, **spec: Any) -> Release:
    """The release without claims of its own, with these words."""
    made = release(**{"evidence": [], **spec})
    return made.model_copy(update={"status": made.status.model_copy(update={"evidence": words})})


def judged(*words: EvidenceWord, where: Any = TESTED, rights: Rights | None = None, **spec: Any) -> Verdict:
    given: dict[str, Any] = {"evidence_rights": rights} if rights else {}
    return verdict(reasons.EVIDENCE, world(environment=where, release=attested(*words, **spec), **given))


class Holders(Rights):
    """Who holds what: verb, resource and name by user; ``*`` as RBAC has it."""

    def __init__(self, **held: str) -> None:
        super().__init__()
        object.__setattr__(self, "held", held)

    def may(self, question: Question) -> bool | None:
        right = self.held.get(question.user)  # type: ignore[attr-defined]
        if right == "unknown":
            return None
        wanted = f"{question.verb} {question.resource} {question.name}"
        return right is not None and all(r in ("*", w) for r, w in zip(right.split(), wanted.split(), strict=True))


def test_what_somebody_attests_afterwards_opens_the_gate() -> None:
    assert judged().reason == reasons.EVIDENCE_MISSING
    found = judged(word())
    assert (found.outcome, found.message) == (Outcome.PASSED, f"{KIND} Passed by ci")


def test_what_is_missing_is_waited_for_and_says_who_gives_it() -> None:
    found = judged()
    assert found.outcome is Outcome.WAITING
    assert f"lockflight attest payments-2.4.0 --type {KIND} --result Passed" in found.message
    assert [row.who for row in found.waiting_for] == [f"attest on evidencetypes/{KIND}"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"releaseDigest": digest("another")}, "ci spoke of another digest"),
        ({"releaseDigest": None}, "ci spoke of another digest"),
        ({"by": None}, "somebody without a stamped identity cannot be asked about"),
        ({"by": ""}, "somebody without a stamped identity cannot be asked about"),
    ],
)
def test_a_word_on_other_bytes_or_by_nobody_does_not_count(given: dict[str, Any], says: str) -> None:
    found = judged(word(**given))
    assert found.reason == reasons.EVIDENCE_MISSING
    assert says in found.message


@pytest.mark.parametrize(
    ("right", "says"),
    [
        (f"attest evidencetypes {KIND}", None),
        ("attest evidencetypes unit-tests", f"holds no attest on evidencetypes/{KIND}"),
        ("attest * *", f"holds attest on evidencetypes/{KIND} by a wildcard only"),
        ("* evidencetypes *", f"holds attest on evidencetypes/{KIND} by a wildcard only"),
        ("unknown", f"could not be asked about: attest on evidencetypes/{KIND}"),
        ("approve approvalroles cab", f"holds no attest on evidencetypes/{KIND}"),
    ],
)
def test_the_right_is_asked_for_again_and_by_name(right: str, says: str | None) -> None:
    found = judged(word(), rights=Holders(ci=right))
    assert found.open is (says is None)
    assert says is None or says in found.message
    # Rights come back without an event.
    assert (found.retry_at is not None) is (says is not None)


def test_the_latest_word_of_an_attester_holds() -> None:
    assert judged(word("Failed"), word("Passed")).open
    assert judged(word("Passed"), word("Failed")).reason == reasons.EVIDENCE_FAILED
    assert judged(word("Passed"), word("Withdrawn")).reason == reasons.EVIDENCE_MISSING
    assert judged(word("Failed"), word("Withdrawn")).reason == reasons.EVIDENCE_MISSING


def test_one_that_failed_closes_whoever_else_says_passed() -> None:
    found = judged(word("Failed", "nightly"), word("Passed", "ci"))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.EVIDENCE_FAILED)
    assert f"{KIND} failed, says nightly" in found.message


def test_a_failure_counts_from_whoever_lost_the_right_since() -> None:
    found = judged(word("Failed", "gone"), word(), rights=Holders(ci=f"attest evidencetypes {KIND}"))
    assert found.reason == reasons.EVIDENCE_FAILED


def test_a_failure_of_other_bytes_says_nothing_of_these() -> None:
    assert judged(word("Failed", "nightly", releaseDigest=digest("another")), word()).open


def test_nobody_takes_back_the_failure_of_another() -> None:
    for other in ("CI", "nightly", None):
        assert judged(word("Failed", "ci"), word("Withdrawn", other)).reason == reasons.EVIDENCE_FAILED


def test_words_of_another_type_do_not_count() -> None:
    assert judged(word(type="unit-tests")).reason == reasons.EVIDENCE_MISSING
    assert judged(word(), word("Failed", type="unit-tests")).open


CLAIM = [{"type": KIND, "result": "Passed"}]


def claimed(rights: Rights, creator: str | None = "robot", groups: str = "robots") -> Snapshot:
    made = release(evidence=CLAIM, creator=creator)
    annotations = {**made.metadata.annotations, CREATOR_GROUPS_ANNOTATION: groups}
    made = made.model_copy(update={"metadata": made.metadata.model_copy(update={"annotations": annotations})})
    return world(environment=TESTED, release=made, evidence_rights=rights)


def test_what_the_build_claims_counts_while_its_creator_may_attest_it() -> None:
    held = Holders(robot=f"attest evidencetypes {KIND}")
    assert verdict(reasons.EVIDENCE, claimed(held)).open
    lacking = verdict(reasons.EVIDENCE, claimed(Holders()))
    assert lacking.reason == reasons.EVIDENCE_MISSING
    assert f"robot, who created the release, holds no attest on evidencetypes/{KIND}" in lacking.message
    assert not verdict(reasons.EVIDENCE, claimed(held, creator=None)).open


def test_a_creator_is_asked_about_with_the_groups_that_were_stamped() -> None:
    s = claimed(Holders(), groups="robots\nsystem:authenticated")
    assert s.release is not None
    assert s.effective is not None
    questions = list(asked(s.release, s.effective.spec))
    assert {q.groups for q in questions} == {("robots", "system:authenticated")}
    assert len(questions) == 3


def test_a_claim_that_failed_is_final_and_its_creator_may_take_back_only_one_that_passed() -> None:
    made = attested(word("Passed"), evidence=[{"type": KIND, "result": "Failed"}])
    found = verdict(reasons.EVIDENCE, world(environment=TESTED, release=made))
    assert (found.outcome, found.reason) == (Outcome.DENIED, reasons.EVIDENCE_FAILED)
    taken_back = attested(word("Withdrawn", "ci-robot@example"), evidence=CLAIM)
    assert not verdict(reasons.EVIDENCE, world(environment=TESTED, release=taken_back)).open


def test_a_person_waives_what_the_environment_lets_them() -> None:
    found = judged(waiver(), where=WAIVABLE)
    assert found.open
    assert f"{KIND} NotApplicable, waived by wanda as test-lead: no other system there" in found.message


@pytest.mark.parametrize(
    ("entry", "where", "says"),
    [
        (waiver(), TESTED, f"wanda waived it, and {KIND} is not in entry.waivable here"),
        (waiver("system:serviceaccount:ci:robot"), WAIVABLE, "waived it, and is no person"),
        (waiver("ci-robot@example"), WAIVABLE, "waived it, and is the creator of the release"),
        (waiver("ANN@example"), WAIVABLE, "waived it, and is an author of the release"),
        (waiver(releaseDigest=digest("another")), WAIVABLE, "spoke of another digest"),
    ],
)
def test_other_waivers_do_not_count(entry: EvidenceWord, where: Any, says: str) -> None:
    found = judged(entry, where=where)
    assert found.reason == reasons.EVIDENCE_MISSING
    assert says in found.message


def test_a_waiver_takes_its_own_right() -> None:
    assert judged(waiver(), where=WAIVABLE, rights=Holders(wanda="waive approvalroles test-lead")).open
    for right in (f"attest evidencetypes {KIND}", "waive approvalroles cab", "* * *"):
        assert not judged(waiver(), where=WAIVABLE, rights=Holders(wanda=right)).open, right


def test_a_waiver_does_not_outweigh_a_failure() -> None:
    assert judged(word("Failed"), waiver(), where=WAIVABLE).reason == reasons.EVIDENCE_FAILED


def test_a_waiver_is_withdrawn_by_whoever_gave_it() -> None:
    assert not judged(waiver(), word("Withdrawn", "wanda", role="test-lead"), where=WAIVABLE).open


REVIEWED = environment(entry={"evidence": ["pull-request"]})


@pytest.mark.parametrize(
    ("reviewers", "authors", "good"),
    [
        (["rob"], ["jo"], True),
        (["jo", "rob"], ["jo"], True),
        (["jo"], ["jo"], False),
        (["JO"], ["jo"], False),
        (["ann@example"], [], False),
        (["Ann <ann@example>"], [], False),
        (["jo@example"], ["Jo Doe <jo@example>"], False),
        ([], ["jo"], False),
        (None, None, False),
    ],
)
def test_a_pull_request_is_reviewed_by_somebody_who_did_not_write_it(
    reviewers: list[str] | None, authors: list[str] | None, good: bool
) -> None:
    entry = word(type="pull-request", reviewers=reviewers, authors=authors)
    assert (unreviewed(entry, attested()) is None) is good
    assert judged(entry, where=REVIEWED).open is good


def test_a_rollback_is_not_asked_again() -> None:
    s = world(environment=TESTED, release=attested())
    back = s.promotion.model_copy(update={"spec": s.promotion.spec.model_copy(update={"action": Action.ROLLBACK})})
    assert verdict(reasons.EVIDENCE, replace(s, promotion=back)).outcome is Outcome.NOT_APPLICABLE
