"""Who may do what, kept by hand: a route without a line here fails the tests.

A line says what the product promises, not what the code does, so it is never to be copied from an answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["anonymous", "awaiting_otp", "rep", "manager", "owner"]
ROLES: tuple[Role, ...] = ("anonymous", "awaiting_otp", "rep", "manager", "owner")

EVERYBODY = frozenset(ROLES)
SIGNED_IN: frozenset[Role] = frozenset({"rep", "manager", "owner"})
KNOWN: frozenset[Role] = SIGNED_IN | {"awaiting_otp"}
BUYERS: frozenset[Role] = frozenset({"manager", "owner"})
# Who binds the workspace to a payment that nobody has to agree to again.
OWNERS: frozenset[Role] = frozenset({"owner"})
# Who sees what the whole team does and spends.
LEADERS: frozenset[Role] = frozenset({"manager", "owner"})

Thing = Literal[
    "lead",
    "call",
    "segment",
    "checkout",
    "entry",
    "question",
    "session",
    "receipt",
    "person",
    # Somebody in the workspace over whom the owner and managers may decide.
    "member",
    "invitation",
    "key",
    "webhook",
    "delivery",
    "workspace",
]
# Who of the same workspace may reach a colleague's; nobody of another workspace ever may.
COLLEAGUES_MAY: Mapping[Thing, frozenset[Role]] = {
    "lead": SIGNED_IN,
    "call": frozenset({"manager", "owner"}),
    "segment": frozenset({"manager", "owner"}),
    "checkout": SIGNED_IN,
    "entry": frozenset({"manager", "owner"}),
    "question": frozenset(),
    "session": frozenset(),
    "person": frozenset({"manager", "owner"}),
    "member": frozenset({"manager", "owner"}),
    "invitation": frozenset({"manager", "owner"}),
    "key": frozenset({"manager", "owner"}),
    "webhook": frozenset({"manager", "owner"}),
    "delivery": frozenset({"manager", "owner"}),
    "workspace": SIGNED_IN,
    # Whoever holds a receipt's address may read it: after the erasure nobody can sign in any more.
    "receipt": EVERYBODY,
}


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an operation promises.

    may: the roles that it serves; the others get 401, or 403 when they are signed in.
    status: for those that it serves; status_of: where it differs for a role.
    names: which thing each identifier names; one that the asker may not reach answers 404.
    narrows: identifiers that only narrow the answer; one that the asker may not reach narrows it to nothing.
    body: what is sent; words in braces are filled in for the person who asks.
    after: an operation that the same person does first.
    of_colleague: the status where it differs for a role and a colleague's thing.
    """

    may: frozenset[Role]
    status: int = 200
    status_of: Mapping[Role, int] = field(default_factory=dict)
    names: Mapping[str, Thing] = field(default_factory=dict)
    narrows: Mapping[str, Thing] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    after: str | None = None
    of_colleague: Mapping[Role, int] = field(default_factory=dict)


_LEAD: Mapping[str, Thing] = {"path.lead_id": "lead"}
_CALL: Mapping[str, Thing] = {"path.call_id": "call"}
_WEBHOOK: Mapping[str, Thing] = {"path.webhook_id": "webhook"}
_CHECKOUT: Mapping[str, Thing] = {"path.checkout_id": "checkout"}
_STATEMENT: Mapping[str, Thing] = {"query.user_id": "person", "query.call_id": "call"}
_TOP_UP: Mapping[str, Any] = {"price_id": "{price}", "threshold_mcredits": 5_000, "monthly_max": 2}
_CODE = {"code": "{code}"}
# Who is signed in already needs no passcode: asking for one is refused, sending one changes nothing.
_NOT_AGAIN: Mapping[Role, int] = dict.fromkeys(SIGNED_IN, 409)
# Opened by a proved number and by nothing else, whoever is signed in.
_NUMBER_ALONE = Expectation(EVERYBODY, 401)
_SIGN_UP = {
    "first_name": "New",
    "last_name": "Person",
    "email": "new-{person}@example.com",
    "mobile": "+1 202 555 0166",
    "password": "correct horse battery",
    "sms_consent": True,
    "policy_version": "{policy}",
    "policy_accepted": True,
    "transfer_consent": True,
}
_SOCIAL_SIGN_UP = {name: value for name, value in _SIGN_UP.items() if name not in ("email", "password")}

EXPECTATIONS: Mapping[str, Expectation] = {
    # identity
    "get_session": Expectation(EVERYBODY),
    "sign_up": Expectation(EVERYBODY, body=_SIGN_UP),
    "sign_in": Expectation(EVERYBODY, body={"email": "{email}", "password": "correct horse battery"}),
    "forgot_password": Expectation(EVERYBODY, 204, body={"email": "nobody-{person}@example.com"}),
    # Whoever has a link may use it; this one is nobody's.
    "see_reset_link": Expectation(EVERYBODY, 410, body={"token": "nobody:forged"}),
    "reset_password": Expectation(EVERYBODY, 410, body={"token": "nobody:forged", "password": "correct horse battery"}),
    "change_password": Expectation(
        SIGNED_IN, 204, body={"present": "correct horse battery", "password": "correct horse battery"}
    ),
    "send_otp": Expectation(KNOWN, status_of=_NOT_AGAIN),
    "check_otp": Expectation(KNOWN, body=_CODE),
    "allow_texts": Expectation(KNOWN, 204, body={"sms_consent": True, "policy_version": "{policy}"}),
    "stop_texts": Expectation(SIGNED_IN, 204),
    "sign_out": Expectation(KNOWN, 204),
    "list_sessions": Expectation(SIGNED_IN),
    "begin_mobile_change": Expectation(
        SIGNED_IN,
        body={
            "mobile": "+1 212 555 0134",
            "password": "correct horse battery",
            "sms_consent": True,
            "policy_version": "{policy}",
        },
    ),
    # Nothing is under way.
    "send_mobile_code": Expectation(SIGNED_IN, 409),
    "check_mobile_code": Expectation(
        SIGNED_IN, 409, body={"step": "old", "mobile_e164": "+12125550134", "code": "000000"}
    ),
    # Everybody here has an address that is confirmed, so nothing is sent.
    "send_email_link": Expectation(SIGNED_IN, 204),
    "send_email_code": Expectation(SIGNED_IN, body={"present": "correct horse battery"}),
    # It is the person's already.
    "begin_email_change": Expectation(
        SIGNED_IN, 422, body={"email": "{email}", "present": "correct horse battery", "code": "000000"}
    ),
    "see_email_link": Expectation(EVERYBODY, 410, body={"token": "nobody:forged"}),
    "follow_email_link": Expectation(EVERYBODY, 410, body={"token": "nobody:forged"}),
    "revoke_sessions": Expectation(SIGNED_IN, 204),
    "revoke_session": Expectation(SIGNED_IN, 204, names={"path.session_id": "session"}),
    "begin_social": Expectation(EVERYBODY, body={"provider": "google", "intent": "sign_in"}),
    # Nobody here was confirmed by a provider.
    "get_social_sign_up": Expectation(EVERYBODY, 404),
    "drop_social_sign_up": Expectation(EVERYBODY, 204),
    "finish_social_sign_up": Expectation(EVERYBODY, 404, body=_SOCIAL_SIGN_UP),
    "list_ways_in": Expectation(SIGNED_IN),
    # All have a password, which is asked for instead.
    "send_proof_code": Expectation(SIGNED_IN, 409),
    "prove_again": Expectation(SIGNED_IN, 204, body={"present": "correct horse battery"}),
    "link_social": Expectation(SIGNED_IN, body={"provider": "google", "present": "correct horse battery"}),
    "unlink_social": Expectation(SIGNED_IN, 204, body={"provider": "google"}),
    # team
    "get_team": Expectation(SIGNED_IN),
    "list_activity": Expectation(LEADERS),
    "list_team_looks": Expectation(LEADERS),
    "invite_member": Expectation(LEADERS, 201, body={"email": "invited-{person}@example.com", "role": "rep"}),
    "take_back_invitation": Expectation(LEADERS, 204, names={"path.invitation_id": "invitation"}),
    "change_role": Expectation(LEADERS, 204, names={"path.user_id": "member"}, body={"role": "rep"}),
    "cap_member": Expectation(LEADERS, 204, names={"path.user_id": "member"}, body={"monthly_cap_mcredits": 5_000_000}),
    "cap_workspace": Expectation(OWNERS, 204, body={"live_calls_max": 8, "monthly_cap_mcredits": 5_000_000}),
    "list_team_spending": Expectation(LEADERS),
    "remove_member": Expectation(LEADERS, 204, names={"path.user_id": "member"}),
    "hand_over_workspace": Expectation(OWNERS, 204, names={"body.user_id": "member"}, body={}),
    "change_name": Expectation(SIGNED_IN, body={"first_name": "Ida", "last_name": "Berg"}),
    "rename_workspace": Expectation(OWNERS, body={"name": "Harbour Sales"}),
    "leave_workspace": Expectation(SIGNED_IN, 204, status_of={"owner": 409}),
    # Whoever has a link may use it; this one is nobody's.
    "see_invitation": Expectation(EVERYBODY, 410, body={"token": "nobody:forged"}),
    "accept_invitation": Expectation(SIGNED_IN, 410, body={"token": "nobody:forged"}),
    "list_workspaces": Expectation(SIGNED_IN),
    "enter_workspace": Expectation(SIGNED_IN, names={"body.workspace_id": "workspace"}, body={}),
    # keys
    "list_keys": Expectation(LEADERS),
    "make_key": Expectation(LEADERS, 201, body={"name": "Our CRM", "scopes": ["leads:read"], "expires_in_days": None}),
    "revoke_key": Expectation(LEADERS, 204, names={"path.key_id": "key"}),
    # webhooks
    "list_webhooks": Expectation(LEADERS),
    "make_webhook": Expectation(
        LEADERS, 201, body={"url": "https://hooks.example.com/{person}", "events": ["call.completed"]}
    ),
    "change_webhook": Expectation(LEADERS, names=_WEBHOOK, body={"events": ["balance.low"]}),
    "rotate_webhook_secret": Expectation(LEADERS, names=_WEBHOOK),
    # The one that the world sent is on its way still.
    "test_webhook": Expectation(LEADERS, 409, names=_WEBHOOK),
    "list_deliveries": Expectation(LEADERS, names=_WEBHOOK),
    "send_delivery_again": Expectation(LEADERS, 409, names={"path.delivery_id": "delivery"}),
    "remove_webhook": Expectation(LEADERS, 204, names=_WEBHOOK),
    # leads
    "list_leads": Expectation(SIGNED_IN),
    # What is sent here is JSON, which is no CSV file.
    "import_leads": Expectation(SIGNED_IN, 422, body={}),
    "add_lead": Expectation(SIGNED_IN, 201, body={"first_name": "Nia", "phone": "+1 202 555 0188"}),
    "get_lead": Expectation(SIGNED_IN, names=_LEAD),
    "change_lead": Expectation(SIGNED_IN, names=_LEAD, body={"notes": "asked for the price list"}),
    # Whom others have called, only leaders remove.
    "remove_lead": Expectation(SIGNED_IN, 204, names=_LEAD, of_colleague={"rep": 403}),
    "suppress_lead": Expectation(SIGNED_IN, names=_LEAD, body={}),
    "check_dial": Expectation(SIGNED_IN, names=_LEAD),
    "list_tags": Expectation(SIGNED_IN),
    "change_tags": Expectation(SIGNED_IN, names=_LEAD, body={"add": ["Hot"]}),
    "list_lead_history": Expectation(SIGNED_IN, names=_LEAD),
    # queue
    "get_queue": Expectation(SIGNED_IN),
    "start_queue": Expectation(SIGNED_IN, 201, body={"tag": "Nobody bears this"}),
    "take_next_lead": Expectation(SIGNED_IN, after="start_queue"),
    "skip_lead": Expectation(SIGNED_IN, names={"body.lead_id": "lead"}, body={"reason": "not_now"}),
    "end_queue": Expectation(SIGNED_IN, 204),
    "list_reservations": Expectation(SIGNED_IN),
    "list_queue_workers": Expectation(LEADERS),
    "get_dial_pause": Expectation(SIGNED_IN),
    # Nothing is paused in its world.
    "end_dial_pause": Expectation(LEADERS, 409),
    # calls
    "start_call": Expectation(SIGNED_IN, 201, names={"body.lead_id": "lead"}, body={}),
    "get_voice_token": Expectation(SIGNED_IN),
    "list_calls": Expectation(SIGNED_IN, narrows={"query.lead_id": "lead"}),
    "get_call": Expectation(SIGNED_IN, names=_CALL),
    "annotate_call": Expectation(SIGNED_IN, names=_CALL, body={"disposition": "interested"}),
    "list_segments": Expectation(SIGNED_IN, names=_CALL),
    "correct_segment": Expectation(
        SIGNED_IN,
        names={"path.segment_id": "segment"},
        body={"sequence": "{segment_sequence}", "text": "Good, call me back on Monday."},
    ),
    # What was said last there asks for another call.
    "dismiss_refusal": Expectation(SIGNED_IN, 409, names={"path.segment_id": "segment"}, body={"dismissed": True}),
    "hang_up": Expectation(SIGNED_IN, names=_CALL),
    # The calls of this world are over, and only who hears the lead knows what they said.
    "refuse_text": Expectation(SIGNED_IN, 409, names=_CALL, of_colleague={"manager": 404, "owner": 404}),
    "get_receipt": Expectation(SIGNED_IN, names=_CALL),
    "get_wall": Expectation(LEADERS),
    # The calls of this world are over.
    "watch_call": Expectation(LEADERS, 409, names=_CALL),
    "unwatch_call": Expectation(LEADERS, 204, names=_CALL),
    "list_watchers": Expectation(SIGNED_IN, names=_CALL),
    "get_insights": Expectation(SIGNED_IN, names=_CALL),
    # questions
    "ask_question": Expectation(
        SIGNED_IN,
        names={"body.lead_id": "lead"},
        narrows={"body.user_id": "person"},
        body={"question": "What does the price depend on?"},
    ),
    "list_questions": Expectation(SIGNED_IN),
    "delete_question": Expectation(SIGNED_IN, 204, names={"path.question_id": "question"}),
    # credits
    "get_credits": Expectation(SIGNED_IN),
    "list_packs": Expectation(SIGNED_IN),
    "start_checkout": Expectation(BUYERS, 201, body={"price_id": "{price}"}),
    "get_checkout": Expectation(SIGNED_IN, names=_CHECKOUT),
    "set_balance_alert": Expectation(BUYERS, body={"threshold_mcredits": 5_000}),
    "get_burn_down": Expectation(LEADERS),
    "list_purchases": Expectation(LEADERS),
    "get_invoice": Expectation(LEADERS, names=_CHECKOUT),
    "get_top_up": Expectation(LEADERS),
    "word_top_up": Expectation(OWNERS, body=_TOP_UP),
    "start_top_up": Expectation(OWNERS, 201, body={**_TOP_UP, "words_hash": "{top_up_words}"}),
    "stop_top_up": Expectation(BUYERS),
    "get_statement": Expectation(SIGNED_IN, narrows=_STATEMENT),
    "export_statement": Expectation(SIGNED_IN, narrows=_STATEMENT),
    "list_spenders": Expectation(SIGNED_IN),
    "explain_entry": Expectation(SIGNED_IN, names={"path.entry_id": "entry"}),
    # privacy
    "get_policy": Expectation(EVERYBODY),
    "list_processors": Expectation(EVERYBODY),
    "get_contact": Expectation(EVERYBODY),
    "list_policy_versions": Expectation(EVERYBODY),
    "compare_policy_versions": Expectation(EVERYBODY),
    "list_data_kinds": Expectation(EVERYBODY),
    "get_policy_notice": Expectation(SIGNED_IN),
    # No version is coming here, and nobody is asked for anything.
    "confirm_policy_notice": Expectation(SIGNED_IN, 409, body={"version": "none"}),
    "answer_policy": Expectation(SIGNED_IN, 204, body={"version": "{policy}", "answers": []}),
    "list_purposes": Expectation(SIGNED_IN),
    "set_purpose": Expectation(SIGNED_IN, 422, body={"purpose": "nothing", "given": True}),
    "list_expiring_data": Expectation(OWNERS),
    "list_held_data": Expectation(SIGNED_IN),
    # Of a kind that has to be named; what it shows is in tests/compliance/test_listing.py.
    "list_held_things": Expectation(SIGNED_IN, 422),
    "list_disclosures": Expectation(SIGNED_IN),
    "list_consents": Expectation(SIGNED_IN),
    "export_personal_data": Expectation(SIGNED_IN),
    "preview_erasure": Expectation(SIGNED_IN),
    "get_erasure": Expectation(SIGNED_IN),
    "request_erasure": Expectation(SIGNED_IN, 202, body={"confirm": "{email}", "when": "after_grace"}),
    "cancel_erasure": Expectation(SIGNED_IN, after="request_erasure"),
    "get_nominee": Expectation(SIGNED_IN),
    "name_nominee": Expectation(
        SIGNED_IN,
        body={"name": "Ida Berg", "email": "ida@people.example", "agreed": True, "policy_version": "{policy}"},
    ),
    "take_back_nominee": Expectation(SIGNED_IN),
    "ask_as_nominee": Expectation(
        EVERYBODY,
        204,
        body={"email": "ida@people.example", "account_email": "nobody@example.com", "words": "She has died."},
    ),
    # Whoever has the mail may use its link; this one is nobody's.
    "see_nominee_link": Expectation(EVERYBODY, 410, body={"token": "forged"}),
    "press_nominee_link": Expectation(EVERYBODY, 410, body={"token": "forged"}),
    "see_case_link": Expectation(EVERYBODY, 410, body={"token": "forged"}),
    "press_case_link": Expectation(EVERYBODY, 410, body={"token": "forged"}),
    "copy_by_case_link": Expectation(EVERYBODY, 410, body={"token": "forged"}),
    "copy_as_nominee": Expectation(EVERYBODY, 410, body={"token": "forged"}),
    "get_own_law": Expectation(SIGNED_IN),
    "list_own_cases": Expectation(SIGNED_IN),
    "open_own_case": Expectation(SIGNED_IN, 201, body={"kind": "grievance", "words": "Nobody answered me."}),
    "check_erasure_receipt": Expectation(EVERYBODY, body={"text": "none", "signature": "forged"}),
    "get_erasure_receipt": Expectation(EVERYBODY, names={"path.token": "receipt"}),
    # people who were called; what a proved number opens is in tests/compliance/test_my_data.py, and a session opens none of it.
    # Such a number there is not, so that no message is sent.
    "send_number_code": Expectation(
        EVERYBODY, 422, body={"number": "+1 202 555 01", "sms_consent": True, "policy_version": "{policy}"}
    ),
    "prove_number": Expectation(EVERYBODY, 422, body={"number": "+1 202 555 01", "code": "123456"}),
    "leave_number": _NUMBER_ALONE,
    "get_my_data": _NUMBER_ALONE,
    "list_my_held_things": _NUMBER_ALONE,
    "wish_about_calls": _NUMBER_ALONE,
    "ask_correction": _NUMBER_ALONE,
    "wish_about_use": _NUMBER_ALONE,
    "ask_number_erasure": _NUMBER_ALONE,
    "cancel_number_erasure": _NUMBER_ALONE,
    "make_data_link": _NUMBER_ALONE,
    # Whoever has a link may use it; this one is nobody's.
    "download_my_data": Expectation(EVERYBODY, 404),
}
