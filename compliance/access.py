"""The right of access: everything that is held about a person, in one bundle."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from compliance import audit, policy
from compliance.elements import ELEMENTS
from compliance.stores import Subject, all_stores
from processors.pseudonyms import pseudonym


def export(*, subject: Subject, now: datetime, by: str | None = None) -> dict[str, Any]:
    """Everything that all stores hold about a person, by kind of data and with what it is for; audited.

    by: who asked, if not the person.
    """
    audit.record(
        workspace_id=None,
        actor_ref=by or str(subject.user_id),
        action="privacy.exported",
        target=str(subject.user_id) if subject.user_id else pseudonym("phone", subject.phone_e164),
        detail={},
        now=now,
    )
    return bundle(subject=subject, now=now)


def bundle(*, subject: Subject, now: datetime, elements: Collection[str] = ELEMENTS) -> dict[str, Any]:
    """The same for whoever writes it down: of these kinds of data alone."""
    data: dict[str, list[Any]] = {}
    for store in all_stores():
        for key, value in store.export(subject).items():
            data.setdefault(key, []).extend(value if isinstance(value, list) else [value])
    return {
        "format": "klosesales-personal-data-1",
        "exported_at": now.isoformat(),
        "policy_version": policy.current_version(),
        "data": {
            key: {
                "what": ELEMENTS[key].title,
                "purpose": ELEMENTS[key].purpose,
                "retention": ELEMENTS[key].retention,
                "items": data[key],
            }
            for key in ELEMENTS
            if data.get(key) and key in elements
        },
    }
