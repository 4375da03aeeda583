"""What an installation says of itself follows from who writes calls down."""

from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from compliance import in_force, policy
from compliance.clauses import CLAUSES
from processors import register

pytestmark = pytest.mark.django_db


def served(path: str) -> Any:
    return Client().get(f"/api/{path}").json()


def clause(clause_id: str) -> str:
    return str(next(each["text"] for each in served("policy")["clauses"] if each["id"] == clause_id))


def received_by_twilio() -> set[str]:
    (twilio,) = (each for each in served("processors")["items"] if each["key"] == "twilio")
    return {each["key"] for each in twilio["receives"]}


@pytest.mark.policy("C1.4", "C4.2-3")
def test_where_our_own_engines_listen_twilio_receives_no_words() -> None:
    assert "our own speech recognition" in clause("C1.4")
    assert "speech" not in received_by_twilio()
    assert in_force.elements()["transcript"].recipients == ()


@pytest.mark.policy("C1.4", "C4.2-3", "C10.1")
def test_where_twilio_writes_calls_down_everything_says_so_under_another_version(settings: Settings) -> None:
    before = served("policy")
    settings.TRANSCRIPTION_ENGINE = "twilio"
    after = served("policy")
    assert (before["version"], after["version"]) == (policy.VERSION, f"{policy.VERSION}-twilio")
    assert before["text_hash"] != after["text_hash"]
    assert "Twilio's speech recognition" in clause("C1.4") and "our own" not in clause("C1.4")
    assert "provider of speech recognition" in clause("C4.2-3") and "merchant of record" in clause("C4.2-3")
    assert [each["id"] for each in after["clauses"]] == [each.id for each in CLAUSES]
    changed = [each["id"] for each, other in zip(after["clauses"], before["clauses"], strict=True) if each != other]
    assert changed == ["C1.4", "C4.2-3"]
    assert "speech" in received_by_twilio() and "speech" in register.DATA_CLASSES
    assert in_force.elements()["transcript"].recipients == ("twilio",)
    others = [each for each in in_force.processors() if each.key != "twilio"]
    assert others == [each for each in register.PROCESSORS if each.key != "twilio"]
