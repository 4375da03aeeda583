"""Which clause of the policy is proved by which tests, and how these ended last: `make policy-report`.

The last line is one JSON object: {"clauses", "proved", "failing"}. proved counts the clauses all of whose tests passed when they
ran last on this machine; failing lists every other one: those of which a test failed, or has not run here, or that no test proves.
Of which some tests have not run and none failed, a line before says so, and so does one of results of another commit than is here
now. It exits with 1 unless all clauses are proved.
"""

import ast
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from compliance.versions import CLAUSES_OF_ALL

TESTS: Final = Path(__file__).resolve().parent
# Test -> ["passed", "failed" or "not run here", the commit], as every run on this machine left it.
RESULTS: Final = TESTS.parent / ".cache" / "policy-results.json"
PLANTED: Final = TESTS.parent / "docs" / "proofs.md"
_PROVED: Final = "proved"
_FAILING: Final = "failing"
NOT_RUN: Final = "not run here"
# Of a commit with changes that are not in it.
_CHANGED: Final = "+"
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


class Result(NamedTuple):
    """How a test ended, and the code that it ran on: a commit, with _CHANGED behind it for what was not in it; "" where nobody knows."""

    ended: str
    commit: str


def results() -> dict[str, Result]:
    """How each test ended when it ran last here; empty before the first run."""
    try:
        kept: dict[str, list[str] | str] = json.loads(RESULTS.read_text())
    except (OSError, ValueError):
        return {}
    return {test: Result(each, "") if isinstance(each, str) else Result(*each) for test, each in kept.items()}


def keep(ended: Mapping[str, str]) -> None:
    """Remembers how tests ended, and on which commit, next to those that did not run this time."""
    commit = code_here()
    RESULTS.parent.mkdir(exist_ok=True)
    kept = results() | {test: Result(each, commit) for test, each in ended.items()}
    RESULTS.write_text(json.dumps(kept, indent=1, sort_keys=True))


def code_here() -> str:
    """The commit that is here, as a `Result` names it."""
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        return commit + _CHANGED if _git("status", "--porcelain") else commit
    except (OSError, subprocess.CalledProcessError):
        return ""


def _is_known(commit: str) -> bool:
    return commit != "" and not commit.endswith(_CHANGED)


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=TESTS.parent, check=True, capture_output=True, text=True)
    return done.stdout.strip()


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
    return NOT_RUN if NOT_RUN in ended else _PROVED


def report(found: Mapping[str, Sequence[str]], ran: Mapping[str, Result], here: str) -> Iterator[str]:
    """The lines. found: clause -> its tests; ran: how each ended when it ran last here, nothing for one that has not; here: the commit.

    What ran with changes that are in no commit may have run on any others, so it counts as other code.
    """
    ended = {test: each.ended for test, each in ran.items()}
    older = {test: each.commit or "unknown" for test, each in ran.items() if each.commit != here or not _is_known(here)}
    verdicts: dict[str, list[str]] = {_PROVED: [], _FAILING: [], NOT_RUN: []}
    for clause in CLAUSES_OF_ALL.values():
        tests = {test: ended.get(test, NOT_RUN) for test in found.get(clause.id, [])}
        verdict = _verdict(tests.values())
        verdicts[verdict].append(clause.id)
        count = f"{len(tests) or 'no'} test{'' if len(tests) == 1 else 's'}"
        yield f"{clause.id:8} {verdict.upper()}: {clause.heading} ({count})"
        for test, result in tests.items():
            of = f" (of {older[test]})" if test in older else ""
            yield f"         {result:12} {test}{of}"
    if verdicts[NOT_RUN]:
        yield f"Not run here yet, so not proved (make test runs them): {', '.join(verdicts[NOT_RUN])}"
    if stale := older.keys() & {test for tests in found.values() for test in tests}:
        yield f"Of other code than is here ({here or 'unknown'}): the results of {len(stale)} tests (make test renews them)"
    proved = verdicts[_PROVED]
    # What nobody has looked at is not fine.
    failing = [clause_id for clause_id in CLAUSES_OF_ALL if clause_id not in proved]
    yield json.dumps({"clauses": len(CLAUSES_OF_ALL), "proved": len(proved), "failing": failing})


def main() -> int:
    """0 when every clause is proved, 1 else."""
    lines = list(report(proofs(), results(), code_here()))
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 1 if json.loads(lines[-1])["failing"] else 0


if __name__ == "__main__":
    sys.exit(main())
