"""Who writes in a guarded namespace besides the deployer: the grammar of a line, and the cluster's own controllers.

``<subject> <operations> <resources>``, one space between, lists with commas. A subject is ``user:NAME``,
``group:NAME`` or ``serviceaccount:NAMESPACE:NAME``. Operations are those of admission in lower case, or ``restart``
and ``scale``. A resource is ``plural``, ``plural.group`` or either with ``/subresource``.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

_NAME = "[^ ,]+"
_OPERATION = "(create|update|delete|connect|restart|scale)"
_RESOURCE = "[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/[a-z0-9]+)?"
_SUBJECT = f"(user:{_NAME}|group:{_NAME}|serviceaccount:[-a-z0-9]+:[-a-z0-9.]+)"
LINE = f"^{_SUBJECT} {_OPERATION}(,{_OPERATION})* {_RESOURCE}(,{_RESOURCE})*$"
"""A line of the annotation (RE2 and Python alike). ``*`` as resource is for the tables below alone."""
FORBIDDEN = ("group:system:", "group:kubeadm:")
"""Groups that hold everybody, every node or every administrator: a line that begins so is malformed."""

KUBERNETES = "Kubernetes"
"""The controllers of Kubernetes itself: always there."""

_POD = "pods,pods/status"
_WORKLOADS = "create,update,delete"

_CONTROLLERS = {
    "attachdetach-controller": ("update pods/status",),
    "clusterrole-aggregation-controller": (),
    "cronjob-controller": (f"{_WORKLOADS} jobs.batch", "update cronjobs.batch/status,cronjobs.batch"),
    "daemon-set-controller": (
        f"{_WORKLOADS} pods,controllerrevisions.apps",
        "create pods/binding",
        "update daemonsets.apps,daemonsets.apps/status",
    ),
    "deployment-controller": (
        f"{_WORKLOADS} replicasets.apps",
        "update deployments.apps,deployments.apps/status,pods",
    ),
    "disruption-controller": ("update poddisruptionbudgets.policy/status,pods/status",),
    "endpoint-controller": (f"{_WORKLOADS} endpoints", "create endpoints/restricted"),
    "endpointslice-controller": (f"{_WORKLOADS} endpointslices.discovery.k8s.io",),
    "endpointslicemirroring-controller": (f"{_WORKLOADS} endpointslices.discovery.k8s.io",),
    "ephemeral-volume-controller": ("create persistentvolumeclaims", "update pods"),
    "expand-controller": ("update persistentvolumeclaims/status,persistentvolumeclaims",),
    # It removes what an owner leaves behind, and the owners' finalizers; it acts on references that others wrote.
    "generic-garbage-collector": ("update,delete *",),
    "horizontal-pod-autoscaler": (
        "scale deployments.apps,replicasets.apps,statefulsets.apps,replicationcontrollers",
        "update horizontalpodautoscalers.autoscaling/status",
    ),
    "job-controller": (f"{_WORKLOADS} pods", "update jobs.batch,jobs.batch/status,pods/status"),
    "legacy-service-account-token-cleaner": ("update,delete secrets",),
    # It empties a namespace that is being deleted, and nothing else.
    "namespace-controller": ("delete *",),
    "node-controller": ("update pods/status", "delete pods"),
    "persistent-volume-binder": (
        "update persistentvolumeclaims,persistentvolumeclaims/status",
        "create,delete pods",
    ),
    "pod-garbage-collector": ("update pods/status", "delete pods"),
    "pv-protection-controller": ("update persistentvolumes",),
    "pvc-protection-controller": ("update persistentvolumeclaims,persistentvolumeclaims/status",),
    "replicaset-controller": (
        f"{_WORKLOADS} pods",
        "update replicasets.apps,replicasets.apps/status",
    ),
    "replication-controller": (
        f"{_WORKLOADS} pods",
        "update replicationcontrollers,replicationcontrollers/status",
    ),
    "resource-claim-controller": (
        f"{_WORKLOADS} resourceclaims.resource.k8s.io",
        "update resourceclaims.resource.k8s.io/status,pods/status",
        "create resourceclaims.resource.k8s.io/binding",
    ),
    "resourcequota-controller": ("update resourcequotas/status",),
    "root-ca-cert-publisher": ("create,update configmaps",),
    "service-account-controller": ("create serviceaccounts",),
    "service-controller": ("update services,services/status",),
    "statefulset-controller": (
        f"{_WORKLOADS} pods,controllerrevisions.apps",
        "create,update persistentvolumeclaims",
        "update statefulsets.apps,statefulsets.apps/status",
    ),
    "storage-version-migrator-controller": ("update *",),
    "taint-eviction-controller": ("update pods/status", "delete pods"),
    "ttl-after-finished-controller": ("delete jobs.batch",),
    "validatingadmissionpolicy-status-controller": (),
    "volume-attributes-class-protection-controller": ("update persistentvolumeclaims",),
}

_KUBERNETES = (
    *(f"serviceaccount:kube-system:{name} {line}" for name, lines in sorted(_CONTROLLERS.items()) for line in lines),
    # What the API server does by itself: counting quotas, and disruptions as pods are evicted.
    "user:system:apiserver update resourcequotas,resourcequotas/status,poddisruptionbudgets.policy/status",
    "user:system:kube-scheduler create pods/binding,bindings",
    f"user:system:kube-scheduler update {_POD},persistentvolumeclaims,resourceclaims.resource.k8s.io/status,"
    "resourceclaims.resource.k8s.io",
    "user:system:kube-scheduler delete pods",
    # Kubelets: NodeRestriction keeps each to the pods that run on its node.
    "group:system:nodes create pods,serviceaccounts/token,podcertificaterequests.certificates.k8s.io",
    "group:system:nodes update pods/status,persistentvolumeclaims/status,resourceclaims.resource.k8s.io/status",
    "group:system:nodes delete pods",
)

PLATFORMS: Mapping[str, Sequence[str]] = {
    KUBERNETES: _KUBERNETES,
    "EKS": (
        "user:eks:fargate-scheduler create pods/binding",
        "user:eks:fargate-scheduler update pods,pods/status",
        "user:eks:fargate-manager update pods/status",
        "user:eks:fargate-manager delete pods",
        "user:eks:node-manager delete pods",
        "user:eks:nodewatcher update pods/status",
        "user:eks:vpc-resource-controller update pods",
        "user:eks:cloud-controller-manager update services,services/status",
        "user:eks:network-policy-controller create,update,delete policyendpoints.networking.k8s.aws",
    ),
    "GKE": (
        "user:system:cloud-controller-manager update services,services/status",
        "user:system:gcp-controller-manager update services,services/status,pods/status",
        "user:system:gcp-controller-manager delete pods",
        "user:system:glbc update ingresses.networking.k8s.io,ingresses.networking.k8s.io/status",
        "user:system:glbc update services,services/status",
        "user:system:glbc create,update,delete servicenetworkendpointgroups.networking.gke.io",
        "user:cluster-autoscaler update pods/status",
        "user:system:managed-certificate-controller update managedcertificates.networking.gke.io",
        "user:system:managed-certificate-controller update ingresses.networking.k8s.io",
    ),
    "AKS": (
        "serviceaccount:kube-system:cloud-node-manager update pods/status",
        "user:cloud-controller-manager update services,services/status",
        "serviceaccount:kube-system:cloud-controller-manager update services,services/status",
    ),
    # Kubernetes WithOut Kubelet, as in the embedded cluster: it plays the kubelets.
    "KWOK": ("user:kwok update pods,pods/status", "user:kwok delete pods"),
}
"""What each kind of cluster adds. Kubernetes was measured on 1.37; EKS, GKE and AKS are from their documents."""


def by_subject(lines: Iterable[str]) -> dict[str, list[str]]:
    """Subject to what it may write: operations, a space, resources. Raises ValueError for a line of fewer parts."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        subject, operations, resources = line.split(" ")
        found[subject].append(f"{operations} {resources}")
    return dict(found)
