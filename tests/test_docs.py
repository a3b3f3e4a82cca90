"""The map and the guide name files and folders that are there."""

import re
from pathlib import Path

import pytest

import pytest_resilience
import resilience

ROOT = Path(__file__).parents[1]
DOCUMENTS = ["docs/architecture.md", "CONTRIBUTING.md"]
HOMES = {
    "resilience": Path(resilience.__file__).parent,
    "pytest_resilience": Path(pytest_resilience.__file__).parent,
    "clock": Path(pytest_resilience.__file__).parent / "clock",
    "tests": ROOT / "tests",
}
PATHS = [
    (document, *found)
    for document in DOCUMENTS
    for found in re.findall(rf"`({'|'.join(HOMES)})/([\w/.]*)`", (ROOT / document).read_text("utf-8"))
]


@pytest.mark.parametrize(("document", "home", "path"), PATHS)
def test_every_path_in_a_document_exists(document, home, path):
    """A path between backticks is a file or a folder of the repository."""
    assert (HOMES[home] / path).exists(), f"{document} names {home}/{path}"


def test_the_map_has_every_folder():
    """Each folder of both packages is named on the map."""
    text = (ROOT / DOCUMENTS[0]).read_text("utf-8")
    folders = {
        f"{path.parent.name}/"
        for package in ("resilience", "pytest_resilience")
        for path in HOMES[package].rglob("__init__.py")
        if path.parent != HOMES[package]
    }
    assert {folder for folder in folders if folder not in text} == set()
