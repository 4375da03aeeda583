"""What each role may do in its workspace; the one table that routes, queries and pages ask."""

from typing import ClassVar, Final, Literal, get_args

from processors.errors import DomainError

Role = Literal["owner", "manager", "rep"]
Permission = Literal["buy_credits", "see_team", "manage_members", "manage_keys", "manage_webhooks", "manage_workspace"]

_GRANTED: dict[Role, frozenset[Permission]] = {
    "owner": frozenset(
        {"buy_credits", "see_team", "manage_members", "manage_keys", "manage_webhooks", "manage_workspace"}
    ),
    "manager": frozenset({"buy_credits", "see_team", "manage_members", "manage_keys", "manage_webhooks"}),
    "rep": frozenset(),
}

# What a program may be allowed by its key, next to what the role of whoever made the key allows.
Scope = Literal["leads:read", "leads:write", "calls:read", "credits:read", "questions:ask"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

AppointedRole = Literal["manager", "rep"]
APPOINTED: Final[tuple[AppointedRole, ...]] = ("manager", "rep")
_APPOINTS: dict[Role, frozenset[Role]] = {
    "owner": frozenset({"manager", "rep"}),
    "manager": frozenset({"rep"}),
    "rep": frozenset(),
}


class NotPermitted(DomainError):
    """The role does not allow it; permanent until the role changes."""

    code: ClassVar[str] = "not_permitted"


def may(role: Role, permission: Permission) -> bool:
    return permission in _GRANTED[role]


def may_appoint(role: Role, other: Role) -> bool:
    """Whether somebody of a role may make others that, invite them as that, and remove them while they are that."""
    return other in _APPOINTS[role]


def roles_that_may(permission: Permission) -> list[Role]:
    return [role for role in _GRANTED if may(role, permission)]
