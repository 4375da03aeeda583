"""Which clause of the policy is proved by which tests, and how these ended last: `make policy-report`.

The last line is one JSON object: {"clauses", "proved", "failing"}; failing lists the clauses of which no test passed, or one
did not when it ran last on this machine.
"""

import ast
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

from compliance.clauses import CLAUSES

TESTS: Final = Path(__file__).resolve().parent
# Test -> "passed" or "failed", as every run on this machine left it.
RESULTS: Final = TESTS.parent / ".cache" / "policy-results.json"


def proofs() -> dict[str, list[str]]:
    """Clause id -> tests that carry its mark, as path::name."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for clause_id in _marks(node):
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


def _marks(test: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    return [
        argument.value
        for mark in test.decorator_list
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
