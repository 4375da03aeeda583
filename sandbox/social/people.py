"""The people who have an account at the pretended Google or Facebook, and what these are made to say wrongly of them."""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from aiohttp import web

from sandbox.records import SocialPerson
from sandbox.store import Store

PROVIDERS = ("google", "facebook")
_KINDS = {entry.name: entry.type for entry in fields(SocialPerson)}
EXTRA_FIELDS_MAX = 100
# What a provider that has gone wrong answers in the place of who it was. subject: how it calls the person's id.
ANSWERS: Mapping[str, Callable[[dict[str, Any], str], Any]] = {
    "": lambda told, subject: told,
    "no_json": lambda told, subject: "<!doctype html><p>Who are you?",
    "list": lambda told, subject: [told],
    "no_subject": lambda told, subject: {name: value for name, value in told.items() if name != subject},
    "number_subject": lambda told, subject: told | {subject: int(told[subject])},
    "huge_subject": lambda told, subject: told | {subject: told[subject] * 100},
    "nested_fields": lambda told, subject: {
        name: told[subject] if name == subject else {"is": told[name]} for name in told
    },
}


def answered(person: SocialPerson, told: dict[str, Any], subject: str) -> web.Response:
    made = ANSWERS[person.answer](told, subject)
    return web.Response(text=made if isinstance(made, str) else json.dumps(made), content_type="application/json")


class PersonInvalid(ValueError):
    """The person cannot be like that; the message says what is wrong."""


class People:
    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, provider: str) -> list[SocialPerson]:
        return [person for person in self._store.people.values() if person.provider == provider]

    def find(self, provider: str, person_id: str) -> SocialPerson | None:
        person = self._store.people.get(person_id)
        return person if person is not None and person.provider == provider else None

    def change(self, wanted: Mapping[str, Any]) -> SocialPerson:
        """Changes the person of that id, or makes a new one.

        :raises PersonInvalid: for a field that people do not have, or a value that it cannot have.
        """
        for name, value in wanted.items():
            if name not in _KINDS or type(value) is not _TYPES.get(name, str):
                raise PersonInvalid(f"{name} cannot be {value!r}; a person has {', '.join(_KINDS)}.")
        known = self._store.people.get(str(wanted.get("id", "")))
        person = replace(known or _stranger(str(wanted.get("provider", ""))), **wanted)
        if person.provider not in PROVIDERS:
            raise PersonInvalid("provider must be google or facebook.")
        if not 0 <= person.extra_fields <= EXTRA_FIELDS_MAX:
            raise PersonInvalid(f"extra_fields must be between 0 and {EXTRA_FIELDS_MAX}.")
        if person.answer not in ANSWERS:
            raise PersonInvalid(f"answer must be one of {', '.join(filter(None, ANSWERS))}, or empty.")
        self._store.people[person.id] = person
        return person


_TYPES: Mapping[str, type] = {"email_verified": bool, "wrong_state": bool, "extra_fields": int}


def _stranger(provider: str) -> SocialPerson:
    """With an id as these providers give them out: 21 digits, or 17."""
    digits = 21 if provider == "google" else 17
    number = str(1 + secrets.randbelow(9)) + "".join(str(secrets.randbelow(10)) for _ in range(digits - 1))
    return SocialPerson(id=number, provider=provider, first_name="", last_name="", email="")
