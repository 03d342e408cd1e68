"""Whose a Helm release is, where names begin alike."""

from lockflight.policy.ownership import of_application, removed
from tests.unit.policy.builders import component, release, revision

NEW = release("2.4.0", components=[component("app")])
OLD = release("2.3.1", components=[component("app"), component("old")])
APP, GONE = revision(), revision(helm_release="payments-old")


def test_another_application_whose_name_begins_with_ours_is_not_ours() -> None:
    theirs = revision(helm_release="payments-web-ui")
    assert of_application([APP, theirs], NEW, ["payments", "payments-web"]) == (APP,)
    assert of_application([APP, theirs], NEW, ["payments"]) == (APP, theirs)


def test_a_component_of_ours_is_ours_though_it_is_called_like_another_application() -> None:
    made = release("2.4.0", components=[component("web-ui")])
    mine = revision(helm_release="payments-web-ui")
    assert of_application([mine], made, ["payments", "payments-web"]) == (mine,)


def test_what_an_earlier_release_had_and_this_one_lacks_is_removed() -> None:
    assert removed([APP, GONE], NEW, [OLD, NEW]) == ("payments-old",)


def test_what_is_not_known_to_be_ours_stays() -> None:
    by_hand = revision(helm_release="payments-cache", release_digest="", promotion_uid="")
    unknown = revision(helm_release="payments-queue", release_digest="0" * 40)
    assert removed([APP, by_hand, unknown], NEW, [OLD, NEW]) == ()
    assert removed([APP, GONE], NEW, [NEW]) == ()
