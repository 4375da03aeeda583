"""What differs between two wordings of the policy, word by word. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, Literal

from compliance.clauses import Clause

_WORD: Final = re.compile(r"\S+\s*")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of words: in both wordings, only in the new one, or only in the old one."""

    kind: Literal["same", "new", "gone"]
    text: str


@dataclass(frozen=True, slots=True)
class ClauseChange:
    kind: Literal["added", "removed", "changed"]
    clause: Clause
    pieces: Sequence[Piece]


def differences(before: Sequence[Clause], after: Sequence[Clause]) -> list[ClauseChange]:
    """The clauses that differ, in the order of the newer wording; removed ones stand at the end of their section."""
    old, new = ({clause.id: clause for clause in wording} for wording in (before, after))
    found = [_change(old.get(clause.id), clause) for clause in after if old.get(clause.id) != clause]
    found += [
        ClauseChange("removed", clause, [Piece("gone", clause.text)]) for clause in before if clause.id not in new
    ]
    return sorted(found, key=lambda change: change.clause.section)


def _change(old: Clause | None, new: Clause) -> ClauseChange:
    if old is None:
        return ClauseChange("added", new, [Piece("new", new.text)])
    return ClauseChange("changed", new, list(_pieces(old.text, new.text)))


def _pieces(old: str, new: str) -> Iterator[Piece]:
    before, after = _WORD.findall(old), _WORD.findall(new)
    compared = SequenceMatcher(
        None, [word.strip() for word in before], [word.strip() for word in after], autojunk=False
    )
    for kind, start, end, new_start, new_end in compared.get_opcodes():
        if kind == "equal":
            yield Piece("same", "".join(after[new_start:new_end]))
            continue
        if start < end:
            yield Piece("gone", "".join(before[start:end]))
        if new_start < new_end:
            yield Piece("new", "".join(after[new_start:new_end]))
