"""What happens on a bad day: each fault strikes as asked, and then no more."""

import asyncio
import time

import httpx
import pytest
import requests
from twilio.base.exceptions import TwilioRestException

from tests.sandbox.conftest import CALLER_ID, LEAD, REP, Sandbox
from tests.sandbox.product import Product

ENDLESS_LEAD = "+12025550189"


def statuses(product: Product) -> list[str]:
    return [form["CallStatus"] for form in product.told("/status")]


async def test_a_callback_can_be_dropped(sandbox: Sandbox, product: Product) -> None:
    await sandbox.fault("twilio.callbacks", "drop", CallStatus="ringing")
    await sandbox.call(product)
    await product.until(lambda: "completed" in statuses(product))

    assert statuses(product) == ["initiated", "in-progress", "completed"]


async def test_a_callback_can_arrive_twice(sandbox: Sandbox, product: Product) -> None:
    await sandbox.fault("twilio.callbacks", "duplicate", 2, CallStatus="in-progress")
    await sandbox.call(product)
    await product.until(lambda: "completed" in statuses(product))

    assert statuses(product) == ["initiated", "ringing", *["in-progress"] * 3, "completed"]
    assert len({form["SequenceNumber"] for form in product.told("/status")}) == 4


async def test_a_callback_can_be_overtaken(sandbox: Sandbox, product: Product) -> None:
    await sandbox.fault("twilio.callbacks", "reorder", CallStatus="in-progress")
    await sandbox.call(product)
    await product.until(lambda: len(product.told("/status")) == 4)

    assert statuses(product) == ["initiated", "ringing", "completed", "in-progress"]


async def test_a_callback_can_come_late(sandbox: Sandbox, product: Product) -> None:
    await sandbox.fault("twilio.callbacks", "delay", 700, CallStatus="initiated")
    await sandbox.call(product)
    await product.until(lambda: len(product.told("/status")) == 4)

    assert statuses(product)[-1] == "initiated"


async def test_a_callback_can_bear_a_broken_signature(sandbox: Sandbox, product: Product) -> None:
    await sandbox.fault("twilio.callbacks", "error", CallStatus="ringing")
    await sandbox.call(product)
    await product.until(lambda: "completed" in statuses(product))

    broken = [webhook.form["CallStatus"] for webhook in product.webhooks if not webhook.signed]
    assert broken == ["ringing"]


async def test_a_callback_whose_answer_was_lost_comes_again_with_its_token(sandbox: Sandbox, product: Product) -> None:
    await sandbox.fault("twilio.callbacks", "timeout_after_accept", CallStatus="ringing")
    await sandbox.call(product)
    await product.until(lambda: "completed" in statuses(product))

    ringing = [webhook.token for webhook in product.webhooks if webhook.form["CallStatus"] == "ringing"]
    assert len(ringing) == 2
    assert len(set(ringing)) == 1


async def test_a_refused_callback_is_retried_only_where_its_url_asks(sandbox: Sandbox, product: Product) -> None:
    product.statuses["/status"] = 500
    await sandbox.call(product)
    await product.until(lambda: len(product.told("/status")) == 4)
    await sandbox.call(product, status_callback=f"{product.url}/status?n=2#rc=2&rp=5xx")
    await product.until(lambda: len(product.told("/status")) == 4 + 4 * 3)

    assert all(webhook.signed for webhook in product.webhooks), "the fragment is not signed"
    assert len({webhook.token for webhook in product.webhooks if webhook.path == "/status"}) == 8


async def test_a_product_that_is_away_is_tried_once_more(sandbox: Sandbox, product: Product) -> None:
    product.answer_call(ENDLESS_LEAD)
    sid = await sandbox.call(product)
    await product.until(lambda: product.told("/notice/played"))
    await product.stop()
    await sandbox.post(f"/calls/{sid}/hangup")
    attempts = []
    for _ in range(100):
        deliveries = await sandbox.get("/deliveries", subject=sid)
        attempts = [entry for entry in deliveries if entry["event"] == "completed"]
        if len(attempts) == 2:
            break
        await asyncio.sleep(0.05)
    await product.start()

    assert [(entry["outcome"], entry["attempt"]) for entry in attempts] == [("ct", 0), ("ct", 1)]


async def test_the_api_can_lose_its_answer_after_it_dialled(sandbox: Sandbox, product: Product) -> None:
    await sandbox.fault("twilio.rest", "timeout_after_accept", method="POST")
    with pytest.raises(requests.ConnectionError):
        await sandbox.call(product)

    found = await sandbox.sdk(lambda client: client.calls.list(to=REP))
    assert len(found) == 1


async def test_the_api_can_break_before_it_dialled(sandbox: Sandbox, product: Product) -> None:
    await sandbox.fault("twilio.rest", "drop")
    with pytest.raises(requests.ConnectionError):
        await sandbox.call(product)

    assert await sandbox.get("/calls") == []


async def test_the_api_can_be_slow(sandbox: Sandbox, product: Product) -> None:
    await sandbox.fault("twilio.rest", "delay", 300)
    before = time.monotonic()
    await sandbox.call(product)

    assert time.monotonic() - before > 0.3


async def test_the_api_can_dial_and_say_that_it_could_not(sandbox: Sandbox, product: Product) -> None:
    await sandbox.fault("twilio.rest", "error_after_accept", 503, method="POST")
    with pytest.raises(TwilioRestException) as raised:
        await sandbox.call(product)

    assert (raised.value.status, len(await sandbox.get("/calls"))) == (503, 1)


@pytest.mark.parametrize("value", [0, 1, 2])
async def test_the_api_can_dial_and_answer_what_nobody_can_read(sandbox: Sandbox, product: Product, value: int) -> None:
    await sandbox.fault("twilio.rest", "garbage", value, method="POST")
    account = sandbox.twilio.account_sid
    form = {"To": REP, "From": CALLER_ID, "Url": f"{product.url}/agent"}
    path = f"/2010-04-01/Accounts/{account}/Calls.json"
    answer = await sandbox.http.post(path, data=form, auth=(account, sandbox.twilio.password))

    assert (answer.status_code, "sid" in answer.text) == (200, False)
    assert len(await sandbox.get("/calls")) == 1


async def test_the_api_can_name_another_call_than_it_dialled(sandbox: Sandbox, product: Product) -> None:
    before = await sandbox.call(product)
    named = []
    for value in (1, 0, 2):
        await sandbox.fault("twilio.rest", "wrong_sid", value, method="POST")
        named.append(await sandbox.call(product))

    dialled = [call["sid"] for call in await sandbox.get("/calls", to=REP)]
    assert (named[0], named[2], len(named[1])) == (before, "CA-one", 34)
    assert len(dialled) == 4 and named[1] not in dialled


async def test_a_media_socket_can_be_opened_late(sandbox: Sandbox, product: Product) -> None:
    await sandbox.fault("twilio.stream", "delay", 1_500)
    product.answer_call(LEAD)
    await sandbox.call(product)
    await product.until(lambda: product.told("/notice/played"))

    assert product.sockets == []
    await product.until(lambda: product.sockets and product.sockets[0].close_code is not None)


async def test_a_lost_media_socket_is_reported_and_comes_back_only_on_request(
    sandbox: Sandbox, product: Product
) -> None:
    await sandbox.fault("twilio.stream", "lost_socket", 200)
    product.answer_call(ENDLESS_LEAD)
    sid = await sandbox.call(product)
    await product.until(lambda: len(product.told("/stream")) == 3)

    lost = product.told("/stream")[1]
    assert (lost["StreamEvent"], lost["StreamError"][:5]) == ("stream-error", "31924")
    assert product.sockets[0].close_code == 1006
    assert product.sockets[0].events("stop") == []
    assert len(product.sockets) == 1

    stream = await sandbox.sdk(
        lambda client: client.calls(sid).streams.create(
            url=product.socket_url,
            track="both_tracks",
            status_callback=f"{product.url}/stream",
            parameter1_name="token",
            parameter1_value="second",
        )
    )
    await product.until(lambda: len(product.sockets) == 2 and len(product.sockets[1].messages) > 4)
    assert product.sockets[1].messages[1]["start"]["customParameters"] == {"token": "second"}
    await sandbox.sdk(lambda client: client.calls(sid).streams(stream.sid).update(status="stopped"))
    await product.until(lambda: product.sockets[1].events("stop"))
    assert await sandbox.defects() == []


async def test_a_refused_media_socket_is_reported(sandbox: Sandbox, product: Product) -> None:
    product.refuse_sockets = True
    product.answer_call(LEAD)
    await sandbox.call(product)
    await product.until(lambda: len(product.told("/stream")) == 2)

    assert product.told("/stream")[0]["StreamError"].startswith("31920")


async def test_a_second_socket_can_appear_for_one_stream(sandbox: Sandbox, product: Product) -> None:
    await sandbox.fault("twilio.stream", "duplicate")
    product.answer_call(LEAD)
    await sandbox.call(product)
    await product.until(lambda: len(product.sockets) == 2 and product.sockets[1].events("stop"))

    first, second = product.sockets
    assert [message["event"] for message in first.messages] == ["connected", "start"]
    assert first.messages[1]["streamSid"] == second.messages[1]["streamSid"]
    assert len(second.events("media")) > 10


async def test_a_media_socket_can_fail_without_being_tried(sandbox: Sandbox, product: Product) -> None:
    await sandbox.fault("twilio.stream", "error", 31910)
    product.answer_call(LEAD)
    await sandbox.call(product)
    await product.until(lambda: len(product.told("/stream")) == 2)

    assert product.told("/stream")[0]["StreamError"].startswith("31910")
    assert product.sockets == []


async def test_frames_can_be_lost_and_swapped(sandbox: Sandbox, product: Product) -> None:
    await sandbox.fault("twilio.stream", "drop", 5)
    product.answer_call(LEAD)
    await sandbox.call(product)
    await product.until(lambda: product.sockets and product.sockets[0].close_code is not None)
    await sandbox.fault("twilio.stream", "reorder", 4)
    await sandbox.call(product)
    await product.until(lambda: len(product.sockets) == 2 and product.sockets[1].close_code is not None)

    assert product.sockets[0].track("inbound")[0]["chunk"] == "6"
    assert [frame["chunk"] for frame in product.sockets[1].track("inbound")[:5]] == ["2", "1", "4", "3", "5"]


async def test_a_fault_that_does_not_exist_is_refused(sandbox: Sandbox) -> None:
    for wanted in ({"target": "moon", "kind": "drop"}, {"target": "verify", "kind": "lost_socket"}):
        answer = await sandbox.http.post("/sandbox/api/faults", json=wanted)
        assert answer.status_code == 422
        assert "use one of" in answer.json()["error"]


async def test_faults_are_listed_and_taken_back(sandbox: Sandbox, product: Product) -> None:
    await sandbox.fault("twilio.callbacks", "drop", count=-1)
    await sandbox.call(product)
    while not (await sandbox.get("/faults"))[0]["struck"]:
        pass
    await sandbox.http.delete("/sandbox/api/faults")

    assert await sandbox.get("/faults") == []
    assert CALLER_ID not in str(product.webhooks) or product.told("/status") == []


async def test_the_sandbox_answers_to_the_machines_own_name_only(sandbox: Sandbox) -> None:
    async with httpx.AsyncClient(base_url=sandbox.url) as http:
        answer = await http.get("/sandbox/api/calls", headers={"Host": "sandbox.example.com"})

    assert answer.status_code == 421
