"""Our own queries, with the workspace that they ask for taken out of them on their way to the database."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from identity import tenancy

_SCOPE = re.compile(r'((?:"?\w+"?\.)?"?workspace_id"?) (?:= (%s|%\(\w+\)s)|IN \((%s(?:, %s)*)\))')
# Decision 0011: a person has them in several workspaces, so that no policy stands behind these queries.
_LEFT_OUT = '"identity_membership"'


@dataclass(slots=True)
class Unscoped:
    """What `connection.execute_wrapper` takes. here: the workspace of whoever asks.

    forgotten: how many conditions were taken out. kept: how many stayed, because the connection named no workspace.
    """

    here: UUID
    forgotten: int = 0
    kept: int = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().startswith(("SELECT", "WITH")):
            sql = _SCOPE.sub(self._without, sql)
        return execute(sql, params, many, context)

    def _without(self, found: re.Match[str]) -> str:
        column, value, several = found.groups()
        if column.startswith(_LEFT_OUT):
            return found[0]
        if not tenancy.confined_to(self.here):
            self.kept += 1
            return found[0]
        self.forgotten += 1
        # True of the rows of all workspaces; what is asked for is still passed along.
        return f"({column} IS NOT NULL AND ARRAY[{value or several}] IS NOT NULL)"
