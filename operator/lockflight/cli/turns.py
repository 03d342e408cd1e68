"""Whose turn it is, with whom RBAC gives the role, as far as the person may read RBAC."""

from dataclasses import dataclass, field

from lockflight.api.promotion import WaitingFor
from lockflight.cli.app import App
from lockflight.cli.errors import CliError, UnreachableError
from lockflight.cli.holders import Manifest, by_name

RBAC = "/apis/rbac.authorization.k8s.io/v1"
_VERBS = ("approve", "sign-off", "attest")


@dataclass(slots=True)
class Turns:
    """Reads RBAC once, when it is first asked."""

    app: App
    _read: tuple[list[Manifest], dict[tuple[str, str], Manifest]] | None = field(default=None, init=False)

    def holders(self, row: WaitingFor) -> tuple[str, ...]:
        """Who holds the role that ``row`` names, such as ``Group cab``; none where it is no role, or nobody knows."""
        bindings, roles = self._rbac()
        verbs = _VERBS[1:] if "once it runs" in row.what or "sign-off" in row.what else _VERBS
        return tuple(f"{one.kind} {one.name}" for one in by_name(bindings, roles, verbs, row.who.rpartition("/")[2]))

    def may(self, right: str) -> tuple[str, ...]:
        """Who holds a right such as ``sign-off on approvalroles/qa``; none where nobody knows."""
        verb, _, resource = right.partition(" on ")
        bindings, roles = self._rbac()
        return tuple(f"{one.kind} {one.name}" for one in by_name(bindings, roles, [verb], resource.rpartition("/")[2]))

    def _rbac(self) -> tuple[list[Manifest], dict[tuple[str, str], Manifest]]:
        if self._read is None:
            self._read = self._asked()
        return self._read

    def _asked(self) -> tuple[list[Manifest], dict[tuple[str, str], Manifest]]:
        api, own = self.app.api, f"{RBAC}/namespaces/{self.app.namespace}"
        try:
            roles: dict[tuple[str, str], Manifest] = {
                **{("ClusterRole", r["metadata"]["name"]): r for r in api.items(f"{RBAC}/clusterroles")},
                **{("Role", r["metadata"]["name"]): r for r in api.items(f"{own}/roles")},
            }
            bindings: list[Manifest] = [*api.items(f"{RBAC}/clusterrolebindings"), *api.items(f"{own}/rolebindings")]
        except UnreachableError:
            raise
        except CliError:
            # Whoever may not read RBAC is told the role alone.
            return [], {}
        return bindings, roles
