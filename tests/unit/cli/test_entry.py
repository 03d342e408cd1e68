"""The entry point: help, names, missing libraries, exit codes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from lockflight.cli.errors import EXIT_CODES, CliError
from lockflight.cli.lazy import Entry, LazyGroup
from lockflight.cli.main import ENTRIES, cli
from tests.unit.cli.fakes import FakeApi, run

LOCKFLIGHT = Path(sys.executable).with_name("lockflight")


def test_help_imports_no_command_and_no_heavy_library() -> None:
    script = (
        "import sys\nsys.argv = ['lockflight', '--help']\nfrom lockflight.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'kubernetes', 'pydantic', 'rich', 'yaml', 'kopf', 'cryptography'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Carry releases" in done.stdout


@pytest.mark.parametrize("name", list(ENTRIES))
def test_the_table_says_the_first_line_of_the_command_itself(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert " ".join((command.help or "").split("\n\n")[0].split()) == ENTRIES[name].help


def test_help_lists_every_command_and_exit_code() -> None:
    shown = run(FakeApi(), "--help").output
    for name in ENTRIES:
        assert re.search(rf"^  {name}\s", shown, re.MULTILINE)
    flat = " ".join(shown.split())
    for code, text in EXIT_CODES:
        assert f"{code} {text}" in flat


@pytest.mark.parametrize(
    ("called", "name"), [("lockflight", "lockflight"), ("kubectl-lockflight", "kubectl lockflight")]
)
def test_the_name_shown_is_the_one_it_was_called_by(called: str, name: str) -> None:
    program = LOCKFLIGHT.with_name(called)
    done = subprocess.run([program, "board", "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"Usage: {name} board ")


def test_a_missing_library_breaks_one_command_and_names_itself() -> None:
    group = LazyGroup("x", entries={"gone": Entry("lockflight.cli.no_such_module", "gone", "Gone.")})
    with pytest.raises(CliError, match=r"needs the Python package lockflight.cli.no_such_module"):
        group.get_command(click.Context(group), "gone")


def test_an_unknown_command_is_wrong_usage() -> None:
    assert run(FakeApi(), "bord").exit_code == 2


def test_global_options_stand_before_or_after_the_command() -> None:
    before = run(FakeApi(), "-n", "other", "-o", "json", "board")
    after = run(FakeApi(), "board", "-n", "other", "-o", "json")
    assert before.output == after.output == '{\n  "stacks": []\n}\n'


def test_a_program_reads_yaml_too() -> None:
    assert run(FakeApi(), "board", "-o", "yaml").output == "stacks: []\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(shell: str) -> None:
    assert "_LOCKFLIGHT_COMPLETE" in run(FakeApi(), "completion", shell).output


def _lockflight(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment}
    return subprocess.run([LOCKFLIGHT, *arguments], env=env, capture_output=True, text=True, check=False, timeout=60)


def test_no_cluster_configured_ends_with_5_in_one_line() -> None:
    done = _lockflight("board", KUBECONFIG="/nonexistent/config")
    assert done.returncode == 5
    assert done.stderr == (
        "error: no cluster is configured: /nonexistent/config does not exist; give --kubeconfig or set KUBECONFIG\n"
    )


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    path = tmp_path / "config"
    path.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: u, user: {token: x}}]\n"
        "contexts: [{name: here, context: {cluster: c, user: u, namespace: payments}}]\n"
    )
    return path


def test_a_server_that_is_away_ends_with_5_in_one_line(kubeconfig: Path) -> None:
    done = _lockflight("--kubeconfig", str(kubeconfig), "board")
    assert done.returncode == 5
    assert re.fullmatch(
        r"error: the API server http://127.0.0.1:1 does not answer \(.*refused.*\): check .*\n", done.stderr
    )


def test_an_unknown_context_ends_with_2_and_names_those_there_are(kubeconfig: Path) -> None:
    done = _lockflight("--kubeconfig", str(kubeconfig), "--context", "there", "board")
    assert done.returncode == 2
    assert "there are: here" in done.stderr
