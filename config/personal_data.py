"""Every package's store of personal data and the inventory of its fields, in one explicit list each."""

from collections.abc import Mapping
from typing import Final

from ai import personal_data as ai
from compliance import personal_data as compliance
from compliance.stores import Store
from identity import personal_data as identity
from ledger import personal_data as ledger
from processors import personal_data as processors
from voice import personal_data as voice

# In the order of erasure: the carrier first, since voice knows what to delete there; compliance last, since
# it keeps the run.
STORES: Final[tuple[Store, ...]] = (
    voice.CARRIER,
    voice.STORE,
    ai.STORE,
    identity.STORE,
    ledger.STORE,
    compliance.DISCLOSURES,
    compliance.STORE,
)
INVENTORIES: Final[tuple[Mapping[str, str], ...]] = (
    voice.INVENTORY,
    ai.INVENTORY,
    identity.INVENTORY,
    ledger.INVENTORY,
    compliance.INVENTORY,
    processors.INVENTORY,
)
