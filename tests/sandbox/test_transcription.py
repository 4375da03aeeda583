"""Real-Time Transcription as Twilio does it, from TwiML and through its REST, with its faults."""

import json
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException

from tests.sandbox.conftest import ACCOUNT_SID, LEAD, REP, Sandbox
from tests.sandbox.product import AUTH_TOKEN, Product

ENDLESS_LEAD = "+12025550189"
START = (
    '<Start><Transcription name="mine" statusCallbackUrl="/transcription" track="both_tracks" partialResults="true" '
    'languageCode="en-US"/></Start>'
)


def answer(product: Product, lead: str = LEAD, *, start: str = START) -> None:
    product.answer_call(lead)
    dial = str(product.answers["/agent"]).split("</Start>")[1]
    product.answers["/agent"] = f"<Response>{start}{dial}"


def told(product: Product) -> list[dict[str, str]]:
    return product.told("/transcription")


def events(product: Product) -> list[str]:
    return [form["TranscriptionEvent"].removeprefix("transcription-") for form in told(product)]


def texts(product: Product, track: str, *, final: str) -> list[str]:
    content = [form for form in told(product) if form.get("Track") == f"{track}_track" and form.get("Final") == final]
    return [json.loads(form["TranscriptionData"])["transcript"] for form in content]


async def until_over(product: Product) -> None:
    await product.until(lambda: "stopped" in events(product))


async def test_both_tracks_are_told_word_by_word_and_then_as_a_whole(sandbox: Sandbox, product: Product) -> None:
    answer(product)
    sid = await sandbox.call(product)
    await until_over(product)

    assert all(webhook.signed for webhook in product.webhooks)
    assert (events(product)[0], events(product)[-1]) == ("started", "stopped")
    assert texts(product, "inbound", final="false") == ["Good", "Good morning"]
    assert texts(product, "inbound", final="true") == ["Good morning David"]
    assert texts(product, "outbound", final="true") == ["Hello there"]
    assert [form["SequenceId"] for form in told(product)] == [str(n + 1) for n in range(len(told(product)))]
    assert {form["CallSid"] for form in told(product)} == {sid}
    final = next(form for form in told(product) if form.get("Final") == "true")
    assert 0 < json.loads(final["TranscriptionData"])["confidence"] <= 1
    assert "Stability" not in final and final["Timestamp"].endswith("Z")
    assert (await sandbox.get("/alerts"), await sandbox.defects()) == ([], [])


async def test_without_partial_results_only_whole_turns_are_told(sandbox: Sandbox, product: Product) -> None:
    answer(product, start=START.replace(' partialResults="true"', "").replace("both_tracks", "outbound_track"))
    await sandbox.call(product)
    await until_over(product)

    assert events(product) == ["started", "content", "stopped"]
    assert texts(product, "outbound", final="true") == ["Hello there"]


async def start(sandbox: Sandbox, product: Product, sid: str, **options: Any) -> Any:
    wanted = {"status_callback_url": f"{product.url}/transcription", "partial_results": True, **options}
    return await sandbox.sdk(lambda client: client.calls(sid).transcriptions.create(**wanted))


async def test_one_can_be_started_and_stopped_through_the_api(sandbox: Sandbox, product: Product) -> None:
    answer(product, ENDLESS_LEAD, start="<Start></Start>")
    await sandbox.post(f"/phones/{ENDLESS_LEAD}", dialogue="short")
    sid = await sandbox.call(product)
    await product.until(lambda: product.told("/notice/played"))
    made = await start(sandbox, product, sid, name="later", track="both_tracks", language_code="en-US")
    await product.until(lambda: "content" in events(product))
    stopped = await sandbox.sdk(lambda client: client.calls(sid).transcriptions("later").update(status="stopped"))
    await until_over(product)
    after = len(told(product))
    (shown,) = (await sandbox.get(f"/calls/{sid}"))["transcriptions"]

    assert (made.status, stopped.status, stopped.sid) == ("in-progress", "stopped", made.sid)
    assert made.sid.startswith("GT")
    assert (shown["sid"], shown["status"], shown["callbacks_sent"]) == (made.sid, "stopped", after)
    with pytest.raises(TwilioRestException, match="404"):
        await sandbox.sdk(lambda client: client.calls(sid).transcriptions("nobody").update(status="stopped"))
    assert await sandbox.defects() == []


async def test_twiml_can_stop_one_by_its_name(sandbox: Sandbox, product: Product) -> None:
    stop = '<Stop><Transcription name="mine"/></Stop><Pause length="60"/>'
    product.answers["/agent"] = f"<Response>{START}{stop}</Response>"
    await sandbox.call(product)
    await until_over(product)

    assert events(product) == ["started", "stopped"]


async def test_what_the_contract_does_not_know_is_a_defect(sandbox: Sandbox, product: Product) -> None:
    answer(product, ENDLESS_LEAD, start="<Start></Start>")
    sid = await sandbox.call(product)
    await product.until(lambda: product.told("/notice/played"))
    with pytest.raises(TwilioRestException, match="not one of"):
        await start(sandbox, product, sid, track="all_tracks")
    path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Calls/{sid}/Transcriptions.json"
    await sandbox.http.post(path, data={"StatusCallback": "/transcription"}, auth=(ACCOUNT_SID, AUTH_TOKEN))

    assert [defect["kind"] for defect in await sandbox.forget()] == ["request", "undeclared_field"]


async def test_a_call_that_is_over_is_not_transcribed(sandbox: Sandbox, product: Product) -> None:
    sid = await sandbox.call(product, to=REP)
    await product.until(lambda: len(product.told("/status")) == 4)
    with pytest.raises(TwilioRestException, match="not in-progress"):
        await start(sandbox, product, sid)


async def test_one_can_begin_late(sandbox: Sandbox, product: Product) -> None:
    await sandbox.fault("twilio.transcription", "delay", 1_500)
    answer(product)
    await sandbox.call(product)
    await product.until(lambda: product.told("/notice/played"))

    assert told(product) == []
    await until_over(product)
    assert events(product)[0] == "started"


async def test_one_can_fail_or_never_begin(sandbox: Sandbox, product: Product) -> None:
    await sandbox.fault("twilio.transcription", "error", 100)
    answer(product)
    await sandbox.call(product)
    await product.until(lambda: len(product.told("/status")) == 4)
    assert events(product) == ["started", "error"]
    assert told(product)[1]["TranscriptionErrorCode"] == "32651"
    assert [alert["code"] for alert in await sandbox.get("/alerts")] == [32651]

    await sandbox.fault("twilio.transcription", "drop")
    await sandbox.call(product)
    await product.until(lambda: len(product.told("/status")) == 8)
    assert events(product) == ["started", "error"]


@pytest.mark.parametrize(
    ("kind", "value", "came"),
    [("duplicate", 1, [2, 3, 4, 5, 5, 6]), ("drop", 0, [2, 3, 4, 6]), ("reorder", 0, [2, 3, 4, 6, 5])],
)
async def test_its_callbacks_have_the_faults_of_all_others(
    sandbox: Sandbox, product: Product, kind: str, value: int, came: list[int]
) -> None:
    await sandbox.fault("twilio.callbacks", kind, value, Track="inbound_track", Final="true")
    answer(product)
    await sandbox.call(product)
    await until_over(product)

    assert [int(form["SequenceId"]) for form in told(product) if "content" in form["TranscriptionEvent"]] == came
