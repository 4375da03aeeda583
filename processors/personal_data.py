"""What each field of this package is; compliance erases here, since it stands above and asks."""

from typing import Final

INVENTORY: Final[dict[str, str]] = {
    "processors.Disclosure.id": "none",
    "processors.Disclosure.day": "disclosure",
    "processors.Disclosure.processor": "disclosure",
    "processors.Disclosure.endpoint": "disclosure",
    "processors.Disclosure.data_classes": "disclosure",
    "processors.Disclosure.person": "disclosure",
    "processors.Disclosure.workspace_id": "disclosure",
    "processors.Disclosure.count": "disclosure",
    "processors.BlockedEgress.id": "none",
    "processors.BlockedEgress.at": "none",
    "processors.BlockedEgress.processor": "none",
    "processors.BlockedEgress.host": "none",
    "processors.BlockedEgress.port": "none",
    "processors.BlockedEgress.endpoint": "none",
    "processors.BlockedEgress.reason": "none",
    "processors.BlockedEgress.field": "none",
    "processors.BlockedEgress.told_at": "none",
    "processors.LookUpKey.key_id": "none",
    "processors.HashKey.id": "none",
    "processors.HashKey.value": "none",
    "processors.Guesses.id": "none",
    "processors.Guesses.kind": "access_event",
    "processors.Guesses.network_key": "access_event",
    "processors.Guesses.hour": "access_event",
    "processors.Guesses.count": "access_event",
    "processors.Guesses.told_at": "none",
}
