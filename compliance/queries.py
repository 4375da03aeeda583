"""Reads of compliance."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now, TruncDate

from compliance import authorities, in_force, listing, policy, receipts, sealing
from compliance.clauses import SUPPORT
from compliance.cookies import COOKIES
from compliance.elements import ELEMENTS
from compliance.keyed_tokens import receipt_token
from compliance.left_bytes import GONE_AFTER_DAYS
from compliance.models import Case, ConsentEvent, Nominee, Request
from compliance.policy_queries import words_of_consents
from compliance.requests import GRACE, by_receipt_token, newest_erasure
from compliance.schemas import (
    ConsentOut,
    ConsentsOut,
    ContactOut,
    CookieOut,
    DataClassOut,
    DataKindOut,
    DataKindsOut,
    DisclosureOut,
    DisclosuresOut,
    ErasurePreviewOut,
    ErasureReceiptOut,
    ErasureStateOut,
    GoesOut,
    HeldListOut,
    HeldOut,
    KeptOut,
    NomineeOut,
    NomineeStateOut,
    OwnCaseOut,
    ProcessorOut,
    ProcessorsOut,
    RequestOut,
    SignedReceiptOut,
)
from compliance.stores import Holding, Subject, all_stores, found
from processors import register
from processors.models import Disclosure
from processors.pseudonyms import pseudonym

DISCLOSURES_MAX: Final = 500
CASES_SHOWN_MAX: Final = 50
# What an erasure leaves for every account, whatever else it held.
_ALWAYS_LEFT: Final = ("request", "erasure_ledger", "audit")
# Nobody calls the number of somebody who was erased again.
_LEFT_OF_CALLEES: Final = (*_ALWAYS_LEFT, "suppression")
# The order may forbid to say more.
_HELD: Final = KeptOut(
    what="What an order or the law demands to be kept",
    why="It is sealed, so that nobody here reads it, and deleted when that ground ends. We may not be allowed to say more.",
)
# What the same things are called for people who were called.
_CALLEES_WORDS: Final = {
    "callee": "Your name, company and number, and what was noted about you",
    "call": "Calls with you: when, how long, how they ended",
    "transcript": "The text of what was said in calls with you",
    "insight": "What was understood from calls with you",
    "session": "This page, opened with your number",
    "otp_attempt": "Passcodes sent to your number, never the code",
    "suppression": "That your number is not called, written to, or its calls written down",
}


def processors() -> ProcessorsOut:
    names = dict([register.SERVERS_STAND_IN])
    return ProcessorsOut(
        server_country=names.get(settings.SERVER_COUNTRY, settings.SERVER_COUNTRY),
        items=[
            ProcessorOut(
                key=each.key,
                name=each.name,
                purpose=each.purpose,
                country=each.country,
                clause=each.clause,
                privacy_url=each.privacy_url,
                receives=_data_classes(each.receives),
                directly=_data_classes(each.directly),
                hosts=[urlsplit(base.url).hostname or "" for base in each.bases],
            )
            for each in in_force.processors()
        ],
    )


def data_kinds() -> DataKindsOut:
    """Everything that the product keeps of anybody, or promises never to keep, as the inventory has it."""
    return DataKindsOut(
        bytes_gone_after_days=GONE_AFTER_DAYS,
        items=[
            DataKindOut(
                element=key,
                title=element.title,
                source=element.source,
                purpose=element.purpose,
                basis=element.basis,
                retention=element.retention,
                erasure=element.erasure,
                recipients=_names(element.recipients),
                stays=element.stays,
            )
            for key, element in in_force.elements().items()
            if key != "none"
        ],
        cookies=[CookieOut(**asdict(cookie)) for cookie in COOKIES],
    )


def held(*, subject: Subject) -> HeldListOut:
    """What all stores hold about a person, by kind, in the order of the inventory."""
    counts, listed = found(subject), listing.listed_kinds(subject)
    # It stays, so no store finds it.
    counts.update({"suppression": listing.count(subject, "suppression")})
    words = _CALLEES_WORDS if subject.kind == "callee" else {}
    return HeldListOut(
        items=[
            HeldOut(
                element=key,
                title=words.get(key, element.title),
                count=counts[key],
                source=element.source,
                purpose=element.purpose,
                basis=element.basis,
                retention=element.retention,
                erasure=element.erasure,
                recipients=_names(element.recipients),
                stays=element.stays,
                listed=key in listed,
            )
            for key, element in in_force.elements().items()
            if counts[key]
        ]
    )


def contact() -> ContactOut:
    """Whom people write to, and who answers for personal data."""
    return ContactOut(support_email=SUPPORT, officer=settings.GRIEVANCE_OFFICER, officer_email=settings.GRIEVANCE_EMAIL)


def disclosures(*, subject: Subject) -> DisclosuresOut:
    """Who received what about a person: requests that named the person or the person's number."""
    people = [pseudonym("phone", subject.phone_e164)] if subject.phone_e164 else []
    if subject.user_id:
        people.append(pseudonym("user", subject.user_id))
    found_rows = Disclosure.objects.filter(person__in=people)
    if authorities.kept_secret(people):
        found_rows = found_rows.exclude(processor=authorities.RECIPIENT)
    return DisclosuresOut(items=disclosure_rows(found_rows))


def disclosure_rows(found_rows: QuerySet[Disclosure]) -> list[DisclosureOut]:
    """As they are shown, the newest first, at most DISCLOSURES_MAX."""
    rows = found_rows.order_by("-day", "processor", "endpoint")[:DISCLOSURES_MAX]
    return [
        DisclosureOut(
            day=row.day,
            processor=row.processor,
            processor_name=register.get(row.processor).name,
            endpoint=row.endpoint,
            data_classes=_data_classes(row.data_classes),
            count=row.count,
        )
        for row in rows
    ]


def consents(*, user_id: UUID) -> ConsentsOut:
    """Everything that the person agreed to or withdrew, the newest first."""
    rows = ConsentEvent.objects.filter(person=pseudonym("user", user_id)).order_by("-at", "-id")
    texts = words_of_consents()
    return ConsentsOut(
        items=[
            ConsentOut(
                purpose=row.purpose,
                given=row.given,
                policy_version=row.policy_version,
                at=row.at,
                text=texts.get(row.text_hash),
            )
            for row in rows
        ]
    )


def erasure_preview(*, subject: Subject) -> ErasurePreviewOut:
    """What an erasure removes of what is found, and what stays."""
    counts = found(subject)
    called = subject.kind == "callee"
    return ErasurePreviewOut(
        goes=goes(counts, _CALLEES_WORDS if called else {}),
        stays=_kept(counts, _LEFT_OF_CALLEES if called else _ALWAYS_LEFT, is_held=is_held(subject)),
        grace_days=GRACE.days,
    )


def erasure_state(*, person: str, now: datetime) -> ErasureStateOut:
    """person: keyed hash of the account, or of the number of somebody who was called."""
    request = newest_erasure(person=person)
    return ErasureStateOut(request=request_out(request, now=now) if request else None)


def nominee_state(*, user_id: UUID) -> NomineeStateOut:
    """Whom the person named, and what is agreed to by naming somebody."""
    row = Nominee.objects.filter(user_id=user_id).first()
    nominee = None
    if row is not None:
        nominee = NomineeOut(
            name=row.name, email=row.email, named_at=row.named_at, told_at=row.sent_at, declined_at=row.declined_at
        )
    return NomineeStateOut(
        nominee=nominee, words=policy.consent_text("nominee"), policy_version=policy.current_version()
    )


def own_cases(*, person: str) -> list[OwnCaseOut]:
    """What a person asked for, the newest first. person: keyed hash of the account, or of the number."""
    found = Case.objects.filter(person=person).order_by("-opened_at", "-id")[:CASES_SHOWN_MAX]
    return [OwnCaseOut.model_validate(case, from_attributes=True) for case in found]


def request_out(request: Request, *, now: datetime) -> RequestOut:
    done = request.state == "done"
    return RequestOut(
        id=request.id,
        state=request.state,
        opened_at=request.opened_at,
        due_on=request.due_on,
        runs_at=request.runs_at,
        cancellable=request.state == "requested" and request.runs_at > now,
        receipt_path=f"/erased/{receipt_token(request.id)}",
        receipt=_receipt(request) if done else None,
        kept=_still_kept(request),
    )


def receipt_of(token: str) -> ErasureReceiptOut:
    """Raises ReceiptUnknown for a token that was never given out."""
    return _receipt(by_receipt_token(token))


def _receipt(request: Request) -> ErasureReceiptOut:
    erased = _erased(request)
    return ErasureReceiptOut(
        state=request.state,
        requested_at=request.opened_at,
        finished_at=request.finished_at,
        erased=goes(erased, _CALLEES_WORDS if _is_of_callee(request) else {}),
        left=request.receipt["left"] if request.receipt else None,
        kept=_kept(erased, _always_left(request), is_held=_was_held(request)),
        signed=_signed(request),
    )


def _signed(request: Request) -> SignedReceiptOut | None:
    signature = (request.receipt or {}).get("signature")
    if signature is None:
        return None
    text = receipts.text_of(request)
    return SignedReceiptOut(
        text=text, signature=signature, public_key=receipts.public_key(), genuine=receipts.is_ours(text, signature)
    )


def is_held(subject: Subject) -> bool:
    """Whether a legal hold covers something of the person that the person may be told of."""
    if not sealing.any_told():
        return False
    holding = (store for store in all_stores() if isinstance(store, Holding))
    return any(sealing.is_told(copy) for store in holding for copy in store.held_copies(subject))


def _still_kept(request: Request) -> list[KeptOut]:
    if not request.subject:
        return _kept(_erased(request), _always_left(request), is_held=_was_held(request))
    subject = Subject.from_json(request.subject)
    return _kept(found(subject), _always_left(request), is_held=is_held(subject))


def _was_held(request: Request) -> bool:
    if not (request.receipt or {}).get("held"):
        return False
    return not Request.objects.filter(id=request.id, held_told_after__gte=TruncDate(Now())).exists()


def _is_of_callee(request: Request) -> bool:
    if request.subject:
        return bool(request.subject["kind"] == "callee")
    return bool((request.receipt or {}).get("called"))


def _always_left(request: Request) -> Sequence[str]:
    return _LEFT_OF_CALLEES if _is_of_callee(request) else _ALWAYS_LEFT


def _erased(request: Request) -> Counter[str]:
    return Counter(request.receipt["erased"] if request.receipt else {})


def goes(counts: Counter[str], words: Mapping[str, str] = MappingProxyType({})) -> list[GoesOut]:
    """What was found, in the order of the inventory. words: titles that differ from those of the inventory."""
    return [
        GoesOut(element=key, title=words.get(key, element.title), count=counts[key])
        for key, element in ELEMENTS.items()
        if counts[key]
    ]


def _kept(counts: Counter[str], always: Sequence[str], *, is_held: bool) -> list[KeptOut]:
    kept = [
        KeptOut(what=element.title, why=element.stays)
        for key, element in ELEMENTS.items()
        if element.stays and (counts[key] or key in always)
    ]
    return [_HELD, *kept] if is_held else kept


def _names(recipients: Sequence[str]) -> list[str]:
    return [register.get(each).name for each in recipients]


def _data_classes(keys: Any) -> list[DataClassOut]:
    """What goes out in requests has classes of its own; authorities are given whole kinds of the inventory."""
    return [DataClassOut(key=key, title=register.DATA_CLASSES.get(key) or ELEMENTS[key].title) for key in keys]
