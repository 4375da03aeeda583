"""What may stand in the fields of a file of leads, and where one of them ends."""

from collections.abc import Callable

import pytest

from identity.models import Membership
from tests.identity.browser import Browser
from tests.identity.conftest import SignIn
from tests.voice.test_lead_import import HEADER, counts, names, rejected, send
from voice.models import Lead

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def page(make_account: Callable[..., Membership], sign_in: SignIn) -> Browser:
    return sign_in(make_account())


def test_a_quotation_mark_that_is_open_to_the_end_swallows_no_rows(page: Browser) -> None:
    """In the notes, where many lines may stand. Where it is closed, the last line needs no end of its own."""
    text = HEADER + 'Ada,,,+442079460018,\nBea,,,+442079460019,"good\n' + 100 * "Dan,,,+442079460021,\n"
    _, lines = send(page, text)
    [told] = [row for line in lines for row in line["rejected_rows"]]
    assert (told["line"], told["code"], lines[-1]["stopped_at_line"]) == (3, "row_unreadable", 3)
    assert (lines[-1]["read"], lines[-1]["rejected"], names()) == (2, 1, ["Ada"])
    assert counts(page, f'{text}"') == (2, 1, 1, 0)
    status, problem = send(page, 'First name,"Phone\nAda,+442079460018\n')
    assert (status, problem["code"]) == (422, "import_unreadable")
    assert "quotation mark is open" in problem["detail"]


def test_no_name_breaks_its_line_or_hides_something(page: Browser) -> None:
    rows = {
        '"Ada\rB",,,+442079460018,': ("First name", "line_break"),
        "Ada\u2028B,,,+442079460018,": ("First name", "line_break"),
        "Ada,Love\u202elace,,+442079460018,": ("Last name", "hidden_character"),
        "Ada,,Ltd\u2066x,+442079460018,": ("Company", "hidden_character"),
        "Ada,,\u200b\u200d,+442079460018,": ("Company", "hidden_character"),
        "\u3164,,,+442079460018,": ("First name", "hidden_character"),
    }
    told = rejected(page, HEADER + "\n".join(rows))
    assert [(column, code) for _, column, code in told] == list(rows.values())
    for row in rows:
        typed = dict(
            zip(("first_name", "last_name", "company", "phone"), row.replace('"', "").split(","), strict=False)
        )
        status, problem = page.post("/api/leads", typed)
        [wrong] = problem["errors"]
        assert (status, "Remove line breaks and hidden characters" in wrong["message"]) == (422, True), ascii(row)
    assert names() == []


def test_what_scripts_need_stays_in_names_and_marks_around_a_number_are_no_fault(page: Browser) -> None:
    """A joiner in Persian, the mark of direction in Hebrew, an emoji of several; and a number as an address book copies it."""
    company = "\u05d1\u05d9\u05ea\u200f 7 \U0001f468\u200d\U0001f469"
    assert counts(page, HEADER + f"\u0645\u06cc\u200c\u062e,,{company},\u202a+442079460018\u202c,") == (1, 1, 0, 0)
    assert Lead.objects.get_queryset().get().company == company


def test_a_quotation_mark_that_swallows_lines_is_named_with_where_the_row_ends(page: Browser) -> None:
    _, lines = send(page, HEADER + '"Ada,,,+442079460018\nBea,,,+442079460019\n"Cid",,,+442079460020')
    [told] = [row for line in lines for row in line["rejected_rows"]]
    assert (told["line"], told["code"], names()) == (2, "line_break", [])
    assert "goes on to line 4: see whether a quotation mark is open" in told["message"]


def test_a_letter_that_got_lost_before_is_told_and_no_lead_gets_such_a_name(page: Browser) -> None:
    """0x81 stands for no letter in Windows-1252; U+FFFD is what another program wrote for one that it could not read."""
    body = HEADER.encode() + b"Zo\x81,,,+442079460018,\n" + "Zo\ufffd,,,+442079460019,\n".encode()
    assert rejected(page, body) == [(2, "First name", "text_unreadable"), (3, "First name", "text_unreadable")]
    assert names() == []
