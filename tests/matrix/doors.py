"""What keys, signatures and sockets open."""

from collections.abc import Mapping
from typing import Literal

from compliance.audit import Action
from identity.permissions import Scope

Door = Literal["anybody", "carrier", "seller"]
# What a program may do with a key, and the scope that it needs; no key opens anything else.
KEYED: Mapping[str, Scope] = {
    "list_leads": "leads:read",
    "get_lead": "leads:read",
    "check_dial": "leads:read",
    "import_leads": "leads:write",
    "add_lead": "leads:write",
    "change_lead": "leads:write",
    "remove_lead": "leads:write",
    "suppress_lead": "leads:write",
    "list_tags": "leads:read",
    "change_tags": "leads:write",
    "list_lead_history": "calls:read",
    "list_calls": "calls:read",
    "get_call": "calls:read",
    "list_segments": "calls:read",
    "get_insights": "calls:read",
    "get_receipt": "calls:read",
    "get_credits": "credits:read",
    "get_burn_down": "credits:read",
    "get_statement": "credits:read",
    "export_statement": "credits:read",
    "list_spenders": "credits:read",
    "list_purchases": "credits:read",
    "explain_entry": "credits:read",
    "ask_question": "questions:ask",
    "list_questions": "questions:ask",
}
# The plain URLs: pages that anybody may see, and webhooks that only a signature opens, never a session.
PLAIN_URLS: Mapping[str, Door] = {
    "healthz": "anybody",
    "readyz": "anybody",
    "api/": "anybody",
    "api/openapi.json": "anybody",
    "^api/": "anybody",
    r"^(?!api/|assets/|static/|twilio/|paddle/).*$": "anybody",
    # Only the state that this browser was given opens anything there.
    "^social/(?P<provider>google|facebook)/return$": "anybody",
    "paddle/webhook": "seller",
    "twilio/messages": "carrier",
    "twilio/check/<uuid:check_id>/answer": "carrier",
    "twilio/check/<uuid:check_id>/status": "carrier",
    "twilio/check/<uuid:check_id>/stream": "carrier",
    "twilio/browser": "carrier",
    "twilio/browser/status": "carrier",
    "twilio/voice/<uuid:call_id>/agent": "carrier",
    "twilio/voice/<uuid:call_id>/status": "carrier",
    "twilio/voice/<uuid:call_id>/machine": "carrier",
    "twilio/voice/<uuid:call_id>/stream": "carrier",
    "twilio/voice/<uuid:call_id>/transcription/<uuid:stream_id>": "carrier",
    "twilio/voice/<uuid:call_id>/notice": "carrier",
    "twilio/voice/<uuid:call_id>/notice/played": "carrier",
    "twilio/voice/<uuid:call_id>/closing": "carrier",
    "twilio/voice/<uuid:call_id>/after": "carrier",
}
# What answers a file to keep, and the act that is written down of it. Those that no role of test_routes.py opens are asked in
# tests/compliance/test_acts.py and test_case_links.py there, tests/identity/test_nominee.py and tests/staff/test_registers.py.
FILES: Mapping[str, Action] = {
    "copy_by_case_link": "privacy.exported",
    "copy_as_nominee": "nominee.copied",
    "download_my_data": "privacy.exported",
    "export_personal_data": "privacy.exported",
    "export_statement": "statement.exported",
    "release_order": "disclosure.released",
}
# The browser's socket is proved in test_browser_socket.py, the carrier's here.
SOCKETS: Mapping[str, Literal["session", "carrier"]] = {"ws/": "session", "twilio/media/": "carrier"}
