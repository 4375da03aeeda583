"""Which clause of the policy is proved by which tests, and how these ended last: `make policy-report`.

The last line is one JSON object: {"clauses", "proved", "failing"}; failing lists the clauses of which no test passed, or one
did not when it ran last on this machine.
"""

import ast
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from compliance.clauses import CLAUSES

TESTS: Final = Path(__file__).resolve().parent
# Test -> "passed" or "failed", as every run on this machine left it.
RESULTS: Final = TESTS.parent / ".cache" / "policy-results.json"
PLANTED: Final = TESTS.parent / "docs" / "proofs.md"
_UNSEEN: Final = "Proved by a test that nobody has seen fail: "
# Clauses, what was planted, and the test that turned red.
_ROW: Final = re.compile(r"^\| (C[^|]+) \| [^|]+ \| `([^`]+)` \|$", re.MULTILINE)


@cache
def proofs() -> dict[str, list[str]]:
    """Clause id -> tests that carry its mark, as path::name."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(path.read_text())
        of_all = [each for node in tree.body if _is_mark_of_all(node) for each in _marks_in(ast.walk(node))]
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for clause_id in [*of_all, *_marks_in(node.decorator_list)]:
                    found[clause_id].append(f"{path.relative_to(TESTS.parent)}::{node.name}")
    return dict(found)


def results() -> dict[str, str]:
    """How each test ended when it ran last here; empty before the first run."""
    try:
        kept: dict[str, str] = json.loads(RESULTS.read_text())
    except (OSError, ValueError):
        return {}
    return kept


def keep(ended: dict[str, str]) -> None:
    """Remembers how tests ended, next to those that did not run this time."""
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results() | ended, indent=1, sort_keys=True))


def planted() -> dict[str, set[str]]:
    """Clause id -> tests that were seen to fail with it broken, as docs/proofs.md says."""
    seen: dict[str, set[str]] = defaultdict(set)
    for clauses, test in _ROW.findall(PLANTED.read_text()):
        for clause_id in clauses.split(", "):
            seen[clause_id].add(test)
    return dict(seen)


def not_planted() -> set[str]:
    """Clauses of which docs/proofs.md says that nobody has seen their tests fail yet."""
    _, _, named = PLANTED.read_text().partition(_UNSEEN)
    return set(re.findall(r"C\d[\d.-]*\d|C\d+", named))


def _is_mark_of_all(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"


def _marks_in(nodes: Iterable[ast.AST]) -> list[str]:
    return [
        argument.value
        for mark in nodes
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.policy"
        for argument in mark.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]


def main() -> None:
    found, ended = proofs(), results()
    proved = []
    for clause in CLAUSES:
        tests = {test: ended.get(test, "not run yet") for test in found.get(clause.id, [])}
        if tests and set(tests.values()) == {"passed"}:
            proved.append(clause.id)
        sys.stdout.write(f"{clause.id:8} {clause.heading}: {len(tests) or 'no'} test{'' if len(tests) == 1 else 's'}\n")
        sys.stdout.writelines(f"         {result:11} {test}\n" for test, result in tests.items())
    failing = [clause.id for clause in CLAUSES if clause.id not in proved]
    sys.stdout.write(json.dumps({"clauses": len(CLAUSES), "proved": len(proved), "failing": failing}) + "\n")


if __name__ == "__main__":
    main()
