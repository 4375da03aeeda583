"""What an operator is told before the first customer would find out.

Planted bugs that this catches: a check that takes any answer for the product's, an unsigned request that is not sent at all, a
number that merely contains ours, a test call that is dialled although a check failed, or again when its answer was lost.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from tests.sandbox_fixture import Sandbox
from tests.voice.carrier import signature
from tests.voice.public_door import Says, certificate, door
from voice.models import ScriptedCall
from voice.scripted_call import Came
from voice.scripted_findings import findings

pytestmark = pytest.mark.django_db(transaction=True)
OPERATOR = "+12025550161"
EVERYTHING = (
    "account",
    "caller_id",
    "verify_service",
    "verify_claim_service",
    "browser_calls",
    "verify_callee_service",
    "public_address",
    "webhooks",
    "media_sockets",
    "test_call",
)


def checked(*arguments: str) -> dict[str, dict[str, str]]:
    """Each check by its name; the command fails if and only if one of them does."""
    out = StringIO()
    failed = False
    try:
        call_command("carrier_check", "--json", *arguments, stdout=out)
    except CommandError:
        failed = True
    told = json.loads(out.getvalue())
    found = {each["check"]: each for each in told["checks"]}
    assert told["ok"] is not failed
    assert failed is any(each["outcome"] == "failed" for each in found.values())
    for each in found.values():
        assert bool(each["remedy"]) == (each["outcome"] == "failed"), each
    return found


def failures(found: Mapping[str, Mapping[str, str]]) -> list[str]:
    return [name for name, each in found.items() if each["outcome"] == "failed"]


@pytest.fixture
def doors(settings: Settings) -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def media_door(settings: Settings, doors: ExitStack, says: Says) -> None:
    settings.MEDIA_SOCKET_URL = f"ws://localhost:{doors.enter_context(door(says))}"


@pytest.fixture
def set_up(sandbox: Sandbox, live_server: LiveServer, settings: Settings, doors: ExitStack) -> Sandbox:
    """The product's web process where PUBLIC_URL says, and at MEDIA_SOCKET_URL a server that opens what is signed."""
    settings.PUBLIC_URL = live_server.url

    def opens(path: str, headers: Mapping[str, str]) -> tuple[int, object]:
        signed = signature(path, {}, origin=settings.MEDIA_SOCKET_URL)
        return (101, None) if headers.get("X-Twilio-Signature") == signed else (403, {})

    media_door(settings, doors, opens)
    return sandbox


def test_where_everything_is_set_up_every_check_says_so_and_twilio_was_asked_as_it_wants(set_up: Sandbox) -> None:
    found = checked()
    assert failures(found) == []
    assert {name for name, each in found.items() if each["outcome"] == "ok"} == {*EVERYTHING} - {
        "test_call",
        "browser_calls",
    }
    assert (found["test_call"]["outcome"], found["browser_calls"]["outcome"]) == ("skipped", "skipped")
    assert set_up.ask("GET", "/defects") == []
    assert set_up.ask("GET", "/calls") == []


def test_a_person_reads_a_line_for_each_check_and_of_a_failure_what_to_change_and_where(set_up: Sandbox) -> None:
    set_up.ask("POST", "/account", {"caller_id": "unknown"})
    out = StringIO()
    with pytest.raises(CommandError, match="1 of 10 checks failed"):
        call_command("carrier_check", stdout=out)
    lines = out.getvalue().splitlines()
    assert [line.split()[1].rstrip(":") for line in lines] == list(EVERYTHING)
    wrong = next(line for line in lines if line.startswith("FAILED"))
    assert "Verified Caller IDs" in wrong and wrong.endswith("[TWILIO_CALLER_ID]")


def test_an_address_where_nobody_answers_is_told(set_up: Sandbox, settings: Settings, doors: ExitStack) -> None:
    with door(lambda path, headers: (200, {})) as port:
        pass
    settings.PUBLIC_URL = f"http://localhost:{port}"
    settings.MEDIA_SOCKET_URL = f"ws://localhost:{port}"
    found = checked()
    assert failures(found) == ["public_address", "media_sockets"]
    assert found["webhooks"]["outcome"] == "skipped"


def is_healthy(path: str) -> bool:
    return path == "/healthz"


@pytest.mark.parametrize(
    ("says", "check", "said"),
    [
        (lambda path, headers: (200, {}), "public_address", "not as the product does"),
        (lambda path, headers: (200, {"status": "ok"}), "webhooks", "was answered 200 and not refused"),
        (
            lambda path, headers: (200, {"status": "ok"}) if is_healthy(path) else (403, {"code": "signature_invalid"}),
            "webhooks",
            "as Twilio signs it was refused",
        ),
        (
            lambda path, headers: (
                (200, {"status": "ok"})
                if is_healthy(path)
                else (502, {})
                if "X-Twilio-Signature" in headers
                else (403, {"code": "signature_invalid"})
            ),
            "webhooks",
            "answered 502",
        ),
    ],
    ids=["another server", "answers everybody", "refuses everybody", "breaks"],
)
def test_what_stands_at_the_address_instead_of_the_product_is_told(
    set_up: Sandbox, settings: Settings, doors: ExitStack, says: Says, check: str, said: str
) -> None:
    settings.PUBLIC_URL = f"http://localhost:{doors.enter_context(door(says))}"
    found = checked()
    assert failures(found) == [check] and said in found[check]["said"]


@pytest.mark.parametrize(("status", "said"), [(101, "nobody signed was opened"), (403, "answered 403 and not opened")])
def test_a_media_socket_that_opens_to_everybody_or_to_nobody_is_told(
    set_up: Sandbox, settings: Settings, doors: ExitStack, status: int, said: str
) -> None:
    media_door(settings, doors, lambda path, headers: (status, {}))
    found = checked()
    assert failures(found) == ["media_sockets"] and said in found["media_sockets"]["said"]


@pytest.mark.parametrize(
    ("name", "days", "known", "said"),
    [
        ("localhost", 30, True, None),
        ("localhost", 30, False, "not signed by an authority"),
        ("localhost", -1, True, "has expired"),
        ("other.example", 30, True, "for another host"),
    ],
)
def test_tls_is_checked_as_strangers_do(
    set_up: Sandbox,
    settings: Settings,
    doors: ExitStack,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    days: int,
    known: bool,
    said: str | None,
) -> None:
    """known: whether the certificate counts as an authority's; requests asks certifi which there are."""
    whole, public = doors.enter_context(certificate(name=name, days=days))
    if known:
        monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(public))
    port = doors.enter_context(door(lambda path, headers: (200, {"status": "ok"}), certificate=whole))
    settings.PUBLIC_URL = f"https://localhost:{port}"
    found = checked()
    if said is None:
        assert found["public_address"]["said"].endswith("over TLS, with a certificate of its host.")
    else:
        assert "public_address" in failures(found) and said in found["public_address"]["said"]


def test_an_address_that_speaks_no_tls_is_told(set_up: Sandbox, settings: Settings) -> None:
    settings.PUBLIC_URL = settings.PUBLIC_URL.replace("http:", "https:")
    assert "speaks no TLS" in checked()["public_address"]["said"]


@pytest.mark.parametrize(
    ("public", "media", "said"),
    [
        ("http://localhost:8000", "ws://localhost:8001", "this machine's own name"),
        ("http://sales.example.com", "ws://sales.example.com", "without TLS"),
    ],
)
def test_addresses_that_twilio_could_not_reach_are_told_from_their_form(
    set_up: Sandbox, settings: Settings, public: str, media: str, said: str
) -> None:
    settings.TWILIO_API_URL = "https://api.twilio.com"
    settings.PUBLIC_URL, settings.MEDIA_SOCKET_URL = public, media
    found = checked()
    assert said in found["public_address"]["said"] and said in found["media_sockets"]["said"]


def test_a_setting_of_the_wrong_form_is_told_before_anything_leaves(
    set_up: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_CALLER_ID", "555-0147")
    found = checked()
    assert list(found) == ["settings"]
    assert found["settings"]["setting"] == "TWILIO_CALLER_ID"
    assert set_up.received()["services"] == {}


@pytest.mark.parametrize(
    ("number", "outcome", "remedy"),
    [
        ("+12025550181", "The call ended as busy", "Pick up when"),
        # Whose telephone never rang cannot pick it up.
        ("+12025550183", "The call ended as failed", "Look up the call's error"),
    ],
)
def test_a_test_call_that_nobody_answers_says_how_it_ended(
    set_up: Sandbox, number: str, outcome: str, remedy: str
) -> None:
    found = checked("--call", number)
    assert failures(found) == ["test_call"] and outcome in found["test_call"]["said"]
    assert found["test_call"]["remedy"].startswith(remedy)
    assert found["test_call_callbacks"]["outcome"] == found["test_call_media"]["outcome"] == "skipped"
    assert not ScriptedCall.objects.exists()


def test_who_picked_up_and_was_told_nothing_did_all_that_they_can() -> None:
    """The carrier knows of the answer, and could not ask what to do. Red when either word counts as the spoken sentence."""
    came = Came(frozenset({"ringing", "in-progress", "completed"}), "completed", None)
    found = {each.check: each for each in findings(came, within_s=30)}
    call = found["test_call"]
    assert (call.outcome, call.setting) == ("failed", "PUBLIC_URL") and "heard nothing" in call.said
    assert call.remedy.startswith("Look for errors 11200") and found["test_call_callbacks"].outcome == "failed"


def test_a_test_call_whose_media_socket_stays_shut_says_so_and_its_callbacks_came(
    set_up: Sandbox, settings: Settings
) -> None:
    """What stands at MEDIA_SOCKET_URL opens nothing that carries the answer to its key."""
    found = checked("--call", OPERATOR)
    assert failures(found) == ["test_call_media"] and "was not opened" in found["test_call_media"]["said"]
    assert found["test_call_callbacks"]["outcome"] == "ok"
    assert [call["to"] for call in set_up.ask("GET", "/calls")] == [OPERATOR]
    assert not ScriptedCall.objects.exists()


def test_callbacks_that_do_not_come_within_the_bound_are_named_and_the_call_is_ended(set_up: Sandbox) -> None:
    set_up.fail("twilio.callbacks", "drop", count=-1)
    found = checked("--call", OPERATOR, "--within", "2")
    assert "test_call_callbacks" in failures(found)
    assert "ringing, in-progress, completed" in found["test_call_callbacks"]["said"]
    assert all(call["ended_at"] for call in set_up.ask("GET", "/calls"))


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("error", 21215, "Geo permissions"),
        ("error", 10004, "Trust Hub"),
        ("error", 21999, "Look up the error 21999"),
        ("timeout_after_accept", 1, "Monitor, Logs, Calls"),
    ],
)
def test_a_call_that_twilio_refuses_or_does_not_confirm_is_told_and_never_repeated(
    set_up: Sandbox, kind: str, value: int, said: str
) -> None:
    fault = {"target": "twilio.rest", "kind": kind, "value": value, "count": -1, "match": {"method": "POST"}}
    set_up.ask("POST", "/faults", fault)
    found = checked("--call", OPERATOR)
    assert failures(found) == ["test_call"] and said in found["test_call"]["remedy"]
    assert len(set_up.ask("GET", "/calls")) == (1 if kind == "timeout_after_accept" else 0)
    assert not ScriptedCall.objects.exists()


def test_a_number_that_there_is_not_is_refused_before_anything_is_asked(set_up: Sandbox) -> None:
    with pytest.raises(CommandError, match="country code"):
        call_command("carrier_check", "--call", "12")
    assert set_up.received()["services"] == {}
