"""The command line of every program of the control plane."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import yaml

from lockflight.devcluster import kubeconfig
from lockflight.devcluster.files import private_folder, write_private
from lockflight.devcluster.layout import Layout
from lockflight.devcluster.pki import Authority, Pair, key_pem, new_key, public_pem
from lockflight.devcluster.ports import LOOPBACK

PORTS = ("etcd", "etcd-peer", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "registry")
"""Everything that listens."""

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "registry")
"""Everything that runs, in the order in which a table shows it."""

KWOK_USER, KWOK_GROUP = "kwok", "lockflight-dev:kwok"
"""KWOK's own identity; the group holds what it needs, see `kwok-rbac.yaml`."""

_HERE = Path(__file__).parent
_ISSUER = "https://kubernetes.default.svc.cluster.local"
_API_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
_SERVICES, _FIRST_SERVICE = "10.0.0.0/12", "10.0.0.1"
_PODS = "10.244.0.0/16"

_POD_LOG = ("This pod has no containers: KWOK moves it through its stages.", "All of its kind write these two lines.")


@dataclass(frozen=True)
class Program:
    """A program and how to start it."""

    name: str
    args: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)


class Identities:
    """Every certificate of a cluster. etcd and extension API servers trust authorities of their own, not people's."""

    def __init__(self, layout: Layout) -> None:
        """Load the authorities, or make them."""
        private_folder(layout.pki)
        self._layout = layout
        self.ca = Authority(layout.pki, "ca")
        self.etcd_ca = Authority(private_folder(layout.pki / "etcd"), "ca")
        self.front_proxy_ca = Authority(private_folder(layout.pki / "front-proxy"), "ca")
        self.service_accounts = Pair(layout.pki / "service-accounts.pub", layout.pki / "service-accounts.key")
        if not self.service_accounts.there:
            key = new_key()
            write_private(self.service_accounts.key, key_pem(key))
            self.service_accounts.cert.write_bytes(public_pem(key))

    def kubeconfig(self, server: str, file: str, user: str, groups: tuple[str, ...] = ()) -> Path:
        """Issue a client certificate for a user in groups and write a kubeconfig around it."""
        private_folder(self._layout.kubeconfig(file).parent)
        pair = self.ca.client(f"client-{file}", user, groups)
        return kubeconfig.for_certificate(
            self._layout.kubeconfig(file), server=server, ca=self.ca.pair.cert, user=user, pair=pair
        )


def etcd(layout: Layout, ports: dict[str, int], ids: Identities) -> Program:
    """The store. No fsync: a crash of the machine may lose the cluster, a crash of the process does not."""
    tls = ids.etcd_ca.server("server", (LOOPBACK, "localhost"))
    peer = f"https://{LOOPBACK}:{ports['etcd-peer']}"
    client = f"https://{LOOPBACK}:{ports['etcd']}"
    return Program(
        "etcd",
        (
            "--name=dev",
            f"--data-dir={private_folder(layout.data('etcd'))}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=dev={peer}",
            *(f"--{prefix}cert-file={tls.cert}" for prefix in ("", "peer-")),
            *(f"--{prefix}key-file={tls.key}" for prefix in ("", "peer-")),
            *(f"--{prefix}client-cert-auth" for prefix in ("", "peer-")),
            *(f"--{prefix}trusted-ca-file={ids.etcd_ca.pair.cert}" for prefix in ("", "peer-")),
            "--unsafe-no-fsync",
            "--quota-backend-bytes=1073741824",
            # A single member elects itself: a short election is a short start.
            "--heartbeat-interval=20",
            "--election-timeout=200",
            "--log-level=warn",
            "--log-outputs=stderr",
        ),
    )


def kube_apiserver(layout: Layout, ports: dict[str, int], ids: Identities) -> Program:
    """The API server: TLS, client certificates, RBAC, an audit event for every request."""
    tls = ids.ca.server("kube-apiserver", (LOOPBACK, _FIRST_SERVICE, *_API_NAMES))
    store = ids.etcd_ca.client("client", "kube-apiserver")
    proxy = ids.front_proxy_ca.client("client", "front-proxy-client")
    return Program(
        "kube-apiserver",
        (
            f"--bind-address={LOOPBACK}",
            f"--advertise-address={LOOPBACK}",
            # The endpoints of the service `kubernetes` may not be loopback addresses.
            "--endpoint-reconciler-type=none",
            f"--secure-port={ports['kube-apiserver']}",
            f"--tls-cert-file={tls.cert}",
            f"--tls-private-key-file={tls.key}",
            f"--client-ca-file={ids.ca.pair.cert}",
            f"--etcd-servers=https://{LOOPBACK}:{ports['etcd']}",
            f"--etcd-cafile={ids.etcd_ca.pair.cert}",
            f"--etcd-certfile={store.cert}",
            f"--etcd-keyfile={store.key}",
            # An authority of its own for extension API servers; the components ask for it even where there are none.
            f"--requestheader-client-ca-file={ids.front_proxy_ca.pair.cert}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={proxy.cert}",
            f"--proxy-client-key-file={proxy.key}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            *([f"--admission-control-config-file={layout.admission}"] if layout.admission.is_file() else []),
            "--allow-privileged=true",
            f"--service-cluster-ip-range={_SERVICES}",
            f"--service-account-issuer={_ISSUER}",
            f"--service-account-key-file={ids.service_accounts.cert}",
            f"--service-account-signing-key-file={ids.service_accounts.key}",
            f"--audit-policy-file={_HERE / 'audit-policy.yaml'}",
            f"--audit-log-path={layout.audit_log}",
            # One file, whole: tests and benchmarks count in it.
            "--audit-log-maxsize=0",
            "--profiling=false",
            # Watches end with the server: nobody waits for another replica here.
            "--shutdown-watch-termination-grace-period=0s",
        ),
    )


def kube_controller_manager(layout: Layout, ports: dict[str, int], ids: Identities, server: str) -> Program:
    """The controllers, each under its own service account."""
    name = "kube-controller-manager"
    return Program(
        name,
        (
            *_component(layout, ports, ids, server, name),
            "--use-service-account-credentials",
            f"--service-account-private-key-file={ids.service_accounts.key}",
            f"--root-ca-file={ids.ca.pair.cert}",
            f"--cluster-signing-cert-file={ids.ca.pair.cert}",
            f"--cluster-signing-key-file={ids.ca.pair.key}",
            f"--service-cluster-ip-range={_SERVICES}",
            # Fake nodes do not die, but a busy machine may be late with their heartbeats.
            "--node-monitor-grace-period=5m",
        ),
    )


def kube_scheduler(layout: Layout, ports: dict[str, int], ids: Identities, server: str) -> Program:
    """The scheduler."""
    return Program("kube-scheduler", _component(layout, ports, ids, server, "kube-scheduler"))


def kwok(layout: Layout, ports: dict[str, int], ids: Identities, server: str) -> Program:
    """KWOK: keeps the fake nodes alive, moves the pods on them through their stages, and answers for their logs."""
    tls = ids.ca.server("kwok", (LOOPBACK, "localhost"))
    log, logs = layout.root / "pods.log", layout.root / "kwok-logs.yaml"
    log.write_text("".join(f"2026-01-01T00:00:00.000000000Z stdout F {line}\n" for line in _POD_LOG))
    spec = {"logs": [{"logsFile": str(log), "follow": False}]}
    everything = {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "ClusterLogs", "metadata": {"name": "all"}}
    logs.write_text(yaml.safe_dump({**everything, "spec": spec}))
    return Program(
        "kwok",
        (
            f"--kubeconfig={ids.kubeconfig(server, 'kwok', KWOK_USER, (KWOK_GROUP,))}",
            f"--config={_HERE / 'kwok-stages.yaml'}",
            f"--config={logs}",
            f"--server-address={LOOPBACK}:{ports['kwok']}",
            f"--tls-cert-file={tls.cert}",
            f"--tls-private-key-file={tls.key}",
            f"--node-port={ports['kwok']}",
            "--manage-all-nodes",
            "--node-lease-duration-seconds=40",
            f"--node-ip={LOOPBACK}",
            f"--cidr={_PODS}",
            "--v=WARN",
        ),
    )


def registry(layout: Layout, ports: dict[str, int]) -> Program:
    """The OCI registry: plain HTTP on loopback, which OCI clients accept there."""
    config = layout.root / "registry.yaml"
    content = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(private_folder(layout.data("registry")))},
            "delete": {"enabled": True},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": {"addr": f"{LOOPBACK}:{ports['registry']}", "secret": "one instance, nothing to share"},
    }
    write_private(config, yaml.safe_dump(content).encode())
    return Program("registry", ("serve", str(config)), {"OTEL_TRACES_EXPORTER": "none"})


def _component(layout: Layout, ports: dict[str, int], ids: Identities, server: str, name: str) -> tuple[str, ...]:
    access = ids.kubeconfig(server, name, f"system:{name}")
    tls = ids.ca.server(name, (LOOPBACK, "localhost"))
    return (
        f"--kubeconfig={access}",
        f"--authentication-kubeconfig={access}",
        f"--authorization-kubeconfig={access}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={ports[name]}",
        f"--tls-cert-file={tls.cert}",
        f"--tls-private-key-file={tls.key}",
        # There is one of each: waiting for a lease would only delay the start.
        "--leader-elect=false",
        # The defaults of 20 and 50 a second would make the controllers the bottleneck of every test.
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
    )
