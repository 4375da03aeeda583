"""The words of every refusal, as they stand in the source: what people and programs are told instead of what they asked for."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from tests.house.house import FLOORS, name_of, sources

# Where a text or a value of another module stands in one: some word, which is no step.
_SOME: Final = "something"
# What says no without being an error: its words are the named argument, or stand in this place.
_TELLERS: Final = {"problem": ("detail", 2), "Refusal": ("message", 1)}
_TELLERS_FLOORS: Final = ("api", "config", "voice")


@dataclass(frozen=True, slots=True)
class RefusalText:
    """said_by: the class of the error, or the function. text: None where it is made when it is said."""

    file: str
    line: int
    said_by: str
    text: str | None


def refusal_texts(errors: frozenset[str]) -> Iterator[RefusalText]:
    """errors: the names of the classes whose words are looked for, besides what is said without one."""
    for path in sources(*FLOORS):
        tree = ast.parse(path.read_text())
        caught = {each.type for each in ast.walk(tree) if isinstance(each, ast.ExceptHandler)}
        for node in ast.walk(tree):
            if node in caught:
                continue
            for said_by, words in _said(node, errors):
                if said_by in _TELLERS and name_of(path).split("/")[0] not in _TELLERS_FLOORS:
                    continue
                for each in [words.body, words.orelse] if isinstance(words, ast.IfExp) else [words]:
                    yield RefusalText(name_of(path), words.lineno, said_by, _text(each, tree))


def _said(node: ast.AST, errors: frozenset[str]) -> Iterator[tuple[str, ast.expr]]:
    """Who says what in this node: an error that is made, a table of errors, an error's own words, or an answer."""
    if isinstance(node, ast.Call):
        said_by = node.func.id if isinstance(node.func, ast.Name) else ""
        if said_by in errors:
            strings = [each for each in node.args if not _is_code(each)]
            yield from ((said_by, words) for words in strings[-1:])
        elif said_by in _TELLERS:
            name, place = _TELLERS[said_by]
            named = [each.value for each in node.keywords if each.arg == name]
            yield said_by, (named or node.args[place:])[0]
    elif isinstance(node, ast.Tuple) and len(node.elts) == 2 and _name(node.elts[0]) in errors:
        yield _name(node.elts[0]), node.elts[1]
    elif isinstance(node, ast.ClassDef) and node.name in errors:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call) and ast.unparse(inner.func) == "super().__init__":
                yield node.name, inner.args[0]


def _is_code(words: ast.expr) -> bool:
    return isinstance(words, ast.Constant) and bool(re.fullmatch(r"[a-z0-9_]+", str(words.value)))


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _text(words: ast.expr, tree: ast.Module) -> str | None:
    if isinstance(words, ast.Constant) and isinstance(words.value, str):
        return words.value
    if isinstance(words, ast.JoinedStr):
        return "".join(_text(part, tree) or _SOME for part in words.values)
    if isinstance(words, ast.BinOp):
        left, right = _text(words.left, tree), _text(words.right, tree)
        return None if left is None or right is None else left + right
    if isinstance(words, ast.Name) and tree.body:
        return _constants_of(tree).get(words.id) or _constants().get(words.id)
    return None


def _constants_of(tree: ast.Module) -> dict[str, str]:
    """The module's own strings, by name."""
    found: dict[str, str] = {}
    for node in tree.body:
        target = (
            node.targets[0]
            if isinstance(node, ast.Assign)
            else node.target
            if isinstance(node, ast.AnnAssign)
            else None
        )
        if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            text = _text(node.value, ast.Module([], []))
            if text is not None:
                found[target.id] = text
    return found


@cache
def _constants() -> dict[str, str]:
    """Those that modules lend each other: the ones without an underscore."""
    return {
        name: text
        for path in sources(*FLOORS)
        for name, text in _constants_of(ast.parse(path.read_text())).items()
        if not name.startswith("_")
    }
