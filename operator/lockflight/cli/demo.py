"""``lockflight demo``: the story of a release, on a cluster of its own."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import click
from rich.console import Console


@click.command()
@click.option("--keep", is_flag=True, help="Leave the cluster up afterwards, and say how to use it.")
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    default=Path(".tools/dev/demo"),
    show_default=True,
    help="Where the cluster keeps its state.",
)
def demo(*, keep: bool, state: Path) -> None:
    """Tell the story of a release on its way to production, on a real API server."""
    from lockflight.demo.narrator import DemoError, Narrator
    from lockflight.demo.story import tell
    from lockflight.devcluster import Person
    from lockflight.devcluster.operator import OperatorError, install, start
    from lockflight.devcluster.providers import open_cluster

    console, began = Console(width=120, soft_wrap=True), monotonic()
    console.print("[bold]Lockflight demo[/]: a release climbs to production, and what stops those that should not.")
    cluster = open_cluster(state.resolve(), detached=keep, progress=lambda line: console.print(f"[dim]  {line}[/]"))
    for person, group in (
        ("jo", "developers"),
        ("alice", "cab"),
        ("bob", "cab"),
        ("quinn", "qa"),
        ("carol", "business"),
        ("petra", "platform"),
        ("robot-ci", "robots"),
    ):
        cluster.add_person(Person(name=person, groups=(group,)))
    operator = None
    try:
        with TemporaryDirectory(prefix="lockflight-demo-") as work:
            install(cluster)
            operator = start(cluster, state.resolve() / "operator")
            operator.wait_ready()
            tell(Narrator(cluster, console), Path(work))
        console.print(f"\n[bold]Done[/] in {monotonic() - began:.0f} s.")
        if keep:
            console.print(
                f"The cluster is up. Use it:\n  export KUBECONFIG={cluster.kubeconfig('jo')}\n"
                f"  lockflight -n payments board\nEnd it: lockflight dev down --state {state}"
            )
    except (DemoError, OperatorError) as problem:
        console.print(f"[bold red]The demo stopped:[/] {problem}", markup=True)
        if operator is not None:
            console.print(operator.tail(30), markup=False)
        sys.exit(1)
    finally:
        if not keep:
            if operator is not None:
                operator.stop()
            cluster.down()
