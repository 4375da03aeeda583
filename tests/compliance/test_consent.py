"""Consent and policy texts."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from compliance import consent, policy
from compliance.clauses import CLAUSES
from compliance.models import ConsentEvent

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.django_db
@pytest.mark.policy("C3.1")
def test_the_newest_word_on_a_purpose_decides() -> None:
    user = uuid4()
    assert not consent.holds(user_id=user, purpose="sms")
    consent.grant(user_id=user, purpose="sms", policy_version=policy.VERSION, ip="192.0.2.1", now=NOW)
    assert consent.holds(user_id=user, purpose="sms")
    assert not consent.holds(user_id=user, purpose="transfer")
    consent.withdraw(user_id=user, purpose="sms", ip=None, now=NOW + timedelta(seconds=1))
    assert not consent.holds(user_id=user, purpose="sms")
    assert ConsentEvent.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"given": False}, {"user_id": None, "ip": None, "given": False}])
def test_a_consent_cannot_be_rewritten(change: dict[str, object]) -> None:
    event = consent.grant(user_id=uuid4(), purpose="sms", policy_version="1", ip=None, now=NOW)
    with pytest.raises(DatabaseError, match="only unlinked"), transaction.atomic():
        ConsentEvent.objects.filter(id=event.id).update(**change)
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        event.delete()


@pytest.mark.django_db
def test_a_consent_can_be_unlinked_from_its_person_and_still_proves_itself() -> None:
    user = uuid4()
    consent.grant(user_id=user, purpose="sms", policy_version="1", ip="192.0.2.1", now=NOW)
    assert ConsentEvent.objects.filter(user_id=user).update(user_id=None, ip=None) == 1
    assert consent.holds(user_id=user, purpose="sms")


@pytest.mark.policy("C3.3")
def test_the_text_beside_the_number_says_that_frequency_varies_and_rates_may_apply() -> None:
    text = policy.consent_text("sms")
    assert "How often depends" in text
    assert "Message and data rates may apply" in text
    assert "support@klosesales.com" in text


@pytest.mark.django_db
@pytest.mark.policy("C10.1")
def test_anybody_can_read_the_policy_with_every_clause_and_its_hash() -> None:
    served = Client().get("/api/policy").json()
    assert [clause["id"] for clause in served["clauses"]] == [clause.id for clause in CLAUSES]
    assert served["version"] == policy.current_version()
    assert len(served["text_hash"]) == 64
    assert {text["purpose"] for text in served["consents"]} == {"sms", "my_data", "policy", "transfer", "nominee"}
