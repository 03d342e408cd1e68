"""Rules that governance approves count only as they were approved, by people apart from those who deliver."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.api.changerequest import Approval
from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezeWindow
from lockflight.policy.effective import effective
from lockflight.policy.governance import bound_digest, standing_rules
from lockflight.policy.model import Snapshot, Verdict
from lockflight.policy.rights import Question, Rights
from lockflight.policy.ruleasked import RuleObject, needs_of
from tests.unit.policy.builders import EVERYBODY, FIVE, NOW, ROOT, STACK, environment, meta, verdict, world
from tests.unit.policy.catalogue import PRODUCTION as WITH_CATALOGUE
from tests.unit.policy.catalogue import standard

TWO = {"approvals": [{"role": "board", "count": 2}]}
UPSTREAM = ("uat",)


def approved(rule: Any, *people: str, promotes_from: Sequence[str] | None = None, decision: str = "Approved") -> Any:
    """The rule, decided on as it is now."""
    entries = [
        Approval.model_validate(
            {
                "role": "board",
                "decision": decision,
                "by": who,
                "generation": rule.metadata.generation,
                "planDigest": bound_digest(rule, promotes_from),
            }
        )
        for who in people
    ]
    return _with(rule, approvals=(*rule.status.approvals, *entries))


def _with(rule: Any, **status: Any) -> Any:
    return rule.model_copy(update={"status": rule.status.model_copy(update=status)})


def edited(rule: Any, by: str, **spec: Any) -> Any:
    """The rule after somebody changed its spec; its status is what it was."""
    raw = rule.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
    raw["spec"] |= spec
    for key in [key for key, value in raw["spec"].items() if value is None]:
        del raw["spec"][key]
    raw["metadata"]["generation"] = rule.metadata.generation + 1
    raw["metadata"]["annotations"]["lockflight.dev/editors"] = by
    return type(rule).model_validate(raw)


def baseline(**spec: Any) -> Environment:
    return environment("base-production", "Production", ROOT, **{"governance": TWO, **spec})


BASE = approved(baseline(), "ann", "ben")
HERE = approved(FIVE[-1], "ann", "ben", promotes_from=UPSTREAM)


def governed(here: Environment = HERE, base: Environment | None = BASE, **given: Any) -> Snapshot:
    stack = (*FIVE[:-1], here)
    found = effective(here, base, given.pop("stack", stack))
    return world(environment=here, stack_environments=stack, effective=found, **given)


def rules(s: Snapshot) -> Verdict:
    return verdict("Rules", s)


def freeze(generation: int = 1, **spec: Any) -> FreezeWindow:
    body = {"reason": "year end", "timeZone": "UTC", "start": "2030-12-18T18:00:00", **spec}
    return FreezeWindow.model_validate({"metadata": meta("year-end", ROOT, generation=generation), "spec": body})


def test_approved_rules_are_open() -> None:
    assert rules(governed()).open


def test_without_governance_nothing_needs_approval() -> None:
    assert rules(world()).open
    assert standing_rules(world()) == ()


def test_what_is_missing_is_named_with_a_command_to_paste() -> None:
    found = rules(governed(here=FIVE[-1]))
    assert (found.reason, found.open) == ("RuleApprovalsMissing", False)
    assert "Environment payments/production has 0/2 board, needs 2 more of role board" in found.message
    digest = bound_digest(FIVE[-1], UPSTREAM)
    assert found.message.endswith(
        "kubectl patch lfenv production -n payments --subresource=status --type=json -p "
        '\'[{"op":"add","path":"/status/approvals/-","value":{"role":"board","decision":"Approved",'
        f'"planDigest":"{digest}"}}}}]\''
    )
    assert [(row.who, row.what) for row in found.waiting_for] == [
        ("board", "0 of 2 approvals of Environment payments/production")
    ]


@pytest.mark.parametrize(
    ("name", "s"),
    [
        ("the environment", governed(here=edited(HERE, "jo", soak="1h"))),
        ("its baseline", governed(base=edited(BASE, "jo", soak="1h"))),
        ("a baseline that nobody approved", governed(base=baseline())),
        ("a freeze", governed(freezes=(freeze(generation=2),))),
    ],
)
def test_an_edit_closes_until_it_is_approved(name: str, s: Snapshot) -> None:
    assert rules(s).reason == "RuleApprovalsMissing", name


def test_a_new_freeze_counts_at_once() -> None:
    assert rules(governed(freezes=(freeze(),))).open


def test_an_edited_freeze_closes_also_where_it_selects_nothing_any_more() -> None:
    narrowed = freeze(generation=2, environments={"tiers": ["UAT"]})
    assert not rules(governed(freezes=(narrowed,))).open
    assert rules(governed(freezes=(approved(narrowed, "ann", "ben"),))).open


def test_an_approval_does_not_outlive_an_edit_even_one_that_is_taken_back() -> None:
    there_and_back = edited(edited(HERE, "jo", soak="1h"), "jo", soak=None)
    assert bound_digest(there_and_back, UPSTREAM) == bound_digest(HERE, UPSTREAM)
    assert not rules(governed(here=there_and_back)).open


def test_another_way_upstream_is_another_rule() -> None:
    without_uat = tuple(e for e in FIVE[:-1] if e.metadata.name != "uat")
    found = effective(HERE, BASE, (*without_uat, HERE))
    assert found.promotes_from == ("system-test",)
    assert not rules(replace(governed(), effective=found)).open


@pytest.mark.parametrize("by", ["jo@example", "JO@EXAMPLE"])
def test_who_created_a_rule_does_not_approve_it(by: str) -> None:
    found = rules(governed(here=approved(FIVE[-1], "ann", by, promotes_from=UPSTREAM)))
    assert f"{by} (board) is the creator of the rule" in found.message


def test_who_edited_a_rule_does_not_approve_it() -> None:
    changed = approved(edited(HERE, "ann", soak="1h"), "ann", "ben", promotes_from=UPSTREAM)
    assert "ann (board) is an editor of the rule" in rules(governed(here=changed)).message


def test_a_rejection_closes_until_the_rule_is_another() -> None:
    found = rules(governed(here=approved(HERE, "eve", promotes_from=UPSTREAM, decision="Rejected")))
    assert found.reason == "RulesRejected"
    assert "rejected by eve" in found.message


def test_a_rule_that_nobody_is_known_to_have_created_is_closed() -> None:
    anonymous = HERE.model_copy(update={"metadata": HERE.metadata.model_copy(update={"annotations": {}})})
    assert "nobody knows who created it" in rules(governed(here=anonymous)).message


class _Delivers(Rights):
    def may(self, question: Question) -> bool | None:
        return True if question.verb == "create" else EVERYBODY.may(question)


class _Left(Rights):
    def may(self, question: Question) -> bool | None:
        return False


@pytest.mark.parametrize(
    ("rights", "says"),
    [
        ({STACK: _Delivers(), ROOT: EVERYBODY}, "may create releases or promotions in payments"),
        ({STACK: EVERYBODY, ROOT: _Delivers()}, "may create releases or promotions in lockflight-system"),
        ({STACK: _Left(), ROOT: EVERYBODY}, "holds approve on approvalroles/board no longer"),
        ({}, "could not be asked about"),
    ],
)
def test_who_approved_is_asked_about_again(rights: dict[str, Rights], says: str) -> None:
    found = rules(governed(rule_rights=rights))
    assert found.reason == "RuleApprovalsMissing"
    assert says in found.message


def test_taking_governance_away_is_approved_by_those_it_names() -> None:
    in_force = _with(BASE, governance=BASE.spec.governance)
    taken = edited(in_force, "jo", governance=None)
    assert needs_of(effective(HERE, taken, FIVE)) == BASE.spec.governance.approvals
    assert not rules(governed(base=taken)).open
    lowered = edited(in_force, "jo", governance={"approvals": [{"role": "board", "count": 1}]})
    assert not rules(governed(base=approved(lowered, "ann"))).open
    assert rules(governed(base=approved(lowered, "ann", "ben"))).open


@pytest.mark.parametrize(
    ("mine", "problem"),
    [
        (
            {"approvals": [{"role": "board", "count": 1}]},
            "governance.approvals[board].count is 1: allowed is at least 2",
        ),
        ({"approvals": [{"role": "board", "count": 3}]}, ""),
        ({"approvals": [{"role": "risk", "count": 1}]}, ""),
    ],
)
def test_a_stack_may_only_ask_for_more(mine: dict[str, Any], problem: str) -> None:
    found = effective(environment("production", governance=mine), BASE, FIVE)
    assert [p for p in found.problems if "governance" in p] == ([f"spec.{problem}"] if problem else [])
    assert {need.role: need.count for need in needs_of(found)}["board"] >= 2


def test_a_rule_that_no_baseline_asks_for_is_refused() -> None:
    found = effective(environment("production", governance=TWO), None, FIVE)
    assert found.problems == (
        "spec.governance is given: allowed is nothing: the baseline of the tier asks for it first",
    )


def test_a_pattern_is_approved_by_people_who_deliver_nothing() -> None:
    here = approved(WITH_CATALOGUE, "ann", "ben", promotes_from=UPSTREAM)
    given = {"here": here, "standard": standard("alice@example", "bob@example")}
    delivering = governed(**given, rule_rights={STACK: _Delivers(), ROOT: EVERYBODY})
    assert "may create releases or promotions in payments" in str(_pattern(delivering))
    assert "may create" not in str(_pattern(governed(**given)))


def test_the_approval_of_a_pattern_ends_with_the_right() -> None:
    s = world(
        environment=WITH_CATALOGUE, standard=standard("alice@example", "bob@example"), rule_rights={STACK: _Left()}
    )
    assert "holds approve on approvalroles/cab no longer" in str(_pattern(s))


def _pattern(s: Snapshot) -> object:
    from lockflight.policy.catalogue import entry
    from lockflight.policy.ruleentitled import unentitled_pattern

    assert s.standard is not None
    assert s.effective is not None
    lacking = unentitled_pattern(s.standard, s.stack, s.effective, s.rule_rights)
    return entry(s.standard, s.effective.spec.change_control.standard.catalogue, 1, (), NOW, unentitled=lacking)  # type: ignore[union-attr]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ann", "ben", "jo@example", "eve"]),
            st.sampled_from(["Approved", "Rejected", "Withdrawn"]),
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_open_means_two_others_stand_by_it_as_it_is_now(said: list[tuple[str, str, bool]]) -> None:
    rule: RuleObject = FIVE[-1]
    for who, decision, bound in said:
        seen = rule if bound else edited(rule, "somebody", soak="9h")
        entry = approved(seen, who, promotes_from=UPSTREAM, decision=decision).status.approvals[-1]
        rule = _with(rule, approvals=(*rule.status.approvals, entry))
    last = {who: (decision, bound) for who, decision, bound in said}
    standing = {who for who, word in last.items() if word == ("Approved", True)} - {"jo@example"}
    rejected = any(decision == "Rejected" and bound for _, decision, bound in said)
    assert rules(governed(here=rule)).open is (len(standing) >= 2 and not rejected)
