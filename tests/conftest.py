"""What every test may ask for."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockflight.devcluster import DEMO_PEOPLE
from lockflight.devcluster.providers import ClusterLike, open_cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[ClusterLike]:
    """A cluster for the whole session, with the people of the demo.

    Embedded unless `LOCKFLIGHT_CLUSTER` says otherwise. A program of it that crashed meanwhile fails the session, with
    the tail of its log; its logs are kept in the folder `LOCKFLIGHT_KEEP_LOGS` when that is set.
    """
    state = Path(tempfile.mkdtemp(prefix="lockflight-"))
    opened = open_cluster(state, people=DEMO_PEOPLE)
    try:
        yield opened
        opened.check()
    finally:
        opened.down()
        if keep := os.environ.get("LOCKFLIGHT_KEEP_LOGS"):
            shutil.copytree(state / "logs", keep, dirs_exist_ok=True)
        shutil.rmtree(state)
