"""What was changed without permission, written down once."""

from hypothesis import given
from hypothesis import strategies as st

from lockflight.api.changerequest import ChangeRequestSpec
from lockflight.policy.unauthorised import MOST, Finding, asked_for, merged, record_name
from tests.unit.policy.builders import NOW, hours

FINDINGS = st.lists(
    st.builds(
        Finding, st.sampled_from(["Deployment/a", "Secret/b"]), st.text(max_size=3), st.sampled_from(["", "eve"])
    ),
    max_size=80,
)


@given(FINDINGS, FINDINGS)
def test_each_is_listed_once_in_the_order_found_as_far_as_there_is_room(a: list[Finding], b: list[Finding]) -> None:
    first = merged((), a, NOW)
    both = merged(first, b, NOW + hours(1))
    assert both[: len(first)] == first
    assert len(both) == len({(r.object, r.what, r.changed_by) for r in both}) <= MOST
    assert merged(both, [*a, *b], NOW + hours(2)) == both


def test_what_was_undone_and_done_again_is_another_finding() -> None:
    again = [Finding("Deployment/a", "image", revision="3"), Finding("Deployment/a", "image", revision="5")]
    assert len(merged((), again, NOW)) == 2


def test_a_record_holds_what_was_found_before_its_status_does() -> None:
    spec = ChangeRequestSpec.model_validate(
        asked_for("production", "payments", [Finding("Deployment/payments-app", "image differs", "eve")])
    )
    assert spec.reason == "Deployment/payments-app: image differs (by eve)"
    assert spec.unauthorised is not None


def test_everybody_who_finds_something_calls_the_record_the_same() -> None:
    assert record_name("production", "payments", 1) == "unauthorised-production-payments"
    assert record_name("production", "payments", 2) == "unauthorised-production-payments-2"
