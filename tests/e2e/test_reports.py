"""The forecast and the governance documents, of what really happened, with the rights that people have."""

import json
from pathlib import Path

from tests.e2e.stack import Stack, eventually
from tests.unit.cli.reading import html_cells, markdown_cells, pdf_text, squeezed

TWO = [
    {"name": "integration", "tier": "Integration"},
    {
        "name": "production",
        "tier": "Production",
        "spec": {
            "promotesFrom": ["integration"],
            "changeControl": {"normal": {"approvals": [{"role": "cab", "count": 1}]}},
        },
    },
]
SCOPE = [{"id": "PAY-381", "title": "Refund <b>limits</b> | more"}]


def test_plan_names_who_is_next_and_documents_tell_what_happened(stack: Stack, tmp_path: Path) -> None:
    stack.install(TWO)
    release = stack.release("1.0.0", scope=SCOPE)
    stack.reaches(f"{release}-integration", "Succeeded")

    said = json.loads(stack.lockflight("plan", release, "--to", "production", "-o", "json", person="admin").stdout)
    assert [leg["passed"] for leg in said["legs"]] == [True, False]
    rows = {row["who"]: row["holders"] for row in said["legs"][-1]["waitingFor"]}
    assert rows["cab"] == ["Group cab"]
    # A developer may read the stack, and is told the role where RBAC is not theirs to read.
    told = stack.lockflight("plan", release, "--to", "production", person="jo")
    assert (told.returncode, "it may start as soon as people act" in told.stdout) == (0, True), told.stderr

    production = stack.promote(release, "production")
    change = stack.change("chg-1", release)
    stack.approve(change, "alice")
    stack.reaches(production, "Succeeded")
    eventually(lambda: stack.status("lfchg", change).get("usedBy", [{}])[0].get("finished"), "the use to be finished")

    for kind, name in (("release", release), ("change", change), ("environment", "production")):
        written = {form: tmp_path / f"{kind}.{form}" for form in ("md", "html", "pdf")}
        for path in written.values():
            done = stack.lockflight("report", kind, name, "--file", str(path), person="admin")
            assert done.returncode == 0, done.stderr
        cells = _facts(markdown_cells(written["md"].read_text()))
        assert _facts(html_cells(written["html"].read_text())) == cells
        text = pdf_text(written["pdf"].read_bytes())
        assert not [cell for cell in cells if squeezed(cell) not in text]
        assert {"alice", change, production, "Succeeded"} <= set(cells)
        # Sealed, each with its hash.
        assert [cell for cell in cells if cell.startswith(f"{stack.name}-0000")]
    assert "Refund <b>limits</b> | more" in markdown_cells((tmp_path / "release.md").read_text())

    # Whoever may not read the operator's namespace still gets the document, and is told what is left out.
    theirs = stack.lockflight("report", "change", change, person="jo")
    assert theirs.returncode == 0, theirs.stderr
    assert "could not be read with the rights of the reader" in theirs.stdout


def _facts(cells: list[str]) -> list[str]:
    """Without the line that says when it was read: a minute may pass in between."""
    return [cells[0], *cells[2:]]
