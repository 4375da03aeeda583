"""What may leave the machine, driven against a real HTTP server on loopback."""

import ast
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import pytest
import requests
from django.db import transaction
from pytest_django.fixtures import Settings
from twilio.rest import Client as TwilioClient

from compliance import policy, versions
from processors import disclosures, egress, register
from processors.models import BlockedEgress, Disclosure
from processors.paddle_sdk import paddle_client
from processors.pseudonyms import pseudonym
from tests.processors import own_certificate

PROJECT = Path(__file__).resolve().parent.parent.parent
HOUSE = ("config", "api", "voice", "ai", "ledger", "identity", "compliance", "realtime", "processors")
ACCOUNT = "AC" + "0" * 32
SERVICE = "VA" + "0" * 32
CALL_JSON = b'{"sid":"CA00000000000000000000000000000000","status":"queued"}'
NUMBER = "+37060000001"


@dataclass
class Carrier:
    """A server that answers everything and remembers what reached it."""

    url: str
    requests: list[tuple[str, str, dict[str, list[str]]]] = field(default_factory=list)


@pytest.fixture
def carrier(settings: Settings) -> Iterator[Carrier]:
    received: list[tuple[str, str, dict[str, list[str]]]] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            received.append((self.command, self.path, parse_qs(body)))
            answer = b'{"data":[],"meta":{"request_id":"r","pagination":{"per_page":1,"next":"","has_more":false,'
            answer += b'"estimated_total":0}}}'
            answer = CALL_JSON if "Calls" in self.path else answer
            if self.path == "/elsewhere":
                self.send_response(302)
                self.send_header("Location", "http://127.0.0.1:1/stolen")
            else:
                self.send_response(201)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_DELETE = do_PATCH = _answer

        def log_message(self, *arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    settings.TWILIO_API_URL = settings.TWILIO_VERIFY_URL = settings.PADDLE_API_URL = url
    yield Carrier(url=url, requests=received)
    server.shutdown()
    server.server_close()


def twilio() -> TwilioClient:
    return TwilioClient(ACCOUNT, "token", http_client=egress.twilio_http_client())


@pytest.mark.django_db(transaction=True)
def test_a_call_through_twilios_sdk_arrives_and_is_recorded_as_a_disclosure(carrier: Carrier) -> None:
    user, workspace = uuid4(), uuid4()
    for _ in range(2):
        with disclosures.about(user_id=user, workspace_id=workspace):
            twilio().calls.create(to=NUMBER, from_="+12025550147", url="https://our.example/agent", time_limit=60)

    assert [request[0] for request in carrier.requests] == ["POST", "POST"]
    assert carrier.requests[0][2]["To"] == [NUMBER]
    row = Disclosure.objects.get()
    assert (row.processor, row.endpoint, row.count, row.workspace_id) == ("twilio", "calls.create", 2, workspace)
    assert row.person == pseudonym("user", user)
    assert row.data_classes == ["account_reference", "call_control", "phone", "webhook_address"]


@pytest.mark.django_db(transaction=True)
def test_many_requests_that_tell_the_same_are_counted_before_the_first_of_them(carrier: Carrier) -> None:
    """Planted bug that this catches: they are counted once they have left, and a process that dies meanwhile told what nobody counted."""

    def counted() -> int:
        return Disclosure.objects.get(endpoint="calls.delete").count

    def delete(number: int) -> None:
        twilio().calls(f"CA{number:032}").delete()

    with disclosures.alike(3):
        delete(1)
        assert counted() == 3
        with disclosures.about(user_id=uuid4()):
            twilio().calls("CA" + "0" * 32).fetch()
        delete(2)
        assert counted() == 3
    assert counted() == 2 and Disclosure.objects.get(endpoint="calls.read").count == 1
    with disclosures.alike(1):
        delete(3)
        delete(4)
    assert counted() == 4


@pytest.mark.django_db(transaction=True)
def test_a_request_about_a_number_alone_is_recorded_under_its_pseudonym(carrier: Carrier) -> None:
    twilio().verify.v2.services(SERVICE).verifications.create(to=NUMBER, channel="sms")

    row = Disclosure.objects.get()
    assert row.person == pseudonym("phone", NUMBER)
    assert NUMBER.lstrip("+") not in str(vars(row))


@pytest.mark.policy("C4.9")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("url", "fields", "reason"),
    [
        ("https://api.twilio.com/2010-04-01/Accounts/{a}/Calls.json", {"To": NUMBER}, "host_not_listed"),
        ("https://collector.example/", {"To": NUMBER}, "host_not_listed"),
        ("{url}/2010-04-01/Accounts/{a}/Messages.json", {"To": NUMBER, "Body": "hi"}, "endpoint_not_listed"),
        ("{url}/2010-04-01/Accounts/{a}/Calls.json", {"To": NUMBER, "CallerName": "Asha"}, "field_not_listed"),
        ("{url}/v2/Services/{v}/Verifications", {"To": NUMBER, "Channel": "call"}, "value_not_listed"),
    ],
)
def test_what_is_not_listed_is_refused_reported_and_never_sent(
    carrier: Carrier, url: str, fields: dict[str, str], reason: str
) -> None:
    target = url.format(url=carrier.url, a=ACCOUNT, v=SERVICE)
    with pytest.raises(egress.EgressRefused) as refusal:
        egress.session("twilio").post(target, data=fields)

    assert carrier.requests == []
    assert not Disclosure.objects.exists()
    assert BlockedEgress.objects.get().reason == reason
    assert NUMBER not in str(refusal.value)


@pytest.mark.django_db(transaction=True)
def test_a_nested_json_field_that_is_not_listed_is_refused(carrier: Carrier) -> None:
    body = {"items": [{"price_id": "pri_1", "quantity": 1}], "customer": {"name": "Asha Rao"}}
    with pytest.raises(egress.EgressRefused, match=r"customer\.name"):
        egress.session("paddle").post(f"{carrier.url}/transactions", json=body)
    assert BlockedEgress.objects.get().field == "customer.name"


@pytest.mark.django_db(transaction=True)
def test_paddles_sdk_sends_through_the_session_with_our_key(carrier: Carrier) -> None:
    assert list(paddle_client().transactions.list()) == []
    assert Disclosure.objects.get().endpoint == "transactions.list"
    assert carrier.requests[0][0] == "GET"


@pytest.mark.django_db(transaction=True)
def test_a_redirect_is_not_followed(carrier: Carrier, monkeypatch: pytest.MonkeyPatch) -> None:
    session = egress.session("paddle")
    answer = session.get(f"{carrier.url}/prices", allow_redirects=True)
    assert answer.status_code == 201
    assert session.send(session.prepare_request(_get(f"{carrier.url}/prices")), allow_redirects=True).history == []


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_fails_leaves_a_line_without_what_was_sent(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.TWILIO_API_URL = "https://localhost:9"
    with pytest.raises(requests.ConnectionError):
        twilio().calls.create(to=NUMBER, from_="+12025550147", url="https://our.example/agent")
    [line] = [each for each in caplog.records if each.message == "processor not reached"]
    assert (line.processor, line.error_type) == ("twilio", "ConnectionError")  # type: ignore[attr-defined]
    assert NUMBER not in str(vars(line))


@pytest.mark.django_db(transaction=True)
def test_a_certificate_that_nobody_vouches_for_is_refused(settings: Settings, tmp_path: Path) -> None:
    with own_certificate.served(*own_certificate.made(tmp_path)) as (port, went):
        settings.TWILIO_API_URL = f"https://localhost:{port}"
        with pytest.raises(requests.exceptions.SSLError):
            twilio().calls.create(to=NUMBER, from_="+12025550147", url="https://our.example/agent")
    assert "ok" not in went


@pytest.mark.django_db(transaction=True)
def test_nothing_is_sent_inside_a_transaction_that_could_take_the_record_back(carrier: Carrier) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        twilio().calls.create(to=NUMBER, from_="+12025550147", url="https://our.example/agent")
    assert carrier.requests == []


def test_an_address_that_is_neither_the_processors_nor_on_this_machine_is_a_configuration_error(
    settings: Settings,
) -> None:
    settings.TWILIO_API_URL = "https://twilio.evil.example"
    with pytest.raises(register.ProcessorMisconfigured, match="TWILIO_API_URL"):
        egress.twilio_http_client()
    assert len(register.problems(settings)) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.policy("C4.9", "C10.2")
def test_what_no_version_of_the_policy_names_is_not_sent_and_is_reported(
    carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "FIRST", replace(versions.FIRST, receives={"twilio": frozenset({"mobile"})}))
    with pytest.raises(egress.EgressRefused, match="not_in_policy"):
        twilio().calls.create(to=NUMBER, from_="+12025550147", url="https://our.example/agent")
    assert carrier.requests == []
    assert BlockedEgress.objects.get().reason == "not_in_policy"


def test_every_listed_field_has_a_declared_class_of_data() -> None:
    for processor in register.PROCESSORS:
        used = {c for base in processor.bases for e in base.endpoints for c in e.fields.values()}
        assert used | {*processor.receives, *processor.directly} <= set(register.DATA_CLASSES)


@pytest.mark.django_db
def test_a_user_and_a_number_never_share_a_pseudonym() -> None:
    same = "00000000-0000-0000-0000-000000000000"
    assert pseudonym("user", UUID(same)) != pseudonym("phone", same)


@pytest.mark.policy("C4.9")
def test_no_other_http_client_is_used_anywhere_in_the_house() -> None:
    for path in (path for package in HOUSE for path in (PROJECT / package).rglob("*.py")):
        # The embedded stack starts what listens on this machine and asks it whether it is up.
        # What a customer's server is sent has its own connection, to an address that was looked at.
        if path.is_relative_to(PROJECT / "config" / "embedded") or path.name == "customers.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {getattr(node, "module", "") or "", *(alias.name for alias in node.names)}
                assert not names & {"httpx", "aiohttp", "urllib.request", "http.client", "websockets", "openai"}, path
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "requests":
                sends = node.attr in {"get", "post", "put", "patch", "delete", "head", "request", "Session"}
                assert not sends or path.parent.name in {"processors", "compliance"}, path


def _get(url: str) -> requests.Request:
    return requests.Request("GET", url)
