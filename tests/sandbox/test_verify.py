"""One-time codes, driven by Twilio's own SDK."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from tests.sandbox.conftest import CALLEE_SERVICE_SID, REP, SERVICE_SID, Sandbox
from tests.sandbox.product import Product


def send(client: Client, to: str = REP) -> Any:
    return client.verify.v2.services(SERVICE_SID).verifications.create(to=to, channel="sms")


def check(client: Client, code: str, to: str = REP) -> Any:
    return client.verify.v2.services(SERVICE_SID).verification_checks.create(to=to, code=code)


async def sent_code(sandbox: Sandbox) -> str:
    code: str = (await sandbox.get("/messages", to=REP))[-1]["code"]
    return code


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


async def refused(sandbox: Sandbox, work: Callable[[Client], Any]) -> tuple[int, int]:
    with pytest.raises(TwilioRestException) as raised:
        await sandbox.sdk(work)
    return raised.value.status, raised.value.code or 0


async def test_a_code_that_is_typed_correctly_is_approved_once(sandbox: Sandbox) -> None:
    sent = await sandbox.sdk(send)
    code = await sent_code(sandbox)
    wrong_answer = await sandbox.sdk(lambda client: check(client, wrong(code)))
    right_answer = await sandbox.sdk(lambda client: check(client, code))

    assert (sent.status, sent.valid) == ("pending", False)
    assert (wrong_answer.status, wrong_answer.valid) == ("pending", False)
    assert (right_answer.status, right_answer.valid, right_answer.sid) == ("approved", True, sent.sid)
    assert await refused(sandbox, lambda client: check(client, code)) == (404, 20404)
    assert await sandbox.defects() == []


async def test_a_resend_repeats_the_code_and_the_sixth_is_refused(sandbox: Sandbox) -> None:
    sids = {(await sandbox.sdk(send)).sid for _ in range(5)}
    codes = {message["code"] for message in await sandbox.get("/messages", to=REP)}

    assert len(sids) == 1
    assert len(codes) == 1
    assert await refused(sandbox, send) == (429, 60203)


async def test_the_sixth_try_is_refused_and_the_code_is_gone(sandbox: Sandbox) -> None:
    await sandbox.sdk(send)
    code = await sent_code(sandbox)
    for _ in range(5):
        await sandbox.sdk(lambda client: check(client, wrong(code)))

    assert await refused(sandbox, lambda client: check(client, code)) == (429, 60202)
    assert await refused(sandbox, lambda client: check(client, code)) == (404, 20404)


async def test_two_services_know_nothing_of_one_anothers_codes(sandbox: Sandbox) -> None:
    await sandbox.sdk(send)
    code = await sent_code(sandbox)

    def of_the_other(client: Client) -> Any:
        return client.verify.v2.services(CALLEE_SERVICE_SID).verification_checks.create(to=REP, code=code)

    assert await refused(sandbox, of_the_other) == (404, 20404)
    other = await sandbox.sdk(
        lambda client: client.verify.v2.services(CALLEE_SERVICE_SID).verifications.create(to=REP, channel="sms")
    )
    theirs = await sent_code(sandbox)
    assert other.service_sid == CALLEE_SERVICE_SID
    for _ in range(5):
        await sandbox.sdk(
            lambda client: client.verify.v2.services(CALLEE_SERVICE_SID).verification_checks.create(
                to=REP, code=wrong(theirs)
            )
        )
    assert await refused(sandbox, of_the_other) == (429, 60202)
    assert (await sandbox.sdk(lambda client: check(client, code))).status == "approved"


async def test_a_code_lives_ten_minutes(sandbox: Sandbox) -> None:
    await sandbox.sdk(send)
    code = await sent_code(sandbox)
    await sandbox.post("/verify/age", seconds=600)

    assert await refused(sandbox, lambda client: check(client, code)) == (404, 20404)
    fresh = await sandbox.sdk(send)
    assert fresh.status == "pending"


async def test_a_malformed_number_or_code_gets_60200(sandbox: Sandbox) -> None:
    assert await refused(sandbox, lambda client: send(client, to="5550100")) == (400, 60200)
    await sandbox.sdk(send)
    assert await refused(sandbox, lambda client: check(client, "1")) == (400, 60200)


async def test_a_cancelled_verification_is_gone(sandbox: Sandbox) -> None:
    sent = await sandbox.sdk(send)

    def cancel(client: Client) -> Any:
        return client.verify.v2.services(SERVICE_SID).verifications(sent.sid).update(status="canceled")

    assert (await sandbox.sdk(cancel)).status == "canceled"
    assert await refused(sandbox, lambda client: check(client, "123456")) == (404, 20404)


async def test_verify_fails_on_demand_with_the_number_that_was_asked_for(sandbox: Sandbox) -> None:
    await sandbox.fault("verify", "error", 60410)
    assert await refused(sandbox, send) == (403, 60410)
    await sandbox.fault("verify", "error", 503)
    assert (await refused(sandbox, send))[0] == 503
    assert (await sandbox.sdk(send)).status == "pending"


@pytest.mark.parametrize(("kind", "sent"), [("drop", 0), ("timeout_after_accept", 1)])
async def test_verify_can_break_off_before_or_after_it_sent_the_code(sandbox: Sandbox, kind: str, sent: int) -> None:
    await sandbox.fault("verify", kind)
    with pytest.raises(requests.ConnectionError):
        await sandbox.sdk(send)

    assert len(await sandbox.get("/messages", to=REP)) == sent


async def test_verify_can_be_slow(sandbox: Sandbox) -> None:
    await sandbox.fault("verify", "delay", 300)
    before = time.monotonic()
    await sandbox.sdk(send)

    assert time.monotonic() - before > 0.3


async def test_what_a_phone_answers_reaches_the_product_signed(sandbox: Sandbox, product: Product) -> None:
    await sandbox.post(f"/phones/{REP}/texts", body="Stop")
    await sandbox.post(f"/phones/{REP}/texts", body="who is this?")
    await product.until(lambda: len(product.told("/messages")) == 2)
    stop, question = product.told("/messages")
    assert (stop["From"], stop["Body"], stop["OptOutType"]) == (REP, "Stop", "STOP")
    assert (question["Body"], "OptOutType" in question) == ("who is this?", False)
    assert all(webhook.signed for webhook in product.webhooks)


async def test_a_text_message_without_a_word_is_none(sandbox: Sandbox) -> None:
    answer = await sandbox.http.post(f"/sandbox/api/phones/{REP}/texts", json={"body": ""})
    assert (answer.status_code, answer.json()["error"]) == (422, "body must have 1 to 1600 characters.")


async def test_a_code_comes_to_the_status_that_is_asked_for(sandbox: Sandbox) -> None:
    await sandbox.sdk(send)
    code = await sent_code(sandbox)
    await sandbox.post("/verify/tell", status="canceled")
    told = await sandbox.sdk(lambda client: check(client, code))
    assert (told.status, told.valid) == ("canceled", False)
    assert await refused(sandbox, lambda client: check(client, code)) == (404, 20404)
    assert await sandbox.defects() == []
