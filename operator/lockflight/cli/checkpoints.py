"""Checkpoints that people kept outside the cluster."""

from collections.abc import Iterable
from pathlib import Path

import click

from lockflight.cli import output, packfiles
from lockflight.cli.errors import CliError
from lockflight.policy.audit import Head
from lockflight.policy.checkpoints import InvalidCheckpoint, parse

key_option = click.option(
    "--key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Ed25519 public key, PEM: checkpoints must be signed by it.",
)


def latest(files: Iterable[Path], key: Path | None) -> dict[str, Head]:
    """The head of each chain in the youngest of the checkpoints. Raises CliError, also for a wrong signature.

    An older one holds if the younger one does: each is of a chain that only grows.
    """
    found: dict[str, Head] = {}
    for file in files:
        try:
            one = parse(file.read_bytes())
        except (OSError, InvalidCheckpoint) as problem:
            msg = f"{file}: {problem}"
            raise CliError(msg) from problem
        if key is None:
            output.note(f"{file}: who made it is shown by its signature only: --key")
        elif not packfiles.signed(one.signed, one.signature, key):
            msg = f"{file} is not signed by that key"
            raise CliError(msg)
        for stack, head in one.heads.items():
            known = found.get(stack)
            if known is not None and known.sequence == head.sequence and known.hash != head.hash:
                msg = (
                    f"{file}: number {head.sequence} of {stack} has the hash {head.hash}, another one says {known.hash}"
                )
                raise CliError(msg)
            if known is None or known.sequence < head.sequence:
                found[stack] = head
    return found
