"""What the account is and what belongs to it, read by Twilio's own SDK."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from tests.sandbox.conftest import ACCOUNT_SID, CALLER_ID, LEAD, REP, SERVICE_SID, Sandbox
from tests.sandbox.product import Product


async def refused(sandbox: Sandbox, work: Callable[[Client], Any]) -> tuple[int, int]:
    with pytest.raises(TwilioRestException) as raised:
        await sandbox.sdk(work)
    return raised.value.status, raised.value.code or 0


async def test_the_account_its_number_and_its_verify_service_are_shown_as_twilio_does(sandbox: Sandbox) -> None:
    account = await sandbox.sdk(lambda client: client.api.v2010.accounts(ACCOUNT_SID).fetch())
    numbers = await sandbox.sdk(lambda client: client.incoming_phone_numbers.list(phone_number=CALLER_ID))
    others = await sandbox.sdk(lambda client: client.incoming_phone_numbers.list(phone_number=LEAD))
    verified = await sandbox.sdk(lambda client: client.outgoing_caller_ids.list())
    service = await sandbox.sdk(lambda client: client.verify.v2.services(SERVICE_SID).fetch())

    assert (account.status, account.type, account.auth_token) == ("active", "Full", None)
    assert [(each.phone_number, each.capabilities["voice"]) for each in numbers] == [(CALLER_ID, True)]
    assert (others, verified) == ([], [])
    assert (service.friendly_name, service.code_length) == ("Klosesales", 6)
    assert await sandbox.defects() == []


async def test_an_account_becomes_what_its_owner_would_see_and_does_what_it_then_does(
    sandbox: Sandbox, product: Product
) -> None:
    await sandbox.post("/account", caller_id="verified")
    verified = await sandbox.sdk(lambda client: client.outgoing_caller_ids.list(phone_number=CALLER_ID))
    await sandbox.post("/account", type="Trial")
    trial = await refused(sandbox, lambda client: client.calls.create(to=REP, from_=CALLER_ID, url=product.url))
    await sandbox.post("/account", type="Full", caller_id="unknown")
    unknown = await refused(sandbox, lambda client: client.calls.create(to=REP, from_=CALLER_ID, url=product.url))
    await sandbox.post("/account", status="suspended")
    shown = await sandbox.sdk(lambda client: client.api.v2010.accounts(ACCOUNT_SID).fetch())

    assert [each.phone_number for each in verified] == [CALLER_ID]
    assert (trial, unknown) == ((400, 21219), (400, 21210))
    assert shown.status == "suspended"
    missing = "CA" + "0" * 32
    assert await refused(sandbox, lambda client: client.calls(missing).fetch()) == (403, 20005)
    with pytest.raises(httpx.HTTPStatusError, match="422"):
        await sandbox.post("/account", status="asleep")
    await sandbox.post("/reset")
    assert await sandbox.get("/account") == {
        "status": "active",
        "type": "Full",
        "caller_id": "owned",
        "voice_method": "POST",
        "status_url": "set",
        "status_method": "POST",
        "code_length": "6",
    }
    assert await sandbox.defects() == []
