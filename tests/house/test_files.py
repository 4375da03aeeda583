"""A file is a room: one thing, read in one sitting. And some libraries belong into some rooms only."""

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.house import BESIDE, FLOORS, PROJECT, name_of, sources

CODE_LINES_MAX = 300
# Path -> why it may be longer.
LONGER: dict[str, str] = {}
_NO_CODE = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)

# The rooms whose windows open to the network. What leaves goes through processors/egress.py; the others only sign, build
# TwiML, name errors, or listen on this machine.
NETWORK = {
    "requests": {
        "processors/customers.py",
        "processors/egress.py",
        "processors/own_address.py",
        "voice/twilio.py",
        "identity/social_backends.py",
        "identity/verify.py",
        "ledger/paddle.py",
        "ledger/paddle_customers.py",
        "ledger/paddle_list.py",
        "ledger/paddle_subscriptions.py",
    },
    "twilio": {
        "processors/egress.py",
        "voice/twilio.py",
        "voice/browser_calls.py",
        "voice/twilio_account.py",
        "voice/twiml.py",
        "identity/verify.py",
    },
    "paddle_billing": {
        "processors/paddle_sdk.py",
        "ledger/paddle.py",
        "ledger/paddle_customers.py",
        "ledger/paddle_list.py",
        "ledger/paddle_subscriptions.py",
    },
    "socket": {
        "ai/listening/probe.py",
        "processors/customers.py",
        "processors/guard.py",
        "ai/listening/server.py",
        "compliance/pace.py",
        "config/embedded/child.py",
        "config/embedded/ports.py",
        "config/embedded/processes.py",
        "config/embedded/supervisor.py",
        "config/embedded/valkey.py",
        "config/media_server.py",
        "realtime/live_socket.py",
    },
    "http.client": {"config/embedded/processes.py", "processors/customers.py"},
    "urllib.request": set(),
    "smtplib": {"processors/mail.py"},
    "httpx": set(),
    "aiohttp": set(),
    "websockets": set(),
}
# Interfaces and adapters ask the clock; operations and queries are told the time.
CLOCKS = {
    "api/api_keys.py",
    "api/ask.py",
    "api/auth.py",
    "api/calls.py",
    "api/case_links.py",
    "api/credits.py",
    "api/email.py",
    "api/desk.py",
    "api/nominees.py",
    "api/refusals.py",
    "api/reviews.py",
    "config/limits.py",
    "config/sockets.py",
    "api/guard.py",
    "api/identity.py",
    "api/lead_import.py",
    "api/lean.py",
    "api/leads.py",
    "api/look_gate.py",
    "api/looks.py",
    "api/mobile.py",
    "api/my_data.py",
    "api/paddle_webhook.py",
    "api/policy.py",
    "api/privacy.py",
    "api/staff.py",
    "api/statement.py",
    "api/queue.py",
    "api/registers.py",
    "api/social.py",
    "api/team.py",
    "api/top_up.py",
    "api/twilio_messages.py",
    "api/wall.py",
    "api/webhooks.py",
    "config/management/commands/audit_verify.py",
    "compliance/management/commands/backups.py",
    "compliance/management/commands/policy.py",
    "compliance/management/commands/retention.py",
    "compliance/tasks.py",
    "config/management/commands/carrier_check.py",
    "config/embedded/logfile.py",
    "config/embedded/prepare.py",
    "config/management/commands/breach.py",
    "config/management/commands/cases.py",
    "config/management/commands/receive_mail.py",
    "config/management/commands/clock.py",
    "config/management/commands/hold.py",
    "config/management/commands/replay_erasures.py",
    "config/pages.py",
    "identity/management/commands/mobile.py",
    "identity/management/commands/sign_out.py",
    "identity/management/commands/privacy.py",
    "config/management/commands/texts.py",
    "identity/sessions.py",
    "identity/verify.py",
    "ledger/management/commands/paddle_events.py",
    "ledger/management/commands/rate_card.py",
    "ledger/management/commands/reconcile.py",
    "processors/blocked.py",
    "processors/egress.py",
    "processors/guard.py",
    "identity/staff/management/commands/account.py",
    "identity/staff/management/commands/staff.py",
    "processors/management/commands/disclosures.py",
    "realtime/publish.py",
    "voice/intake.py",
    "voice/keeper.py",
    "voice/media_session.py",
    "voice/pipeline.py",
    "voice/status_door.py",
    "voice/tasks.py",
    "voice/webhooks.py",
}
# Where events begin: operations and what they are made of.
PUBLISHERS = {
    "ai/operations.py",
    "identity/email_change.py",
    "identity/erasure.py",
    "identity/invitations.py",
    "identity/members.py",
    "identity/mobile_change.py",
    "identity/operations.py",
    "identity/opt_out.py",
    "identity/passwords.py",
    "ledger/operations/alerts.py",
    "ledger/operations/book.py",
    "ledger/operations/paddle_booking.py",
    "ledger/operations/spending.py",
    "ledger/operations/top_up_plans.py",
    "identity/outgoing/sending.py",
    "identity/staff/blocking.py",
    "voice/changes.py",
    "voice/credit_end.py",
    "voice/guard.py",
    "voice/pipeline.py",
    "voice/queue.py",
    "voice/transcription.py",
}


def code_lines(path: Path) -> int:
    """Lines that hold code: no blank line, comment or docstring."""
    text = path.read_text()
    lines = {
        line
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type not in _NO_CODE
        for line in range(token.start[0], token.end[0] + 1)
    }
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def calls(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def test_no_file_is_longer_than_a_room() -> None:
    lengths = {name_of(path): code_lines(path) for path in sources(*FLOORS, *BESIDE)}
    assert len(lengths) > 150
    too_long = {name: length for name, length in lengths.items() if length > CODE_LINES_MAX}
    assert set(too_long) == set(LONGER), too_long


def test_no_page_is_longer_than_a_room() -> None:
    pages = [path for path in (PROJECT / "frontend" / "src").rglob("*.ts*") if path.name != "schema.d.ts"]
    assert pages
    lengths = {name_of(path): sum(1 for line in path.read_text().splitlines() if line.strip()) for path in pages}
    assert {name: length for name, length in lengths.items() if length > CODE_LINES_MAX} == {}


@pytest.mark.parametrize("library", NETWORK)
def test_the_network_is_reached_from_known_rooms_only(library: str) -> None:
    inside = {
        name_of(path)
        for path in sources(*FLOORS)
        if any(name == library or name.startswith(f"{library}.") for name in imported(path))
    }
    assert inside == NETWORK[library]


def test_only_interfaces_and_adapters_look_at_the_clock() -> None:
    asks = {"timezone.now", "datetime.now", "datetime.datetime.now", "time.time", "datetime.utcnow"}
    assert {name_of(path) for path in sources(*FLOORS) if asks & calls(path)} == CLOCKS


def test_only_operations_publish() -> None:
    publish = {
        "publish_on_commit",
        "publish_all_on_commit",
        "publish_latest",
        "publish_latest_on_commit",
        "publish_ephemeral",
        "close_sockets_on_commit",
    }
    assert {name_of(path) for path in sources(*FLOORS) if publish & calls(path)} == PUBLISHERS


def test_only_interfaces_know_http_answers() -> None:
    """Below `api` there are no statuses, but for the carrier's callbacks, which are no REST."""
    knows = {"HttpResponse", "JsonResponse", "HttpError", "Status", "Http404"}
    below = sources(*(floor for floor in FLOORS if floor not in ("config", "api")))
    assert {name_of(path) for path in below if knows & calls(path)} == {"voice/webhooks.py"}
