"""Which clause of the policy is proved by which tests: `python -m tests.policy_report`.

The last line is one JSON object: {"clauses", "proved", "failing"}; failing lists the clauses without a test.
"""

import ast
import json
import sys
from collections import defaultdict
from pathlib import Path

from compliance.clauses import CLAUSES

TESTS = Path(__file__).resolve().parent


def proofs() -> dict[str, list[str]]:
    """Clause id -> tests that carry its mark, as path::name."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for clause_id in _marks(node):
                    found[clause_id].append(f"{path.relative_to(TESTS.parent)}::{node.name}")
    return dict(found)


def _marks(test: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    return [
        argument.value
        for mark in test.decorator_list
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.policy"
        for argument in mark.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]


def main() -> None:
    found = proofs()
    for clause in CLAUSES:
        tests = found.get(clause.id, [])
        sys.stdout.write(f"{clause.id:8} {clause.heading}: {len(tests) or 'no'} test{'' if len(tests) == 1 else 's'}\n")
        sys.stdout.writelines(f"         {test}\n" for test in tests)
    missing = [clause.id for clause in CLAUSES if clause.id not in found]
    report = {"clauses": len(CLAUSES), "proved": len(CLAUSES) - len(missing), "failing": missing}
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
