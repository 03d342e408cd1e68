"""What git says about a release."""

import subprocess
from pathlib import Path

import pytest

from lockflight.cli.errors import CliError
from lockflight.cli.git import read_scope, read_source, without_credentials


def _git(folder: Path, *arguments: str, author: str = "jo@example.com") -> None:
    config = [
        "-c",
        "user.name=x",
        "-c",
        f"user.email={author}",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "init.defaultBranch=main",
    ]
    subprocess.run(["git", *config, "-C", str(folder), *arguments], check=True, capture_output=True)


def _commit(folder: Path, text: str, author: str = "jo@example.com") -> None:
    (folder / "file").write_text(text)
    _git(folder, "add", "file")
    _git(folder, "commit", "-m", text, author=author)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    _git(tmp_path, "init")
    _commit(tmp_path, "one", "old@example.com")
    _git(tmp_path, "tag", "v2.3.0")
    _commit(tmp_path, "two", "jo@example.com")
    _commit(tmp_path, "three", "kim@example.com")
    _git(tmp_path, "tag", "v2.4.0")
    _git(tmp_path, "remote", "add", "origin", "https://ci:secret@git.example/payments.git")
    return tmp_path


def test_everything_about_a_tagged_commit(checkout: Path) -> None:
    source, remarks = read_source("2.4.0", str(checkout))
    assert source.repository == "https://git.example/payments.git"
    assert (source.branch, source.tag) == ("main", "v2.4.0")
    assert source.revision is not None
    assert len(source.revision) == 40
    assert source.authors == ("kim@example.com", "jo@example.com")
    assert remarks == ()


def test_a_tag_of_another_version_is_none_of_ours(checkout: Path) -> None:
    assert read_source("2.5.0", str(checkout))[0].tag is None


def test_a_commit_checked_out_by_ci_belongs_to_the_one_remote_branch_that_has_it(checkout: Path) -> None:
    _git(checkout, "update-ref", "refs/remotes/origin/main", "HEAD")
    _git(checkout, "checkout", "--detach")
    assert read_source("2.4.0", str(checkout))[0].branch == "main"


def test_where_two_branches_have_it_nothing_is_guessed(checkout: Path) -> None:
    for name in ("main", "develop"):
        _git(checkout, "update-ref", f"refs/remotes/origin/{name}", "HEAD")
    _git(checkout, "checkout", "--detach")
    source, remarks = read_source("2.4.0", str(checkout))
    assert source.branch is None
    assert any("--branch" in remark for remark in remarks)


def test_changes_that_are_not_committed_are_remarked(checkout: Path) -> None:
    (checkout / "file").write_text("not committed")
    assert any("working tree differs" in remark for remark in read_source("2.4.0", str(checkout))[1])


def test_a_folder_without_git_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="or give --repository"):
        read_source("1.0.0", str(tmp_path))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:token@git.example:8443/a/b?x=1", "https://git.example:8443/a/b"),
        ("ssh://git@git.example/a", "ssh://git.example/a"),
        ("git@git.example:a/b.git", "git@git.example:a/b.git"),
    ],
)
def test_credentials_never_leave_the_machine(url: str, shown: str) -> None:
    assert without_credentials(url) == shown


def test_the_scope_stands_in_the_trailers_since_the_tag_before(checkout: Path) -> None:
    _commit(checkout, "four\n\nScope: PAY-1 Seen already")
    _git(checkout, "tag", "v2.5.0")
    _commit(checkout, "five\n\nScope: PAY-381  Refund\n limits\nScope: PAY-390")
    _commit(checkout, "six\n\nScope: PAY-381 Another title of the same\nCo-authored-by: Kim <kim@example.com>")
    assert read_scope(str(checkout)) == (("PAY-381", "Another title of the same"), ("PAY-390", "PAY-390"))


def test_commits_without_trailers_have_no_scope(checkout: Path) -> None:
    assert read_scope(str(checkout)) == ()
