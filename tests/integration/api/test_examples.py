"""The examples are what the API server takes, not only what our models take."""

import pytest
import yaml

from lockflight.devcluster.providers import ClusterLike
from tests.documents import ROOT

FOLDER = ROOT / "manifests/examples"
FILES = sorted(path for path in FOLDER.rglob("*.yaml") if "values" not in path.name and path.stem != "kustomization")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_an_example_is_accepted(cluster: ClusterLike, path: object) -> None:
    text = (FOLDER / str(path)).read_text()
    documents = [obj for obj in yaml.safe_load_all(text) if obj]
    namespaces = {obj["metadata"]["namespace"] for obj in documents if "namespace" in obj["metadata"]}
    for name in sorted(namespaces):
        cluster.kubectl("apply", "-f", "-", stdin=f"{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}")
    said = cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)
    assert said.count("(server dry run)") == len(documents)
