"""`lockflight dev`: an embedded cluster on this machine, for trying, demonstrating and testing."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from lockflight.devcluster import Cluster

_NAME = click.option("--name", default="default", show_default=True, help="Which cluster; any number run side by side.")


def _plain_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Show what the package raises on purpose as one message, without a stack trace."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        from lockflight.devcluster import DevClusterError

        try:
            command(*args, **kwargs)
        except DevClusterError as error:
            raise click.ClickException(str(error)) from error

    return wrapped


@click.group()
def dev() -> None:
    """A Kubernetes control plane on this machine: no container, no root, nothing but loopback."""


@dev.command()
@_NAME
@click.option("--nodes", default=2, show_default=True, type=click.IntRange(1, 1000), help="Fake nodes.")
@_plain_errors
def up(name: str, nodes: int) -> None:
    """Start the cluster, or what of it does not run; print how to use it."""
    from lockflight.devcluster import DEMO_PEOPLE, Cluster
    from lockflight.devcluster.layout import default_state

    cluster = Cluster.up(default_state(name), nodes=nodes, people=DEMO_PEOPLE, detached=True, progress=click.echo)
    _explain(cluster, name)


@dev.command()
@_NAME
@click.option("--purge", is_flag=True, help="Delete what it stored, too.")
@_plain_errors
def down(name: str, purge: bool) -> None:  # noqa: FBT001  click passes flags by name
    """End every program of the cluster; `up` continues where it was."""
    from lockflight.devcluster import Cluster
    from lockflight.devcluster.layout import default_state

    Cluster.attach(default_state(name)).down(purge=purge)
    click.echo(f"{name} is down" + ("; its state is deleted" if purge else ""))


@dev.command()
@_NAME
@_plain_errors
def status(name: str) -> None:
    """Show every program; exit code 1 unless all of them run."""
    from lockflight.devcluster import Cluster
    from lockflight.devcluster.files import tail
    from lockflight.devcluster.layout import default_state

    found = Cluster.attach(default_state(name)).status()
    click.echo(f"{'PROGRAM':<24} {'STATE':<8} {'PID':>8} {'PORT':>6}  LOG")
    for program in found:
        state = "running" if program.alive else "stopped" if program.pid is None else "crashed"
        click.echo(f"{program.name:<24} {state:<8} {program.pid or '-':>8} {program.port or '-':>6}  {program.log}")
    for program in found:
        if program.pid is not None and not program.alive:
            click.echo(f"\n{program.name} ended on its own; the last lines of its log:\n{tail(program.log)}")
    if not all(program.alive for program in found):
        raise SystemExit(1)


def _explain(cluster: Cluster, name: str) -> None:
    option = "" if name == "default" else f" --name {name}"
    click.echo(
        f"\nAPI server  {cluster.server}\nregistry    http://{cluster.registry}\naudit log   {cluster.audit_log}\n"
    )
    click.echo(f"{'PERSON':<10} {'GROUPS':<16} KUBECONFIG")
    for person in cluster.people:
        click.echo(f"{person.name:<10} {','.join(person.groups) or '-':<16} {cluster.kubeconfig(person.name)}")
    click.echo(f"{'admin':<10} {'system:masters':<16} {cluster.kubeconfig()}")
    click.echo(
        f"\nNext:\n"
        f"  export KUBECONFIG={cluster.kubeconfig()} PATH={cluster.tools}:$PATH\n"
        f"  kubectl get nodes\n"
        f"  lockflight dev status{option}\n"
        f"  lockflight dev down{option}"
    )
