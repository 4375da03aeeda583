"""What each role of our own people may do; the one table that routes and pages ask.

Who manages the others looks into no workspace, so that nobody can grant themselves a look.
"""

from typing import ClassVar, Final, Literal, get_args

from processors.errors import DomainError

StaffRole = Literal["support", "privacy_officer", "admin"]
STAFF_ROLES: Final[tuple[StaffRole, ...]] = get_args(StaffRole)
StaffPermission = Literal["look", "read_record", "manage_staff"]

_GRANTED: Final[dict[StaffRole, frozenset[StaffPermission]]] = {
    "support": frozenset({"look"}),
    "privacy_officer": frozenset({"look", "read_record"}),
    "admin": frozenset({"manage_staff"}),
}


class StaffNotPermitted(DomainError):
    """The role does not allow it; permanent until the role changes."""

    code: ClassVar[str] = "staff_not_permitted"


def staff_may(role: StaffRole, permission: StaffPermission) -> bool:
    return permission in _GRANTED[role]
