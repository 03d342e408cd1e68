"""``lockflight demo``: the story of a release, on a cluster of its own."""

import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import click
from rich.console import Console

PEOPLE = {
    "jo": ("developers",),
    "dora": ("developers", "cab"),
    "alice": ("cab",),
    "bob": ("cab",),
    "quinn": ("qa",),
    "carol": ("business",),
    "erin": ("ecab",),
    "petra": ("platform",),
    "ines": ("incident",),
    "gus": ("lockflight-break-glass",),
    "robot-ci": ("robots",),
}


@click.command()
@click.option("--keep", is_flag=True, help="Leave the cluster up afterwards, and say how to use it.")
@click.option("--name", default="demo", show_default=True, help="Which embedded cluster; see lockflight dev.")
def demo(*, keep: bool, name: str) -> None:
    """Tell the story of a release on its way to production, on a real API server."""
    from lockflight.demo.narrator import DemoError, Narrator
    from lockflight.demo.story import tell
    from lockflight.devcluster import Cluster, DevClusterError, NotUpError, Person
    from lockflight.devcluster.layout import default_state
    from lockflight.devcluster.operator import OperatorError, install, start
    from lockflight.devcluster.providers import open_cluster

    console, began, state = Console(width=120, soft_wrap=True), monotonic(), default_state(name)
    console.print("[bold]Lockflight demo[/]: a release climbs to production, and what stops those that should not.")
    with suppress(NotUpError):
        # The story starts from nothing, also after one that was kept.
        Cluster.attach(state).down(purge=True)
    operator = cluster = None
    try:
        cluster = open_cluster(
            state,
            people=[Person(person, groups) for person, groups in PEOPLE.items()],
            detached=keep,
            progress=lambda line: console.print(f"  {line}", style="dim", highlight=False, markup=False),
        )
        with TemporaryDirectory(prefix="lockflight-demo-") as work:
            install(cluster)
            operator = start(cluster, state / "operator")
            operator.wait_ready()
            tell(Narrator(cluster, console), Path(work))
    except (DemoError, OperatorError, DevClusterError) as problem:
        console.print(f"The demo stopped: {problem}", style="bold red", markup=False)
        if operator is not None:
            console.print(operator.tail(30), markup=False)
        sys.exit(1)
    else:
        console.print(f"\n[bold]Done[/] in {monotonic() - began:.0f} s.")
        if keep:
            console.print(
                f"The cluster and the operator are up. Use them as jo, alice, bob, dora, quinn, carol or petra:\n"
                f"  export PATH={cluster.env['PATH'].split(':')[0]}:$PATH KUBECONFIG={cluster.kubeconfig('jo')}\n"
                f"  lockflight -n payments board\nEnd them: lockflight dev down --name {name}",
                markup=False,
            )
    finally:
        if not keep and operator is not None:
            operator.stop()
        if not keep and cluster is not None:
            cluster.down(purge=True)
