"""Writes the generated files, or with ``--check`` says which are out of date."""

import shutil
from pathlib import Path

import click

from lockflight.admission.shipped import files

# Folders whose YAML files are all generated: one that nothing generates any more goes.
_OWNED = (
    "manifests/crds",
    "manifests/policies/validating",
    "manifests/policies/stamping",
    "manifests/policies-static",
    "charts/lockflight/files",
)


def _helm(root: Path) -> Path:
    built = (root / ".tools/bin/helm").absolute()
    found = str(built) if built.exists() else shutil.which("helm")
    if found is None:
        msg = "helm is needed to render the charts: run `make tools`, or put helm on PATH"
        raise click.ClickException(msg)
    return Path(found)


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail when a file is out of date.")
@click.option("--root", type=click.Path(path_type=Path, exists=True), default=Path(), help="The checkout.")
def main(*, check: bool, root: Path) -> None:
    """Generate the admission policies, the chart's files and the kustomize manifests."""
    helm = _helm(root)
    wanted = dict(files(root, helm))
    stale = {path for folder in _OWNED for path in (root / folder).rglob("*.yaml")} - wanted.keys()
    changed = {p for p, text in wanted.items() if not p.exists() or p.read_text(encoding="utf-8") != text}
    if check:
        if stale | changed:
            names = ", ".join(sorted(str(path.relative_to(root)) for path in stale | changed))
            msg = f"out of date: {names}; run python -m lockflight.admission"
            raise click.ClickException(msg)
        return
    for path in stale:
        path.unlink()
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")


if __name__ == "__main__":
    main()
