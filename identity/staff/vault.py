"""The secrets of second factors, sealed with keys of their own (STAFF_SECRET_KEYS)."""

from typing import ClassVar

from identity.staff.models import StaffMember
from processors.errors import DomainError
from processors.seal import SealUnreadable


class SecretUnreadable(DomainError):
    """None of the keys opens a secret: the key that sealed it is no longer among the settings; permanent until it is."""

    code: ClassVar[str] = "staff_secret_unreadable"


def secret_of(member: StaffMember) -> str:
    """Raises SecretUnreadable."""
    try:
        return member.totp_secret
    except SealUnreadable:
        raise SecretUnreadable(
            "Your second factor cannot be read on this server. Ask whoever runs it to reset you."
        ) from None
