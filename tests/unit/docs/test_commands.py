"""Every command of ours that a page shows is one that there is, with options that it has."""

import re
import shlex

import click
import pytest

from lockflight.cli.main import cli
from tests.documents import ROOT, pages

_FENCE = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"^(?: {4})?((?:kubectl )?lockflight [^\n]*(?:\\\n[^\n]*)*)$", re.MULTILINE)
_GENERATED = "docs/cli.md"


def commands() -> list[tuple[str, str]]:
    """Page and command, in the order of the pages; what is continued is one line, what it is piped into is not ours."""
    found = []
    for page in pages():
        name, text = str(page.relative_to(ROOT)), page.read_text(encoding="utf-8")
        fenced = "\n".join(_FENCE.findall(text))
        plain = "\n".join(line for line in text.splitlines() if line.startswith("    "))
        if name != _GENERATED:
            found += [(name, line.replace("\\\n", " ")) for line in _LINE.findall(f"{fenced}\n{plain}")]
    return found


def parse(words: list[str]) -> None:
    """Raises click's UsageError where there is no such command, option or argument."""
    command: click.Command = cli
    context: click.Context | None = None
    while True:
        try:
            context = command.make_context(words[0], list(words[1:]), parent=context)
        except click.BadParameter as problem:
            if isinstance(problem, click.MissingParameter):
                raise
            # A file that is not here, a time that is left out: the option is one that there is.
            return
        if not isinstance(command, click.Group):
            return
        words = [*context._protected_args, *context.args]
        found = command.get_command(context, words[0]) if words else None
        if found is None:
            msg = f"no such command: {words}"
            raise click.UsageError(msg)
        command = found


@pytest.mark.parametrize(("page", "line"), commands(), ids=lambda value: value[:60])
def test_a_command_on_a_page_is_one_that_there_is(page: str, line: str) -> None:
    del page
    words = shlex.split(line, comments=True)
    words = words[words.index("lockflight") :]
    ends = [i for i, word in enumerate(words) if word in ("|", ">", "&&", ";", "<", "2>&1")]
    parse(words[: ends[0]] if ends else words)


def test_pages_show_commands() -> None:
    assert len({page for page, _ in commands()}) > 5


@pytest.mark.parametrize("line", ["lockflight promote a b --nope", "lockflight change nope", "lockflight promote"])
def test_what_there_is_not_is_noticed(line: str) -> None:
    with pytest.raises(click.UsageError):
        parse(line.split())
