"""The section of the sandbox's page with the people at Google and Facebook."""

import json

from sandbox.markup import Markup, tag
from sandbox.records import SocialPerson
from sandbox.social.people import PROVIDERS, People

# Field -> what the button says that makes the provider lie, and what it sets.
_LIES = (
    ("email_verified", "E-mail unverified", False),
    ("extra_fields", "20 extra fields", 20),
    ("wrong_state", "Wrong state", True),
)
_TRUE = {"email_verified": True, "extra_fields": 0, "wrong_state": False}


def people(known: People) -> Markup:
    rows = [_row(person) for provider in PROVIDERS for person in known.of(provider)]
    names = ("At", "Name", "E-mail", "The provider lies about")
    head = tag("tr", *(tag("th", name, scope="col") for name in names))
    return tag("div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="scroll")


def _row(person: SocialPerson) -> Markup:
    buttons = [
        tag(
            "button",
            words,
            type="button",
            data_post="/social/people",
            data_body=json.dumps({"id": person.id, field: lie if _honest(person, field) else _TRUE[field]}),
            aria_pressed=str(not _honest(person, field)).lower(),
        )
        for field, words, lie in _LIES
    ]
    return tag(
        "tr",
        tag("td", person.provider.capitalize()),
        tag("td", f"{person.first_name} {person.last_name}"),
        tag("td", person.email or "none"),
        tag("td", tag("div", *buttons, class_="line")),
    )


def _honest(person: SocialPerson, field: str) -> bool:
    return bool(getattr(person, field) == _TRUE[field])
