"""Which clause of the policy is proved by which tests, and how these ended last: `make policy-report`.

The last line is one JSON object: {"clauses", "proved", "failing"}. proved counts the clauses all of whose tests passed when they
ran last on this machine; failing lists every other one: those of which a test failed, or has not run here, or that no test proves.
Of which some tests have not run and none failed, the line before says so. It exits with 1 unless all clauses are proved.
"""

import ast
import json
import re
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from compliance.clauses import CLAUSES

TESTS: Final = Path(__file__).resolve().parent
# Test -> "passed" or "failed", as every run on this machine left it.
RESULTS: Final = TESTS.parent / ".cache" / "policy-results.json"
PLANTED: Final = TESTS.parent / "docs" / "proofs.md"
_PROVED: Final = "proved"
_FAILING: Final = "failing"
_NOT_RUN: Final = "not run here"
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


def _verdict(ended: Collection[str]) -> str:
    """Of a clause, from how its tests ended: proved, failing, or not run here."""
    if not ended or "failed" in ended:
        return _FAILING
    return _NOT_RUN if _NOT_RUN in ended else _PROVED


def report(found: Mapping[str, Sequence[str]], ended: Mapping[str, str]) -> Iterator[str]:
    """The lines. found: clause -> its tests; ended: test -> how it ended when it ran last here, nothing for one that has not."""
    verdicts: dict[str, list[str]] = {_PROVED: [], _FAILING: [], _NOT_RUN: []}
    for clause in CLAUSES:
        tests = {test: ended.get(test, _NOT_RUN) for test in found.get(clause.id, [])}
        verdict = _verdict(tests.values())
        verdicts[verdict].append(clause.id)
        count = f"{len(tests) or 'no'} test{'' if len(tests) == 1 else 's'}"
        yield f"{clause.id:8} {verdict.upper()}: {clause.heading} ({count})"
        yield from (f"         {result:12} {test}" for test, result in tests.items())
    if verdicts[_NOT_RUN]:
        yield f"Not run here yet, so not proved (make test runs them): {', '.join(verdicts[_NOT_RUN])}"
    proved = verdicts[_PROVED]
    # What nobody has looked at is not fine.
    failing = [clause.id for clause in CLAUSES if clause.id not in proved]
    yield json.dumps({"clauses": len(CLAUSES), "proved": len(proved), "failing": failing})


def main() -> int:
    """0 when every clause is proved, 1 else."""
    lines = list(report(proofs(), results()))
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 1 if json.loads(lines[-1])["failing"] else 0


if __name__ == "__main__":
    sys.exit(main())
