"""What would have been told to people and to Prometheus."""

from dataclasses import dataclass

from lockflight.adapters.metrics import PrometheusMetrics
from lockflight.api.kinds import AnyObject
from lockflight.ports import Severity


@dataclass(frozen=True, slots=True)
class Emitted:
    """One event."""

    kind: str
    name: str
    severity: Severity
    reason: str
    message: str


class RecordingEvents:
    """Keeps every event."""

    def __init__(self) -> None:
        self.events: list[Emitted] = []

    def emit(self, obj: AnyObject, severity: Severity, reason: str, message: str) -> None:
        self.events.append(Emitted(obj.kind, obj.metadata.name, severity, reason, message))

    @property
    def reasons(self) -> list[str]:
        """The reasons, in order."""
        return [event.reason for event in self.events]


class RecordingMetrics:
    """Keeps every value; names and labels must be those that the operator declares."""

    def __init__(self) -> None:
        self._declared = PrometheusMetrics()
        self.values: list[tuple[str, float, dict[str, str]]] = []

    def count(self, name: str, **labels: str) -> None:
        self._declared.count(name, **labels)
        self.values.append((name, 1.0, labels))

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        self._declared.observe(name, seconds, **labels)
        self.values.append((name, seconds, labels))

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self._declared.gauge(name, value, **labels)
        self.values.append((name, value, labels))

    def of(self, name: str, **labels: str) -> list[float]:
        """The values of one metric, in order, of those with at least these labels."""
        return [value for known, value, given in self.values if known == name and labels.items() <= given.items()]
