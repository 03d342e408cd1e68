"""Events reach the API server, or nobody is disturbed."""

import json
from datetime import timedelta
from typing import Any

import structlog.testing

from lockflight.adapters.api_client import KubeClient
from lockflight.adapters.events import EventPoster
from lockflight.api.common import Meta
from lockflight.api.freezewindow import FreezeWindow, FreezeWindowSpec
from lockflight.devcluster.providers import ClusterLike
from lockflight.ports import Severity
from tests.fakes import FakeClock
from tests.real import new_namespace


def freeze(namespace: str) -> FreezeWindow:
    spec = FreezeWindowSpec(reason="Year end", time_zone="Europe/Berlin", start="2026-12-18T18:00:00")
    return FreezeWindow(metadata=Meta(name="year-end", namespace=namespace, uid="1234"), spec=spec)


def posted(cluster: ClusterLike, namespace: str) -> list[dict[str, Any]]:
    found = json.loads(cluster.kubectl("get", "events", "-n", namespace, "-o", "json"))["items"]
    return [event for event in found if event.get("reportingComponent") == "lockflight"]


async def test_an_event_says_what_happened_to_what(cluster: ClusterLike, client: KubeClient) -> None:
    namespace = new_namespace(cluster, deploys=False)
    async with EventPoster(client, FakeClock(), "operator-1") as events:
        events.emit(freeze(namespace), Severity.WARNING, "Active", "nothing moves" + "!" * 2_000)
    (event,) = posted(cluster, namespace)
    assert event["involvedObject"]["kind"] == "FreezeWindow"
    assert (event["type"], event["reason"], event["reportingInstance"]) == ("Warning", "Active", "operator-1")
    assert event["message"].startswith("nothing moves")
    assert len(event["message"]) == 1_024


async def test_old_news_is_told_again_only_after_a_while(cluster: ClusterLike, client: KubeClient) -> None:
    namespace, clock = new_namespace(cluster, deploys=False), FakeClock()
    async with EventPoster(client, clock, "operator-1", once_per=timedelta(minutes=5)) as events:
        for _ in range(3):
            events.emit(freeze(namespace), Severity.NORMAL, "Active", "nothing moves")
        clock.advance(timedelta(minutes=5))
        events.emit(freeze(namespace), Severity.NORMAL, "Active", "nothing moves")
    assert len(posted(cluster, namespace)) == 2


async def test_what_cannot_be_posted_disturbs_nobody(cluster: ClusterLike, client: KubeClient) -> None:
    namespace = new_namespace(cluster, deploys=False)
    with structlog.testing.capture_logs() as logs:
        async with EventPoster(client, FakeClock(), "operator-1", drain_seconds=1) as events:
            events.emit(freeze("no-such-namespace"), Severity.NORMAL, "Active", "nothing moves")
            events.emit(freeze(namespace), Severity.NORMAL, "Active", "nothing moves here")
            for number in range(2_000):
                events.emit(freeze("no-such-namespace"), Severity.NORMAL, "Active", f"news {number}")
    assert len(posted(cluster, namespace)) == 1
    told = [log["event"] for log in logs]
    assert told.count("events are dropped: the queue is full") == 1
    assert "event not posted" in told
