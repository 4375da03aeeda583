"""What is out of reach for people without text messages, since every sign-in needs a passcode."""

from datetime import datetime

from identity.models import Membership
from identity.staff.desk_schemas import TextLossOut
from ledger import queries as ledger_queries


def of_phone(mobile_e164: str, *, now: datetime) -> list[TextLossOut]:
    """A line for each workspace in which somebody with this phone is."""
    members = Membership.objects.filter(user__mobile_e164=mobile_e164, user__mobile_verified_at__isnull=False)
    return [
        TextLossOut.model_validate(
            {
                "role": member.role,
                "workspace_name": member.workspace.name,
                "available_mcredits": ledger_queries.balance(member.workspace_id, now=now).available_mcredits,
            }
        )
        for member in members.select_related("workspace").order_by("id")
    ]
