"""What the store finds without looking at everything: the names under which an object is asked for."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.kinds import AnyObject
from lockflight.api.promotion import Promotion
from lockflight.api.release import Release
from lockflight.policy.debts import owed_in


class Index(StrEnum):
    """A way to ask; the value says by what."""

    RELEASES_OF_APPLICATION = "releases of an application"
    PROMOTIONS_OF_RELEASE = "promotions of a release"
    EXECUTING_IN = "promotions that execute in an environment"
    PROMOTIONS_UNDER = "promotions under a change"
    CHANGES_FOR = "changes that name an environment"
    OWING_FOR = "changes that owe something for an environment"


def _executing(promotion: Promotion) -> Iterable[str]:
    phase = promotion.status.phase
    return (promotion.spec.environment_ref.name,) if phase is not None and phase.executing else ()


def _of_promotion(promotion: Promotion) -> Iterable[tuple[Index, str]]:
    yield Index.PROMOTIONS_OF_RELEASE, promotion.spec.release_ref.name
    for name in _executing(promotion):
        yield Index.EXECUTING_IN, name
    if promotion.status.change:
        yield Index.PROMOTIONS_UNDER, promotion.status.change


def _of_change(change: ChangeRequest) -> Iterable[tuple[Index, str]]:
    for name in change.spec.environments:
        yield Index.CHANGES_FOR, name
    for name in owed_in(change):
        yield Index.OWING_FOR, name


def _of_release(release: Release) -> Iterable[tuple[Index, str]]:
    yield Index.RELEASES_OF_APPLICATION, release.spec.application


_BY_KIND: Final[dict[str, Callable[..., Iterable[tuple[Index, str]]]]] = {
    "Promotion": _of_promotion,
    "ChangeRequest": _of_change,
    "Release": _of_release,
}


def places(obj: AnyObject) -> Iterable[tuple[Index, str, str]]:
    """Index, namespace and value under which the store keeps an object, besides its name."""
    of = _BY_KIND.get(obj.kind)
    return ((index, obj.metadata.namespace, value) for index, value in of(obj)) if of else ()
