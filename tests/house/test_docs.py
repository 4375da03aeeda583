"""What the pages for readers name is there."""

import ast
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent.parent
PROOF = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
FILE = re.compile(
    r"`((?:ai|api|bench|compliance|config|deploy|docs|identity|ledger|processors|realtime|sandbox|tests|voice)/[\w/.]+\.\w+)`"
)


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("page", "fewest"), [("security.md", 50), ("proofs.md", 25)])
def test_every_proof_that_a_page_names_exists(page: str, fewest: int) -> None:
    named = set(PROOF.findall((PROJECT / "docs" / page).read_text()))
    assert len(named) > fewest
    missing = [f"{path}::{test}" for path, test in sorted(named) if test not in functions_of(PROJECT / path)]
    assert missing == []


def test_every_file_that_a_page_names_exists() -> None:
    for page in [PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")]:
        named = set(FILE.findall(page.read_text()))
        assert {name for name in named if not (PROJECT / name).exists()} == set(), page.name
