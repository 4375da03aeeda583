"""What the pages for readers name is there."""

import ast
import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
PROOF = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
FILE = re.compile(
    r"`((?:ai|api|bench|compliance|config|deploy|docs|identity|ledger|processors|realtime|sandbox|tests|voice)/[\w/.]+\.\w+)`"
)


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_proof_that_the_page_of_security_names_exists() -> None:
    named = set(PROOF.findall((PROJECT / "docs" / "security.md").read_text()))
    assert len(named) > 50
    missing = [f"{path}::{test}" for path, test in sorted(named) if test not in functions_of(PROJECT / path)]
    assert missing == []


def test_every_file_that_a_page_names_exists() -> None:
    for page in [PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")]:
        named = set(FILE.findall(page.read_text()))
        assert {name for name in named if not (PROJECT / name).exists()} == set(), page.name
