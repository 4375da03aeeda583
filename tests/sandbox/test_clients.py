"""A browser calls a TwiML application: the token is looked at, the voice URL asked, its document obeyed."""

import pytest
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import VoiceGrant

from tests.sandbox.conftest import ACCOUNT_SID, API_KEY, APP_SID, CALLER_ID, LEAD, Sandbox
from tests.sandbox.product import Product


def access_token() -> str:
    token = AccessToken(ACCOUNT_SID, *API_KEY, identity="rep_1", ttl=600)
    token.add_grant(VoiceGrant(outgoing_application_sid=APP_SID, outgoing_application_params={"team": "north"}))
    return str(token.to_jwt())


async def test_a_browsers_call_asks_the_application_and_is_joined_with_whom_it_dials(
    sandbox: Sandbox, product: Product
) -> None:
    product.answer_call(LEAD, dial=f'callerId="{CALLER_ID}"')
    record = await sandbox.post("/clients/calls", token=access_token(), params={"token": "one-use"})
    await product.until(lambda: product.told("/status"))
    assert all(webhook.signed for webhook in product.webhooks)
    asked = product.told("/agent")[0]
    assert (asked["CallSid"], asked["From"], asked["CallStatus"], asked["Direction"]) == (
        record["sid"],
        "client:rep_1",
        "ringing",
        "inbound",
    )
    assert (asked["ApplicationSid"], asked["token"], asked["team"]) == (APP_SID, "one-use", "north")
    leg = product.told("/leg")[-1]
    assert (leg["ParentCallSid"], leg["CallStatus"]) == (record["sid"], "completed")
    # The application is told of the end, and of nothing else.
    assert [form["CallStatus"] for form in product.told("/status")] == ["completed"]
    assert product.sockets[0].messages[1]["start"]["callSid"] == record["sid"]


@pytest.mark.parametrize(
    ("document", "status", "duration"),
    [
        ("<Response><Reject/></Response>", "busy", "0"),
        ("<Response><Hangup/></Response>", "completed", "0"),
    ],
)
async def test_a_browser_that_is_rejected_was_never_answered_and_one_that_is_hung_up_was(
    sandbox: Sandbox, product: Product, document: str, status: str, duration: str
) -> None:
    product.answers["/agent"] = document
    await sandbox.post("/clients/calls", token=access_token(), params={})
    await product.until(lambda: product.told("/status"))
    told = product.told("/status")[0]
    assert (told["CallStatus"], told["CallDuration"]) == (status, duration)
