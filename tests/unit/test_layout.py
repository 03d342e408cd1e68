"""How the checkout is laid out."""

import operator

from tests.documents import ROOT


def test_operator_is_no_package() -> None:
    """An operator/__init__.py would shadow the standard library's module for whoever runs Python in the checkout."""
    assert not (ROOT / "operator" / "__init__.py").exists()
    assert operator.add(1, 1) == 2
