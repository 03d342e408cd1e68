"""What is said when a cluster cannot be opened."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from lockflight.cli.dev import dev
from lockflight.devcluster import Cluster, DevClusterError, ToolsMissingError
from lockflight.devcluster.providers import open_cluster


def test_an_unknown_kind_of_cluster_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKFLIGHT_CLUSTER", "minikube")
    with pytest.raises(DevClusterError, match="want embedded, kubeconfig or kind"):
        open_cluster(tmp_path)


def test_missing_programs_are_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "etcd").touch()
    with pytest.raises(ToolsMissingError, match=r"kube-apiserver, .*run `make setup`") as caught:
        Cluster.up(tmp_path / "state", tools=tmp_path)
    assert "etcd," not in str(caught.value)


@pytest.mark.parametrize("command", ["status", "down"])
def test_commands_on_no_cluster_say_what_to_do(command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("lockflight.devcluster.layout.project_root", lambda: tmp_path)
    outcome = CliRunner().invoke(dev, [command, "--name", "nowhere"])
    assert outcome.exit_code == 1
    assert "run `lockflight dev up`" in outcome.output
    assert not list(tmp_path.iterdir())
