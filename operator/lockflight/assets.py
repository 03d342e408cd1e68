"""Files that ship with Lockflight: charts, CRDs; from the installed package, else from the checkout."""

from pathlib import Path


def asset(name: str) -> Path:
    """The path of a shipped file or folder, such as ``charts/lockflight``. Raises FileNotFoundError."""
    here = Path(__file__).resolve().parent
    for base in (here / "_assets", here.parent.parent):
        if (base / name).exists():
            return base / name
    msg = f"{name} was not shipped with this installation of Lockflight"
    raise FileNotFoundError(msg)
