"""No new column of an address, a number or a second factor is forgotten."""

import re
from typing import Final

from django.apps import apps
from django.db import models

from processors.sealed_columns import sealed_columns
from processors.sealed_fields import KEY_SUFFIX

_NAMES: Final = re.compile(r"e_?mail|mobile|phone|totp|contact|^to$|^subject$")
_HELD: Final = (models.CharField, models.TextField, models.JSONField)
# Column -> why it is not sealed.
PLAIN: Final = {
    "voice.Lead.phone_e164": "Leads are found while their number is typed (decision 0013).",
    "identity.SocialIdentity.subject": "An opaque id of Google or Facebook, no address.",
    "outgoing.Delivery.subject": "What a message is about, by random identifiers.",
}


def test_what_holds_an_address_a_number_or_a_second_factor_is_sealed() -> None:
    named = {
        f"{model._meta.app_label}.{model.__name__}.{field.name}"
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.local_concrete_fields
        if isinstance(field, _HELD) and _NAMES.search(field.name)
    }
    assert named == set(PLAIN)


def test_what_is_looked_up_has_its_blind_index_and_nothing_else_has_one() -> None:
    for model, fields in sealed_columns().items():
        indexes = {
            field.name for field in model._meta.local_concrete_fields if isinstance(field, models.GeneratedField)
        }
        assert indexes == {field.name + KEY_SUFFIX for field in fields if field.lookup}
    assert sum(len(fields) for fields in sealed_columns().values()) >= 10
