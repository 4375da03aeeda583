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
        "get_contact",
    }
)

StaffRole = Literal["support", "privacy_officer", "admin"]
OURS: frozenset[StaffRole] = frozenset({"support", "privacy_officer", "admin"})
LOOKERS: frozenset[StaffRole] = frozenset({"support", "privacy_officer"})
DECIDERS: frozenset[StaffRole] = frozenset({"privacy_officer", "admin"})


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
    "block_account": Ours(DECIDERS, 422, {"email": "nobody@people.example", "reason": "abuse"}),
    "unblock_account": Ours(DECIDERS, 422, {"email": "nobody@people.example"}),
    "list_staff_events": Ours(frozenset({"privacy_officer"})),
    "find_workspace": Ours(LOOKERS, body={"typed": "{workspace}"}),
    "begin_look": Ours(
        LOOKERS, 201, {"workspace_id": "{workspace}", "user_id": "{member}", "reason": "The customer asked us to look."}
    ),
    "end_look": Ours(LOOKERS, 204),
    "list_own_looks": Ours(LOOKERS),
    "list_cases": Ours(OURS),
    "open_case": Ours(OURS, 201, {"kind": "access", "contact": "asker@people.example", "words": "a copy, please"}),
    # Each for a case that nobody has proved yet.
    "get_case": Ours(OURS),
    "take_case": Ours(OURS),
    "sort_case": Ours(OURS, body={"kind": "correction"}),
    "prove_case": Ours(OURS, body={"whose": ""}),
    "mail_proof_link": Ours(OURS, 422, {"email": "nobody@people.example"}),
    "pause_case": Ours(OURS, body={"reason": "we wait for an answer"}),
    "resume_case": Ours(OURS),
    "note_case": Ours(OURS, body={"text": "rang back, no answer"}),
    "reply_to_case": Ours(OURS, body={"template": "prove"}),
    "carry_out_case": Ours(DECIDERS, 409, {"number": ""}),
    "read_case_text_loss": Ours(DECIDERS, 409, {"number": ""}),
    # No nominee has asked in this one.
    "prepare_nominee": Ours(DECIDERS, 409, {"evidence": "a certificate", "access": True, "erasure": False}),
    "approve_nominee": Ours(DECIDERS, 409, {"seen": "00000000-0000-0000-0000-000000000000"}),
    "withdraw_nominee": Ours(DECIDERS, 409),
    "correct_case": Ours(DECIDERS, 409, {"first_name": "Ida"}),
    "approve_case_deletion": Ours(DECIDERS, 409, {"seen": "0" * 64}),
    "withdraw_case_deletion": Ours(DECIDERS, 409),
    "take_back_case_deletion": Ours(DECIDERS, 409),
    "lift_case_restriction": Ours(DECIDERS, 409, {"reason": "it is settled"}),
    "close_case": Ours(DECIDERS, body={"outcome": "refused", "answer": "That was somebody else."}),
    "list_recipients": Ours(DECIDERS),
    "find_disclosures": Ours(DECIDERS, body={"whose": "+1 202 555 0199"}),
    "list_orders": Ours(DECIDERS),
    "prepare_order": Ours(
        DECIDERS,
        409,
        {
            "whose": "+1 202 555 0199",
            "order_id": "2 Js 417/26",
            "authority": "A court",
            "legal_basis": "A law",
            "elements": ["call"],
        },
    ),
    # There is none of this reference.
    "approve_order": Ours(DECIDERS, 404, {"seen": "0" * 64}),
    "withdraw_order": Ours(DECIDERS, 404),
    "release_order": Ours(DECIDERS, 404),
    "list_holds": Ours(DECIDERS),
    "place_hold": Ours(
        DECIDERS,
        409,
        {
            "what": "number",
            "which": "+1 202 555 0199",
            "basis": "A law",
            "reason": "The court asked.",
            "review_on": "2999-01-01",
            "ends_on": "2999-01-01",
        },
    ),
    "approve_hold": Ours(DECIDERS, 404),
    "review_hold": Ours(DECIDERS, 404, {"review_on": "2999-01-01"}),
    "lift_hold": Ours(DECIDERS, 404, {"reason": "it is settled"}),
    "list_reviews": Ours(DECIDERS),
    "note_review": Ours(DECIDERS, 201, {"kind": "access", "findings": "Everybody still works here."}),
    "finish_follow_up": Ours(DECIDERS, 404, {"how": "It was closed."}),
    "list_breaches": Ours(DECIDERS),
    "record_breach": Ours(DECIDERS, 201, {"what": "A laptop was lost.", "noticed_at": "2026-11-01T10:00:00Z"}),
    "note_breach": Ours(DECIDERS, 404, {"text": "It was encrypted."}),
    "tell_of_breach": Ours(DECIDERS, 404, {"whom": "people", "how": "by mail"}),
    "close_breach": Ours(DECIDERS, 404, {"conclusion": "Nobody could read it."}),
}
