"""Chart archives on disk."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from lockflight.adapters.chart_files import describe, load, sha256, store
from lockflight.ports import ChartError


def archive(**files: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


CHART = archive(
    **{"sample/Chart.yaml": "name: sample\nversion: 1.0.0\n", "sample/charts/sub/Chart.yaml": "name: sub\n"}
)


def test_a_chart_says_what_it_is() -> None:
    note = describe(CHART, "chart x")
    assert (note.name, note.version, note.archive) == ("sample", "1.0.0", sha256(CHART))


@pytest.mark.parametrize(
    "data",
    [b"", b"not an archive", CHART[:40], archive(**{"sample/values.yaml": "a: 1"}), gzip.compress(b"no tar")],
    ids=["empty", "text", "cut off", "no Chart.yaml", "no tar"],
)
def test_what_is_no_chart_is_refused_for_good(data: bytes) -> None:
    with pytest.raises(ChartError, match="chart x is not a chart archive") as refused:
        describe(data, "chart x")
    assert (refused.value.reason, refused.value.final) == ("ChartUnreadable", True)


def test_what_is_stored_is_loaded_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "charts" / "abc.tgz"
    store(path, CHART, describe(CHART, "chart x"))
    assert load(path) == (CHART, describe(CHART, "chart x"))
    assert sorted(p.name for p in path.parent.iterdir()) == ["abc.json", "abc.tgz"]


def test_changed_bytes_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "abc.tgz"
    store(path, CHART, describe(CHART, "chart x"))
    path.write_bytes(CHART + b" ")
    with pytest.raises(ChartError, match="changed on disk") as refused:
        load(path)
    assert (refused.value.reason, refused.value.final) == ("DigestMismatch", False)


def test_a_missing_file_is_no_verdict_on_the_chart(tmp_path: Path) -> None:
    with pytest.raises(ChartError, match="cannot be read") as refused:
        load(tmp_path / "abc.tgz")
    assert not refused.value.final
