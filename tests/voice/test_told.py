"""What Twilio is told of a call: these fields alone, with the two numbers and our own addresses, and no name nor word of anybody."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from identity.models import Membership
from tests.identity.conftest import MakeAccount
from tests.sandbox_fixture import Sandbox
from tests.voice.carrier import actor_of, give_credit
from tests.voice.test_outage import until
from voice import operations, submission
from voice.models import Call, Lead
from voice.state import LEG_TERMINAL

pytestmark = pytest.mark.django_db(transaction=True)
REP, LEAD = "+12025550141", "+13125550161"
CALLS = "twilio POST /2010-04-01/Accounts/{AccountSid}/Calls.json"
TWIML = "twilio.twiml"
TOLD = {
    CALLS: {
        *("To", "From", "Url", "Method", "Timeout", "TimeLimit"),
        *("StatusCallback", "StatusCallbackEvent", "StatusCallbackMethod"),
    },
    TWIML: {
        *("Start/Stream@url", "Start/Stream@track", "Start/Stream/Parameter[token]"),
        *("Start/Stream@statusCallback", "Start/Stream@statusCallbackMethod"),
        *("Dial@action", "Dial@callerId", "Dial@timeLimit", "Dial@timeout", "Dial/Number#text", "Dial/Number@url"),
        *("Dial/Number@statusCallback", "Dial/Number@statusCallbackEvent"),
        *("Dial/Number@machineDetection", "Dial/Number@amdStatusCallback"),
        *(
            "Gather/Say#text",
            "Gather@action",
            "Gather@finishOnKey",
            "Gather@numDigits",
            "Gather@timeout",
            "Redirect#text",
        ),
    },
}


def called(member: Membership) -> Call:
    now = datetime.now(UTC)
    lead = Lead.objects.create(
        workspace_id=member.workspace_id,
        first_name="Balnibarbi",
        last_name="Glubbdubdrib",
        company="Laputa Works",
        notes="likes Brobdingnag",
        phone_e164=LEAD,
        created_at=now,
    )
    call = operations.start_call(actor=actor_of(member), lead_id=lead.id, idempotency_key="told-of-one", now=now)
    submission.dial(call_id=call.id, now=now)
    return Call.objects.get(id=call.id)


@pytest.mark.policy("C4.2-3")
def test_of_a_call_twilio_is_told_two_numbers_and_our_addresses_and_nothing_of_anybody(
    make_account: MakeAccount, sandbox: Sandbox, live_server: LiveServer, settings: Any
) -> None:
    settings.PUBLIC_URL = live_server.url
    member = make_account(first_name="Zanzibel", last_name="Quxworthy", email="zan@quxworthy.example", mobile=REP)
    give_credit(member, 100_000)
    sandbox.ask("POST", f"/phones/{LEAD}", {"behaviour": "answer"})
    call = called(member)
    until(lambda: call.callbacks.filter(kind="played").exists())
    lead = next(leg for leg in sandbox.ask("GET", "/calls") if leg["to"] == LEAD)
    sandbox.ask("POST", f"/calls/{lead['sid']}/hangup")
    until(lambda: {leg["status"] for leg in sandbox.ask("GET", "/calls")} <= LEG_TERMINAL)
    services = {name: set(service["fields"]) for name, service in sandbox.received()["services"].items()}
    assert services == TOLD
    assert (sandbox.told(REP), sandbox.told(LEAD)) == ([CALLS], [TWIML])
    own = ("Zanzibel", "Quxworthy", "Balnibarbi", "Glubbdubdrib", "Laputa", "Brobdingnag", str(member.user_id))
    assert [private for private in own if sandbox.told(private)] == []
