"""The Metrics port: every metric of the operator, declared here, in a Prometheus registry of its own."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_PREFIX = "lockflight_"
_ACTION_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)
_QUICK_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class PrometheusMetrics:
    """Names at the port lack the prefix ``lockflight_``; unknown ones raise KeyError, wrong labels ValueError."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        self._gauges: dict[str, Gauge] = {}
        self._counter("promotion_transitions_total", "Promotions that entered a phase.", "environment", "phase")
        self._histogram(
            "approval_to_applied_seconds",
            "From the last approval that was needed to all components applied.",
            _ACTION_SECONDS,
        )
        self._histogram(
            "helm_action_duration_seconds",
            "How long Helm actions took, including the wait for a free slot and for readiness.",
            _ACTION_SECONDS,
            "action",
            "result",
        )
        self._histogram("reconcile_duration_seconds", "How long one reconcile took.", _QUICK_SECONDS, "kind")
        self._gauge("gate_blocked", "1 where the gate last judged was closed.", "environment", "gate")
        self._counter(
            "applied_otherwise_total", "Applies that put something else there than was rendered.", "environment"
        )
        self._gauge("changed_outside", "Applications that are not as they were last applied.", "environment")
        self._gauge("drifted_fields", "Fields that are not as they were last promoted.", "environment", "application")
        self._counter("drift_put_back_total", "Drift that was put back, or could not be.", "environment", "result")
        self._gauge("self_test_failures", "What the self-test last found wrong or could not ask.", "half")
        self._gauge("other_mutators", "Policies and webhooks of others that may change what is written here.")
        self._gauge("freeze_window_active", "1 while the freeze window is active.", "window")
        self._gauge("watch_staleness_seconds", "Time since the watch of a kind last gave a sign of life.", "kind")
        self._counter("watch_missed_total", "Changes that a watch did not tell of and a comparison found.", "kind")
        self._counter("reconcile_errors_total", "Passes that ended with an unexpected error.", "kind")
        self._counter("glass_mended_total", "Openings of guarded namespaces that the operator ended.", "namespace")
        self._gauge("audit_archive_behind", "Records sealed and not archived yet.", "stack")
        self._gauge("audit_archive_failing", "1 while a stack's records cannot be archived.", "stack")
        self._gauge("audit_checkpoint_failing", "1 while the last checkpoint could not be posted.")
        self._gauge("objects", "Objects known to the operator.", "kind")
        self._gauge("queue_depth", "Objects waiting to be reconciled.")

    def count(self, name: str, **labels: str) -> None:
        """Add one to a counter."""
        counter = self._counters[name]
        (counter.labels(**labels) if labels else counter).inc()

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Record a duration."""
        histogram = self._histograms[name]
        (histogram.labels(**labels) if labels else histogram).observe(seconds)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        gauge = self._gauges[name]
        (gauge.labels(**labels) if labels else gauge).set(value)

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> None:
        self._counters[name] = Counter(f"{_PREFIX}{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> None:
        self._histograms[name] = Histogram(f"{_PREFIX}{name}", text, labels, registry=self.registry, buckets=buckets)

    def _gauge(self, name: str, text: str, *labels: str) -> None:
        self._gauges[name] = Gauge(f"{_PREFIX}{name}", text, labels, registry=self.registry)
