"""A whole call, as the product makes one, driven by Twilio's own SDK."""

import base64
import itertools
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException

from tests.sandbox.conftest import AGENT_BYTE, CALLEE_BYTE, CALLER_ID, DIALOGUE_S, LEAD, REP, Sandbox, twilio_client
from tests.sandbox.product import Product


async def test_a_call_runs_from_the_dial_to_the_receipt(sandbox: Sandbox, product: Product) -> None:
    product.answer_call(LEAD)
    sid = await sandbox.call(product)
    await product.until(lambda: len(product.told("/status")) == 4)
    await product.until(lambda: product.told("/stream")[-1:] and len(product.told("/stream")) == 2)

    assert all(webhook.signed for webhook in product.webhooks)
    assert [form["CallStatus"] for form in product.told("/status")] == [
        "initiated",
        "ringing",
        "in-progress",
        "completed",
    ]
    assert [form["SequenceNumber"] for form in product.told("/status")] == ["0", "1", "2", "3"]
    assert [form["CallStatus"] for form in product.told("/leg")] == [
        "initiated",
        "ringing",
        "in-progress",
        "completed",
    ]
    leg = product.told("/leg")[-1]
    assert (leg["ParentCallSid"], leg["Direction"], leg["To"]) == (sid, "outbound-dial", LEAD)
    assert leg["CallbackSource"] == "call-progress-events"
    assert leg["Timestamp"].endswith("+0000")
    assert int(leg["CallDuration"]) == pytest.approx(DIALOGUE_S, abs=1)
    assert leg["Duration"] == "1"
    assert product.told("/notice")[0]["CallSid"] == leg["CallSid"]
    assert product.told("/notice/played")[0]["CallSid"] == leg["CallSid"]
    after = product.told("/after")[0]
    assert (after["DialCallStatus"], after["DialCallSid"], after["DialBridged"]) == (
        "completed",
        leg["CallSid"],
        "true",
    )
    fetched = await sandbox.sdk(lambda client: client.calls(sid).fetch())
    assert (fetched.status, fetched.to, fetched._from, fetched.direction) == (
        "completed",
        REP,
        CALLER_ID,
        "outbound-api",
    )
    assert await sandbox.defects() == []


async def test_both_tracks_of_the_agents_leg_are_streamed_at_true_pace(sandbox: Sandbox, product: Product) -> None:
    product.answer_call(LEAD)
    sid = await sandbox.call(product)
    await product.until(lambda: product.sockets and product.sockets[0].close_code is not None)
    await product.until(lambda: len(product.told("/stream")) == 2)
    stream = product.sockets[0]

    assert stream.signed
    assert stream.origin is None
    assert "x-twilio-signature" in stream.header_names
    assert [message["event"] for message in stream.messages[:2]] == ["connected", "start"]
    assert set(stream.messages[0]) == {"event", "protocol", "version"}
    start = stream.messages[1]["start"]
    assert start["callSid"] == sid
    assert start["tracks"] == ["inbound", "outbound"]
    assert start["customParameters"] == {"token": "one-use"}
    assert start["mediaFormat"] == {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    assert stream.messages[-1]["event"] == "stop"
    assert [int(message["sequenceNumber"]) for message in stream.messages[1:]] == list(range(1, len(stream.messages)))

    for track, spoken in (("inbound", AGENT_BYTE), ("outbound", CALLEE_BYTE)):
        frames = stream.track(track)
        assert [frame["chunk"] for frame in frames] == [str(number + 1) for number in range(len(frames))]
        assert [frame["timestamp"] for frame in frames] == [str(number * 20) for number in range(len(frames))]
        sound = b"".join(base64.b64decode(frame["payload"]) for frame in frames)
        assert len(sound) == 160 * len(frames)
        assert sound.count(spoken) == pytest.approx(DIALOGUE_S * 8_000, abs=320)
        # One unbroken stretch: nothing of the dialogue is lost or repeated at the edges of frames.
        runs = [len(list(run)) for byte, run in itertools.groupby(sound) if bytes([byte]) == spoken]
        assert max(runs) == pytest.approx(DIALOGUE_S * 8_000, abs=320)
    ringing = base64.b64decode(stream.track("outbound")[3]["payload"])
    assert len(set(ringing)) > 8, "the agent hears it ring before the two are joined"
    frames = stream.track("inbound")
    assert stream.arrived_s[-1] - stream.arrived_s[1] == pytest.approx(len(frames) * 0.02, abs=0.5)
    events = [form["StreamEvent"] for form in product.told("/stream")]
    assert events == ["stream-started", "stream-stopped"]


async def test_a_key_pressed_during_the_notice_reaches_its_action(sandbox: Sandbox, product: Product) -> None:
    product.answer_call("+12025550186")
    await sandbox.call(product)
    await product.until(lambda: product.told("/after"))

    assert [form.get("Digits") for form in product.told("/notice/played")] == ["1"]
    assert product.told("/after")[0]["DialBridged"] == "true"


@pytest.mark.parametrize(
    ("lead", "outcome", "statuses"),
    [
        ("+12025550181", "busy", ["initiated", "busy"]),
        ("+12025550182", "no-answer", ["initiated", "ringing", "no-answer"]),
        ("+12025550183", "failed", ["initiated", "failed"]),
        ("+12025550185", "completed", ["initiated", "ringing", "in-progress", "completed"]),
    ],
)
async def test_a_lead_that_is_not_reached_is_reported(
    sandbox: Sandbox, product: Product, lead: str, outcome: str, statuses: list[str]
) -> None:
    product.answer_call(lead, dial='timeout="6"')
    await sandbox.call(product)
    await product.until(lambda: product.told("/after") and len(product.told("/leg")) == len(statuses))

    assert product.told("/after")[0]["DialCallStatus"] == outcome
    assert product.told("/after")[0]["DialBridged"] == "false"
    assert [form["CallStatus"] for form in product.told("/leg")] == statuses


async def test_a_machine_answers_and_is_reported(sandbox: Sandbox, product: Product) -> None:
    detect = 'machineDetection="Enable" amdStatusCallback="/amd"'
    product.answer_call("+12025550184", number=detect)
    await sandbox.call(product)
    await product.until(lambda: product.told("/after") and product.told("/amd"))

    assert product.told("/amd")[0]["AnsweredBy"] == "machine_start"


async def test_a_time_limit_ends_the_talk(sandbox: Sandbox, product: Product) -> None:
    product.answer_call("+12025550189", dial='timeLimit="1"')
    await sandbox.call(product)
    await product.until(lambda: product.told("/after"))

    assert product.told("/after")[0]["DialCallStatus"] == "completed"
    assert product.told("/after")[0]["DialCallDuration"] == "1"


async def test_the_limit_of_the_whole_call_can_be_moved_while_it_runs(sandbox: Sandbox, product: Product) -> None:
    product.answer_call("+12025550189")
    sid = await sandbox.call(product, time_limit=3600)
    await product.until(lambda: product.told("/notice/played"))
    await sandbox.sdk(lambda client: client.calls(sid).update(time_limit=1))

    await product.until(lambda: len(product.told("/status")) == 4)
    assert product.told("/status")[-1]["CallDuration"] == "1"


async def test_ending_the_call_through_the_api_ends_both_legs(sandbox: Sandbox, product: Product) -> None:
    product.answer_call("+12025550189")
    sid = await sandbox.call(product)
    await product.until(lambda: product.told("/notice/played"))
    with pytest.raises(TwilioRestException, match="before it is complete"):
        await sandbox.sdk(lambda client: client.calls(sid).delete())
    ended = await sandbox.sdk(lambda client: client.calls(sid).update(status="completed"))

    assert ended.status == "completed"
    await product.until(lambda: len(product.told("/status")) == 4 and len(product.told("/leg")) == 4)
    await product.until(lambda: product.told("/after"))
    assert product.told("/after")[0]["CallStatus"] == "completed"
    with pytest.raises(TwilioRestException) as again:
        await sandbox.sdk(lambda client: client.calls(sid).update(status="completed"))
    assert (again.value.status, again.value.code) == (400, 21220)
    assert await sandbox.sdk(lambda client: client.calls(sid).delete())
    with pytest.raises(TwilioRestException) as gone:
        await sandbox.sdk(lambda client: client.calls(sid).fetch())
    assert (gone.value.status, gone.value.code) == (404, 20404)
    assert await sandbox.defects() == []


async def test_a_running_call_goes_on_with_another_document(sandbox: Sandbox, product: Product) -> None:
    product.answer_call("+12025550189")
    product.answers["/closing"] = "<Response><Say>Your credit is used up.</Say><Hangup/></Response>"
    sid = await sandbox.call(product)
    await product.until(lambda: product.told("/notice/played"))
    await sandbox.sdk(lambda client: client.calls(sid).update(url=f"{product.url}/closing", method="POST"))

    await product.until(lambda: len(product.told("/status")) == 4)
    assert product.told("/closing")[0]["CallStatus"] == "in-progress"


async def test_a_lead_that_is_sent_elsewhere_leaves_the_dial_and_the_rep_goes_on(
    sandbox: Sandbox, product: Product
) -> None:
    product.answer_call("+12025550189")
    product.answers["/after"] = "<Response><Say>It is over for you.</Say><Hangup/></Response>"
    await sandbox.call(product)
    await product.until(lambda: product.told("/notice/played"))
    lead = product.told("/leg")[0]["CallSid"]
    words = "<Response><Say>Goodbye.</Say><Hangup/></Response>"
    await sandbox.sdk(lambda client: client.calls(lead).update(twiml=words))

    await product.until(lambda: len(product.told("/status")) == 4 and len(product.told("/leg")) == 4)
    await product.until(lambda: product.told("/after"))
    assert product.told("/after")[0]["DialCallStatus"] == "answered"
    assert product.told("/leg")[-1]["CallStatus"] == "completed"
    heard = {record["to"]: record["heard"] for record in await sandbox.get("/calls")}
    assert heard["+12025550189"][-1] == "Goodbye."
    assert heard[REP] == ["It is over for you."]
    assert await sandbox.defects() == []


async def test_a_call_can_be_cancelled_while_it_rings(sandbox: Sandbox, product: Product) -> None:
    await sandbox.post(f"/phones/{REP}", behaviour="manual")
    sid = await sandbox.call(product)
    await product.until(lambda: len(product.told("/status")) == 2)
    cancelled = await sandbox.sdk(lambda client: client.calls(sid).update(status="canceled"))

    assert cancelled.status == "canceled"
    await product.until(lambda: len(product.told("/status")) == 3)
    assert product.told("/status")[-1]["CallStatus"] == "canceled"
    assert product.told("/agent") == []


async def test_calls_are_found_again_by_number_status_and_time(sandbox: Sandbox, product: Product) -> None:
    product.answer_call("+12025550189")
    sid = await sandbox.call(product)
    await product.until(lambda: product.told("/notice/played"))
    record = await sandbox.sdk(lambda client: client.calls(sid).fetch())

    def sids(**filters: Any) -> list[str | None]:
        return [call.sid for call in sandbox.twilio.calls.list(limit=5, **filters)]

    found = await sandbox.sdk(lambda _: sids(to=REP, status="in-progress", start_time_after=record.date_created))
    children = await sandbox.sdk(lambda _: sids(parent_call_sid=sid))
    others = await sandbox.sdk(lambda _: sids(to="+12025550999"))
    assert found == [sid]
    assert len(children) == 1
    assert others == []
    assert len(await sandbox.sdk(lambda client: client.calls.list(page_size=1))) == 2


async def test_a_phone_can_be_answered_and_hung_up_by_hand(sandbox: Sandbox, product: Product) -> None:
    await sandbox.post(f"/phones/{REP}", behaviour="manual")
    product.answer_call("+12025550189")
    sid = await sandbox.call(product)
    await product.until(lambda: len(product.told("/status")) == 2)
    await sandbox.post(f"/calls/{sid}/answer")
    await product.until(lambda: product.told("/notice/played"))
    await sandbox.post(f"/calls/{sid}/hangup")

    await product.until(lambda: len(product.told("/status")) == 4)
    assert product.told("/status")[-1]["CallStatus"] == "completed"


async def test_mistakes_in_a_request_get_twilios_own_numbers(sandbox: Sandbox, product: Product) -> None:
    url = f"{product.url}/agent"

    async def refused(**options: str) -> tuple[int, int]:
        with pytest.raises(TwilioRestException) as raised:
            await sandbox.sdk(lambda client: client.calls.create(**options))
        return raised.value.status, raised.value.code or 0

    assert await refused(to="12", from_=CALLER_ID, url=url) == (400, 21211)
    assert await refused(to=REP, from_="+12025550199", url=url) == (400, 21210)
    assert await refused(to=REP, from_=CALLER_ID) == (400, 21205)
    stranger = twilio_client(sandbox.url, token="f" * 32)
    with pytest.raises(TwilioRestException) as raised:
        await sandbox.sdk(lambda _: stranger.calls.create(to=REP, from_=CALLER_ID, url=url))
    assert (raised.value.status, raised.value.code) == (401, 20003)
    assert await sandbox.get("/calls") == []


async def test_a_request_against_the_contract_is_refused_and_noted(sandbox: Sandbox, product: Product) -> None:
    account = sandbox.twilio.account_sid
    form = {"To": REP, "From": CALLER_ID, "Url": f"{product.url}/agent", "TimeLimit": "soon", "Color": "red"}
    answer = await sandbox.http.post(
        f"/2010-04-01/Accounts/{account}/Calls.json", data=form, auth=(account, sandbox.twilio.password)
    )

    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "message", "more_info", "status"}
    kinds = {defect["kind"]: defect["reasons"] for defect in await sandbox.forget()}
    assert kinds["undeclared_field"] == ["Color"]
    assert "integer" in kinds["request"][0]


async def test_text_that_is_no_twiml_ends_the_call_and_is_reported(sandbox: Sandbox, product: Product) -> None:
    product.answers["/agent"] = "<Response><Dance/><Say speed='9'>Hello</Say></Response>"
    await sandbox.call(product)
    await product.until(lambda: len(product.told("/status")) == 4)
    product.answers["/agent"] = "not xml"
    await sandbox.call(product)
    await product.until(lambda: len(product.told("/status")) == 8)

    alerts = await sandbox.get("/alerts")
    assert [alert["code"] for alert in alerts] == [12200, 12200, 12100]


async def test_nothing_is_ever_sent_through_the_messages_resource(sandbox: Sandbox, product: Product) -> None:
    with pytest.raises(TwilioRestException):
        await sandbox.sdk(lambda client: client.messages.create(to=REP, from_=CALLER_ID, body="Hello"))

    assert (await sandbox.get("/received"))["messages_requests"] == 1


async def test_what_the_carrier_was_told_is_listed_by_name_only(sandbox: Sandbox, product: Product) -> None:
    product.answer_call(LEAD)
    await sandbox.call(product)
    await product.until(lambda: len(product.told("/status")) == 4)
    received = (await sandbox.get("/received"))["services"]

    calls = received["twilio POST /2010-04-01/Accounts/{AccountSid}/Calls.json"]
    assert set(calls["fields"]) == {"To", "From", "Url", "StatusCallback", "StatusCallbackEvent"}
    assert "Start/Stream/Parameter[token]" in received["twilio.twiml"]["fields"]
    assert "Dial/Number#text" in received["twilio.twiml"]["fields"]
    # A value is only looked for, in whatever case, and shown to nobody.
    assert LEAD not in str(received)
    found = await sandbox.post("/received/scan", text=LEAD)
    assert found == {"services": ["twilio.twiml"], "whole": True}
    assert (await sandbox.post("/received/scan", text=CALLER_ID))["services"][0].endswith("Calls.json")
