"""The packages of extraction stand on each other, and no module looks upwards."""

import pytest

from tests import ROOT
from tests.unit.test_architecture import imports_of

_EXTRACTION = "functions.worker.extraction"
_BELOW: dict[str, set[str]] = {
    "values": set(),
    "documents": {"values"},
    "structured": {"documents", "values"},
    "fields": {"structured", "documents", "values"},
    "readymade": {"structured", "documents", "values"},
}


@pytest.mark.parametrize("package", _BELOW)
def test_a_package_imports_only_those_below_it(package: str) -> None:
    folder = ROOT / _EXTRACTION.replace(".", "/") / package
    imported = {
        name.removeprefix(f"{_EXTRACTION}.").partition(".")[0]
        for path in folder.glob("*.py")
        for name in imports_of(path)
        if name.startswith(_EXTRACTION)
    }

    assert imported - {package} <= _BELOW[package]


def test_values_know_no_page_and_no_element() -> None:
    folder = ROOT / _EXTRACTION.replace(".", "/") / "values"
    names = {name.partition(".")[0] for path in folder.glob("*.py") for name in imports_of(path)}

    assert not names & {"selectolax", "lxml", "jmespath"}
