"""The clauses and what proves them."""

import ast
import re
from pathlib import Path

import pytest

from compliance.clauses import CLAUSE_IDS, CLAUSES, SECTIONS
from tests.policy_report import proofs

PROJECT = Path(__file__).resolve().parent.parent.parent
HOUSE = ("config", "api", "voice", "ai", "ledger", "identity", "compliance", "realtime", "processors")


def test_ids_are_unique_and_sections_complete() -> None:
    assert len(CLAUSE_IDS) == len(CLAUSES)
    assert {clause.section for clause in CLAUSES} == set(SECTIONS)


@pytest.mark.policy("C0")
@pytest.mark.parametrize(
    "claim",
    [
        "Paddle.com alone",
        "no security code",
        "limited to what creating and managing your account needs",
        "Twilio Verify",
        "never used for marketing",
        "rates may apply",
        "do not sell, rent or trade",
        "merchant of record",
        "Law enforcement or regulators",
        "Time4VPS",
        "incorporated in India",
        "Lithuania",
        "Digital Personal Data Protection Act, 2023",
        "within 30 days",
        "essential cookies",
        "encryption in transit (TLS)",
        "cannot guarantee absolute security",
        "accept the changed policy",
        "support@klosesales.com",
    ],
)
def test_the_served_policy_keeps_each_claim_of_the_published_one(claim: str) -> None:
    assert any(claim in clause.text for clause in CLAUSES)


def test_every_mark_names_a_clause() -> None:
    assert set(proofs()) <= CLAUSE_IDS


@pytest.mark.policy("C3.2-5")
def test_no_code_of_the_house_can_send_a_text_message_but_through_verify() -> None:
    for path in (path for package in HOUSE for path in (PROJECT / package).rglob("*.py")):
        tree = ast.parse(path.read_text())
        imported = {
            name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in [getattr(node, "module", "") or "", *(alias.name for alias in node.names)]
        }
        assert not any("messag" in name and name.startswith("twilio") for name in imported), path
        attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not attributes & {"messages_stream", "messaging", "conversations"}, path
        assert not re.search(r"\b(client|twilio\w*|_client\(\)|api)\.messages\b", path.read_text()), path
