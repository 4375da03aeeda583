"""What the pages for readers name is there."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent.parent
PROOF = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
FILE = re.compile(
    r"`((?:ai|api|bench|compliance|config|deploy|docs|frontend|identity|ledger|processors|realtime|sandbox|tests|voice)/[\w/.]+\.\w+)`"
)

PAGE_PROOF = re.compile(r"`frontend/src/[\w/]+\.test\.ts`")
OF_ANOTHER = re.compile(r"[Tt]he (?:first )?tests? of (\d+\.\d+\.\d+)")
NO_TEST = re.compile(r"No test: .{30,}")


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


def test_the_table_of_security_is_counted_right_and_each_gap_has_its_reason() -> None:
    page = (PROJECT / "docs" / "security.md").read_text()
    states = dict(
        re.findall(r"^\| (\d+\.\d+\.\d+) \| .*? \| (met|partly|not met|does not apply) \| .+ \|$", page, re.M)
    )
    of = Counter(states.values())
    said = f"{len(states)} requirements: {of['met']} met, {of['partly']} partly, {of['not met']} not met, {of['does not apply']} do not apply."
    assert said in page
    listed = re.findall(r"^\d+\. \*\*(\d+\.\d+\.\d+)\*\* (partly|not met): (.{10,})$", page, re.M)
    gaps = {row: state for row, state in states.items() if state in ("partly", "not met")}
    assert {row: state for row, state, _ in listed} == gaps and len(listed) == len(gaps)


def test_what_security_says_is_met_is_proved_by_a_test_or_says_why_none_can() -> None:
    page = (PROJECT / "docs" / "security.md").read_text()
    rows = dict(re.findall(r"^\| (\d+\.\d+\.\d+) \| .*? \| met \| (.+) \|$", page, re.M))
    proved = {row for row, text in rows.items() if PROOF.search(text) or PAGE_PROOF.search(text)}
    by_another = {row for row, text in rows.items() if proved.intersection(OF_ANOTHER.findall(text))}
    reasoned = {row for row, text in rows.items() if NO_TEST.search(text)}
    assert sorted(rows.keys() - proved - by_another - reasoned) == []
    # The exception stays one.
    assert len(reasoned) <= 3
