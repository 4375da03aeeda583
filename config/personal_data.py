"""Every package's store of personal data and the inventory of its fields, in one explicit list each."""

from collections.abc import Mapping
from typing import Final

from ai import personal_data as ai
from compliance import personal_data as compliance
from compliance.stores import Store
from identity import personal_data as identity
from ledger import personal_data as ledger
from outgoing import personal_data as outgoing
from processors import personal_data as processors
from staff import personal_data as staff
from voice import personal_data as voice
from voice import queue_personal_data as dial_queue

# In the order of erasure: the carrier first, since voice knows what to delete there; compliance last, since
# it keeps the run.
STORES: Final[tuple[Store, ...]] = (
    voice.CARRIER,
    dial_queue.STORE,
    voice.STORE,
    ai.STORE,
    outgoing.STORE,
    staff.STORE,
    identity.STORE,
    ledger.STORE,
    compliance.DISCLOSURES,
    compliance.STORE,
)
SUBJECT_ANEW: Final = identity.subject_anew
# Django's own tables hold names of models and of permissions.
DJANGO: Final[dict[str, str]] = {
    f"{model}.{field}": "none"
    for model, fields in {
        "contenttypes.ContentType": ("id", "app_label", "model"),
        "auth.Permission": ("id", "name", "content_type", "codename"),
        "auth.Group": ("id", "name"),
        "auth.Group_permissions": ("id", "group", "permission"),
    }.items()
    for field in fields
}
INVENTORIES: Final[tuple[Mapping[str, str], ...]] = (
    voice.INVENTORY,
    dial_queue.INVENTORY,
    ai.INVENTORY,
    outgoing.INVENTORY,
    identity.INVENTORY,
    staff.INVENTORY,
    ledger.INVENTORY,
    compliance.INVENTORY,
    processors.INVENTORY,
    DJANGO,
)
