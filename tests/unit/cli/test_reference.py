"""docs/cli.md says what the commands say."""

from pathlib import Path

import pytest

from lockflight.cli import reference
from lockflight.cli.main import ENTRIES

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text()
    assert reference.placed(page) == page, "python -m lockflight.cli.reference"


@pytest.mark.parametrize("name", list(ENTRIES))
def test_every_command_is_on_the_page(name: str) -> None:
    assert f"\n## lockflight {name}" in PAGE.read_text()


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="the page needs the lines"):
        reference.placed("# Nothing\n")


def test_check_says_so_where_the_page_is_out_of_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "cli.md"
    page.write_text(f"{reference.BEGIN}\n{reference.END}\n")
    monkeypatch.setattr(reference, "PAGE", page)
    assert reference.main(["--check"]) == 1
    assert reference.main([]) == 0
    assert reference.main(["--check"]) == 0
