"""The attempts on guarded namespaces, on the namespace where the operator runs, and on those who act for Lockflight."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from .world import MERGE_PATCH, RefusedError, World

Act = Callable[[World, str], object]
Tries = tuple[tuple[str, str, Act], ...]

DRY = "?dryRun=All"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
UNTIL, REASON = "lockflight.dev/break-glass-until", "lockflight.dev/break-glass-reason"
OPENED_BY = "lockflight.dev/break-glass"
WRITERS = "lockflight.dev/guard-writers"


def named(namespace: str) -> str:
    """Whom the platform team lets through in the namespaces attacked: what they still may not do is another rule's."""
    return "\n".join(
        [
            "user:ops create,update,delete secrets",
            "user:ops connect pods/exec,pods/attach,pods/portforward",
            "user:ops update pods/ephemeralcontainers",
            "user:ops create,update roles.rbac.authorization.k8s.io,rolebindings.rbac.authorization.k8s.io",
            "group:sre restart,scale deployments.apps",
            "group:sre delete pods",
            "user:lockflight:deployer:elsewhere create configmaps",
            f"user:lockflight:access:{namespace} create configmaps,roles.rbac.authorization.k8s.io",
        ]
    )


def instant(**ahead: float) -> str:
    """So far ahead, as the annotation says it."""
    return f"{datetime.now(UTC) + timedelta(**ahead):%Y-%m-%dT%H:%M:%SZ}"


def configmap(name: str = "mine") -> dict[str, Any]:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}}


def _in(namespace: str, rest: str, group: str = "") -> str:
    return f"/apis/{group}/v1/namespaces/{namespace}/{rest}" if group else f"/api/v1/namespaces/{namespace}/{rest}"


def _create(plural: str, body: dict[str, Any], group: str = "", user: str = "") -> Act:
    """Create something in the target; as ``user`` of the namespace, where one is given, by impersonation."""

    def act(world: World, who: str) -> None:
        path = _in(world.target, plural, group) + DRY
        world.send(who, "POST", path, body, as_user=user.format(world.target))

    return act


def _patch(what: str, body: dict[str, Any], group: str = "") -> Act:
    return lambda world, who: world.send(who, "PATCH", _in(world.target, what, group) + DRY, body, MERGE_PATCH)


def _connect(what: str, query: str) -> Act:
    """CONNECT knows no dry run: no such pod is what somebody reads who was let through."""

    def act(world: World, who: str, namespace: str = "") -> None:
        try:
            world.send(who, "POST", _in(world.target, f"pods/none/{what}") + query)
        except RefusedError as error:
            if error.status != 404:
                raise

    return act


def in_root(act: Act) -> Act:
    """The same in the namespace where the operator runs."""
    return lambda world, who: act(world.at(world.root), who)


def _pod(**spec: Any) -> dict[str, Any]:
    container = {"name": "a", "image": "registry.example/a"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "mine"},
        "spec": {"containers": [container], **spec},
    }


def _debug(world: World, who: str) -> None:
    """An ephemeral container, in a pod that the deployer brought."""
    world.send(
        "admin", "POST", _in(world.target, "pods"), _pod(), as_user=f"lockflight:deployer:{world.target}", again=True
    )
    extra = {"name": "debugger", "image": "registry.example/debug"}
    body = {"spec": {"ephemeralContainers": [extra]}}
    world.send(
        who,
        "PATCH",
        _in(world.target, "pods/mine/ephemeralcontainers") + DRY,
        body,
        "application/strategic-merge-patch+json",
    )


def _record(name: str = "sh.helm.release.v1.mine.v1", **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, **more}, "data": {"release": "aGVsbG8="}}


def _of_record(method: str, body: object = None) -> Act:
    def act(world: World, who: str) -> None:
        path, user = _in(world.target, "secrets"), f"lockflight:deployer:{world.target}"
        record = _record(labels={"owner": "helm"}) | {"type": "helm.sh/release.v1"}
        world.send("admin", "POST", path, record, as_user=user, again=True)
        world.send(who, method, f"{path}/sh.helm.release.v1.mine.v1{DRY}", body, MERGE_PATCH)

    return act


def _token(world: World, who: str) -> None:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    world.send(who, "POST", _in(world.target, "serviceaccounts/default/token") + DRY, body)


def annotate(world: World, who: str, annotations: dict[str, Any], *, dry: bool = False) -> None:
    """Merge annotations into the target Namespace."""
    path = f"/api/v1/namespaces/{world.target}" + DRY * dry
    world.send(who, "PATCH", path, {"metadata": {"annotations": annotations}}, MERGE_PATCH)


def open_glass(world: World, who: str = "incident", **ahead: float) -> None:
    """Break the glass of the target."""
    annotate(world, who, {UNTIL: instant(**(ahead or {"minutes": 5})), REASON: "INC-1"})


def close_glass(world: World) -> None:
    """Mend it."""
    annotate(world, "incident", {UNTIL: None, REASON: None})


def _through_glass(act: Act) -> Act:
    def attempt(world: World, who: str) -> None:
        open_glass(world)
        try:
            act(world, who)
        finally:
            close_glass(world)

    return attempt


def _while_open(annotations: Callable[[], dict[str, Any]]) -> Act:
    return _through_glass(lambda world, who: annotate(world, who, annotations(), dry=True))


def _glass(until: Callable[[], str], reason: str = "INC-1") -> Act:
    return lambda world, who: annotate(world, who, {UNTIL: until(), REASON: reason}, dry=True)


def _labelled(**labels: str) -> dict[str, Any]:
    return {"metadata": {"labels": labels}}


_DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "mine"},
    "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "a"}]}},
    },
}


def _on_deployment(rest: str, body: dict[str, Any]) -> Act:
    def act(world: World, who: str) -> None:
        user = f"lockflight:deployer:{world.target}"
        path = _in(world.target, "deployments", "apps")
        world.send("admin", "POST", path, _DEPLOYMENT, as_user=user, again=True)
        content = "application/strategic-merge-patch+json" if not rest else MERGE_PATCH
        world.send(who, "PATCH", f"{path}/mine{rest}{DRY}", body, content)

    return act


RESTART = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}}
_IMAGE = {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "evil"}]}}}}

SCALE, EDIT = _on_deployment("/scale", {"spec": {"replicas": 3}}), _on_deployment("", _IMAGE)
RESTART_IT, DELETE_POD = (
    _on_deployment("", RESTART),
    lambda world, who: world.send(who, "DELETE", _in(world.target, "pods/mine") + DRY),
)


def _binding(subject: dict[str, str], role: str = "view") -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "mine"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    }


_USER = {"kind": "User", "name": "jo", "apiGroup": "rbac.authorization.k8s.io"}
_GROUP = {"kind": "Group", "name": "developers", "apiGroup": "rbac.authorization.k8s.io"}
_OPERATOR = {"kind": "ServiceAccount", "name": "lockflight", "namespace": "lockflight-system"}
_NEIGHBOUR = {"kind": "ServiceAccount", "name": "default", "namespace": "default"}
_DEPLOYER = "lockflight:deployer:{}"
_ACCESS = "lockflight:access:{}"
_RBAC = "rbac.authorization.k8s.io"


def _role(*names: str, resource: str = "users", verb: str = "impersonate") -> dict[str, Any]:
    rule = {"apiGroups": [""], "resources": [resource], "resourceNames": list(names), "verbs": [verb]}
    return {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": {"name": "mine"}, "rules": [rule]}


def _grant(world: World, who: str) -> None:
    """A role that was harmless gets the right to act as a deployer."""
    path = _in(world.target, "roles", _RBAC)
    world.send("super", "POST", path, {**_role(), "rules": []}, again=True)
    rules = {"rules": _role(f"lockflight:deployer:{world.target}")["rules"]}
    world.send(who, "PATCH", f"{path}/mine{DRY}", rules, MERGE_PATCH)


_GUARD: dict[str, Tries] = {
    "nobody works inside the pods": (
        ("exec in production, by whom the annotation names", "ops", _connect("exec", "?command=sh&stdout=true")),
        ("attach in production", "ops", _connect("attach", "?stdout=true")),
        ("port-forward into production", "ops", _connect("portforward", "?ports=80")),
        ("kubectl debug in production", "ops", _debug),
    ),
    "a token would let its bearer": (("a token that outlives the broken glass", "glass", _through_glass(_token)),),
    "Helm keeps here what Lockflight deployed": (
        ("deleting a record of Helm", "ops", _of_record("DELETE")),
        ("editing a record of Helm", "ops", _of_record("PATCH", {"data": {"release": "Zm9yZ2Vk"}})),
        ("taking its label from a record of Helm", "ops", _of_record("PATCH", _labelled(owner="me"))),
        (
            "helm upgrade in production, by its record",
            "ops",
            _create("secrets", _record("other") | {"type": "helm.sh/release.v1"}),
        ),
        ("forging a record of Helm by its name", "ops", _create("secrets", _record("sh.helm.release.v1.other.v1"))),
        (
            "forging a record of Helm by its label",
            "ops",
            _create("secrets", _record("mine", labels={"owner": "helm"})),
        ),
        ("deleting a record of Helm through broken glass", "glass", _through_glass(_of_record("DELETE"))),
    ),
    "which is guarded: promote a release instead": (
        ("cluster-admin creates something in production", "super", _create("configmaps", configmap())),
        ("system:masters creates something in production", "admin", _create("configmaps", configmap())),
        ("the probe in production", "admin", _create("configmaps", configmap(), user="lockflight:probe")),
        ("kubectl edit in production", "super", EDIT),
        ("kubectl scale in production", "super", SCALE),
        ("another image under cover of a restart", "sre", EDIT),
        ("a pod of one's own in production", "super", _create("pods", _pod())),
        (
            "deleting what a chart brought",
            "super",
            lambda w, who: w.send(who, "DELETE", _in(w.target, "serviceaccounts/default") + DRY),
        ),
        ("a pod that a chart brought writes", "pod", _create("configmaps", configmap())),
        ("a controller does another one's work", "scheduler", _create("configmaps", configmap())),
        ("the break-glass group without broken glass", "glass", _create("configmaps", configmap())),
        ("somebody else while the glass is broken", "super", _through_glass(_create("configmaps", configmap()))),
        ("rights handed out in production", "ops2", _create("rolebindings", _binding(_USER), _RBAC)),
        ("the probe of the operator", "admin", _create("configmaps", configmap(), user="lockflight:probe")),
    ),
}

_ROOT: dict[str, Tries] = {
    "nobody works inside the pods": (
        ("exec where the operator runs", "super", in_root(_connect("exec", "?command=sh&stdout=true"))),
        ("system:masters attaches to the operator", "admin", in_root(_connect("attach", "?stdout=true"))),
    ),
    "a token would let its bearer": (("minting a token of the operator", "super", in_root(_token)),),
    "where Lockflight runs": (
        ("a pod that runs as the operator", "ops", in_root(_create("pods", _pod(serviceAccountName="default")))),
        ("rights on the operator's namespace", "ops", in_root(_create("rolebindings", _binding(_USER), _RBAC))),
        ("another configuration of the operator", "ops", in_root(_create("configmaps", configmap()))),
    ),
}


def _label_it(world: World, who: str) -> None:
    labels = _labelled(**{"pod-security.kubernetes.io/enforce": "privileged"})
    world.send(who, "PATCH", f"/api/v1/namespaces/{world.target}{DRY}", labels, MERGE_PATCH)


_GLASS: dict[str, Tries] = {
    "the operator mends broken glass": (
        ("the operator labels a namespace", "operator", _label_it),
        ("the operator annotates a namespace", "operator", lambda w, who: annotate(w, who, {"a": "b"}, dry=True)),
    ),
    "you may not break or mend the glass": (
        ("breaking the glass without the right", "nosy", _glass(lambda: instant(minutes=5))),
        ("the break-glass group opens by itself", "glass", _glass(lambda: instant(minutes=5))),
    ),
    "is broken already": (
        ("prolonging an opening", "incident", _while_open(lambda: {UNTIL: instant(hours=1)})),
        ("another reason for an opening", "incident", _while_open(lambda: {REASON: "INC-2"})),
        ("another name on an opening", "incident", _while_open(lambda: {OPENED_BY: "jo"})),
    ),
    "say why in annotation": (
        ("breaking the glass without a reason", "incident", _glass(lambda: instant(minutes=5), " ")),
    ),
    "is an instant such as": (
        ("breaking the glass for a day", "incident", _glass(lambda: instant(days=1))),
        ("breaking the glass for ever", "incident", _glass(lambda: "always")),
        ("breaking the glass into the past", "incident", _glass(lambda: instant(minutes=-5))),
        ("breaking the glass by a forged clock", "incident", lambda w, who: _forged(w, who)),
    ),
}


def _forged(world: World, who: str) -> None:
    """An entry of managed fields from the future, so that a day seems to be an hour."""
    path = f"/api/v1/namespaces/{world.target}"
    found = world.send("admin", "GET", path)
    until = instant(days=1)
    found["metadata"].setdefault("annotations", {}).update({UNTIL: until, REASON: "INC-1"})
    found["metadata"]["managedFields"].insert(
        0,
        {
            "manager": "later",
            "operation": "Update",
            "apiVersion": "v1",
            "time": instant(hours=23),
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:metadata": {"f:annotations": {f"f:{UNTIL}": {}}, "f:labels": {"f:later": {}}}},
        },
    )
    world.send(who, "PUT", path + DRY, found)


def _gives(kind: str, name: str) -> Act:
    subject = {"kind": kind, "name": name, "apiGroup": _RBAC}
    return _create("rolebindings", _binding(subject, "lockflight-access-edit"), _RBAC, _ACCESS)


def _unbind(world: World, who: str) -> None:
    """A binding that is not the ladder's."""
    path = _in(world.target, "rolebindings", _RBAC)
    world.send("super", "POST", path, {**_binding(_USER), "metadata": {"name": "theirs"}}, again=True)
    world.send(who, "DELETE", f"{path}/theirs{DRY}", as_user=_ACCESS.format(world.target))


_DEPLOYERS: dict[str, Tries] = {
    "works in its own namespace alone": (
        (
            "a deployer in another namespace",
            "admin",
            _create("configmaps", configmap(), user="lockflight:deployer:elsewhere"),
        ),
    ),
    "a chart binds roles to service accounts": (
        ("a chart that gives a user rights", "admin", _create("rolebindings", _binding(_USER), _RBAC, _DEPLOYER)),
        ("a chart that gives a group rights", "admin", _create("rolebindings", _binding(_GROUP), _RBAC, _DEPLOYER)),
        (
            "a chart that gives a neighbour's account rights",
            "admin",
            _create("rolebindings", _binding(_NEIGHBOUR), _RBAC, _DEPLOYER),
        ),
    ),
    "writes the bindings of the access ladder, nothing else": (
        ("the user of access rights deploys", "admin", _create("configmaps", configmap(), user=_ACCESS)),
        ("the user of access rights makes a role", "admin", _create("roles", _role(), _RBAC, _ACCESS)),
    ),
    "binds the roles of the access ladder alone": (
        (
            "the user of access rights binds cluster-admin",
            "admin",
            _create("rolebindings", _binding(_USER, "cluster-admin"), _RBAC, _ACCESS),
        ),
        ("the user of access rights takes the deployer's rights away", "admin", lambda w, who: _unbind(w, who)),
    ),
    "gives access to people and robots by name": (
        ("the user of access rights lets everybody in", "admin", _gives("Group", "system:authenticated")),
        ("the user of access rights lets a deployer in", "admin", _gives("User", "lockflight:deployer:elsewhere")),
        (
            "the user of access rights lets the operator in",
            "admin",
            _create("rolebindings", _binding(_OPERATOR, "lockflight-access-edit"), _RBAC, _ACCESS),
        ),
    ),
}

_IMPERSONATION: dict[str, Tries] = {
    "whom every policy lets through": (
        (
            "a role to act as a deployer",
            "ops",
            lambda w, who: _create("roles", _role(f"lockflight:deployer:{w.target}"), _RBAC)(w, who),
        ),
        (
            "a role to act as the operator",
            "ops",
            _create("roles", _role("system:serviceaccount:lockflight-system:lockflight"), _RBAC),
        ),
        ("a role to act as the probe", "ops", _create("roles", _role("lockflight:probe"), _RBAC)),
        (
            "a role to act as a deployer for some verbs",
            "ops",
            lambda w, who: _create(
                "roles", _role(f"lockflight:deployer:{w.target}", verb="impersonate:user-info"), _RBAC
            )(w, who),
        ),
        ("a role that comes to act as a deployer", "ops", _grant),
    ),
    "is bound to the operator alone": (
        (
            "being bound as the operator is",
            "ops",
            _create("rolebindings", _binding(_USER, "lockflight-stack-admission-impersonate"), _RBAC),
        ),
    ),
}


def _only_report(world: World, who: str) -> None:
    labels = _labelled(**{"lockflight.dev/guard": "Audit"})
    world.send(who, "PATCH", f"/api/v1/namespaces/{world.target}{DRY}", labels, MERGE_PATCH)


def _probe_in_earnest(world: World, who: str) -> None:
    path = _in(world.namespace, "configmaps")
    world.send(who, "POST", path, configmap("probed"), as_user="lockflight:probe", again=True)


_PROBE: dict[str, Tries] = {
    "only asks whether a guard holds": (("the probe writes in earnest", "admin", _probe_in_earnest),),
}
POLICIES = {
    "probe": _PROBE,
    "guard": _GUARD,
    "guard-root": _ROOT,
    "break-glass": _GLASS,
    "deployer": _DEPLOYERS,
    "impersonation": _IMPERSONATION,
}
NAMESPACES: dict[str, Tries] = {
    "bind namespace": (
        (
            "naming oneself in the annotation",
            "nosy",
            lambda w, who: annotate(w, who, {WRITERS: "user:nosy update secrets"}, dry=True),
        ),
        ("dropping the annotation", "nosy", lambda w, who: annotate(w, who, {WRITERS: None}, dry=True)),
        ("a guard that only reports", "nosy", _only_report),
    ),
    "no line of it is": (
        ("a malformed annotation", "super", lambda w, who: annotate(w, who, {WRITERS: "user:a everything"}, dry=True)),
        (
            "everybody in the annotation",
            "super",
            lambda w, who: annotate(w, who, {WRITERS: "group:system:authenticated update secrets"}, dry=True),
        ),
        (
            "everything in the annotation",
            "super",
            lambda w, who: annotate(w, who, {WRITERS: "user:jo update *"}, dry=True),
        ),
    ),
}
