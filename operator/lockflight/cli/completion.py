"""``completion``: the script that completes commands."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes commands in your shell.

    For bash: source <(lockflight completion bash)
    """
    from lockflight.cli.main import cli

    made = get_completion_class(shell)
    if made is None:
        msg = f"no completion for {shell}"
        raise click.UsageError(msg)
    click.echo(made(cli, {}, "lockflight", "_LOCKFLIGHT_COMPLETE").source())
