"""People who have restricted the use of their data, as support does it for who proved it."""

from datetime import UTC, datetime

from compliance import cases
from identity.models import Membership
from processors.pseudonyms import pseudonym
from voice import restricting
from voice.models import Lead


def restricted(who: Membership | Lead) -> None:
    now = datetime.now(UTC)
    if isinstance(who, Lead):
        number = str(who.phone_e164)
        case = cases.open_case(
            kind="restriction",
            channel="callee_page",
            person=pseudonym("phone", number),
            contact=number,
            proof="passcode",
            now=now,
        )
    else:
        case = cases.open_case(
            kind="restriction",
            channel="privacy_centre",
            person=pseudonym("user", who.user_id),
            user_id=who.user_id,
            proof="session",
            now=now,
        )
    restricting.restrict(case=case, by="tests", now=now)
