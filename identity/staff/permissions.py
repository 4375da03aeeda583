"""What each role of our own people may do; the one table that routes and pages ask.

Who manages the others looks into no workspace, so that nobody can grant themselves a look.
"""

from typing import ClassVar, Final, Literal, get_args

from processors.errors import DomainError

StaffRole = Literal["support", "privacy_officer", "admin"]
STAFF_ROLES: Final[tuple[StaffRole, ...]] = get_args(StaffRole)
# answer: cases are read, sorted and replied to. decide: they are carried out, refused, closed; the registers are kept.
StaffPermission = Literal["look", "read_record", "manage_staff", "answer", "decide"]

_GRANTED: Final[dict[StaffRole, frozenset[StaffPermission]]] = {
    "support": frozenset({"look", "answer"}),
    "privacy_officer": frozenset({"look", "read_record", "answer", "decide"}),
    "admin": frozenset({"manage_staff", "answer", "decide"}),
}


class StaffNotPermitted(DomainError):
    """The role does not allow it; permanent until the role changes."""

    code: ClassVar[str] = "staff_not_permitted"


def staff_may(role: StaffRole, permission: StaffPermission) -> bool:
    return permission in _GRANTED[role]
