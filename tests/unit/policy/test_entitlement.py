"""Whose word still counts when it is counted: leavers, wildcards, and those who put things forward."""

from collections.abc import Mapping

import pytest

from lockflight.api.common import CANARY
from lockflight.policy.effective import effective
from lockflight.policy.entitlement import APPROVE, asked, independence_unheld, unentitled
from lockflight.policy.rights import Question, Rights

from .builders import EVERYBODY, approval, change, environment, promotion, verdict, world

GROUPS = ("board", "system:authenticated")
ALICE = approval("alice@example", groups=GROUPS)
RIGHT = Question("alice@example", GROUPS, "approve", "approvalroles", "cab")
VERB = Question("alice@example", GROUPS, CANARY, "approvalroles", "cab")
RESOURCE = Question("alice@example", GROUPS, "approve", CANARY, "cab")
RELEASES = Question("alice@example", GROUPS, "create", "releases")
PROMOTIONS = Question("alice@example", GROUPS, "create", "promotions")
GOOD = {RIGHT: True, VERB: False, RESOURCE: False, RELEASES: False, PROMOTIONS: False}
FUNCTION = {"normal": {"approvals": [{"role": "cab", "count": 2}]}, "independence": "Function"}


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({}, None),
        ({RIGHT: False}, "holds approve on approvalroles/cab no longer"),
        ({VERB: True}, "holds approve on approvalroles/cab by a wildcard only"),
        ({RESOURCE: True}, "holds approve on approvalroles/cab by a wildcard only"),
        ({RIGHT: None}, "could not be asked about: approve on approvalroles/cab"),
        ({VERB: None}, "could not be asked about: approve on approvalroles/cab"),
        ({RESOURCE: None}, "could not be asked about: approve on approvalroles/cab"),
        ({RELEASES: True}, "may create releases or promotions here, and independence is Function"),
        ({PROMOTIONS: True}, "may create releases or promotions here, and independence is Function"),
        ({RELEASES: None}, "could not be asked about: create on releases and promotions"),
    ],
)
def test_an_approval_counts_while_the_right_is_held_by_name(
    answers: Mapping[Question, bool | None], why: str | None
) -> None:
    rights = Rights({q: a for q, a in {**GOOD, **answers}.items() if a is not None})
    found = unentitled([ALICE], APPROVE, rights, function=True)
    assert found == ({0: why} if why else {})


def test_who_may_create_releases_may_approve_where_only_persons_are_kept_apart() -> None:
    assert unentitled([ALICE], APPROVE, Rights({**GOOD, RELEASES: True})) == {}


def test_a_no_needs_no_right() -> None:
    assert unentitled([approval("alice@example", decision="Rejected")], APPROVE, Rights()) == {}


def test_what_cannot_count_anyway_is_not_asked_about() -> None:
    entries = (
        approval("alice@example", generation=2),
        approval("bob@example", decision="Rejected"),
        approval("system:serviceaccount:a:b"),
        approval(None),
    )
    assert list(asked(change(approvals=entries), promotion(), function=True)) == []


def test_three_questions_an_approval_and_two_more_by_function() -> None:
    assert list(asked(change(approvals=[ALICE]), None, function=False)) == [RIGHT, VERB, RESOURCE]
    assert set(asked(change(approvals=[ALICE]), None, function=True)) == set(GOOD)


@pytest.mark.parametrize(
    ("by", "verb"), [("dan@example", "deputize"), ("system:serviceaccount:itsm:servicenow", "relay")]
)
def test_who_writes_in_anothers_name_needs_the_right_to_do_that(by: str, verb: str) -> None:
    entry = approval(by, groups=GROUPS, on_behalf_of="alice@example")
    right, *_ = asked(change(approvals=[entry]), None, function=False)
    assert right == Question(by, GROUPS, verb, "approvalroles", "cab")
    assert unentitled([entry], APPROVE, Rights({right: False}))[0].startswith("could not be asked about")
    assert unentitled([entry], APPROVE, EVERYBODY) == {}


def test_a_leaver_no_longer_fills_a_place() -> None:
    class Left(Rights):
        def may(self, question: Question) -> bool | None:
            return EVERYBODY.may(question) and question.user != "bob@example"

    said = verdict("ChangeControl", world(rights=Left()))
    assert (said.outcome, said.reason) == ("Waiting", "ApprovalsMissing")
    assert "bob@example (cab) holds approve on approvalroles/cab no longer" in said.message


def test_rights_that_could_not_be_asked_close_the_gate() -> None:
    assert verdict("ChangeControl", world(rights=Rights())).reason == "ApprovalsMissing"


def test_by_function_a_release_manager_does_not_approve() -> None:
    class Both(Rights):
        def may(self, question: Question) -> bool | None:
            return True if question.verb == "create" else EVERYBODY.may(question)

    s = world(environment=environment("production", changeControl=FUNCTION), rights=Both())
    assert "independence is Function" in verdict("ChangeControl", s).message
    assert verdict("ChangeControl", world(rights=Both())).reason == "Passed"


@pytest.mark.parametrize(("labels", "held"), [({}, False), ({"lockflight.dev/independence": "Function"}, True)])
def test_independence_by_function_is_told_to_the_api_server(labels: Mapping[str, str], held: bool) -> None:
    where = environment("production", changeControl=FUNCTION)
    assert (independence_unheld(effective(where, None, [where]), labels) == ()) is held


@pytest.mark.parametrize(
    ("mine", "base", "counts", "refused"),
    [
        (None, None, None, False),
        (None, "Function", "Function", False),
        ("Function", "Person", "Function", False),
        ("Person", "Function", "Function", True),
        ("Person", None, "Person", False),
    ],
)
def test_the_stricter_independence_holds(
    mine: str | None,
    base: str | None,
    counts: str | None,
    refused: bool,
) -> None:
    def of(independence: str | None) -> dict[str, object]:
        normal = {"normal": {"approvals": [{"role": "cab", "count": 2}]}}
        return normal | ({"independence": independence} if independence else {})

    where = environment("production", changeControl=of(mine))
    found = effective(where, environment("baseline", changeControl=of(base)), [where])
    assert found.spec.change_control is not None
    assert found.spec.change_control.independence == counts
    assert any("independence" in problem for problem in found.problems) is refused
