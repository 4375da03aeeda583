"""Whose data is meant, from what a person of support types; and how our own people are called in what they did."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from identity.contact import parse_mobile
from identity.email_proof import account_of
from identity.staff.actor import staff_ref
from identity.staff.models import StaffMember
from processors.errors import DomainError


class AccountUnknown(DomainError):
    """No account has this e-mail address."""

    code: ClassVar[str] = "account_unknown"


@dataclass(frozen=True, slots=True)
class Named:
    """An account, or the number of somebody without one; neither when nothing was typed."""

    user_id: UUID | None = None
    phone_e164: str = ""


def whose(typed: str, *, now: datetime) -> Named:
    """By the whole e-mail of an account, or by a number with its country code. Raises AccountUnknown, MobileInvalid."""
    wanted = typed.strip()
    if not wanted:
        return Named()
    if "@" not in wanted:
        return Named(phone_e164=parse_mobile(wanted))
    user = account_of(wanted, now=now)
    if user is None:
        raise AccountUnknown("No account has this e-mail. Check it, or give the number that was called.")
    return Named(user_id=user.id)


def names_of(refs: Iterable[str]) -> dict[str, str]:
    """First names of ours by how the audit log calls them; everybody else keeps their role, customers become "requester"."""
    wanted = set(refs)
    known = {staff_ref(id_): name for id_, name in StaffMember.objects.values_list("id", "first_name")}
    return {ref: known.get(ref) or (ref if ref in ("system", "operator") else "requester") for ref in wanted}
