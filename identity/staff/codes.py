"""The second factor: codes of an authenticator app (RFC 6238), and codes for who has lost it."""

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final

import pyotp
import segno

ISSUER: Final = "Klosesales staff"
# A phone's clock may be off, and a code may be typed while the next one comes: one step of 30 s to either side.
STEPS_AROUND: Final = (0, -1, 1)
RECOVERY_CODES: Final = 10
# 16 letters of 32 are 80 random bits, so that a plain digest suffices.
_RECOVERY_GROUPS: Final = 4
_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"


def new_secret() -> str:
    """160 random bits in base32, as authenticator apps take them."""
    return pyotp.random_base32()


def step_of(*, secret: str, code: str, now: datetime) -> int | None:
    """Which step of 30 s a code belongs to, so that its use can be noted and no code works twice; None for a wrong one."""
    clock = pyotp.TOTP(secret)
    present = clock.timecode(now)
    for around in STEPS_AROUND:
        if hmac.compare_digest(clock.generate_otp(present + around).encode(), code.encode()):
            return present + around
    return None


def picture(*, secret: str, email: str) -> str:
    """The QR code that an authenticator app takes the secret from: an SVG as a data URL, black on white in either scheme."""
    address = pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)
    return segno.make(address, error="m").svg_data_uri(scale=5, border=3, dark="#000", light="#fff")


def new_recovery_codes() -> list[str]:
    """To be shown once, such as "k3mq-7xwp-a9rt-h2nb"."""
    return [
        "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(_RECOVERY_GROUPS))
        for _ in range(RECOVERY_CODES)
    ]


def digest(secret: str) -> str:
    """How a random secret is stored that nobody has to read again."""
    return hashlib.sha256(secret.encode()).hexdigest()


def plain(code: str) -> str:
    """A code as it was typed, without the blanks of whoever reads it out."""
    return code.strip().lower().replace(" ", "")
