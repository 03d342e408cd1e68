"""Writes the CRDs and the field tables of the docs, or with ``--check`` shows what is out of date."""

import difflib
from pathlib import Path

import click

from lockflight.crdgen.outputs import outputs


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; show the difference and fail when a file is out of date.")
@click.option("--root", type=click.Path(path_type=Path, exists=True), default=Path(), help="The checkout.")
def main(*, check: bool, root: Path) -> None:
    """Generate what is written from the models: crds/ and the tables in docs/kinds/."""
    stale = False
    for path, wanted in outputs(root):
        found = path.read_text(encoding="utf-8") if path.exists() else ""
        if found == wanted:
            continue
        stale = True
        if check:
            name = str(path.relative_to(root))
            lines = difflib.unified_diff(found.splitlines(), wanted.splitlines(), name, "generated", lineterm="")
            click.echo("\n".join(lines))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted, encoding="utf-8")
    if check and stale:
        msg = "out of date: run python -m lockflight.crdgen"
        raise click.ClickException(msg)


if __name__ == "__main__":
    main()
