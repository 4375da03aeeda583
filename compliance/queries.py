"""Reads of compliance."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from compliance import in_force
from compliance.elements import ELEMENTS
from compliance.models import ConsentEvent, Request
from compliance.policy_queries import words_of_consents
from compliance.requests import GRACE, by_receipt_token, newest_erasure, receipt_token
from compliance.schemas import (
    ConsentOut,
    ConsentsOut,
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
    ProcessorOut,
    ProcessorsOut,
    RequestOut,
)
from compliance.stores import Subject, all_stores
from processors import register
from processors.models import Disclosure
from processors.pseudonyms import pseudonym

DISCLOSURES_MAX: Final = 500
# What an erasure leaves for every account, whatever else it held.
_ALWAYS_LEFT: Final = ("request", "erasure_ledger", "audit")


def processors() -> ProcessorsOut:
    return ProcessorsOut(
        items=[
            ProcessorOut(
                key=each.key,
                name=each.name,
                purpose=each.purpose,
                country=each.country,
                clause=each.clause,
                privacy_url=each.privacy_url,
                receives=_data_classes(each.receives),
                hosts=[urlsplit(base.url).hostname or "" for base in each.bases],
            )
            for each in in_force.processors()
        ]
    )


def data_kinds() -> DataKindsOut:
    """Everything that the product keeps of anybody, or promises never to keep, as the inventory has it."""
    return DataKindsOut(
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
        ]
    )


def held(*, subject: Subject) -> HeldListOut:
    """What all stores hold about a person, by kind, in the order of the inventory."""
    counts = _found(subject)
    return HeldListOut(
        items=[
            HeldOut(
                element=key,
                title=element.title,
                count=counts[key],
                source=element.source,
                purpose=element.purpose,
                basis=element.basis,
                retention=element.retention,
                erasure=element.erasure,
                recipients=_names(element.recipients),
                stays=element.stays,
            )
            for key, element in in_force.elements().items()
            if counts[key]
        ]
    )


def disclosures(*, subject: Subject) -> DisclosuresOut:
    """Who received what about a person: requests that named the person or the person's number."""
    people = [pseudonym("phone", subject.phone_e164)] if subject.phone_e164 else []
    if subject.user_id:
        people.append(pseudonym("user", subject.user_id))
    rows = Disclosure.objects.filter(person__in=people).order_by("-day", "processor", "endpoint")[:DISCLOSURES_MAX]
    return DisclosuresOut(
        items=[
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
    )


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
    counts = _found(subject)
    return ErasurePreviewOut(goes=_goes(counts), stays=_kept(counts), grace_days=GRACE.days)


def erasure_state(*, user_id: UUID, now: datetime) -> ErasureStateOut:
    request = newest_erasure(user_id=user_id)
    return ErasureStateOut(request=request_out(request, now=now) if request else None)


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
        kept=_kept(_found(Subject.from_json(request.subject))) if request.subject else _kept(_erased(request)),
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
        erased=_goes(erased),
        left=request.receipt["left"] if request.receipt else None,
        kept=_kept(erased),
    )


def _erased(request: Request) -> Counter[str]:
    return Counter(request.receipt["erased"] if request.receipt else {})


def _found(subject: Subject) -> Counter[str]:
    counts: Counter[str] = Counter()
    for store in all_stores():
        counts.update(store.find(subject))
    return counts


def _goes(counts: Counter[str]) -> list[GoesOut]:
    return [
        GoesOut(element=key, title=element.title, count=counts[key]) for key, element in ELEMENTS.items() if counts[key]
    ]


def _kept(counts: Counter[str]) -> list[KeptOut]:
    return [
        KeptOut(what=element.title, why=element.stays)
        for key, element in ELEMENTS.items()
        if element.stays and (counts[key] or key in _ALWAYS_LEFT)
    ]


def _names(recipients: Sequence[str]) -> list[str]:
    return [register.get(each).name for each in recipients]


def _data_classes(keys: Any) -> list[DataClassOut]:
    return [DataClassOut(key=key, title=register.DATA_CLASSES[key]) for key in keys]
