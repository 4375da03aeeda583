"""What is held about a person, in one bundle."""

import json
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from compliance import audit, policy, readable
from compliance.elements import ELEMENTS
from compliance.stores import Subject, all_stores
from processors.pseudonyms import pseudonym


def export(
    *, subject: Subject, now: datetime, by: str | None = None, case: str = "", as_page: bool = False
) -> Iterator[str]:
    """Everything that all stores hold about a person, by kind of data and with what it is for; audited.

    In parts, each of them read when it is asked for: how much is held does not matter to memory. by: who asked, if not the person, and in
    which case of support.
    as_page: HTML to be read, in the place of JSON.
    """
    audit.record(
        workspace_id=None,
        actor_ref=by or str(subject.user_id),
        action="privacy.exported",
        target=str(subject.user_id) if subject.user_id else pseudonym("phone", subject.phone_e164),
        detail={"case": case} if case else {},
        now=now,
    )
    if as_page:
        kinds = ((_about(key), items) for key, items in _kinds(subject))
        return readable.written(at=now, policy_version=policy.current_version(), kinds=kinds)
    return _written(subject=subject, now=now)


def bundle(*, subject: Subject, now: datetime, elements: Collection[str] = ELEMENTS) -> dict[str, Any]:
    """The same for whoever writes it down: of these kinds of data alone, all at once."""
    held = {key: list(items) for key, items in _held(subject).items() if key in elements}
    return {
        **_head(now),
        "data": {key: {**_about(key), "items": held[key]} for key in ELEMENTS if held.get(key)},
    }


def _written(*, subject: Subject, now: datetime) -> Iterator[str]:
    """The bundle as `json.dumps` would write it with an indent of 2."""
    yield _json(_head(now), 0).removesuffix("\n}") + ',\n  "data": {'
    before = ""
    for key, items in _kinds(subject):
        yield (
            before + f"\n    {_json(key, 4)}: " + _json(_about(key), 4).removesuffix("\n    }") + ',\n      "items": ['
        )
        for place, item in enumerate(items):
            yield ("," if place else "") + "\n        " + _json(item, 8)
        yield "\n      ]\n    }"
        before = ","
    yield "\n  }\n}" if before else "}\n}"


def _kinds(subject: Subject) -> Iterator[tuple[str, Iterable[Any]]]:
    """Kinds of data of which something is held, and what; read one behind the other."""
    held = _held(subject)
    for key in ELEMENTS:
        items = iter(held.get(key, ()))
        if (first := next(items, None)) is not None:
            yield key, chain([first], items)


def _held(subject: Subject) -> dict[str, Iterable[Any]]:
    held: dict[str, list[Iterable[Any]]] = {}
    for store in all_stores():
        for key, value in store.export(subject).items():
            held.setdefault(key, []).append([value] if isinstance(value, dict) else value)
    return {key: chain.from_iterable(parts) for key, parts in held.items()}


def _head(now: datetime) -> dict[str, Any]:
    return {
        "format": "klosesales-personal-data-1",
        "exported_at": now.isoformat(),
        "policy_version": policy.current_version(),
    }


def _about(key: str) -> dict[str, Any]:
    element = ELEMENTS[key]
    return {"what": element.title, "purpose": element.purpose, "retention": element.retention}


def _json(value: Any, depth: int) -> str:
    """As it is written at so many spaces from the edge."""
    written = json.dumps(value, ensure_ascii=False, indent=2, cls=DjangoJSONEncoder)
    return written.replace("\n", "\n" + " " * depth)
