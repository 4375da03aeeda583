"""A call in the browser: what opens the carrier to a browser, which call it then gets, and that nobody is dialled otherwise.

Planted bugs that this catches: a dial token that is good twice (a second browser gets the lead's number), one that opens another
person's call, a claim that is not conditional (eight browsers are bridged), a call that waits for ever with its credits held, an
access token that lets others ring the browser or lives for a day.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt
import pytest
from django.conf import settings as django_settings
from django.db import connection
from pytest_django.fixtures import Settings
from uuid_utils.compat import uuid7

from compliance import suppression
from config.embedded import environment
from identity.models import Membership, User
from processors.models import Disclosure
from tests.identity.browser import Browser
from tests.ledger.books import amounts, broken
from tests.sandbox_fixture import Sandbox
from tests.voice.carrier import Answer, Placed, give_credit, new_lead, post, send, sid, signature
from tests.voice.test_callbacks import rebuilt_otherwise
from voice import browser_calls, credit_end, metering, reconcile, twilio
from voice.models import Call, CallLeg, DialIntent

pytestmark = pytest.mark.django_db(transaction=True)
CREDIT = 50_000
CONNECT, STATUS = "/twilio/browser", "/twilio/browser/status"
TURNED_AWAY = "<Reject"


@pytest.fixture(autouse=True)
def _set_up(settings: Settings) -> None:
    for name, value in environment.browser_calls(os.environ).items():
        setattr(settings, name, value)


@pytest.fixture
def member(make_account: Callable[..., Membership]) -> Membership:
    member = make_account()
    give_credit(member, CREDIT)
    return member


@pytest.fixture
def page(member: Membership, sign_in: Callable[..., Browser]) -> Browser:
    return sign_in(member)


def press_call(page: Browser, member: Membership, *, key: str = "", lead_id: object = None) -> tuple[int, Any]:
    body = {"lead_id": str(lead_id or new_lead(member).id), "way": "browser"}
    return page.post("/api/calls", body, **{"Idempotency-Key": key or str(uuid7())})


def started(page: Browser, member: Membership) -> dict[str, Any]:
    status, call = press_call(page, member)
    assert status == 201, call
    return dict(call)


def identity(member: Membership) -> str:
    return browser_calls.identity_of(user_id=member.user_id, workspace_id=member.workspace_id)


def connects(member: Membership, token: str, leg_sid: str = "", **otherwise: str) -> Answer:
    """Twilio asks what a browser's call is to do."""
    params = {
        "CallSid": leg_sid or sid(),
        "CallStatus": "ringing",
        "Direction": "inbound",
        "From": f"client:{identity(member)}",
        "To": "",
        "ApplicationSid": django_settings.TWILIO_TWIML_APP_SID,
        "token": token,
    }
    return post(CONNECT, params | otherwise)


def row(call: dict[str, Any]) -> Call:
    return Call.objects.get_queryset().get(id=call["id"])


def test_a_browser_gets_a_token_for_our_application_alone_that_names_nobody(
    page: Browser, member: Membership, sandbox: Sandbox
) -> None:
    status, answer = page.post("/api/voice-token")
    assert status == 200
    token = answer["token"]
    assert jwt.get_unverified_header(token)["cty"] == "twilio-fpa;v=1"
    claims = jwt.decode(token, django_settings.TWILIO_API_KEY_SECRET, algorithms=["HS256"])
    assert claims["sub"] == django_settings.TWILIO_ACCOUNT_SID
    assert 0 < claims["exp"] - datetime.now(UTC).timestamp() <= 3_600
    assert claims["grants"] == {
        "identity": identity(member),
        "voice": {"outgoing": {"application_sid": django_settings.TWILIO_TWIML_APP_SID}},
    }
    # The carrier keeps it of legs that we turn away, which no erasure reaches.
    assert member.user_id.hex not in identity(member) and member.workspace_id.hex not in identity(member)
    record = sandbox.ask("POST", "/clients/calls", {"token": token, "params": {"token": "none"}})
    assert record["from"] == f"client:{identity(member)}"
    told = Disclosure.objects.get(endpoint="voice.token")
    assert (told.processor, told.data_classes, told.workspace_id) == (
        "twilio",
        ["record_reference"],
        member.workspace_id,
    )


@pytest.mark.parametrize(("change", "code"), [("secret", 20101), ("application", 20101), ("expired", 20104)])
def test_the_carrier_lets_nobody_in_with_a_token_that_is_not_ours(
    page: Browser, sandbox: Sandbox, change: str, code: int
) -> None:
    """The stand-in of the carrier looks as closely as the carrier."""
    token = page.post("/api/voice-token")[1]["token"]
    claims = jwt.decode(token, django_settings.TWILIO_API_KEY_SECRET, algorithms=["HS256"])
    secret = "another" * 8 if change == "secret" else django_settings.TWILIO_API_KEY_SECRET
    if change == "application":
        claims["grants"]["voice"]["outgoing"]["application_sid"] = "AP" + "9" * 32
    if change == "expired":
        claims["exp"] -= 7_200
    forged = jwt.encode(claims, secret, algorithm="HS256", headers=jwt.get_unverified_header(token))
    asked = {"token": forged, "params": {}}
    answer = httpx.post(f"{sandbox.url}/sandbox/api/clients/calls", json=asked, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert sandbox.ask("GET", "/calls") == []


def test_where_no_application_is_set_up_reps_call_by_phone(
    page: Browser, member: Membership, settings: Settings
) -> None:
    settings.TWILIO_API_KEY_SECRET = ""
    status, answer = page.post("/api/voice-token")
    assert (status, answer["code"]) == (409, "browser_calls_off")
    lead = new_lead(member)
    status, answer = press_call(page, member, lead_id=lead.id)
    assert (status, answer["code"]) == (409, "browser_calls_off")
    assert Call.objects.get_queryset().count() == 0
    check = page.get(f"/api/leads/{lead.id}/dial-check")[1]
    assert (check["ways"], check["way"]) == (["phone"], "phone")


def test_the_way_of_the_last_call_is_offered_first(page: Browser, member: Membership) -> None:
    lead = new_lead(member)
    check = page.get(f"/api/leads/{lead.id}/dial-check")[1]
    assert (check["ways"], check["way"]) == (["phone", "browser"], "phone")
    started(page, member)
    assert page.get(f"/api/leads/{lead.id}/dial-check")[1]["way"] == "browser"


def test_nobody_is_dialled_before_the_browser_is_there(page: Browser, member: Membership, sandbox: Sandbox) -> None:
    status, call = press_call(page, member, key="the-same-click")
    assert (status, call["status"], call["way"]) == (201, "intended", "browser")
    assert amounts(member.workspace_id) == (CREDIT - 5_000, 5_000, 0)
    assert DialIntent.objects.get_queryset().get().state == "waiting"
    assert sandbox.ask("GET", "/calls") == []
    again = press_call(page, member, key="the-same-click", lead_id=call["lead"]["id"])[1]
    assert (again["id"], again["dial_token"]) == (call["id"], call["dial_token"])
    # For who pressed Call, in that answer alone.
    assert "dial_token" not in page.get(f"/api/calls/{call['id']}")[1]


def test_the_browser_that_comes_with_both_tokens_is_listened_to_and_joined_with_the_lead(
    page: Browser, member: Membership
) -> None:
    call = started(page, member)
    leg_sid = sid()
    answer = connects(member, call["dial_token"], leg_sid)
    assert answer.status == 200
    listens, dials = answer.body.index("<Start>"), answer.body.index("<Dial")
    assert listens < dials
    assert call["lead"]["phone_e164"] in answer.body
    # The lead hears the notice first, as in a call by phone.
    assert f"/twilio/voice/{call['id']}/notice" in answer.body
    assert row(call).status == "rep_answered"
    assert list(CallLeg.objects.get_queryset().values_list("role", "sid", "status")) == [
        ("agent", leg_sid, "in-progress")
    ]
    # The carrier repeats a request whose answer it lost.
    assert "<Dial" in connects(member, call["dial_token"], leg_sid).body


def test_a_click_that_is_repeated_begins_no_call_that_has_begun(page: Browser, member: Membership) -> None:
    call = press_call(page, member, key="the-same-click")[1]
    connects(member, call["dial_token"])
    again = press_call(page, member, key="the-same-click", lead_id=call["lead"]["id"])[1]
    assert (again["id"], again["dial_token"]) == (call["id"], None)
    # The same click in another way is none of it.
    by_phone = {"lead_id": call["lead"]["id"], "way": "phone"}
    status, answer = page.post("/api/calls", by_phone, **{"Idempotency-Key": "the-same-click"})
    assert (status, answer["code"]) == (409, "idempotency_key_reused")


def test_the_carrier_itself_ends_a_call_whose_credits_are_over_before_the_lead_has_answered_too(
    page: Browser, member: Membership, sandbox: Sandbox
) -> None:
    """The browser's leg comes to the carrier without a limit, and we may be gone a moment later."""
    call, now = started(page, member), datetime.now(UTC)
    # A phone that rings on, in the place of the browser.
    ours = django_settings.PUBLIC_URL
    leg_sid = twilio.place_call(to_e164="+13125550187", answer_url=ours, status_url=ours, time_limit_s=14_400)
    connects(member, call["dial_token"], leg_sid)
    sandbox.fail("twilio.rest", "error", value=500)
    credit_end.sweep_limits(now=now)
    assert row(call).limited_at is None
    credit_end.sweep_limits(now=now)
    answered_at = CallLeg.objects.get(sid=leg_sid).answered_at
    # Fifty minutes of credits, and the two in which the lead may answer.
    assert answered_at and row(call).limited_at == answered_at + timedelta(minutes=50 + 2)


@pytest.mark.parametrize("way", ["phone", "browser"])
def test_the_number_that_was_found_callable_is_the_one_that_is_called(
    page: Browser, member: Membership, way: str
) -> None:
    """In the browser the number goes to the carrier only when the page connects."""
    lead = new_lead(member)
    call = page.post("/api/calls", {"lead_id": str(lead.id), "way": way}, **{"Idempotency-Key": str(uuid7())})[1]
    status, answer = page.patch(f"/api/leads/{lead.id}", {"phone": "+1 202 555 0199"})
    assert (status, answer["code"]) == (409, "lead_in_call")
    assert page.patch(f"/api/leads/{lead.id}", {"phone": lead.phone_e164, "notes": "Ring the bell"})[0] == 200
    Call.objects.get_queryset().update(status="cancelled", ended_at=datetime.now(UTC))
    assert page.patch(f"/api/leads/{lead.id}", {"phone": "+1 202 555 0199"})[0] == 200
    assert call["lead"]["phone_e164"] == lead.phone_e164


def test_a_second_browser_with_the_same_token_is_turned_away(page: Browser, member: Membership) -> None:
    call = started(page, member)
    connects(member, call["dial_token"])
    answer = connects(member, call["dial_token"])
    assert TURNED_AWAY in answer.body and "<Dial" not in answer.body
    assert row(call).legs.count() == 1


def test_of_eight_browsers_at_the_same_moment_one_is_joined(page: Browser, member: Membership) -> None:
    call, start = started(page, member), Barrier(8)

    def come(_: int) -> str:
        try:
            start.wait(timeout=10)
            return connects(member, call["dial_token"]).body
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(come, range(8)))
    assert sum("<Dial" in answer for answer in answers) == 1
    assert sum(TURNED_AWAY in answer for answer in answers) == 7


@pytest.mark.parametrize("wrong", ["token", "nobody", "person", "application", "phone"])
def test_whoever_lacks_one_thing_is_turned_away_and_the_call_still_waits(
    page: Browser, member: Membership, make_account: Callable[..., Membership], wrong: str
) -> None:
    call = started(page, member)
    token, otherwise = call["dial_token"], {}
    match wrong:
        case "token":
            token = token[:-1] + ("A" if token[-1] != "A" else "B")
        case "nobody":
            otherwise["From"] = "client:"
        case "person":
            other = make_account(email="other@example.com", mobile="+1 202 555 0111")
            otherwise["From"] = f"client:{identity(other)}"
        case "application":
            otherwise["ApplicationSid"] = "AP" + "9" * 32
        case "phone":
            Call.objects.get_queryset().update(way="phone")
    answer = connects(member, token, **otherwise)
    assert (answer.status, TURNED_AWAY in answer.body, call["lead"]["phone_e164"] in answer.body) == (200, True, False)
    assert row(call).legs.count() == 0
    assert DialIntent.objects.get_queryset().get().state == "waiting"


@pytest.mark.parametrize("way_out", ["left the team", "stopped our messages"])
def test_who_is_gone_meanwhile_is_turned_away(page: Browser, member: Membership, way_out: str) -> None:
    call = started(page, member)
    if way_out == "left the team":
        Membership.objects.get_queryset().filter(id=member.id).delete()
    else:
        User.objects.filter(id=member.user_id).update(texts_stopped_at=datetime.now(UTC))
    assert TURNED_AWAY in connects(member, call["dial_token"]).body


def test_a_request_that_the_carrier_did_not_sign_opens_nothing(page: Browser, member: Membership) -> None:
    call = started(page, member)
    params = {"CallSid": sid(), "From": f"client:{identity(member)}", "token": call["dial_token"]}
    signed = signature(CONNECT, params, token="0" * 32)
    for path in (CONNECT, STATUS):
        assert send("POST", path, urlencode(params).encode()).code == "signature_invalid"
        assert send("POST", path, urlencode(params).encode(), signed=signed).code == "signature_invalid"
    assert row(call).legs.count() == 0


def test_a_lead_who_asked_not_to_be_called_in_the_last_moment_is_not(page: Browser, member: Membership) -> None:
    call = started(page, member)
    suppression.suppress(
        workspace_id=member.workspace_id,
        phone_e164=call["lead"]["phone_e164"],
        reason="asked",
        source="tests",
        now=datetime.now(UTC),
    )
    assert "<Dial" not in connects(member, call["dial_token"]).body
    assert (row(call).status, row(call).end_reason) == ("cancelled", "lead_suppressed")
    assert amounts(member.workspace_id) == (CREDIT, 0, 0)


def test_a_browser_that_never_comes_costs_nothing_and_comes_too_late_afterwards(
    page: Browser, member: Membership
) -> None:
    call = started(page, member)
    created_at = row(call).created_at
    browser_calls.sweep_unconnected(now=created_at + timedelta(seconds=29))
    assert row(call).is_live
    browser_calls.sweep_unconnected(now=created_at + timedelta(seconds=31))
    assert (row(call).status, row(call).end_reason) == ("failed", "rep_not_connected")
    assert amounts(member.workspace_id) == (CREDIT, 0, 0)
    assert TURNED_AWAY in connects(member, call["dial_token"]).body
    assert broken() == [] and rebuilt_otherwise() == []


def test_a_call_that_is_ended_before_the_browser_is_there_is_over_at_once(page: Browser, member: Membership) -> None:
    call = started(page, member)
    assert page.post(f"/api/calls/{call['id']}/hangup")[0] == 200
    # Between the wish and its fulfilment too.
    assert TURNED_AWAY in connects(member, call["dial_token"]).body
    reconcile.hang_up(call_id=row(call).id, now=datetime.now(UTC))
    assert (row(call).status, row(call).end_reason) == ("cancelled", "rep_not_connected")
    assert amounts(member.workspace_id) == (CREDIT, 0, 0)


def test_a_conversation_in_the_browser_costs_what_one_by_phone_costs(page: Browser, member: Membership) -> None:
    call = started(page, member)
    began_at = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=70)
    placed = Placed(call["id"], sid(), sid(), began_at)
    connects(member, call["dial_token"], placed.agent_sid)
    post(*placed.callee("in-progress", at_s=5, sequence=2))
    metering.charge_due_minutes(now=began_at + timedelta(seconds=30))
    post(*placed.callee("completed", at_s=69, sequence=3, CallDuration="64"))
    post(*placed.after("completed", DialCallDuration="64"))
    ended = placed.agent("completed", at_s=70, sequence=0, CallDuration="70")[1]
    assert post(STATUS, ended).status == 204
    held = row(call)
    assert (held.status, held.end_reason, held.duration_s, held.charged_mcredits) == ("completed", "hung_up", 64, 2_000)
    assert sorted(held.legs.values_list("role", "status")) == [("agent", "completed"), ("callee", "completed")]
    assert broken() == [] and rebuilt_otherwise() == []


def test_the_end_of_a_leg_that_is_of_no_call_changes_nothing(member: Membership) -> None:
    assert post(STATUS, {"CallSid": sid(), "CallStatus": "completed"}).status == 204
    assert CallLeg.objects.get_queryset().count() == 0
