"""A Config release is new values for bytes that are known, and nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from lockflight.api import reasons
from lockflight.api.promotion import Outcome
from lockflight.api.release import Release
from lockflight.policy.model import Snapshot
from lockflight.policy.versions import order, without_config
from tests.unit.policy.builders import (
    IMAGE,
    OTHER_IMAGE,
    component,
    digest,
    passage,
    planned,
    release,
    revision,
    verdict,
    world,
)

BASE = release("2.4.0", passed=(passage("uat", "payments-2.4.0"),))


def config(version: str = "2.4.0+cfg.1", based_on: str = "payments-2.4.0", **given: Any) -> Release:
    return release(version, passed=(), type="Config", basedOn={"name": based_on}, **given)


def entering(made: Release, *known: Release, **given: Any) -> Snapshot:
    """It enters the first environment, where nothing ran upstream."""
    snapshot = world(release=made, peer_releases={r.metadata.name: r for r in known}, **given)
    assert snapshot.effective is not None
    return replace(snapshot, effective=replace(snapshot.effective, promotes_from=()))


@pytest.mark.parametrize(
    ("made", "known", "images", "reason"),
    [
        (config(), (BASE,), (IMAGE,), reasons.PASSED),
        (config("2.4.0+cfg.2", "payments-2.4.0"), (BASE,), (IMAGE,), reasons.PASSED),
        (config(), (), (IMAGE,), reasons.BASE_MISSING),
        (config("2.4.1+cfg.1"), (BASE,), (IMAGE,), reasons.OTHER_BYTES),
        (config(components=[component("web")]), (BASE,), (IMAGE,), reasons.OTHER_BYTES),
        (config(), (release("2.4.0", passed=()),), (IMAGE,), reasons.NOT_PASSED),
        (config(), (BASE,), (IMAGE, OTHER_IMAGE), reasons.FOREIGN_IMAGE),
        (release("2.4.0"), (), (OTHER_IMAGE,), reasons.PASSED),
    ],
)
def test_it_brings_values_only(made: Release, known: tuple[Release, ...], images: tuple[str, ...], reason: str) -> None:
    names = [c.name for c in made.status.components]
    assert verdict(reasons.ARTIFACTS, entering(made, *known, plan=planned(*names, images=images))).reason == reason


def test_what_it_is_based_on_does_not_spare_it_the_climb() -> None:
    s = world(release=config(), peer_releases={BASE.metadata.name: BASE})
    assert verdict(reasons.ORDER, s).outcome is Outcome.WAITING


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("2.4.0", "2.4.0+cfg.1"),
        ("2.4.0+cfg.2", "2.4.0+cfg.10"),
        ("2.4.0+cfg.9", "2.4.1"),
        ("2.4.0-rc.1+cfg.3", "2.4.0"),
    ],
)
def test_configurations_are_in_order(lower: str, higher: str) -> None:
    assert order(lower) < order(higher)
    assert without_config("2.4.0+cfg.1") == "2.4.0"


def test_an_older_configuration_is_a_downgrade() -> None:
    running = revision(version="2.4.0_cfg.2", release_digest=digest("x")[7:47])
    found = verdict(reasons.VERSION, world(release=config(), revisions=(running,)))
    assert (found.outcome, found.reason) == (Outcome.DENIED, reasons.DOWNGRADE)
