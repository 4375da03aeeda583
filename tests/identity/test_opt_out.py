"""Text messages that a person stops: by the page, by answering STOP, by support; and allows again."""

import io
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command
from django.test import Client

from compliance import audit_check, policy, requests
from compliance.models import AuditEvent, Case, ConsentEvent, Request
from identity import account_mails
from identity.models import AccessEvent, Membership, Session, User
from identity.opt_out import is_stopped
from identity.personal_data import STORE, subject_of
from identity.staff.actor import staff_ref
from processors.pseudonyms import pseudonym
from tests.identity.browser import PASSWORD, Browser, code_of, form
from tests.identity.conftest import NOW, MakeAccount, SignIn
from tests.identity.test_sockets import SIGNED_OUT, Socket, elsewhere, run
from tests.realtime.doors import Door, both_doors
from tests.sandbox_fixture import Sandbox
from tests.staff.ours import Desk, at_desk, hire
from tests.voice.carrier import FORM, send, signature

MESSAGES = "/twilio/messages"


@pytest.fixture
def member(make_account: MakeAccount) -> Membership:
    return make_account()


@pytest.fixture
def page(member: Membership, sign_in: SignIn) -> Browser:
    return sign_in(member)


def stop(browser: Browser) -> int:
    return browser.delete("/api/privacy/consents/sms")[0]


def answered(body: str, *, sender: str, signed: bool = True, **more: str) -> tuple[int, str]:
    """What the product says to a text message from this phone."""
    form = {"MessageSid": "SM" + "0" * 32, "From": sender, "To": "+12025550147", "Body": body, **more}
    headers = {"X-Twilio-Signature": signature(MESSAGES, form)} if signed else {}
    answer: Any = Client().post(MESSAGES, urlencode(form), content_type=FORM, headers=headers)
    return answer.status_code, answer.content.decode()


def half_in() -> Browser:
    """A browser with the right password, before the passcode."""
    browser = Browser()
    assert browser.post("/api/signin", {"email": "ada@example.com", "password": PASSWORD})[0] == 200
    return browser


def agree(browser: Browser, **changes: object) -> tuple[int, Any]:
    return browser.post(
        "/api/otp/consent", {"sms_consent": True, "policy_version": policy.current_version(), **changes}
    )


@pytest.mark.policy("C3.6", "C3.7")
def test_who_stops_them_is_out_everywhere_and_gets_no_message_more(
    page: Browser, member: Membership, sign_in: SignIn, sandbox: Sandbox
) -> None:
    other = sign_in(member, "198.51.100.2")
    before = len(sandbox.messages_at(member.user.mobile_e164))
    assert stop(page) == 204
    for browser in (page, other):
        assert browser.get("/api/session")[1]["state"] == "anonymous"
        assert browser.get("/api/leads")[0] == 401
    assert not Session.objects.filter(user=member.user).exists()
    waiting = half_in()
    assert code_of(waiting.post("/api/otp/send")[1]) == "sms_consent_missing"
    assert len(sandbox.messages_at(member.user.mobile_e164)) == before


@pytest.mark.policy("C3.7")
def test_a_code_that_was_sent_before_opens_nothing_after(member: Membership, page: Browser, sandbox: Sandbox) -> None:
    waiting = half_in()
    waiting.post("/api/otp/send")
    code = sandbox.code_at(member.user.mobile_e164)
    stop(page)
    assert waiting.post("/api/otp/check", {"code": code})[0] == 401
    again = half_in()
    assert code_of(again.post("/api/otp/check", {"code": code})[1]) == "sms_consent_missing"


@pytest.mark.policy("C3.7")
@both_doors
def test_open_sockets_close(door: type[Door], page: Browser) -> None:
    async def story() -> int:
        socket = Socket(page, door)
        assert await socket.open()
        assert '"ready"' in (await socket.next())["text"]
        await elsewhere(lambda: stop(page))
        return await socket.closed_with()

    assert run(story) == SIGNED_OUT


def test_agreeing_again_restores_everything(page: Browser, member: Membership, sandbox: Sandbox) -> None:
    stop(page)
    waiting = half_in()
    assert agree(waiting, sms_consent=False)[0] == 422
    assert code_of(agree(waiting, policy_version="1999-1")[1]) == "policy_outdated"
    assert agree(waiting) == (204, None)
    assert agree(waiting) == (204, None)
    assert waiting.post("/api/otp/send")[0] == 200
    code = sandbox.code_at(member.user.mobile_e164)
    assert waiting.post("/api/otp/check", {"code": code})[1]["workspace"]["id"] == str(member.workspace_id)
    words = list(ConsentEvent.objects.filter(purpose="sms").order_by("at").values_list("given", flat=True))
    assert words == [True, False, True]


@pytest.mark.policy("C3.6")
@pytest.mark.parametrize("body", ["STOP", " stop ", "Unsubscribe", "OPTOUT"])
def test_answering_stop_does_the_same(body: str, page: Browser, member: Membership) -> None:
    assert answered(body, sender=member.user.mobile_e164)[0] == 200
    assert page.get("/api/session")[1]["state"] == "anonymous"
    waiting = half_in()
    # The carrier would not deliver it, whatever the page says.
    assert code_of(waiting.post("/api/otp/send")[1]) == "number_stopped"
    assert code_of(agree(waiting)[1]) == "number_stopped"
    assert answered("start", sender=member.user.mobile_e164)[0] == 200
    assert code_of(waiting.post("/api/otp/send")[1]) == "sms_consent_missing"
    assert agree(waiting)[0] == 204
    assert waiting.post("/api/otp/send")[0] == 200


def test_a_phone_that_answered_stop_is_left_alone_whoever_signs_up_with_it(
    sandbox: Sandbox, transactional_db: None
) -> None:
    """Somebody typed the number of somebody else, who does not want that."""
    phone = "+12025550166"
    stranger = Browser("203.0.113.5")
    assert stranger.post("/api/signup", form(email="a@example.com", mobile=phone))[0] == 200
    assert stranger.post("/api/otp/send")[0] == 200
    answered("STOP", sender=phone)
    assert stranger.get("/api/session")[1]["state"] == "anonymous"
    again = Browser("203.0.113.6")
    again.post("/api/signup", form(email="b@example.com", mobile=phone))
    assert again.post("/api/otp/send")[0] == 200
    assert len(sandbox.messages_at(phone)) == 1


def test_a_phone_stays_stopped_when_its_account_is_erased(member: Membership, page: Browser, sandbox: Sandbox) -> None:
    phone = member.user.mobile_e164
    before = sandbox.messages_at(phone)
    answered("STOP", sender=phone)
    STORE.erase(subject_of(member.user_id), now=NOW)
    again = Browser()
    again.post("/api/signup", form(email="b@example.com", mobile=phone))
    assert again.post("/api/otp/send")[0] == 200
    assert sandbox.messages_at(phone) == before


def test_what_the_carrier_understood_counts_before_the_words(page: Browser, member: Membership) -> None:
    assert answered("Arrêt", sender=member.user.mobile_e164, OptOutType="STOP")[0] == 200
    assert page.get("/api/session")[1]["state"] == "anonymous"


@pytest.mark.parametrize("body", ["please stop calling on Mondays", "", "HELP", "\U0001f6d1"])
def test_any_other_message_changes_nothing(body: str, page: Browser, member: Membership) -> None:
    assert answered(body, sender=member.user.mobile_e164) == (200, '<?xml version="1.0" encoding="UTF-8"?><Response/>')
    assert page.get("/api/session")[1]["state"] == "signed_in"


def test_a_message_that_is_forged_or_broken_is_refused(page: Browser, member: Membership) -> None:
    status, text = answered("STOP", sender=member.user.mobile_e164, signed=False)
    assert status == 403 and "signature_invalid" in text
    assert answered("STOP", sender="nobody")[0] == 400
    assert answered("STOP", sender="+12025550188")[0] == 200
    assert page.get("/api/session")[1]["state"] == "signed_in"


@pytest.mark.policy("C3.6")
def test_nobody_but_the_carrier_says_that_a_stopped_phone_may_be_written_to_again(member: Membership) -> None:
    """Planted bugs that this catches: a signature that is not looked at, or is looked at over less than address and form."""
    phone = member.user.mobile_e164
    assert answered("STOP", sender=phone)[0] == 200
    start = {"MessageSid": "SM" + "0" * 32, "From": phone, "To": "+12025550147", "Body": "START"}
    right = signature(MESSAGES, start)
    for signed, changed in (
        ("", {}),
        ("x", {}),
        (right, {"OptOutType": "START"}),
        (right, {"Body": "YES"}),
        (signature(MESSAGES, {**start, "Body": "STOP"}), {}),
        (signature("/twilio/voice", start), {}),
        (signature(MESSAGES, start, token="f" * 32), {}),
        (signature(MESSAGES, start, origin="https://evil.example"), {}),
    ):
        reply = send("POST", MESSAGES, urlencode({**start, **changed}).encode(), signed=signed)
        assert (reply.status, reply.code) == (403, "signature_invalid")
    body = json.dumps(start).encode()
    assert send("POST", MESSAGES, body, signed=right, content_type="application/json").status == 403
    assert send("POST", f"{MESSAGES}?Body=START", urlencode(start).encode(), signed=right).status == 403
    assert is_stopped(phone)
    assert send("POST", MESSAGES, urlencode(start).encode(), signed=right).status == 200
    assert not is_stopped(phone)


@pytest.mark.parametrize("way", ["page", "text", "support"])
def test_a_mail_confirms_it_once_and_says_what_is_lost_and_what_is_not(
    way: str, page: Browser, member: Membership, mailoutbox: list[EmailMessage]
) -> None:
    phone, ours = member.user.mobile_e164, hire()
    for _ in range(2):
        if way == "page":
            stop(page)
        elif way == "text":
            assert answered("STOP", sender=phone)[0] == 200
        else:
            call_command("texts", "stop", phone, "--yes", "--by", ours.email)
    account_mails.send_account_mails(now=datetime.now(UTC))
    [mail] = mailoutbox
    assert (mail.to, mail.subject) == ([member.user.email], "Your text messages are stopped")
    for said in ("cannot sign in", "credits", "API keys", "Nothing is deleted", "/sign-in", "a copy of what we hold"):
        assert said in mail.body


def test_nobody_else_is_concerned(page: Browser, make_account: MakeAccount, sign_in: SignIn) -> None:
    stranger = sign_in(make_account(email="eve@example.com", mobile="+1 202 555 0177"))
    stop(page)
    assert stranger.get("/api/session")[1]["state"] == "signed_in"


@pytest.mark.policy("C3.6")
@pytest.mark.parametrize("whom", [" Ada@Example.com", "+1 202 555 0123"])
def test_support_stops_them_for_whoever_writes(
    whom: str, page: Browser, member: Membership, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whom = whom if "@" in whom else member.user.mobile_e164
    monkeypatch.setattr("sys.stdin", io.StringIO("no\nyes\n"))
    by = ("--by", hire().email)
    with pytest.raises(CommandError, match="Nothing was stopped"):
        call_command("texts", "stop", whom, *by)
    assert "Out of reach for the owner role in" in capsys.readouterr().out
    for act in ("show", "stop", "allow"):
        call_command("texts", act, whom, *by)
    said = capsys.readouterr().out.splitlines()
    assert [line for line in said if line.startswith("The phone")] == [
        "The phone may be written to; 1 of 1 who use it agree to text messages.",
        "The phone is left alone; 0 of 1 who use it agree to text messages.",
        "The phone may be written to; 0 of 1 who use it agree to text messages.",
    ]
    assert page.get("/api/session")[1]["state"] == "anonymous"
    for nobody in ("nobody@example.com", "12"):
        with pytest.raises(CommandError):
            call_command("texts", "stop", nobody, "--yes", *by)


def test_who_of_us_stopped_or_allowed_them_stands_in_the_record_also_of_a_phone_without_an_account(
    page: Browser, member: Membership
) -> None:
    nora, nobodys = hire(), "+12025550166"
    for act in ("stop", "allow"):
        for by in ((), ("--by", "nobody@klosesales.example")):
            with pytest.raises(CommandError, match="--by"):
                call_command("texts", act, nobodys, "--yes", *by)
        call_command("texts", act, nobodys, "--yes", "--by", nora.email)
    for words in ("STOP", "STOP"):
        answered(words, sender=nobodys)
    answered("START", sender=nobodys, OptOutType="START")
    call_command("texts", "stop", member.user.mobile_e164, "--yes", "--by", nora.email)
    ours, key = staff_ref(nora.member.id), pseudonym("phone", nobodys)
    done = AuditEvent.objects.filter(action__startswith="texts.").order_by("sequence")
    assert list(done.values_list("action", "actor_ref", "target")) == [
        ("texts.stopped", ours, key),
        ("texts.allowed", ours, key),
        ("texts.stopped", key, key),
        ("texts.allowed", key, key),
        ("texts.stopped", ours, pseudonym("phone", member.user.mobile_e164)),
        ("texts.stopped", ours, str(member.user_id)),
    ]


def test_support_exports_and_erases_for_who_cannot_sign_in(
    page: Browser, member: Membership, capsys: pytest.CaptureFixture[str]
) -> None:
    stop(page)
    call_command("cases", "open", "access", "ada@example.com", "What do you hold about me?")
    case = Case.objects.get().reference
    nora = hire()
    asked = ("ada@example.com", "--case", case, "--by", nora.email)
    with pytest.raises(CommandError, match="was not proved to be of this account"):
        call_command("privacy", "export", *asked)
    with pytest.raises(CommandError, match="No case"):
        call_command("privacy", "export", "ada@example.com", "--case", "KS-0000-0000-0000", "--by", nora.email)
    call_command("cases", "prove", case, "--whose", "ada@example.com")
    with pytest.raises(CommandError, match="None of you"):
        call_command("privacy", "export", *asked[:-1], "nobody@klosesales.example")
    capsys.readouterr()
    call_command("privacy", "export", *asked)
    bundle = json.loads(capsys.readouterr().out)
    assert bundle["data"]["account"]["items"][0]["email"] == "ada@example.com"
    with pytest.raises(CommandError, match="asks for something else"):
        call_command("privacy", "erase", *asked)
    with pytest.raises(CommandError, match="No account"):
        call_command("privacy", "export", "nobody@example.com", *asked[1:])
    exported = AuditEvent.objects.get(action="privacy.exported")
    assert (exported.actor_ref, exported.detail) == (staff_ref(nora.member.id), {"case": case})


@pytest.mark.policy("C7.3", "C3.7")
def test_a_deletion_at_the_console_waits_for_another_of_us_at_the_desk(
    page: Browser, member: Membership, capsys: pytest.CaptureFixture[str]
) -> None:
    stop(page)
    call_command("cases", "open", "deletion", "ada@example.com", "Delete everything.")
    case = Case.objects.get().reference
    call_command("cases", "prove", case, "--whose", "ada@example.com")
    pia, asked = hire("privacy_officer", "Pia"), ("ada@example.com", "--case", case, "--by")
    with pytest.raises(CommandError, match="unrecognized arguments: --now"):
        call_command("privacy", "erase", *asked, pia.email, "--now")
    call_command("privacy", "erase", *asked, pia.email)
    assert "Somebody else of you approves it" in capsys.readouterr().out
    with pytest.raises(CommandError, match="prepared already"):
        call_command("privacy", "erase", *asked, pia.email)
    assert not Request.objects.exists() and User.objects.get(id=member.user_id).is_active
    own, other = Desk(), at_desk("admin", "Ida", "198.51.100.91")
    assert own.enter(pia)[0] == 200
    approval = {"seen": own.get(f"/api/staff/cases/{case}")[1]["prepared"]["seen"]}
    path = f"/api/staff/cases/{case}/deletion/approve"
    assert code_of(own.post(path, approval)[1]) == "second_person_needed"
    assert other.post(path, approval)[0] == 200
    request = Request.objects.get()
    assert request.runs_at - request.opened_at == requests.GRACE


def test_each_step_is_told_in_the_record_and_the_access_events(page: Browser, member: Membership) -> None:
    stop(page)
    agree(half_in())
    assert list(AuditEvent.objects.order_by("sequence").values_list("action", "detail__way")) == [
        ("texts.stopped", "page"),
        ("texts.allowed", "page"),
    ]
    kinds = AccessEvent.objects.filter(user=member.user).values_list("kind", flat=True)
    assert {"texts_stopped", "texts_allowed"} <= set(kinds)
    assert audit_check.verify().broken is None


def test_stopping_twice_is_one_withdrawal(member: Membership, page: Browser) -> None:
    for _ in range(3):
        answered("STOP", sender=member.user.mobile_e164)
    assert ConsentEvent.objects.filter(purpose="sms", given=False).count() == 1
