"""The operator's chart."""

from typing import Any

import pytest

from lockflight.api.kinds import KINDS, LIVING
from lockflight.settings import Settings

from .helm import ROOT, ChartError, find, names, rights, run, template

VARIANTS: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "everything on": {
        "image": {"repository": "registry.example/lockflight", "digest": "sha256:" + "a" * 64},
        "imagePullSecrets": [{"name": "pull"}],
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "networkPolicy": {"ingressFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}]},
        "settings": {"plainHttpRegistries": ["127.0.0.1:5000", "registry:80"], "logLevel": "debug"},
        "podAnnotations": {"a": "b"},
        "registryCredentials": {"secretName": "registry"},
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "x", "operator": "Exists"}],
        "priorityClassName": "high",
    },
    "everything off": {
        "crds": {"install": False},
        "admission": {"enabled": False},
        "networkPolicy": {"enabled": False},
    },
}


def granted_to_the_operator(objects: list[dict[str, Any]]) -> set[str]:
    account = {"kind": "ServiceAccount", "name": "lockflight", "namespace": "lockflight-system"}
    bindings = [o for o in objects if o["kind"] in {"ClusterRoleBinding", "RoleBinding"}]
    return {binding["roleRef"]["name"] for binding in bindings if account in binding["subjects"]}


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS.keys())
def test_the_chart_lints(values: dict[str, Any]) -> None:
    assert "1 chart(s) linted, 0 chart(s) failed" in run(
        "lint", str(ROOT / "charts/lockflight"), "--strict", values=values
    )


def test_the_operator_may_do_exactly_this_everywhere() -> None:
    kinds = tuple(kind.plural for kind in LIVING)
    expected = {("lockflight.dev", kind, "", verb) for kind in kinds for verb in ("get", "list", "watch")}
    expected |= {("lockflight.dev", f"{kind}/status", "", "patch") for kind in kinds}
    expected |= {
        ("lockflight.dev", kind, "", verb) for kind in ("promotions", "changerequests") for verb in ("create", "delete")
    }
    expected |= {("", "namespaces", "", verb) for verb in ("get", "list", "watch", "patch")}
    expected |= {("", "events", "", "create")}
    expected |= {("authorization.k8s.io", "subjectaccessreviews", "", "create")}
    expected |= {
        ("rbac.authorization.k8s.io", f"{scope}{what}", "", "list")
        for scope in ("", "cluster")
        for what in ("roles", "rolebindings")
    }
    expected |= {("authentication.k8s.io", "selfsubjectreviews", "", "create")}
    registered = [
        f"{kind}admission{what}" for kind in ("validating", "mutating") for what in ("policies", "policybindings")
    ]
    expected |= {
        ("admissionregistration.k8s.io", plural, "", verb)
        for plural in (*registered, "mutatingwebhookconfigurations")
        for verb in ("get", "list", "watch")
    }
    objects = template("lockflight")

    assert granted_to_the_operator(objects) == {"lockflight-operator", "lockflight-leader", "lockflight-audit"}
    assert rights(find(objects, "ClusterRole", "lockflight-operator")) == expected


def test_in_its_own_namespace_the_operator_keeps_its_lease_and_nothing_else() -> None:
    role = find(template("lockflight"), "Role", "lockflight-leader", "lockflight-system")
    lease = ("coordination.k8s.io", "leases")
    assert rights(role) == {
        (*lease, "", "create"),
        (*lease, "lockflight", "get"),
        (*lease, "lockflight", "update"),
    }


def test_the_pod_meets_the_restricted_standard() -> None:
    pod = find(template("lockflight"), "Deployment", "lockflight")["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert all("emptyDir" in volume for volume in pod["volumes"])


def test_values_on_their_way_to_helm_stay_in_memory() -> None:
    pod = find(template("lockflight"), "Deployment", "lockflight")["spec"]["template"]["spec"]
    (scratch,) = (
        mount["name"] for mount in pod["containers"][0]["volumeMounts"] if mount["mountPath"].endswith("/helm/tmp")
    )
    kinds = {volume["name"]: volume["emptyDir"].get("medium", "") for volume in pod["volumes"]}
    assert kinds[scratch] == "Memory"


def test_registry_credentials_reach_helm() -> None:
    values = {"registryCredentials": {"secretName": "registry"}}
    pod = find(template("lockflight", values), "Deployment", "lockflight")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (mount,) = (m for m in container["volumeMounts"] if m["name"] == "registry")
    env = {item["name"]: item["value"] for item in container["env"]}
    assert env["HELM_REGISTRY_CONFIG"] == mount["mountPath"] + "/config.json"


def test_one_replica_is_replaced_never_doubled() -> None:
    spec = find(template("lockflight"), "Deployment", "lockflight")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_settings_reach_the_operator_as_environment() -> None:
    (container,) = find(template("lockflight", VARIANTS["everything on"]), "Deployment", "lockflight")["spec"][
        "template"
    ]["spec"]["containers"]
    env = {item["name"]: item["value"] for item in container["env"]}

    assert container["command"] == ["python", "-m", "lockflight.main"]
    assert env["LOCKFLIGHT_ROOT_NAMESPACE"] == "lockflight-system"
    assert env["LOCKFLIGHT_PLAIN_HTTP_REGISTRIES"] == "127.0.0.1:5000,registry:80"
    assert env["LOCKFLIGHT_CHART_MAX_BYTES"] == "1048576"
    assert env["LOCKFLIGHT_LOG_LEVEL"] == "debug"


def test_every_variable_is_one_that_the_settings_know() -> None:

    (container,) = find(template("lockflight"), "Deployment", "lockflight")["spec"]["template"]["spec"]["containers"]
    ours = {item["name"].removeprefix("LOCKFLIGHT_").lower() for item in container["env"]}
    assert ours <= set(Settings.model_fields)


def test_an_image_digest_wins_over_the_tag() -> None:
    values = {"image": {"repository": "r.example/lf", "tag": "1", "digest": "sha256:" + "b" * 64}}
    (container,) = find(template("lockflight", values), "Deployment", "lockflight")["spec"]["template"]["spec"][
        "containers"
    ]
    assert container["image"] == "r.example/lf@sha256:" + "b" * 64


def test_crds_stay_when_the_chart_goes() -> None:
    crds = [o for o in template("lockflight") if o["kind"] == "CustomResourceDefinition"]
    assert len(crds) == len(KINDS)
    kept = {
        "helm.sh/resource-policy": "keep",
        "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
        "kustomize.toolkit.fluxcd.io/prune": "disabled",
    }
    assert all(crd["metadata"]["annotations"] == kept for crd in crds)


def test_the_policies_know_the_operator_by_the_account_that_is_installed() -> None:
    text = run(
        "template",
        "x",
        str(ROOT / "charts/lockflight"),
        "-n",
        "elsewhere",
        values={"serviceAccount": {"name": "flight"}},
    )
    assert "system:serviceaccount:elsewhere:flight" in text
    assert "system:serviceaccount:lockflight-system" not in text


@pytest.mark.parametrize(
    ("version", "stamps"), [("1.30.0", False), ("1.35.9", False), ("1.36.0", True), ("1.37.2", True)]
)
def test_the_stamping_policies_come_where_the_server_has_them(version: str, stamps: bool) -> None:
    objects = template("lockflight", None, "--kube-version", version)
    assert bool(names(objects, "MutatingAdmissionPolicy")) is stamps
    assert bool(names(objects, "MutatingAdmissionPolicyBinding")) is stamps
    assert "lockflight-people-changerequests-approvals" in names(objects, "ValidatingAdmissionPolicy")


def test_every_policy_has_a_binding_that_denies() -> None:
    objects = template("lockflight")
    for kind in ("ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"):
        assert names(objects, kind) == names(objects, kind + "Binding") - {"lockflight-guard-audit"}
    guards = {"lockflight-guard", "lockflight-guard-audit", "lockflight-guard-root"}
    bindings = [o for o in objects if o["kind"] == "ValidatingAdmissionPolicyBinding"]
    everywhere = [b["spec"] for b in bindings if b["metadata"]["name"] not in guards]
    assert all(spec["validationActions"] == ["Deny"] and "matchResources" not in spec for spec in everywhere)


def test_what_is_switched_off_is_left_out() -> None:
    objects = template("lockflight", VARIANTS["everything off"])
    assert {o["kind"] for o in objects} == {
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
        "Deployment",
        "Service",
    }


def test_a_server_older_than_the_policies_is_refused() -> None:
    with pytest.raises(ChartError, match=r"requires kubeVersion: >=1\.30"):
        template("lockflight", None, "--kube-version", "1.29.9")


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"image": {"digest": "latest"}}, "digest"),
        ({"image": {"repository": ""}}, "repository"),
        ({"settings": {"logLevel": "loud"}}, "logLevel"),
        ({"settings": {"helmConcurrency": 0}}, "helmConcurrency"),
        ({"settings": {"surprise": 1}}, "surprise"),
        ({"replicas": 2}, "replicas"),
        ({"serviceAccount": {"name": "Not A Name"}}, "name"),
        ({"networkPolicy": {"egressPorts": ["https"]}}, "egressPorts"),
        ({"admission": {"enabled": "yes"}}, "enabled"),
    ],
)
def test_values_that_make_no_sense_are_refused(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ChartError, match=complaint):
        template("lockflight", values)


def environment(values: dict[str, Any]) -> dict[str, str]:
    pod = find(template("lockflight", values), "Deployment", "lockflight")["spec"]["template"]["spec"]
    return {item["name"]: item.get("value", "") for item in pod["containers"][0]["env"]}


def test_an_archive_in_a_bucket_reaches_the_operator() -> None:
    s3 = {"bucket": "trail", "prefix": "/bank/", "secretName": "keys", "lock": "Governance"}
    found = environment({"archive": {"kind": "S3", "s3": s3, "clusterDays": 30}})
    assert found["LOCKFLIGHT_ARCHIVE"] == "s3://trail/bank"
    assert found["LOCKFLIGHT_ARCHIVE_CREDENTIALS"] == "/etc/lockflight/archive"
    assert (found["LOCKFLIGHT_ARCHIVE_LOCK"], found["LOCKFLIGHT_ARCHIVE_CLUSTER_DAYS"]) == ("Governance", "30")
    assert found["LOCKFLIGHT_ARCHIVE_DAYS"] == "2557"


def test_an_archive_on_a_volume_reaches_the_operator() -> None:
    values = {"archive": {"kind": "Directory", "directory": {"claimName": "trail"}}}
    assert environment(values)["LOCKFLIGHT_ARCHIVE"] == "/var/lib/lockflight/archive"
    pod = find(template("lockflight", values), "Deployment", "lockflight")["spec"]["template"]["spec"]
    assert {"name": "archive", "persistentVolumeClaim": {"claimName": "trail"}} in pod["volumes"]


def test_without_an_archive_nothing_of_it_is_set() -> None:
    assert not [name for name in environment({}) if "ARCHIVE" in name]


@pytest.mark.parametrize(
    ("archive", "says"),
    [
        ({"kind": "S3", "s3": {"secretName": "keys"}}, "name the bucket"),
        ({"kind": "S3", "s3": {"bucket": "trail"}}, "name the Secret"),
        ({"kind": "Directory"}, "name the volume claim"),
        ({"kind": "Tape"}, "kind"),
    ],
)
def test_half_an_archive_is_refused(archive: dict[str, Any], says: str) -> None:
    with pytest.raises(ChartError, match=says):
        template("lockflight", {"archive": archive})


def test_who_may_hold_and_restore_is_bound_by_name_in_the_operators_namespace() -> None:
    people = {
        "legal": [{"kind": "Group", "name": "counsel"}],
        "restorers": [{"kind": "User", "name": "rita"}],
    }
    found = template("lockflight", {"people": people})
    for verb, name in (("hold", "counsel"), ("restore", "rita")):
        called = f"lockflight-audit-{verb}"
        role = find(found, "Role", called, "lockflight-system")
        assert role["rules"] == [{"apiGroups": ["lockflight.dev"], "resources": ["auditrecords"], "verbs": [verb]}]
        (subject,) = find(found, "RoleBinding", called, "lockflight-system")["subjects"]
        assert subject["name"] == name
        (rule,) = find(found, "ClusterRole", called)["rules"]
        assert (rule["resourceNames"], rule["verbs"]) == (["lockflight-system"], ["get", "patch"])
    assert not names(template("lockflight"), "ClusterRole") & {"lockflight-audit-hold", "lockflight-audit-restore"}
