"""Guards of the books that can be taken away on purpose, in a copy of the project, to see the harness turn red."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.embedded.environment import PROJECT

# Made by the set-up and the same for every copy.
_SHARED: Final = (".cache", ".venv", "frontend/dist")


@dataclass(frozen=True, slots=True)
class Edit:
    """old: stands so often in the file."""

    path: str
    old: str
    new: str
    times: int = 1


_SPEND: Final = "ledger/migrations/0011_checked_by_the_statement.py"
_BOOK: Final = "ledger/operations/book.py"
PLANTS: Final[Mapping[str, tuple[Edit, ...]]] = {
    # The key itself, and the look-up that spares it the refusal.
    "unique_key": (
        Edit(_SPEND, '\nFORWARD = """\n', '\nFORWARD = """\nDROP INDEX ledger_charge_once_per_ordinal;\n'),
        Edit(_SPEND, "WHERE kind = 'charge' AND reference = asked.reference AND ordinal", "WHERE false AND ordinal"),
    ),
    "lock": (
        Edit(_SPEND, "ORDER BY workspace_id FOR NO KEY UPDATE", "ORDER BY workspace_id", times=2),
        Edit(_BOOK, "ORDER BY workspace_id, kind FOR NO KEY UPDATE", "ORDER BY workspace_id, kind"),
    ),
    "settlement": (
        Edit("ledger/operations/holds.py", "adjusted = _adjust(batch, books, hold, total_mcredits)", "adjusted = 0"),
    ),
}


def copy_without(guard: str, folder: Path) -> Path:
    """The project as it stands, committed or not, in a new folder, without this guard."""
    copy = folder / "project"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        source, target = PROJECT / name, copy / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    for name in _SHARED:
        (copy / name).symlink_to(PROJECT / name)
    for edit in PLANTS[guard]:
        path = copy / edit.path
        text = path.read_text()
        if text.count(edit.old) != edit.times:
            raise ValueError(f"{edit.path} has {edit.old!r} {text.count(edit.old)} times, not {edit.times}")
        path.write_text(text.replace(edit.old, edit.new))
    return copy
