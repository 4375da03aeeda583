"""What the operator's check of the carrier says of each thing that it looks at."""

from dataclasses import dataclass
from typing import Final, Literal

# Twilio's number of SID and secret that do not belong together.
CREDENTIALS_REFUSED: Final = 20003
SILENT: Final = "Look at Twilio's status page, and whether this machine may connect to api.twilio.com and verify.twilio.com, port 443."

Outcome = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. check: its stable name; remedy: of a failure, what to change and where; setting: ours, if any."""

    check: str
    outcome: Outcome
    said: str
    remedy: str = ""
    setting: str = ""
