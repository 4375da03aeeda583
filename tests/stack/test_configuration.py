"""docs/configuration.md says what the code reads, and `make serve` names what is wrong."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from compliance.clauses import CLAUSES
from config import configuration
from config.embedded import ports

PROJECT = Path(__file__).resolve().parent.parent.parent
HOUSE = ("config", "api", "voice", "ai", "ledger", "identity", "compliance", "realtime", "processors", "sandbox")
# Read, but no setting: it says which settings module there is, and there is one.
NOT_SETTINGS = {"DJANGO_SETTINGS_MODULE", "ORT_DISABLE_TELEMETRY"}
NAME = re.compile(r"[A-Z][A-Z0-9]+(_[A-Z0-9]+)*")
CHECKED = "sslmode=verify-full&sslrootcert=/etc/klose/ca.pem"
COMPLETE = {
    "SECRET_KEY": "kR7vQ2mZ9xT4bW8nL1pD6yH3cF5gJ0sA" * 2,
    "SUPPRESSION_KEY": "0123456789abcdef" * 4,
    "FIELD_KEYS": "E" * 23 + "abcdefghijklmnopqrst" + "=",
    "LOOKUP_KEY": "fedcba9876543210" * 4,
    "STAFF_SECRET_KEYS": "A" * 23 + "abcdefghijklmnopqrst" + "=",
    "DATABASE_URL": f"postgresql://klose:vK3-pQ9-zT7-mL2@db.example.com:5432/klose?{CHECKED}",
    "ERASURE_LEDGER_URL": f"postgresql://klose:wX4-rS8-yU6-nM1@ledger.example.com:5432/erasures?{CHECKED}",
    "REDIS_URL": "rediss://:bN5-hG2-fD8-jK7@a.example.com:6379/0,rediss://:bN5-hG2-fD8-jK7@b.example.com:6379/0",
    "PUBLIC_URL": "https://sales.example.com",
    "MEDIA_SOCKET_URL": "wss://media.example.com",
    "NUM_PROXIES": "1",
    "SERVER_COUNTRY": "LT",
    "DISKS_ENCRYPTED": "yes",
    "GRIEVANCE_OFFICER": "Asha Rao, Grievance Officer",
    "GRIEVANCE_EMAIL": "grievance@example.com",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "1" * 32,
    "TWILIO_CALLER_ID": "+12025550147",
    "TWILIO_VERIFY_SERVICE_SID": "VA" + "0" * 32,
    "TWILIO_VERIFY_CLAIM_SERVICE_SID": "VA" + "2" * 32,
    "TWILIO_VERIFY_CALLEE_SERVICE_SID": "VA" + "1" * 32,
    "OTP_COUNTRIES": "US,CA",
    "PADDLE_API_KEY": "pdl_live_apikey_0123456789",
    "PADDLE_WEBHOOK_SECRET": "pdl_ntfset_0123456789",
    "PADDLE_CLIENT_TOKEN": "live_0123456789",
    "CREDIT_PACKS": json.dumps(
        [{"price_id": "pri_1", "name": "One", "mcredits": 1, "amount_minor": 1, "currency": "USD"}]
    ),
    "EMAIL_HOST": "mail.example.com",
}


def documented() -> dict[str, str]:
    """Setting -> default, as the page's tables have them."""
    page = (PROJECT / "docs" / "configuration.md").read_text()
    return dict(re.findall(r"^\| `([A-Z0-9_]+)` \| (.+?) \|", page, flags=re.MULTILINE))


def reads() -> Iterator[tuple[str, ast.expr | None]]:
    """Each name that is read from the environment, with the default beside it when there is one."""
    for source in (file for package in HOUSE for file in (PROJECT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Subscript) and _is_environment(node.value):
                yield from _named([node.slice])
            elif isinstance(node, ast.Call) and any(map(_is_environment, [*node.args, _owner(node.func)])):
                yield from _named([one for one in node.args if not _is_environment(one)])


def _owner(function: ast.expr) -> ast.expr:
    return function.value if isinstance(function, ast.Attribute) else function


def _is_environment(node: ast.expr) -> bool:
    return ast.unparse(node) in {"environ", "os.environ", "environment"}


def _named(arguments: list[ast.expr]) -> Iterator[tuple[str, ast.expr | None]]:
    first = arguments[0] if arguments else None
    if isinstance(first, ast.Constant) and isinstance(first.value, str) and NAME.fullmatch(first.value):
        yield first.value, arguments[1] if len(arguments) > 1 else None


def test_every_setting_that_is_read_is_documented_and_no_other() -> None:
    read = {name for name, _ in reads()} | set(ports.SETTINGS.values())
    assert len(read) > 40
    assert set(documented()) == read - NOT_SETTINGS


def test_the_defaults_are_those_of_the_code() -> None:
    page = documented()
    compared = 0
    for name, default in reads():
        literal = default.value if isinstance(default, ast.Constant) else None
        if literal not in {"", None} and page.get(name, "required") != "required":
            assert page[name].strip("`") == str(literal), name
            compared += 1
    assert compared > 15


def test_an_environment_that_is_complete_has_no_problem() -> None:
    assert configuration.problems(COMPLETE) == []


@pytest.mark.policy("C5.1-4")
@pytest.mark.parametrize("country", ["IN", "Lithuania", "lt"])
def test_nothing_is_served_from_a_country_that_the_policy_does_not_name(country: str) -> None:
    assert any("in Lithuania, European Union" in clause.text for clause in CLAUSES)
    [problem] = configuration.problems({**COMPLETE, "SERVER_COUNTRY": country})
    assert problem.setting == "SERVER_COUNTRY" and "LT" in problem.remedy


@pytest.mark.parametrize("setting", [name for name in COMPLETE if name != "NUM_PROXIES"])
def test_each_required_setting_is_missed(setting: str) -> None:
    left = {name: value for name, value in COMPLETE.items() if name != setting}
    assert [problem.setting for problem in configuration.problems(left)] == [setting]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SECRET_KEY", "short"),
        ("FIELD_KEYS", "short"),
        ("FIELD_KEYS", COMPLETE["FIELD_KEYS"] + ";" + COMPLETE["FIELD_KEYS"]),
        ("FIELD_KEYS", "é" * 43 + "="),
        ("FIELD_KEYS", "E" * 43 + "="),
        ("LOOKUP_KEY", "1e" * 31),
        ("LOOKUP_KEY", "0" * 64),
        ("LOOKUP_KEY", COMPLETE["SUPPRESSION_KEY"].upper()),
        ("LOOKUP_KEY_PREVIOUS", "1e" * 31),
        ("LOOKUP_KEY_PREVIOUS", "0" * 64),
        ("LOOKUP_KEY_PREVIOUS", COMPLETE["LOOKUP_KEY"].upper()),
        ("SECRET_KEY", "s" * 50),
        ("SECRET_KEY", "change-me-" + COMPLETE["SECRET_KEY"]),
        ("SUPPRESSION_KEY", "0f" * 32),
        ("SUPPRESSION_KEY_PREVIOUS", "1e" * 31),
        ("SUPPRESSION_KEY_PREVIOUS", "0f" * 32),
        ("SUPPRESSION_KEY_PREVIOUS", COMPLETE["SUPPRESSION_KEY"].upper()),
        ("STAFF_SECRET_KEYS", COMPLETE["FIELD_KEYS"]),
        ("STAFF_SECRET_KEYS", "short"),
        ("STAFF_SECRET_KEYS", COMPLETE["STAFF_SECRET_KEYS"] + "," + "A" * 44),
        ("DEBUG", "true"),
        ("DEBUG", "perhaps"),
        ("DATABASE_URL", "mysql://a/b"),
        ("DATABASE_URL", "postgresql://a:b@db.example.com/klose?sslmod=verify-full"),
        ("DATABASE_URL", "postgresql://klose:vK3-pQ9-zT7-mL2@db.example.com/klose"),
        ("DATABASE_URL", "postgresql://klose:vK3-pQ9-zT7-mL2@db.example.com/klose?sslmode=require"),
        ("DATABASE_URL", "postgresql://klose:vK3-pQ9-zT7-mL2@/klose?host=db.example.com"),
        ("DATABASE_URL", f"postgresql://klose:password2026@db.example.com/klose?{CHECKED}"),
        ("DATABASE_URL", "postgresql://klose:klose@localhost/klose"),
        ("ERASURE_LEDGER_URL", "postgresql://klose:wX4-rS8-yU6-nM1@ledger.example.com/erasures?sslmode=prefer"),
        ("REDIS_URL", "redis://:bN5-hG2-fD8-jK7@a.example.com:6379/0"),
        ("REDIS_URL", "rediss://a.example.com:6379/0"),
        ("REDIS_URL", "rediss://:bN5-hG2-fD8-jK7@a.example.com:6379/0?ssl_cert_reqs=none"),
        ("TRANSCRIBER_ADDRESS", "tcp://ears.example.com:9000"),
        ("DATABASE_POOL_SIZE", "3"),
        ("REDIS_URL", "redis://a.example.com,http://b.example.com"),
        ("PUBLIC_URL", "http://sales.example.com"),
        ("MEDIA_SOCKET_URL", "ws://media.example.com"),
        ("LIVE_SOCKET_URL", "ws://sales.example.com"),
        ("LIVE_SOCKET_URL", "wss://live.example.com"),
        ("LIVE_SOCKET_URL", "https://sales.example.com"),
        ("SERVER_COUNTRY", "US"),
        ("NUM_PROXIES", "0"),
        ("NUM_PROXIES", "many"),
        ("TWILIO_CALLER_ID", "0049 30 1"),
        ("PADDLE_CLIENT_TOKEN", "test_0123456789"),
        ("GOOGLE_ACCOUNTS_URL", "accounts.google.com"),
        ("FACEBOOK_GRAPH_URL", "ftp://graph.facebook.com"),
        ("CREDIT_PACKS", "[]"),
        ("CREDIT_PACKS", "{not json"),
        ("CREDIT_PACKS", '[{"price_id": "pri_1"}]'),
        ("PORT_MEDIA", "8000"),
        ("PORT_LIVE", "8001"),
        ("PORT_LIVE", "none"),
        ("PORT_WEB", "80000"),
        ("EMAIL_PORT", "0"),
        ("EMAIL_SECURITY", "none"),
        ("OTP_COUNTRIES", "DE,UK"),
        ("OTP_PRICES", "UK:0.04,*:0.10"),
        ("OTP_PRICES", "US:0.0079"),
        ("OTP_PRICES", "US:0.01,US:0.02,*:0.1"),
        ("OTP_PRICES", "US:free,*:0.1"),
        ("OTP_SPEND_PER_DAY_MAX", "0"),
        ("OTP_ALL_SPEND_PER_DAY_MAX", "a lot"),
        ("OTP_COUNTRIES", "all,DE"),
        ("OTP_COUNTRIES", ","),
        ("TWILIO_VERIFY_CALLEE_SERVICE_SID", COMPLETE["TWILIO_VERIFY_SERVICE_SID"]),
        ("TWILIO_VERIFY_CLAIM_SERVICE_SID", COMPLETE["TWILIO_VERIFY_SERVICE_SID"]),
        ("TWILIO_VERIFY_CALLEE_SERVICE_SID", COMPLETE["TWILIO_VERIFY_CLAIM_SERVICE_SID"]),
        ("TRANSCRIPTION_ENGINE", "google"),
        ("GRIEVANCE_OFFICER", "-"),
        ("GRIEVANCE_EMAIL", "nobody"),
        ("WHISPER_MODEL_PATH", "/nowhere/at/all"),
        ("SECOND_PASS_MODEL_PATH", "/nowhere/at/all"),
    ],
)
def test_a_value_that_is_wrong_or_contradicts_another_is_named(setting: str, value: str) -> None:
    assert [problem.setting for problem in configuration.problems(COMPLETE | {setting: value})] == [setting]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("DATABASE_URL", "postgresql://klose@/klose?host=/run/postgresql"),
        ("DATABASE_URL", "postgresql://klose:vK3-pQ9-zT7-mL2@127.0.0.1:5432/klose"),
        ("DATABASE_URL", "postgresql://klose:vK3-pQ9-zT7-mL2@10.8.0.2:5432/klose"),
        ("REDIS_URL", "redis://localhost:6379/0"),
        ("REDIS_URL", "unix:///run/valkey.sock"),
        ("REDIS_URL", "redis://:bN5-hG2-fD8-jK7@10.8.0.2:6379/0"),
        ("TRANSCRIBER_ADDRESS", "tcp://10.8.0.2:9000"),
        ("TRANSCRIBER_ADDRESS", "unix:///run/ears.sock"),
    ],
)
def test_what_stays_on_this_machine_or_on_a_network_that_encrypts_needs_no_tls(setting: str, value: str) -> None:
    assert configuration.problems(COMPLETE | {"PLAIN_HOSTS": "10.8.0.2", setting: value}) == []


@pytest.mark.policy("C4.7")
@pytest.mark.parametrize("said", [{}, {"DISKS_ENCRYPTED": ""}, {"DISKS_ENCRYPTED": "no"}])
def test_nothing_is_served_before_the_operator_has_said_that_the_disks_are_encrypted(said: dict[str, str]) -> None:
    left = {name: value for name, value in COMPLETE.items() if name != "DISKS_ENCRYPTED"}
    [problem] = configuration.problems(left | said)
    assert problem.setting == "DISKS_ENCRYPTED" and "names, notes and the text of calls" in str(problem)


@pytest.mark.policy("C5.1-4", "C11")
@pytest.mark.parametrize("setting", ["GRIEVANCE_OFFICER", "GRIEVANCE_EMAIL"])
def test_nothing_is_served_before_somebody_answers_complaints(setting: str) -> None:
    left = {name: value for name, value in COMPLETE.items() if name != setting}
    assert [problem.setting for problem in configuration.problems(left)] == [setting]


@pytest.mark.parametrize(
    ("given", "missed"),
    [("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"), ("FACEBOOK_APP_SECRET", "FACEBOOK_APP_ID")],
)
def test_half_of_a_providers_credentials_is_named(given: str, missed: str) -> None:
    assert [problem.setting for problem in configuration.problems(COMPLETE | {given: "given"})] == [missed]


def test_where_twilio_transcribes_no_address_for_its_streams_is_needed() -> None:
    left = {name: value for name, value in COMPLETE.items() if name != "MEDIA_SOCKET_URL"}
    assert configuration.problems(left | {"TRANSCRIPTION_ENGINE": "twilio"}) == []


def test_whoever_wants_passcodes_to_go_everywhere_says_so() -> None:
    assert configuration.problems(COMPLETE | {"OTP_COUNTRIES": "all"}) == []


@pytest.mark.policy("C9.1-4")
def test_serve_names_every_problem_at_once_and_starts_nothing(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path / "data"), **COMPLETE}
    del environ["SECRET_KEY"], environ["TWILIO_AUTH_TOKEN"]
    environ["PUBLIC_URL"] = "http://sales.example.com"
    command = [sys.executable, "-m", "config.embedded.serve"]
    said = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 2
    lines = [line.strip() for line in said.stderr.splitlines()[1:]]
    assert [line.split(":")[0] for line in lines] == ["SECRET_KEY", "TWILIO_AUTH_TOKEN", "PUBLIC_URL"]
    assert not (tmp_path / "data").exists()
