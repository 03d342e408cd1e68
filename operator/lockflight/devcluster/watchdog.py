"""Ends the programs of a state folder when the process that started them is gone.

Standard input is a pipe whose other end that process holds; its end of file is the news.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lockflight.devcluster.files import exclusive
from lockflight.devcluster.layout import Layout
from lockflight.devcluster.supervisor import Supervisor


def main() -> None:
    """Wait for the end of standard input, then end what runs in the folder given as argument."""
    sys.stdin.buffer.read()
    layout = Layout(Path(sys.argv[1]))
    if not layout.record.is_file():
        return
    with exclusive(layout.lock):
        Supervisor.attach(layout).stop()


if __name__ == "__main__":
    main()
