"""Two workspaces with real rows, made as people make them: by HTTP, signed callbacks and the pipeline's operations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.apps import apps
from django.conf import settings
from twilio.request_validator import RequestValidator

from compliance import policy
from identity.access import Client
from identity.auth import Actor
from identity.models import Membership, TenantModel
from identity.operations import add_member, create_verified_user
from identity.permissions import Role as MemberRole
from identity.schemas import SignUpIn
from identity.staff.permissions import StaffRole
from ledger import operations, top_up_words
from ledger.models import Checkout
from ledger.paddle import packs
from ledger.top_up_schemas import TopUpTerms
from tests.identity.browser import PASSWORD, form
from tests.ledger.books import completed, notify
from tests.ledger.top_ups import created
from tests.matrix.asker import Asker
from tests.matrix.expectations import Role, Thing
from tests.sandbox_fixture import Sandbox
from tests.staff.ours import PASSWORD as OUR_PASSWORD
from tests.staff.ours import hire
from tests.voice.queues import NOW as SOON
from voice import analysis, queue, transcript_refusals, transcripts
from voice.heard import Heard
from voice.models import Call, CallWatch, DialPause, LimitMark
from voice.queue_schemas import QueueIn, SkipIn
from voice.schemas import Speaker

SUPPORT = Client(address="192.0.2.1", agent="")
STARTER = str(settings.CREDIT_PACKS[0]["price_id"])
TOP_UP_WORDS = top_up_words.words(
    pack=packs()[0], terms=TopUpTerms(price_id=STARTER, threshold_mcredits=5_000, monthly_max=2)
).words_hash
PEOPLE: tuple[tuple[str, MemberRole, str], ...] = (
    ("owner", "owner", "here"),
    ("manager", "manager", "here"),
    ("rep", "rep", "here"),
    ("colleague", "rep", "here"),
    ("stranger", "owner", "there"),
)


@dataclass(slots=True)
class Person:
    """A member with a signed-in browser, and what is theirs.

    The words that `spoken`, `asked` and `noted` give stand in nobody else's rows.
    """

    name: str
    membership: Membership
    browser: Asker
    things: dict[Thing, UUID | str] = field(default_factory=dict)
    segment_sequence: int = 0

    @property
    def spoken(self) -> str:
        return f"spoken{self.name}"

    @property
    def asked(self) -> str:
        return f"asked{self.name}"

    @property
    def noted(self) -> str:
        return f"noted{self.name}"

    @property
    def canaries(self) -> list[str]:
        """Whatever would tell another workspace of this person, their leads, calls and questions."""
        user = self.membership.user
        ids = [str(self.membership.workspace_id), *map(str, self.things.values())]
        words = [self.spoken, self.asked, self.noted, f"Lead{self.name}", f"Workspace of {self.name}"]
        words.append(f"Tag of {self.name}")
        return [*ids, *words, user.email, user.mobile_e164, user.first_name, user.last_name]

    @property
    def email(self) -> str:
        return self.membership.user.email


@dataclass(slots=True)
class World:
    """people: by name; "stranger" is the owner of the other workspace. waiting: a browser before its passcode.

    desk: the browser of one of our own people who is in no look. looking: browsers of our own people, each in a look through the eyes of the person of that name.
    """

    sandbox: Sandbox
    people: dict[str, Person]
    waiting: Asker
    waiting_for: Membership
    desk: Asker
    looking: dict[str, Asker]

    def person_of(self, role: Role) -> Person:
        """Who has the role; the rep's things stand for those whom nobody knows yet."""
        return self.people[role if role in self.people else "rep"]

    def browser_of(self, role: Role) -> Asker:
        """A copy, so that what one test does to its cookies is not seen by another."""
        if role == "anonymous":
            return Asker()
        return copied(self.waiting if role == "awaiting_otp" else self.people[role].browser)


def copied(browser: Asker) -> Asker:
    copy = Asker()
    for name, morsel in browser.client.cookies.items():
        copy.client.cookies[name] = morsel.value
    return copy


def build(sandbox: Sandbox) -> World:
    sandbox.ask("POST", "/reset")
    workspaces: dict[str, UUID] = {}
    people: dict[str, Person] = {}
    for number, (name, role, where) in enumerate(PEOPLE):
        filled = _form(name, number)
        if where in workspaces:
            member = add_member(workspace_id=workspaces[where], form=filled, role=role, client=SUPPORT, now=_now())
        else:
            member = create_verified_user(form=filled, client=SUPPORT, now=_now())
            workspaces[where] = member.workspace_id
        people[name] = _enter(sandbox, name, member, number)
    for owner in ("owner", "stranger"):
        _top_up(sandbox, people[owner])
        _buy(sandbox, people[owner])
    for owner, decided_over in (("owner", "colleague"), ("stranger", "stranger")):
        invited = {"email": f"invited-by-{owner}@example.com", "role": "rep"}
        invitation = _made(people[owner].browser.post("/api/team/invitations", invited), 201)["id"]
        wanted = {"name": f"Key of {owner}", "scopes": ["leads:read"], "expires_in_days": 30}
        key = _made(people[owner].browser.post("/api/keys", wanted), 201)["id"]
        hook = {"url": f"https://{owner}.example/hook", "events": ["balance.low"]}
        webhook = _made(people[owner].browser.post("/api/webhooks", hook), 201)["id"]
        delivery = _made(people[owner].browser.post(f"/api/webhooks/{webhook}/test"), 202)["id"]
        for person in people.values():
            if person.membership.workspace_id == people[owner].membership.workspace_id:
                person.things["invitation"] = UUID(invitation)
                person.things["key"] = UUID(key)
                person.things["webhook"], person.things["delivery"] = UUID(webhook), UUID(delivery)
                person.things["member"] = people[decided_over].membership.user_id
                person.things["workspace"] = person.membership.workspace_id
    for number, person in enumerate(people.values()):
        person.things.setdefault("checkout", people["owner"].things["checkout"])
        _work(person, number)
    waiting_for = add_member(
        workspace_id=workspaces["here"], form=_form("waiting", 9), role="rep", client=SUPPORT, now=_now()
    )
    waiting = Asker("198.51.100.99")
    assert waiting.post("/api/signin", {"email": waiting_for.user.email, "password": PASSWORD})[0] == 200
    assert waiting.post("/api/otp/send")[0] == 200
    looking = {name: _looking(person) for name, person in people.items()}
    return World(sandbox, people, waiting, waiting_for, at_desk("privacy_officer", "Pia"), looking)


def tenant_models() -> list[type[TenantModel]]:
    return [model for model in apps.get_models() if issubclass(model, TenantModel)]


def carrier_posts(path: str, fields: Mapping[str, str]) -> tuple[int, str]:
    """A callback with the carrier's signature. Returns status and body."""
    token = RequestValidator(settings.TWILIO_AUTH_TOKEN)
    signature = token.compute_signature(f"{settings.PUBLIC_URL}{path}", dict(fields))
    response = Asker().client.post(
        path,
        urlencode(fields),
        content_type="application/x-www-form-urlencoded",
        headers={"X-Twilio-Signature": signature},
    )
    return response.status_code, response.content.decode()


def _now() -> datetime:
    return datetime.now(UTC)


def at_desk(role: StaffRole, first_name: str) -> Asker:
    """One of us, signed in at /staff."""
    ours, browser = hire(role, first_name), Asker("198.51.100.90")
    entered = {"email": ours.email, "password": OUR_PASSWORD, "code": ours.code()}
    assert browser.post("/api/staff/signin", entered)[0] == 200
    return browser


def _looking(person: Person) -> Asker:
    browser = at_desk("support", f"Support{person.name}")
    wanted = {
        "workspace_id": str(person.membership.workspace_id),
        "user_id": str(person.membership.user_id),
        "reason": "The customer asked us to look.",
    }
    _made(browser.post("/api/staff/looks", wanted), 201)
    return browser


def _form(name: str, number: int) -> SignUpIn:
    return SignUpIn.model_validate(
        form(
            first_name=f"First{name}",
            last_name=f"Last{name}",
            email=f"{name}@example.com",
            mobile=f"+1 202 555 01{number + 10}",
            workspace_name=f"Workspace of {name}",
            policy_version=policy.current_version(),
        )
    )


def _enter(sandbox: Sandbox, name: str, member: Membership, number: int) -> Person:
    """The whole way in: password, passcode from the phone."""
    browser = Asker(f"198.51.100.{number + 1}")
    assert browser.post("/api/signin", {"email": member.user.email, "password": PASSWORD})[0] == 200
    assert browser.post("/api/otp/send")[0] == 200
    code = sandbox.code_at(member.user.mobile_e164)
    status, session = browser.post("/api/otp/check", {"code": code})
    assert (status, session["state"]) == (200, "signed_in")
    person = Person(name, member, browser)
    person.things["person"] = member.user_id
    person.things["session"] = UUID(_made(browser.get("/api/sessions"), 200)["items"][0]["id"])
    return person


def _made(answer: tuple[int, Any], status: int) -> dict[str, Any]:
    assert answer[0] == status, answer
    return cast(dict[str, Any], answer[1])


def _buy(sandbox: Sandbox, person: Person) -> None:
    """A pack at the sandbox's checkout, with the notification that the seller signs."""
    answer = person.browser.post("/api/credits/checkouts", {"price_id": STARTER}, **{"Idempotency-Key": "first-pack"})
    checkout_id = UUID(_made(answer, 201)["checkout_id"])
    person.things["checkout"] = checkout_id
    checkout = Checkout.objects.get_queryset().get(id=checkout_id)
    sandbox.ask("POST", f"/paddle/transactions/{checkout.transaction_id}/pay")
    notify(completed(checkout))
    assert person.browser.ask("PUT", "/api/credits/alert", {"threshold_mcredits": 2_000}).status == 200


def _top_up(sandbox: Sandbox, person: Person) -> None:
    """An automatic top-up whose card is declined, so that it is over: whoever owns the workspace may agree to another."""
    terms = {"price_id": STARTER, "threshold_mcredits": 5_000, "monthly_max": 2, "words_hash": TOP_UP_WORDS}
    setup = _made(person.browser.post("/api/credits/top-up", terms, **{"Idempotency-Key": "first-top-up"}), 201)
    sandbox.ask("POST", f"/paddle/transactions/{setup['transaction_id']}/pay")
    saved = sandbox.ask("GET", "/paddle/subscriptions")[-1]
    sandbox.ask("POST", f"/paddle/subscriptions/{saved['id']}/card", {"declines": True})
    notify(created(saved, setup["transaction_id"]))
    assert operations.intend_top_ups(now=_now()) == 1
    assert operations.settle_top_ups(now=_now()) == 1


def _work(person: Person, number: int) -> None:
    """A lead, a call with both speakers' words, insights, a question, and a request to be erased after the grace."""
    browser, name = person.browser, person.name
    lead = {
        "first_name": f"Lead{name}",
        "phone": f"+1 202 555 01{number + 50}",
        "notes": person.noted,
        "tags": [f"Tag of {name}"],
    }
    lead_id = UUID(_made(browser.post("/api/leads", lead), 201)["id"])
    person.things["lead"] = lead_id
    _converse(person, lead_id, number)
    _skip_one(person)
    question = {"question": f"Did anybody say {person.asked}?"}
    asked = _made(browser.post("/api/questions", question, **{"Idempotency-Key": "first-question"}), 200)
    person.things["question"] = UUID(asked["id"])
    second = {"question": "Is the price too high?"}
    answered = _made(browser.post("/api/questions", second, **{"Idempotency-Key": "second-question"}), 200)
    assert answered["quotes"]
    erasure = _made(browser.post("/api/privacy/erasure", {"confirm": person.email, "when": "after_grace"}), 202)
    person.things["receipt"] = erasure["receipt_path"].rsplit("/", 1)[1]
    if name in ("owner", "manager", "rep"):
        _made(browser.post("/api/privacy/erasure/cancel"), 200)


def _converse(person: Person, lead_id: UUID, number: int) -> None:
    call = _made(person.browser.post("/api/calls", {"lead_id": str(lead_id)}, **{"Idempotency-Key": "first-call"}), 201)
    call_id = UUID(call["id"])
    person.things["call"] = call_id
    agent, callee = f"CA{number:032x}", f"CB{number:032x}"
    at = {"Timestamp": _now().strftime("%a, %d %b %Y %H:%M:%S +0000")}

    def carrier(what: str, **fields: str) -> None:
        status, body = carrier_posts(f"/twilio/voice/{call_id}/{what}", {**at, **fields})
        assert status < 300, body

    carrier("agent", CallSid=agent, CallStatus="in-progress")
    token = transcripts.issue_stream_token(call=Call.objects.get_queryset().get(id=call_id), now=_now())
    for step, leg_status in enumerate(("ringing", "in-progress")):
        carrier("status", CallSid=callee, ParentCallSid=agent, CallStatus=leg_status, SequenceNumber=str(step))
    carrier("notice", CallSid=callee, ParentCallSid=agent)
    carrier("notice/played", CallSid=callee, ParentCallSid=agent)
    stream = transcripts.claim_stream(token=token, stream_sid=f"MZ{number:032x}", call_sid=agent, now=_now())
    for place, (speaker, words) in enumerate(_conversation(person.spoken)):
        segment = transcripts.add_segment(
            call_id=call_id,
            heard=Heard(speaker, place * 4_000, place * 4_000 + 3_000, words, 0.9),
            now=_now(),
        )
        assert segment is not None
        person.things["segment"], person.segment_sequence = segment.id, segment.sequence
    # As the page of a colleague leaves it that has just been closed; who is alone in a workspace has none.
    CallWatch.objects.create(
        workspace_id=person.membership.workspace_id,
        call_id=call_id,
        user=person.membership.user,
        began_at=_now(),
        seen_at=_now(),
    )
    # One that is over, so that people may dial.
    DialPause.objects.create(
        workspace_id=person.membership.workspace_id, cause="failures", paused_at=_now(), resumed_at=_now()
    ).calls.set(Call.objects.get_queryset().filter(id=call_id))
    # As a lead of France that was removed after a call left it.
    LimitMark.objects.create(
        workspace_id=person.membership.workspace_id, number_key="0f" * 32, kind="called", at=_now()
    )
    # As somebody at another number who pressed the key left it.
    transcript_refusals.refuse(workspace_id=person.membership.workspace_id, phone_e164="+12125550177", now=_now())
    transcripts.finish_stream(stream_id=stream.stream_id, dropped_frames=0, complete=True, now=_now())
    carrier("status", CallSid=callee, ParentCallSid=agent, CallStatus="completed", CallDuration="61")
    carrier("after", CallSid=agent, DialCallSid=callee, DialCallStatus="completed", DialCallDuration="61")
    carrier("status", CallSid=agent, CallStatus="completed", CallDuration="70")
    assert analysis.analyse(call_id=call_id, now=_now())
    entries = _made(person.browser.get(f"/api/credits/statement?call_id={call_id}"), 200)["items"]
    person.things["entry"] = UUID(entries[-1]["id"])
    annotated = person.browser.ask("PATCH", f"/api/calls/{call_id}", {"notes": person.noted})
    assert (annotated.status, annotated.json["status"]) == (200, "completed")


def _skip_one(person: Person) -> None:
    """In a queue of the person's own, which goes on without anybody left; on a day on which people may be called."""
    member = person.membership
    actor = Actor(member.user_id, member.workspace_id, cast(MemberRole, member.role))
    session = queue.start(actor=actor, wanted=QueueIn(tag=f"Tag of {person.name}", disposition="connected"), now=SOON)
    reserved = session.reservations.get(released_at__isnull=True)
    queue.skip(actor=actor, skipped=SkipIn(lead_id=reserved.lead_id, reason="not_now"), now=SOON)


def _conversation(word: str) -> list[tuple[Speaker, str]]:
    return [
        ("agent", f"Hello, this is about the {word} contract."),
        ("callee", f"The price of {word} is too high for us."),
        ("agent", f"I will send you the {word} offer tomorrow."),
        ("callee", "Good, call me back on Friday."),
    ]
