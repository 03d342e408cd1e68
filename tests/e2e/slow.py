"""Charts whose pods take their time, on the embedded cluster, and how far Helm is with them."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.e2e.stack import Stack

NEVER = 'lockflight.dev/kwok-never-ready: "true"'


def slow(annotation: str) -> Callable[[Path], None]:
    """Annotates the pods of a chart so that they get ready late, or never, and Helm waits."""

    def edit(folder: Path) -> None:
        file = folder / "templates" / "app.yaml"
        text = file.read_text()
        assert "checksum/page:" in text
        file.write_text(text.replace("checksum/page:", f"{annotation}\n        checksum/page:"))

    return edit


def helm_state(stack: Stack, namespace: str) -> str:
    rows = json.loads(stack.kubectl("get", "secret", "-l", "owner=helm", "-o", "json", namespace=namespace))["items"]
    return str(rows[-1]["metadata"]["labels"]["status"]) if rows else ""
