"""A card number that is typed anywhere, spoken, or sent by the seller is in no table afterwards (C1.3).

Found by this: notes and names of leads, notes of calls and questions kept what was typed.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection

from api.app import api
from compliance.redaction import REPLACEMENT, is_card_number
from ledger.models import Checkout
from tests.ledger.books import completed, notify
from tests.matrix.expectations import EXPECTATIONS, Role
from tests.matrix.routes import Operation, customers_operations
from tests.matrix.test_routes import filled
from tests.matrix.world import World
from tests.opened import connection_info
from tests.smoke.cards import cards_in as any_cards_in
from tests.smoke.scan import Scan
from voice import transcripts
from voice.heard import Heard
from voice.models import TranscriptSegment

pytestmark = pytest.mark.django_db
TYPED, SPOKEN, SENT = "4111 1111 1111 1111", "5555-5555-5555-4444", "4000056655665556"
RUN = re.compile(r"\d(?:[ .-]?\d){12,}")
SENTENCE = f"pay by {TYPED}, thanks"
# What is no free text: passwords are kept as hashes, the others are refused or compared unless they are what they should be.
NOT_FREE = {"email", "confirm", "password", "present", "phone", "mobile", "code", "token", "price_id", "words_hash"}
NOT_FREE |= {"policy_version", "version", "purpose", "invitation"}


def free_texts(operation: Operation, schema: dict[str, Any]) -> Iterator[str]:
    """The fields of an operation's body that take any text."""
    described = schema["paths"][operation.path][operation.method.lower()]
    for content in described.get("requestBody", {}).get("content", {}).values():
        if "$ref" in content["schema"]:
            body = schema["components"]["schemas"][content["schema"]["$ref"].rsplit("/", 1)[1]]
            for name, field in body["properties"].items():
                kinds = [field, *field.get("anyOf", []), field.get("items", {})]
                if any(kind.get("type") == "string" and not {"enum", "format"} & set(kind) for kind in kinds):
                    yield name


def stored() -> str:
    """Every row of every table as text."""
    with connection.cursor() as cursor:
        texts = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT t::text FROM "{table}" t')  # noqa: S608 - our own table names
            texts += [row[0] for row in cursor.fetchall()]
    return "\n".join(texts)


def cards_in(text: str) -> set[str]:
    """The planted numbers that stand in a text, however they are written."""
    planted = {re.sub(r"\D", "", each) for each in (TYPED, SPOKEN, SENT)}
    runs = [re.sub(r"\D", "", run) for run in RUN.findall(text)]
    return {card for card in planted for run in runs if card in run} | {card for card in planted if card in text}


def in_groups(call_id: UUID) -> list[str]:
    """What is left of a number that is read out with a pause behind each group, while the other says something."""
    said = ("It is five five five five.", "5555", "5555, and then", "four four four four.")
    now = datetime.now(UTC)
    for place, text in enumerate(said):
        begin = 100_000 + 2_000 * place
        transcripts.add_segment(call_id=call_id, heard=Heard("callee", begin, begin + 900, text), now=now)
        if place == 1:
            transcripts.add_segment(call_id=call_id, heard=Heard("agent", begin + 900, begin + 990, "Yes?"), now=now)
    stored_now = TranscriptSegment.objects.get_queryset().filter(call_id=call_id, start_ms__gte=100_000)
    return list(stored_now.order_by("start_ms").values_list("text", flat=True))


@pytest.mark.policy("C1.3")
def test_no_table_keeps_a_card_number_that_was_typed_spoken_or_sent(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    assert all(is_card_number(re.sub(r"\D", "", each)) for each in (TYPED, SPOKEN, SENT))
    person, typed_into, schema = world.people["owner"], set[str](), api.get_openapi_schema()
    for operation in customers_operations():
        template = EXPECTATIONS[operation.operation_id].body
        if template is None:
            continue
        for name in sorted(set(free_texts(operation, schema)) - NOT_FREE):
            expected = EXPECTATIONS[operation.operation_id]
            named = {full: person.things[thing] for full, thing in {**expected.names, **expected.narrows}.items()}
            body = filled(world, template, "owner") | {
                full[5:]: str(value) for full, value in named.items() if full.startswith("body.")
            }
            typed = body | {name: [SENTENCE] if isinstance(template.get(name), list) else SENTENCE}
            # Signing up would end the owner's session.
            role: Role = "anonymous" if "anonymous" in expected.may else "owner"
            reply = world.browser_of(role).ask(operation.method, operation.url(named), typed)
            assert reply.status in (200, 201, 204, 409, 422, expected.status), (operation.operation_id, reply.text)
            typed_into.add(f"{operation.operation_id}.{name}")
    assert {
        "add_lead.notes",
        "change_lead.company",
        "annotate_call.notes",
        "ask_question.question",
        "correct_segment.text",
        "rename_workspace.name",
        "make_key.name",
        "sign_up.first_name",
    } <= typed_into
    heard = Heard("callee", 90_000, 93_000, f"my card is {SPOKEN}", 0.9)
    spoken = transcripts.add_segment(call_id=UUID(str(person.things["call"])), heard=heard, now=datetime.now(UTC))
    assert spoken is not None and REPLACEMENT in spoken.text
    assert in_groups(UUID(str(person.things["call"]))) == [f"It is {REPLACEMENT}.", "Yes?"]
    sent = completed(Checkout.objects.get_queryset().filter(workspace_id=person.membership.workspace_id).latest("id"))
    sent["data"]["payments"][0]["method_details"]["card"]["number"] = SENT
    sent["data"]["custom_data"]["note"] = SENT
    notify(sent)
    assert cards_in(f"a control: {TYPED}") and cards_in(SENT)
    assert cards_in(stored()) == set()
    # Nor any other number that passes for a card's; telephone numbers and our own ids do not.
    assert any_cards_in(f"a control: {TYPED}".encode()) and not any_cards_in(stored().encode())
    # And nowhere else: with the bytes below the tables, Valkey, and files.
    spellings = {form for each in (TYPED, SPOKEN, SENT) for form in (each, re.sub(r"\D", "", each))}
    url = connection_info()
    assert (
        Scan(database_url=url, redis_url=settings.REDIS_URL, folder=Path(settings.DATA_DIR)).everywhere(spellings) == {}
    )
    assert cards_in(caplog.text) == set()
