"""How often somebody may change a wish to and fro within a day, so that one proved number does not fill the record without end.

What protects is never refused: calls can always be stopped, and use be restricted. Taking that back is what is counted.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Final

from compliance.case_models import Case
from compliance.models import Suppression
from processors.errors import DomainError
from processors.pseudonyms import pseudonym

A_DAY_MAX: Final = 10
_WITHIN: Final = timedelta(days=1)


class TooManyTurns(DomainError):
    """The same was asked for and taken back too often today; passes with time. Nothing was changed."""

    code: ClassVar[str] = "too_many_turns"
    retryable: ClassVar[bool] = True


def demand_for_case(*, person: str, kind: str, now: datetime) -> None:
    """Raises TooManyTurns when the person had so many cases of the kind within a day."""
    if Case.objects.filter(person=person, kind=kind, opened_at__gt=now - _WITHIN).count() >= A_DAY_MAX:
        raise _refusal()


def demand_for_lifting(*, phone_e164: str, source: str, now: datetime) -> None:
    """Raises TooManyTurns when the source took the number off lists so often within a day."""
    lifted = Suppression.objects.filter(number_key=pseudonym("phone", phone_e164), lifted_at__gt=now - _WITHIN)
    if lifted.filter(lifted_source=source).count() >= A_DAY_MAX:
        raise _refusal()


def _refusal() -> TooManyTurns:
    return TooManyTurns(
        "This was changed ten times within a day. It stays as it is until tomorrow; if that is wrong, write to "
        "support@klosesales.com."
    )
