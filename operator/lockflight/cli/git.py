"""Where a release was built from, read out of git."""

import re
import subprocess
from urllib.parse import urlsplit, urlunsplit

from lockflight.api.release import Source
from lockflight.cli.errors import CliError

MAX_AUTHORS = 64
MAX_SCOPE = 128
MAX_TITLE = 256
SECONDS = 30


def read_source(version: str, folder: str = ".") -> tuple[Source, tuple[str, ...]]:
    """Repository, revision, branch, tag and authors of ``folder``'s HEAD, and remarks for the person.

    Authors are those of the commits since the tag before. Raises CliError where git or the repository is missing.
    """
    remarks: list[str] = []
    revision = _git(folder, "rev-parse", "HEAD")
    if _git(folder, "status", "--porcelain", "--untracked-files=no"):
        remarks.append(f"the working tree differs from {revision[:12]}: what was built may not be what was committed")
    if _git(folder, "rev-parse", "--is-shallow-repository") == "true":
        remarks.append("the clone is shallow: authors may be incomplete")
    branch = _branch(folder)
    if branch is None:
        remarks.append("no branch can be told for this commit: give --branch where the environment asks for one")
    tags = set(_git(folder, "tag", "--points-at", "HEAD").split())
    source = Source(
        repository=_repository(folder),
        revision=revision,
        branch=branch,
        tag=next((tag for tag in (f"v{version}", version) if tag in tags), None),
        authors=_authors(folder),
    )
    return source, tuple(remarks)


def read_scope(folder: str = ".") -> tuple[tuple[str, str], ...]:
    """Number and title of each trailer ``Scope: ID TITLE`` of the commits since the tag before; each number once.

    A title that is absent is the number. Raises CliError where git or the repository is missing.
    """
    lines = _git(folder, "log", "--format=%(trailers:key=Scope,valueonly,unfold)", _since(folder)).split("\n")
    found: dict[str, str] = {}
    for text in lines:
        key, _, title = " ".join(text.split()).partition(" ")
        if key:
            found.setdefault(key, (title or key)[:MAX_TITLE])
    return tuple(found.items())[:MAX_SCOPE]


def without_credentials(url: str) -> str:
    """A remote's address without the user and password that CI systems put there."""
    if not re.match(r"^[a-z+]+://", url):
        return url
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _repository(folder: str) -> str | None:
    url = _try(folder, "remote", "get-url", "origin")
    return without_credentials(url) if url else None


def _branch(folder: str) -> str | None:
    """The branch checked out; CI checks out a commit: then the one remote branch that contains it."""
    current = _try(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    if current:
        return current
    heads = _git(
        folder, "for-each-ref", "--contains", "HEAD", "--format=%(refname:lstrip=3)", "refs/remotes/origin"
    ).split()
    names = [name for name in heads if name != "HEAD"]
    return names[0] if len(names) == 1 else None


def _authors(folder: str) -> tuple[str, ...]:
    emails = _git(folder, "log", "--format=%aE", _since(folder)).split("\n")
    return tuple(dict.fromkeys(filter(None, emails)))[:MAX_AUTHORS]


def _since(folder: str) -> str:
    """The commits since the tag before."""
    before = _try(folder, "describe", "--tags", "--abbrev=0", "HEAD^")
    return f"{before}..HEAD" if before else "HEAD"


def _git(folder: str, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", folder, *arguments], capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except FileNotFoundError as problem:
        msg = "--from-git needs git on the PATH; or give --repository, --revision, --branch and --tag"
        raise CliError(msg) from problem
    except subprocess.TimeoutExpired as problem:
        msg = f"git {arguments[0]} took longer than {SECONDS} s"
        raise CliError(msg) from problem
    if done.returncode:
        said = " ".join(done.stderr.split()) or "failed"
        msg = f"git {arguments[0]}: {said}; or give --repository, --revision, --branch and --tag"
        raise CliError(msg)
    return done.stdout.strip()


def _try(folder: str, *arguments: str) -> str | None:
    try:
        return _git(folder, *arguments) or None
    except CliError:
        return None
