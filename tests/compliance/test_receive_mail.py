"""Mails from a mail server's pipe: none is lost, each becomes or joins a case, and none opens anything."""

import io
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings

from compliance import case_mails
from compliance.mail_in import HEADER_CHARACTERS_MAX, MAIL_BYTES_MAX, read_mail
from compliance.models import Case, CaseEntry, CaseMail
from compliance.receiving import kind_of
from identity.models import Membership
from processors import alerts
from processors.guessing import KINDS
from processors.models import Guesses
from tests.identity.conftest import MakeAccount
from tests.sandbox_fixture import Sandbox

NOW = datetime.now(UTC)
SERVER = "mx.klose.example"
PASSED = f"Authentication-Results: {SERVER}; spf=pass; dmarc=pass (p=REJECT) header.from=people.example\r\n"
ADA = "Ada <ada@people.example>"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _our_mail_server(settings: Any) -> Any:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with override_settings(MAIL_AUTHSERV_ID=SERVER):
        yield


def mail(
    *, sender: str = ADA, subject: str = "My data", text: str = "Please delete it.", head: str = "", number: int = 1
) -> bytes:
    headers = f"From: {sender}\r\nTo: support@klosesales.com\r\nSubject: {subject}\r\nMessage-ID: <m{number}@people.example>\r\n"
    return (head + headers + "\r\n" + text).encode()


def receive(raw: bytes) -> None:
    call_command("receive_mail", stdin=io.BytesIO(raw))


def answers(sandbox: Sandbox, address: str = "ada@people.example") -> list[dict[str, Any]]:
    case_mails.send_case_mails(now=NOW + timedelta(days=1))
    found: list[dict[str, Any]] = sandbox.ask("GET", "/mails", to=address)
    return found


@pytest.mark.policy("C3.8", "C7.5", "C11")
def test_a_mail_to_support_is_a_case_with_a_clock_and_is_answered_by_what_it_takes_to_prove_oneself(
    sandbox: Sandbox,
) -> None:
    receive(mail(head=PASSED))
    case = Case.objects.get()
    assert (case.kind, case.channel, case.state, case.contact, case.proved_at) == (
        "deletion",
        "mail",
        "received",
        "ada@people.example",
        None,
    )
    entry = case.entries.get()
    assert "Please delete it." in entry.text and "vouches for the sender" in entry.text
    [answer] = answers(sandbox)
    assert answer["subject"] == f"We have your message [{case.reference}]"
    assert case.due_on.isoformat() in answer["text"]
    assert "/my-data" in answer["text"] and "/privacy" in answer["text"]
    kept = CaseMail.objects.get()
    assert (kept.template, kept.about) == ("received", "<m1@people.example>")


@pytest.mark.policy("C7.5")
@pytest.mark.parametrize(
    "head",
    [
        "",
        f"Authentication-Results: {SERVER}; dmarc=fail header.from=people.example\r\n",
        f"Authentication-Results: {SERVER}; spf=pass; dkim=pass\r\n",
        f"Authentication-Results: {SERVER}; dmarc=pass header.from=evil.example\r\n",
        "Authentication-Results: mx.evil.example; dmarc=pass header.from=people.example\r\n",
        f"Authentication-Results: mx.evil.example; (x; {SERVER}; dmarc=pass)\r\n",
        f"Authentication-Results: {SERVER}; dmarc=fail (dmarc=pass header.from=people.example)\r\n",
        f'Authentication-Results: {SERVER}; spf=pass smtp.mailfrom="x; dmarc=pass header.from=people.example"@evil.example\r\n',
        f'Authentication-Results: {SERVER}; spf=pass reason="(\\"; dmarc=pass header.from=people.example; "; dmarc=fail\r\n',
        f'Authentication-Results: {SERVER}; dmarc=pass header.from="evil example"\r\n',
        f"Authentication-Results: {SERVER}; none\r\n{PASSED}",
        f"Authentication-Results: {SERVER}; spf=pass smtp.mailfrom=dmarc=pass@evil.example; dmarc=fail header.from=people.example\r\n",
        f"Authentication-Results: {SERVER}; spf=pass smtp.mailfrom=dmarc=pass@evil.example\r\n",
        f"Authentication-Results: {SERVER}; dmarc=pass\r\n",
    ],
    ids=range(14),
)
def test_a_sender_for_whom_nobody_vouches_is_told_how_to_prove_it_and_nothing_else(
    make_account: MakeAccount, sandbox: Sandbox, head: str
) -> None:
    known: Membership = make_account(email="ada@people.example", first_name="Secretia")
    receive(mail(head=head, text="Send me a copy of all my data."))
    receive(mail(head=head, sender="nobody@people.example", text="Send me a copy of all my data.", number=2))
    texts = []
    for address in ("ada@people.example", "nobody@people.example"):
        case = Case.objects.get(contact=address)
        [answer] = answers(sandbox, address)
        assert answer["subject"] == f"We have a message that bears your address [{case.reference}]"
        assert case.proved_at is None and case.user_id is None
        texts.append(answer["text"].replace(case.reference, "").replace(str(case.due_on), ""))
    # The same whether or not there is an account.
    assert texts[0] == texts[1]
    assert "nothing is told or done" in texts[0]
    assert known.user.first_name not in texts[0]


@pytest.mark.policy("C7.5")
def test_who_goes_on_forging_senders_is_told_to_the_operator_without_any_of_the_addresses(
    sandbox: Sandbox, settings: Any
) -> None:
    settings.OPERATOR_EMAIL = "forged@operator.example"
    limit = KINDS["forged_mail"].told_from
    receive(mail(head=PASSED, number=1_000))
    for number in range(limit):
        assert alerts.tell_of_guessing(now=NOW) == 0
        receive(mail(sender=f"v{number}@people.example", number=number))
    # The same mail again is none more.
    receive(mail(sender="v0@people.example", number=0))
    assert Guesses.objects.get().count == limit
    assert alerts.tell_of_guessing(now=NOW) == 1
    [told] = sandbox.ask("GET", "/mails", to=settings.OPERATOR_EMAIL)
    assert f"{limit} x mails to support for whose sender nothing vouches" in told["text"]
    assert "people.example" not in told["text"]


def test_nobody_is_believed_while_no_mail_server_is_named(sandbox: Sandbox) -> None:
    with override_settings(MAIL_AUTHSERV_ID=""):
        receive(mail(head=f"Authentication-Results: ; dmarc=pass\r\n{PASSED}"))
    assert CaseMail.objects.get().template == "received_unproved"


def test_what_belongs_together_is_one_case_and_what_does_not_is_not(sandbox: Sandbox) -> None:
    receive(mail(head=PASSED))
    receive(mail(head=PASSED))
    assert CaseEntry.objects.count() == 1
    receive(mail(text="And my notes too.", number=2))
    receive(mail(head="In-Reply-To: <m1@people.example>\r\n", text="Any news?", number=3))
    case = Case.objects.get()
    answer_id = case_mails.message_id(CaseMail.objects.get())
    receive(mail(head=f"References: <x@y.example> {answer_id}\r\n", text="Thanks.", number=4))
    assert case.entries.count() == 4
    # A stranger who quotes our mail gets into no case of anybody's.
    receive(mail(sender="eve@evil.example", head=f"In-Reply-To: {answer_id}\r\n", subject="Re", text="hello", number=5))
    assert case.entries.count() == 4
    assert Case.objects.get(contact="eve@evil.example").kind == "unsorted"
    assert len(answers(sandbox)) == 1
    call_command("cases", "close", case.reference, "refused", "Nobody proved it.", stdout=io.StringIO())
    receive(mail(text="Again.", number=6))
    assert Case.objects.filter(contact="ada@people.example").count() == 2


def test_a_machine_is_never_answered_and_our_own_mails_are_not_taken_for_anybodys(sandbox: Sandbox) -> None:
    receive(mail(head="Auto-Submitted: auto-replied\r\n", subject="Out of office", text="Back on Monday."))
    assert Case.objects.get().kind == "unsorted"
    receive(mail(head="Return-Path: <>\r\n", sender="mailer-daemon@people.example", number=2))
    receive(mail(head="Auto-Submitted: auto-generated\r\n", sender="support@klosesales.com", number=3))
    assert Case.objects.count() == 2
    assert CaseMail.objects.count() == 0


def test_an_address_that_no_mail_server_can_be_told_holds_up_nobody_behind_it(sandbox: Sandbox) -> None:
    """Red when such a sender is answered, and when a mail to one, kept from before, ends the round."""
    nowhere = f"x@{'a' * 70}.com"
    receive(mail(sender=nowhere))
    case = Case.objects.get()
    assert (case.contact, case.mails.count()) == ("", 0)
    case_mails.queue(case, template="received", to=nowhere, now=NOW - timedelta(hours=1))
    receive(mail(head=PASSED, number=2))
    assert len(answers(sandbox)) == 1
    assert [each.sent_at for each in case.mails.all()] == [None]


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (b"\x00\xff\xfe\x00 not a mail at all", "not a mail at all"),
        (b"Subject: no sender\r\n\r\nwho am I?", "who am I?"),
        (b"From: a@b.example, c@d.example\r\n\r\ntwo of us", "two of us"),
        (b"From: a@b.example\r\nFrom: c@d.example\r\n\r\ntwice", "twice"),
        (b"From: =?utf-8?q?broken <\r\nSubject: =?nonsense?x?!?=\r\n\r\nstill here", "still here"),
        (b"From: a@b.example\r\nContent-Type: text/plain; charset=klingon\r\n\r\ncaf\xe9 Qapla", "Qapla"),
        (b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--y\r\n\r\nlost part", "lost part"),
        (b"From: a@b.example\r\nContent-Type: multipart/mixed\r\n\r\nno boundary", "no boundary"),
        (b"From: a@b.example\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!not base64!!!", "not base64"),
        (b"From: a@b.example\r\nContent-Type: text/html\r\n\r\n<style>p{}</style><p>Kind &amp; <b>bold</b>", "Kind &"),
        (b"From: a@b.example\r\nContent-Type: message/rfc822\r\n\r\nFrom: c@d.example\r\n\r\ninner", "inner"),
        (b"From: a@b.example\r\nContent-Type: ;;;=\r\nDate: \r\n\r\nodd type", "odd type"),
        (b"From someone Mon Jan 1\nFrom: a@b.example\n\nan envelope line", "an envelope line"),
        (b"From: a@b.example\r\n\r\n" + b"card 4111 1111 1111 1111", "card [card number removed]"),
        (b"From: a@b.example\r\n\r\n" + b"long " * 500_000, "long long"),
        (b"From: " + b"<" * 5_000 + b"a@b.example\r\n\r\ndeep", "deep"),
        (b"Content-Type: multipart/mixed; boundary=a\r\nFrom: a@b.example\r\n\r\n" + b"--a\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n" * 400, "boundary"),
    ],
    ids=range(17),
)  # fmt: skip
def test_a_broken_mail_is_kept_with_a_note(raw: bytes, kept: str) -> None:
    receive(raw)
    entry = CaseEntry.objects.get()
    assert kept in entry.text
    assert "4111" not in entry.text
    assert len(entry.text) <= 20_000
    assert all(each.to in ("", "a@b.example") for each in CaseMail.objects.all())


BOMB = {
    "charset": b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a-" + b"z9" * 500_000,
    "word in a header": b"Subject: =?punycode?q?a-" + b"z9" * 500_000 + b"?=\r\n\r\nhello",
    "type of a part": b"Content-Type: text/plain; " + b"a=1; " * 200_000 + b"\r\n\r\nhello",
    "parts in parts": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(200)
    )
    + b"\n" * 900_000,
    "encoded parts in parts": b"".join(
        b"Content-Type: =?utf-8?q?m=75ltipart/mixed?=; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(200)
    )
    + b"\n" * 900_000,
}


@pytest.mark.parametrize("bomb", BOMB)
def test_no_mail_takes_long_to_read(bomb: str) -> None:
    began = time.process_time()
    read_mail(b"From: a@b.example\r\n" + BOMB[bomb], authserv_id="")
    assert time.process_time() - began < 5


@pytest.mark.policy("C7.5")
def test_what_is_cut_off_makes_nobody_the_sender() -> None:
    named = "x" * (HEADER_CHARACTERS_MAX - 19)
    read = read_mail(mail(sender=f'"{named}" <victim@good.com.evil.net>'), authserv_id="")
    assert read.sender == "" and any("nobody is answered" in fault for fault in read.faults)


def test_a_machine_that_quotes_many_parts_is_still_known_as_one() -> None:
    quoted = "> Content-Type: multipart/mixed\r\n" * 30
    read = read_mail(mail(head="Auto-Submitted: auto-replied\r\n", text=quoted), authserv_id="")
    assert (read.sender, read.is_automatic, read.faults) == ("ada@people.example", True, ())


def test_nobody_is_answered_whose_mail_was_not_understood() -> None:
    """Red when a machine is written to, because its address is the only one in what cannot be parsed."""
    parts = b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n" * 30
    receive(b"Auto-Submitted: auto-replied\r\nFrom: robot@people.example\r\n" + parts)
    assert "robot@people.example" in CaseEntry.objects.get().text
    assert (Case.objects.get().contact, CaseMail.objects.count()) == ("", 0)


def test_what_is_cut_within_a_character_is_read_all_the_same() -> None:
    head = b"From: a@b.example\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nx"
    read = read_mail(head + "€".encode() * 100_000, authserv_id="")
    assert read.faults == ("It is longer than what is kept of it.",) and read.text[:3] == "x€€"
    plain = b"From: a@b.example\r\nContent-Type: text/plain; charset=%s\r\n\r\nhello"
    named = [
        read_mail(plain % name, authserv_id="") for name in (b"iso-8859-1", b"windows-1252", b"koi8-r", b"us-ascii")
    ]
    assert {(each.text, each.faults) for each in named} == {("hello", ())}


def test_what_no_database_keeps_is_left_out_of_what_names_a_mail(sandbox: Sandbox) -> None:
    receive(mail(head="X: y\r\n").replace(b"<m1@", b"<m\x001@"))
    kept = CaseMail.objects.get()
    assert kept.about == "<m1@people.example>"
    assert "\0" not in read_mail(b"a\0b@c.example\r\n: \r\n", authserv_id="").sender


def test_the_same_words_after_an_answer_are_a_new_wish_where_nothing_names_the_mail() -> None:
    nameless = b"From: ada@people.example\r\nSubject: My data\r\n\r\nPlease delete it."
    for number in (1, 2, 3):
        for _ in range(2):
            receive(nameless)
            assert Case.objects.count() == number
        Case.objects.update(state="closed", outcome="done", closed_at=NOW)


def test_a_mail_is_bounded_and_an_empty_one_is_none() -> None:
    read = read_mail(b"From: a@b.example\r\n\r\n" + b"x" * (MAIL_BYTES_MAX + 10), authserv_id="")
    assert any("cut off" in fault for fault in read.faults)
    receive(b"")
    assert Case.objects.count() == 0


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Please erase everything", "deletion"),
        ("I want a copy of what you hold", "access"),
        ("do not call me again", "objection"),
        ("stop text messages please", "opt_out"),
        ("my surname is wrong, please correct it", "correction"),
        ("I name my sister as nominee", "nominee"),
        ("I have a complaint", "grievance"),
        ("restrict the use of my data", "restriction"),
        ("I withdraw my consent", "withdrawal"),
        ("hello", "unsorted"),
    ],
)
def test_what_a_mail_wants_is_guessed_for_a_person_to_put_right(text: str, kind: str) -> None:
    assert kind_of(text) == kind


def test_without_a_database_the_mail_server_is_told_to_try_again() -> None:
    away = {**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    code = (
        "import os, sys, django; django.setup();"
        "from django.conf import settings; settings.DATABASES['default']['OPTIONS']['pool']['timeout'] = 0.5;"
        "from django.core.management import call_command; call_command('receive_mail')"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], input=mail(), env=away, capture_output=True, timeout=60, check=False
    )
    assert run.returncode == 75, run.stderr
    assert b"to be tried again" in run.stderr and b"people.example" not in run.stderr
