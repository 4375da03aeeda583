"""Every package's store of personal data, the inventory of its fields and how they end, in one explicit list each."""

from collections.abc import Mapping
from typing import Final

from ai import personal_data as ai
from ai import retention as ai_terms
from compliance import personal_data as compliance
from compliance import terms as compliance_terms
from compliance.replaying import Restorable
from compliance.retention import Rule
from compliance.stores import Store
from identity import personal_data as identity
from identity import restored as identity_restored
from identity import retention as identity_terms
from identity.outgoing import personal_data as outgoing
from identity.outgoing import retention as outgoing_terms
from identity.staff import personal_data as staff
from identity.staff import retention as staff_terms
from ledger import personal_data as ledger
from ledger import restored as ledger_restored
from processors import personal_data as processors
from voice import carrier_records, inventory
from voice import personal_data as voice
from voice import queue_personal_data as dial_queue
from voice import restored as voice_restored
from voice import retention as voice_terms

# In the order of erasure: the carrier first, since voice knows what to delete there; compliance last, since
# it keeps the run.
STORES: Final[tuple[Store, ...]] = (
    carrier_records.STORE,
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
# What is hashed and compared when a restored backup has to forget again.
RESTORED: Final[tuple[Restorable, ...]] = (
    identity_restored.RESTORED,
    ledger_restored.RESTORED,
    voice_restored.RESTORED,
)
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
    inventory.INVENTORY,
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
# What ends with its term, and how; the calls' text before the questions that quote it.
RETENTION: Final[tuple[Rule, ...]] = (
    *voice_terms.RETENTION,
    *ai_terms.RETENTION,
    *outgoing_terms.RETENTION,
    *staff_terms.RETENTION,
    *identity_terms.RETENTION,
    *compliance_terms.RETENTION,
)
