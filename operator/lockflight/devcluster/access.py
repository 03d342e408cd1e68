"""What can be done with any cluster through kubectl, whoever runs it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from lockflight.devcluster import kubeconfig
from lockflight.devcluster.errors import CommandFailedError
from lockflight.devcluster.files import private_folder
from lockflight.devcluster.layout import Layout
from lockflight.devcluster.people import ADMIN


class Access:
    """Kubeconfigs and commands for a cluster whose state is in one folder."""

    def __init__(self, layout: Layout, tools: Path, server: str, ca: Path) -> None:
        """Remember where things are; nothing is read yet."""
        self._layout = layout
        self.tools = tools
        self.server = server
        self.ca = ca

    @property
    def env(self) -> dict[str, str]:
        """Environment for commands: the built programs come first, Helm keeps its files here, no KUBECONFIG.

        Without KUBECONFIG: whoever runs a command says as whom, so that nothing runs as admin by accident.
        """
        inherited = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
        helm = {
            f"HELM_{kind}_HOME": str(self._layout.data("helm") / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")
        }
        return {**inherited, **helm, "PATH": f"{self.tools}{os.pathsep}{os.environ.get('PATH', '')}"}

    def env_for(self, name: str) -> dict[str, str]:
        """`env` with the KUBECONFIG of a person."""
        return {**self.env, "KUBECONFIG": str(self.kubeconfig(name))}

    def kubeconfig(self, name: str = ADMIN) -> Path:
        """The kubeconfig of a person; raises `KeyError` for somebody unknown."""
        path = self._layout.kubeconfig(name)
        if not path.is_file():
            msg = f"nobody named {name!r} in this cluster: add_person first"
            raise KeyError(msg)
        return path

    def kubectl(self, *args: str, person: str = ADMIN, stdin: str | None = None, timeout: float = 60) -> str:
        """Run kubectl as a person and return what it printed.

        `timeout` is in seconds. Raises `CommandFailedError` when kubectl refuses, `subprocess.TimeoutExpired` when it
        hangs.
        """
        argv = [str(self.tools / "kubectl"), f"--kubeconfig={self.kubeconfig(person)}", *args]
        done = subprocess.run(
            argv, env=self.env, input=stdin, capture_output=True, text=True, timeout=timeout, check=False
        )
        if done.returncode:
            raise CommandFailedError(["kubectl", *args], done.returncode, done.stderr)
        return done.stdout

    def token(self, namespace: str, name: str, duration: str = "1h") -> str:
        """A bearer token of a service account, at least `10m` long."""
        return self.kubectl("create", "token", name, f"--namespace={namespace}", f"--duration={duration}").strip()

    def service_account_kubeconfig(self, namespace: str, name: str, token: str) -> Path:
        """A kubeconfig that proves a service account by `token`."""
        # An underscore: no person's name holds one.
        path = self._layout.kubeconfig(f"{namespace}_{name}")
        private_folder(path.parent)
        user = f"system:serviceaccount:{namespace}:{name}"
        return kubeconfig.for_token(path, server=self.server, ca=self.ca, user=user, token=token, namespace=namespace)
