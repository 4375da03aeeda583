"""Leads from a CSV file: what is good is added, what is wrong is told with line, column and reason."""

import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, transaction
from uuid_utils.compat import uuid7

from api.lead_import import BYTES_MAX, ImportsBusy, _slots
from compliance import suppression
from identity.auth import Actor
from identity.models import Membership
from tests.identity.browser import Browser
from tests.identity.conftest import SignIn
from tests.voice.test_intake_locks import until, waits_for_lock
from voice import lead_import
from voice.lead_import import LeadImport
from voice.models import Lead

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEADER = "First name,Last name,Company,Phone,Notes\n"


@pytest.fixture
def member(make_account: Callable[..., Membership]) -> Membership:
    return make_account()


@pytest.fixture
def page(member: Membership, sign_in: SignIn) -> Browser:
    return sign_in(member)


def send(page: Browser, body: bytes | str, *, region: str = "", content_type: str = "text/csv") -> tuple[int, Any]:
    """The status, and all lines of the answer or the problem."""
    page.get("/api/session")
    response: Any = page.client.post(
        f"/api/leads/import{f'?region={region}' if region else ''}",
        body if isinstance(body, bytes) else body.encode(),
        content_type=content_type,
        secure=True,
        headers={"X-CSRFToken": page.client.cookies["__Host-csrf"].value, "Origin": "https://testserver"},
    )
    if not response.streaming:
        return response.status_code, response.json()
    text = async_to_sync(_whole)(response)
    return response.status_code, [json.loads(line) for line in text.splitlines()]


async def _whole(response: Any) -> str:
    return b"".join([part async for part in response]).decode()


def counts(page: Browser, body: bytes | str, **options: str) -> tuple[int, int, int, int]:
    status, lines = send(page, body, **options)
    assert status == 200, lines
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    return tuple(lines[-1][name] for name in ("read", "added", "known", "rejected"))


def rejected(page: Browser, body: bytes | str) -> list[tuple[int, str, str]]:
    lines = send(page, body)[1]
    return [(row["line"], row["column"], row["code"]) for line in lines for row in line["rejected_rows"]]


def names() -> list[str]:
    return sorted(lead.name for lead in Lead.objects.get_queryset())


def test_every_row_becomes_a_lead_with_country_and_time_zone(page: Browser) -> None:
    text = HEADER + 'Ada,Byron,"Engines, Ltd",+44 20 7946 0018,"likes\nnumbers"\nKurt,,,+49 30 901820,\n'
    assert counts(page, text) == (2, 2, 0, 0)
    ada = Lead.objects.get_queryset().get(first_name="Ada")
    assert (ada.name, ada.company, ada.phone_e164, ada.country, ada.time_zone, ada.notes) == (
        "Ada Byron",
        "Engines, Ltd",
        "+442079460018",
        "GB",
        "Europe/London",
        "likes\nnumbers",
    )


@pytest.mark.parametrize(
    "header",
    [
        "Name;Telephone;Organisation",
        "FULL_NAME\tMobile Phone\tAccount Name",
        "given-name,cell,business,Something else",
    ],
)
def test_columns_are_known_by_the_names_that_people_give_them(header: str, page: Browser) -> None:
    delimiter = next(sign for sign in ";\t," if sign in header)
    row = delimiter.join(["Ada", "+442079460018", "Engines"])
    assert counts(page, f"{header}\n{row}\n") == (1, 1, 0, 0)
    assert Lead.objects.get_queryset().get().company == "Engines"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_it_is_read_as_spreadsheets_write_it(encoding: str, page: Browser) -> None:
    assert counts(page, (HEADER + "Zoë,Müller,,+442079460018,\r\n").encode(encoding)) == (1, 1, 0, 0)
    assert names() == ["Zoë Müller"]


def test_national_numbers_are_those_of_the_chosen_country(page: Browser) -> None:
    text = HEADER + "Ada,,,020 7946 0018,\n"
    assert counts(page, text) == (1, 0, 0, 1)
    assert counts(page, text, region="GB") == (1, 1, 0, 0)


def test_a_number_that_a_table_kept_as_an_amount_is_told_and_never_read_as_another_one(page: Browser) -> None:
    """Of 030 90182 a data frame makes 3090182.0, in which the library reads 030 901820: somebody else's telephone."""
    rows = ["Ada,,,3090182.0,", "Bea,,,+493090182.0,", "Cid,,,4.91512E+12,", "Dee,,,030.90182.0,"]
    status, lines = send(page, HEADER + "\n".join(rows), region="DE")
    told = [row for line in lines for row in line["rejected_rows"]]
    assert (status, [(row["line"], row["code"]) for row in told]) == (200, [(n, "phone_invalid") for n in (2, 3, 4)])
    assert all("with this column as text" in row["message"] for row in told)
    assert names() == ["Dee"]


def test_each_wrong_row_is_told_with_its_line_its_column_and_why(page: Browser, member: Membership) -> None:
    suppression.suppress(
        workspace_id=member.workspace_id, phone_e164="+442079460020", reason="asked", source="rep", now=NOW
    )
    rows = [
        "Ada,,,+442079460018,",
        ",Nameless,,+442079460019,",
        "Bea,,,,",
        'Over,,,12,"two\nlines"',
        "Cid,,,+442079460020,",
        "Dee,,,+44 909 8790000,",
        f"{'E' * 121},,,+442079460021,",
        "Fay,,,+442079460022,\x00",
        "",
        "Gus",
    ]
    assert rejected(page, HEADER + "\n".join(rows)) == [
        (3, "First name", "name_missing"),
        (4, "Phone", "phone_missing"),
        (5, "Phone", "phone_invalid"),
        (7, "Phone", "lead_suppressed"),
        (8, "Phone", "phone_not_callable"),
        (9, "First name", "too_long"),
        (10, "Notes", "text_unstorable"),
        (12, "Phone", "phone_missing"),
    ]
    assert names() == ["Ada"]


def test_a_row_that_was_split_too_often_is_told_and_never_read_with_its_parts_in_wrong_columns(page: Browser) -> None:
    header = "First name,Company,Phone,Notes,,\n"
    rows = [
        "Ada,Acme, Inc.,+442079460018,calls back,today",
        "Bea,,+442079460019,two, three",
        "Cid,,+442079460020,,, ,,",
    ]
    status, lines = send(page, header + "\n".join(rows))
    told = [row for line in lines for row in line["rejected_rows"]]
    assert [(row["line"], row["column"]) for row in told] == [(2, "column 5"), (3, "column 5")]
    assert {row["code"] for row in told} == {"too_many_cells"}
    assert all("quotation marks" in row["message"] for row in told)
    assert (status, names()) == (200, ["Cid"])


def test_what_is_there_already_stays_and_the_same_file_may_come_again(page: Browser) -> None:
    text = HEADER + "Ada,,,+442079460018,\nAda again,,,+44 20 7946 0018,\nBea,,,+442079460019,\n"
    assert counts(page, text) == (3, 2, 1, 0)
    assert counts(page, text) == (3, 0, 3, 0)
    assert names() == ["Ada", "Bea"]


def test_a_number_of_an_earlier_line_or_of_a_lead_is_told_with_its_line_and_why(
    page: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The earlier line may have been written long before."""
    monkeypatch.setattr(lead_import, "AT_ONCE", 2)
    text = (
        "First name,Phone,Mobile\n"
        "Ada,+442079460018,\n"
        "Bea,,+442079460019\n"
        "Nobody,12,\n"
        "Ada again,+44 20 7946 0018,\n"
        "Bea again,,+44 20 7946 0019\n"
    )
    fault, twice = (4, "Phone", "phone_invalid"), [(5, "Phone", "duplicate"), (6, "Mobile", "duplicate")]
    assert rejected(page, text) == [fault, *twice]
    lines = send(page, text)[1]
    rows = [row for line in lines for row in line["rejected_rows"]]
    assert [(row["line"], row["column"], row["code"]) for row in rows] == [
        (2, "Phone", "already_known"),
        (3, "Mobile", "already_known"),
        fault,
        *twice,
    ]
    assert [row["message"].split(".")[0] for row in rows if row["code"] == "duplicate"] == [
        "Line 2 has the same number",
        "Line 3 has the same number",
    ]
    assert [lines[-1][name] for name in ("read", "added", "known", "rejected")] == [5, 0, 4, 1]
    assert names() == ["Ada", "Bea"]


def test_a_file_of_one_number_alone_is_held_no_longer_than_it_is_told(page: Browser, member: Membership) -> None:
    """Planted bug that this catches: what is told of known rows is kept until the end."""
    rows = 20 * lead_import.AT_ONCE
    file = io.BytesIO((HEADER + "Ada,,,+442079460018,\n" * rows).encode())
    actor = Actor(user_id=member.user_id, workspace_id=member.workspace_id, role="owner")
    told = 0
    for progress in LeadImport(actor=actor, read=file.read, region=None, now=NOW).run():
        assert len(progress.rejected_rows) <= lead_import.AT_ONCE
        told += len(progress.rejected_rows)
    assert (progress.read, progress.added, progress.known, told) == (rows, 1, rows - 1, rows - 1)


def test_what_a_colleague_adds_in_the_same_moment_is_not_counted_as_added(page: Browser, member: Membership) -> None:
    """Planted bug that this catches: what was sent to the database counts as added, whatever it did with it."""
    actor = Actor(user_id=member.user_id, workspace_id=member.workspace_id, role="owner")
    file = io.BytesIO((HEADER + "Ada,,,+442079460018,\nBea,,,+442079460019,\n").encode())

    def imports() -> lead_import.Progress:
        try:
            return list(LeadImport(actor=actor, read=file.read, region=None, now=NOW).run())[-1]
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            Lead.objects.create(
                workspace_id=member.workspace_id, first_name="Theirs", phone_e164="+442079460018", created_at=NOW
            )
            importing = threads.submit(imports)
            # It has looked which are there, and waits for what becomes of this one.
            until(waits_for_lock)
        progress = importing.result(timeout=10)
    assert (progress.added, progress.known, progress.rejected) == (1, 1, 0)
    assert [(row.line, row.code) for row in progress.rejected_rows] == [(2, "already_known")]
    assert names() == ["Bea", "Theirs"]


@pytest.mark.policy("C1.3")
def test_a_card_number_in_a_note_is_not_stored(page: Browser) -> None:
    counts(page, HEADER + "Ada,,,+442079460018,pays with 4111 1111 1111 1111\n")
    assert "1111" not in Lead.objects.get_queryset().get().notes


def test_a_row_whose_card_number_is_replaced_by_longer_words_is_added_all_the_same(page: Browser) -> None:
    """Planted bug that this catches: the length is only that of the text as it came, so that the whole import broke off."""
    assert counts(page, HEADER + f"{'x' * 102} 4111111111111111,,,+442079460018,\nBea,,,+442079460019,\n") == (
        2,
        2,
        0,
        0,
    )
    assert len(names()[1]) == 120


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "The file is empty. Choose another one."),
        (b" \n ", "The file is empty. Choose another one."),
        (b"PK\x03\x04rest", "spreadsheet"),
        (b"Last name,Phone\nByron,+442079460018\n", "First name"),
        (b"First name,Last name\nAda,Byron\n", "Phone"),
        (b"just some words", "“First name” and “Phone” are missing."),
        (bytes(range(256)) * 40, "not a text file with commas"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00", "not a text file with commas"),
        (b"%PDF-1.7\n1 0 obj\n", "not a text file with commas"),
        (b"First name,Phone" + b"," * 70_000, "does not end"),
        (b"First name,Phone" + b"," * 300, "200 columns"),
    ],
)
def test_what_is_no_table_of_leads_is_refused_whole(body: bytes, says: str, page: Browser) -> None:
    status, problem = send(page, body)
    assert (status, problem["code"]) == (422, "import_unreadable")
    assert says in problem["detail"]


def test_a_quotation_mark_that_never_closes_is_told_with_the_line_where_reading_stopped(page: Browser) -> None:
    text = HEADER + 'Ada,,,+442079460018,\nBea,,,+442079460019,"' + "x\n" * 60_000
    assert rejected(page, text) == [(3, "", "row_unreadable")]
    assert send(page, text)[1][-1]["stopped_at_line"] == 3
    assert names() == ["Ada"]


def test_an_accent_of_windows_far_into_the_file_stops_nothing(page: Browser) -> None:
    """Planted bug that this catches: the encoding is judged by the begin of the file alone."""
    plain = "".join(f"Ada {number},,,,\n" for number in range(2_000))
    body = (HEADER + plain + "Zoé,,,+442079460018,\nBea,,,+442079460019,\n").encode("cp1252")
    assert counts(page, body) == (2_002, 2, 0, 2_000)
    assert names() == ["Bea", "Zoé"]
    assert send(page, body)[1][-1]["assumed"] == {"line": 2_002, "word": "Zoé"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_nothing_is_assumed_of_a_file_that_says_what_it_is(encoding: str, page: Browser) -> None:
    assert send(page, (HEADER + "Zoé,,,+442079460018,\n").encode(encoding))[1][-1]["assumed"] is None


@pytest.mark.parametrize(
    ("header", "row", "phone", "name"),
    [
        ("Number,First name,Phone", "2125550134,Ada,+442079460018", "+442079460018", "Ada"),
        ("Name,First name,Last name,Phone", "Ada Byron,Ada,Byron,+442079460018", "+442079460018", "Ada Byron"),
        ("First name,Phone,Mobile", "Ada,,+442079460018", "+442079460018", "Ada"),
    ],
)
def test_the_surest_column_is_taken_and_an_empty_one_is_helped_by_the_next(
    header: str, row: str, phone: str, name: str, page: Browser
) -> None:
    assert counts(page, f"{header}\n{row}\n") == (1, 1, 0, 0)
    lead = Lead.objects.get_queryset().get()
    assert (lead.phone_e164, lead.name) == (phone, name)


def test_columns_that_are_not_imported_are_named(page: Browser) -> None:
    text = "First name,Phone,Shoe size\nAda,+442079460018,39\n"
    assert send(page, text)[1][-1]["ignored"] == ["Shoe size"]


def test_of_two_columns_of_one_name_the_second_is_told_as_ignored(page: Browser) -> None:
    text = "First name,Phone,phone\nAda,+442079460018,+442079460019\nBea,,+442079460019\n"
    last = send(page, text)[1][-1]
    assert (last["ignored"], last["added"], last["rejected"]) == (["phone (column 3)"], 1, 1)


def test_who_is_removed_meanwhile_adds_nothing_more(page: Browser, member: Membership) -> None:
    rest = io.BytesIO(HEADER.encode() + b"Ada,,,+442079460018,\n")
    actor = Actor(user_id=member.user_id, workspace_id=member.workspace_id, role="owner")
    run = LeadImport(actor=actor, read=rest.read, region=None, now=NOW)
    Membership.objects.filter(id=member.id).delete()
    with pytest.raises(lead_import.ImportEnded):
        list(run.run())
    assert names() == []


def test_two_files_at_once_are_read_and_a_third_waits(page: Browser) -> None:
    one, other = uuid7(), uuid7()
    held = [_slots.take(one), _slots.take(other)]
    status, problem = send(page, HEADER + "Ada,,,+442079460018,\n")
    assert (status, problem["code"]) == (503, "imports_busy")
    _slots.free(held[0])
    for known in (0, 1):
        # Whoever read it has let go of it.
        assert counts(page, HEADER + "Ada,,,+442079460018,\n") == (1, 1 - known, known, 0)
    with pytest.raises(ImportsBusy):
        _slots.take(other)
    _slots.free(held[1])


def test_another_type_than_csv_and_too_long_a_file_are_refused(page: Browser) -> None:
    assert send(page, "a=1", content_type="application/x-www-form-urlencoded")[0] == 422
    assert send(page, HEADER, region="Germany")[0] == 422
    status, problem = send(page, HEADER + "x" * BYTES_MAX)
    assert (status, "20 MB" in problem["detail"]) == (422, True)


def test_rows_beyond_the_limit_are_told_not_lost_silently(page: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lead_import, "ROWS_MAX", 2)
    rows = "".join(f"Ada {number},,,+4420794600{number},\n" for number in (18, 19, 20, 21))
    assert rejected(page, HEADER + rows) == [(4, "", "too_many_rows")]
    assert len(names()) == 2


def test_long_files_are_told_about_on_the_way(page: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lead_import, "AT_ONCE", 2)
    rows = "".join(f"Ada {number},,,+4420794600{number},\n" for number in range(18, 23))
    lines = send(page, HEADER + rows)[1]
    assert [line["added"] for line in lines] == [2, 4, 5, 5]
