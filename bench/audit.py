"""What the API server's audit log says: who asked what, and when it was answered."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """One answered request."""

    user: str
    acting_as: str
    verb: str
    resource: str
    namespace: str
    name: str
    received: datetime
    answered: datetime

    @property
    def writes(self) -> bool:
        """It changes something."""
        return self.verb in ("create", "update", "patch", "delete", "deletecollection")


def requests(log: Path, since: datetime | None = None) -> Iterator[Request]:
    """Every answered request in the log, oldest first; ``since`` leaves out what was received earlier."""
    with log.open() as lines:
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if event.get("stage") != "ResponseComplete" or event.get("verb") == "watch":
                continue
            request = _request(event)
            if since is None or request.received >= since:
                yield request


def deployed_at(log: Path, namespace: str, secret_prefix: str, since: datetime) -> datetime | None:
    """When the last write of a Helm release Secret was answered: the revision is deployed from then on."""
    answers = [
        r.answered
        for r in requests(log, since)
        if r.resource == "secrets" and r.namespace == namespace and r.writes and r.name.startswith(secret_prefix)
    ]
    return max(answers, default=None)


def _request(event: dict[str, Any]) -> Request:
    target = event.get("objectRef", {})
    resource = target.get("resource", "") + ("/" + target["subresource"] if target.get("subresource") else "")
    return Request(
        user=event["user"].get("username", ""),
        acting_as=event.get("impersonatedUser", {}).get("username", ""),
        verb=event["verb"],
        resource=resource,
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        received=datetime.fromisoformat(event["requestReceivedTimestamp"]),
        answered=datetime.fromisoformat(event["stageTimestamp"]),
    )
