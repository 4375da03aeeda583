"""What each operation promises our own people, at their entrance and in a look."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

# What one of our own people sees in a look, as far as the member may; everything else is refused, and every write.
LOOKED = frozenset(
    {
        "list_leads",
        "get_lead",
        "check_dial",
        "list_calls",
        "get_call",
        "list_segments",
        "get_receipt",
        "get_insights",
        "list_questions",
        "get_credits",
        "list_packs",
        "get_checkout",
        "get_burn_down",
        "list_purchases",
        "get_top_up",
        "get_statement",
        "list_spenders",
        "explain_entry",
        "get_team",
        "list_activity",
        "list_team_looks",
        "list_team_spending",
        "list_keys",
        # Tells the pages that it is a look.
        "get_session",
        # For anybody.
        "get_policy",
        "list_processors",
    }
)

StaffRole = Literal["support", "privacy_officer", "admin"]
OURS: frozenset[StaffRole] = frozenset({"support", "privacy_officer", "admin"})
LOOKERS: frozenset[StaffRole] = frozenset({"support", "privacy_officer"})


@dataclass(frozen=True, slots=True)
class Ours:
    """What an operation at the entrance of our own people promises.

    may: the roles that it serves; None for anybody. status: for those that it serves; the others get 403, strangers 401.
    """

    may: frozenset[StaffRole] | None
    status: int = 200
    body: Mapping[str, Any] | None = None


STAFF: Mapping[str, Ours] = {
    "get_staff_session": Ours(None),
    # Whoever has it may use a link, and whoever knows them password and code; these are nobody's.
    "staff_sign_in": Ours(None, 401, {"email": "nobody@klosesales.example", "password": "x", "code": "000000"}),
    "see_enrolment": Ours(None, 410, {"token": "forged"}),
    "enrol": Ours(None, 410, {"token": "forged", "password": "correct horse battery", "code": "000000"}),
    "staff_sign_out": Ours(OURS, 204),
    "list_staff": Ours(frozenset({"admin"})),
    "disable_staff": Ours(frozenset({"admin"}), 204),
    "list_staff_events": Ours(frozenset({"privacy_officer"})),
    "find_workspace": Ours(LOOKERS, body={"typed": "{workspace}"}),
    "begin_look": Ours(
        LOOKERS, 201, {"workspace_id": "{workspace}", "user_id": "{member}", "reason": "The customer asked us to look."}
    ),
    "end_look": Ours(LOOKERS, 204),
    "list_own_looks": Ours(LOOKERS),
}
