"""Who writes to support for no more text messages: from the mail to the answer, at the desk.

Planted bugs that these catch: a step that asks for no confirmation, one that leaves its doer out of the record, an answer while the
phone may still be written to, and a step for whoever proved nothing.
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from compliance.case_replies import ANSWERS
from compliance.mail_in import read_mail
from compliance.models import AuditEvent, Case
from compliance.receiving import receive
from identity.opt_out import is_stopped
from identity.staff.actor import staff_ref
from identity.staff.models import StaffMember
from processors.pseudonyms import pseudonym
from tests.identity.browser import code_of
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.test_sockets import SIGNED_OUT, Socket, elsewhere, run
from tests.realtime.doors import LiveDoor
from tests.staff.ours import Desk, at_desk
from tests.staff.test_desk import act, done, written_down

ASKER = "asker@people.example"
NUMBER = "+37060012345"


def mailed(kind: str, desk: Desk) -> str:
    raw = f"From: {ASKER}\r\nSubject: Hello\r\n\r\nPlease send me no text messages any more.".encode()
    receive(mail=read_mail(raw, authserv_id=""), now=datetime.now(UTC))
    reference = Case.objects.get().reference
    done(desk, reference, "sort", kind=kind)
    return reference


def codes(desk: Desk, reference: str, **body: Any) -> tuple[str, str]:
    """What reading the loss and carrying it out are refused with."""
    number = {"number": body.get("number", "")}
    return code_of(act(desk, reference, "text-loss", **number)[1]), code_of(
        act(desk, reference, "carry-out", **number, confirmed=True)[1]
    )


def test_support_reads_what_will_be_lost_and_stops_them_for_whoever_was_recognised(
    make_account: MakeAccount, sign_in: SignIn
) -> None:
    member = make_account(email=ASKER, workspace_name="Pandora's tools")
    own, pia = sign_in(member), at_desk("privacy_officer", "Pia")
    reference = mailed("opt_out", pia)
    assert codes(pia, reference) == ("case_unproved", "case_unproved")
    page = done(pia, reference, "prove", whose=ASKER)
    assert "carry_out" in page["may"] and "close" not in page["may"]
    answer = {"outcome": "done", "answer": "Done."}
    assert code_of(act(pia, reference, "close", **answer)[1]) == "case_waits_for_texts"
    status, lost = act(pia, reference, "text-loss", number="")
    assert (status, lost) == (
        200,
        [{"role": "owner", "workspace_name": member.workspace.name, "available_mcredits": 0}],
    )
    assert code_of(act(pia, reference, "carry-out", number="")[1]) == "loss_unconfirmed"
    assert own.get("/api/leads")[0] == 200 and not is_stopped(member.user.mobile_e164)

    async def story() -> int:
        socket = Socket(own, LiveDoor)
        assert await socket.open()
        await elsewhere(lambda: done(pia, reference, "carry-out", number="", confirmed=True))
        return await socket.closed_with()

    assert run(story) == SIGNED_OUT
    assert own.get("/api/leads")[0] == 401
    ours = staff_ref(StaffMember.objects.get(first_name="Pia").id)
    stopped = AuditEvent.objects.filter(action="texts.stopped").order_by("sequence")
    assert list(stopped.values_list("actor_ref", "target")) == [
        (ours, pseudonym("phone", member.user.mobile_e164)),
        (ours, str(member.user_id)),
    ]
    page = pia.get(f"/api/staff/cases/{reference}")[1]
    assert "carry_out" not in page["may"] and "close" in page["may"]
    said = next(each["text"] for each in page["answers"] if each["key"] == "texts_stopped")
    assert said == ANSWERS["texts_stopped"].text
    assert done(pia, reference, "close", outcome="done", answer=said)["case"]["outcome"] == "done"


@pytest.mark.django_db
def test_a_phone_without_an_account_is_left_alone_once_its_number_was_proved() -> None:
    nora, ada = at_desk(), at_desk("admin", "Ada", "198.51.100.91")
    reference = written_down(nora, "opt_out")
    page = done(nora, reference, "prove", whose=NUMBER)
    assert page["person"]["kind"] == "number_not_kept" and "carry_out" not in page["may"]
    assert codes(nora, reference) == ("staff_not_permitted", "staff_not_permitted")
    for number, code in (("", "person_not_linked"), ("+37060054321", "person_not_linked"), ("12", "mobile_invalid")):
        assert codes(ada, reference, number=number) == (code, code)
    assert act(ada, reference, "text-loss", number=NUMBER) == (200, [])
    done(ada, reference, "carry-out", number=NUMBER, confirmed=True)
    assert is_stopped(NUMBER)
    done(ada, reference, "close", outcome="done", answer="Nothing goes to it any more.")


@pytest.mark.django_db
def test_a_case_that_asks_for_something_else_stops_no_text_messages() -> None:
    ada = at_desk("admin", "Ada")
    reference = written_down(ada, "access", NUMBER)
    done(ada, reference, "prove", whose=NUMBER)
    assert codes(ada, reference) == ("not_carried_out_here", "not_carried_out_here")
    assert not is_stopped(NUMBER)
