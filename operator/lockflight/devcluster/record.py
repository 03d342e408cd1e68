"""What is remembered of a cluster between calls: its ports and its processes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from lockflight.devcluster.errors import NotUpError
from lockflight.devcluster.files import write_private
from lockflight.devcluster.layout import Layout
from lockflight.devcluster.people import Person
from lockflight.devcluster.processes import Process


@dataclass(frozen=True)
class Record:
    """Ports stay the same for the life of a state folder, so that kubeconfigs stay valid over a restart."""

    tools: Path
    nodes: int
    ports: dict[str, int]
    people: dict[str, tuple[str, ...]] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict)

    def with_process(self, name: str, process: Process) -> Record:
        """The same with one more process, or with its successor."""
        return replace(self, processes={**self.processes, name: process})

    def with_person(self, person: Person) -> Record:
        """The same with one more person, or with other groups for one."""
        return replace(self, people={**self.people, person.name: person.groups})

    def without_processes(self) -> Record:
        """The same with nothing running."""
        return replace(self, processes={})

    def save(self, layout: Layout) -> None:
        """Write it to the state folder."""
        content = {**asdict(self), "tools": str(self.tools)}
        write_private(layout.record, json.dumps(content, indent=2).encode())


def load(layout: Layout) -> Record:
    """Read the record of a state folder; raises `NotUpError` when there is none."""
    try:
        content = json.loads(layout.record.read_text())
    except FileNotFoundError:
        raise NotUpError(layout.root) from None
    processes = {name: Process(**process) for name, process in content["processes"].items()}
    people = {name: tuple(groups) for name, groups in content["people"].items()}
    return Record(Path(content["tools"]), content["nodes"], content["ports"], people, processes)
