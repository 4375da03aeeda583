"""What each role may do in its workspace; the one table that routes, queries and pages ask."""

from typing import ClassVar, Literal

from processors.errors import DomainError

Role = Literal["owner", "manager", "rep"]
Permission = Literal["buy_credits", "see_team", "manage_members", "manage_workspace"]

_GRANTED: dict[Role, frozenset[Permission]] = {
    "owner": frozenset({"buy_credits", "see_team", "manage_members", "manage_workspace"}),
    "manager": frozenset({"buy_credits", "see_team", "manage_members"}),
    "rep": frozenset(),
}


class NotPermitted(DomainError):
    """The role does not allow it; permanent until the role changes."""

    code: ClassVar[str] = "not_permitted"


def may(role: Role, permission: Permission) -> bool:
    return permission in _GRANTED[role]


def roles_that_may(permission: Permission) -> list[Role]:
    return [role for role in _GRANTED if may(role, permission)]
