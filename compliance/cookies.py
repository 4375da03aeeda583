"""The cookies that the product sets, each of them essential. A browser that keeps another one, or anything else, fails a test."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Cookie:
    """audience: who may get it; "everybody" where any visitor may. purpose, until: in words of the page."""

    name: str
    audience: str
    purpose: str
    until: str


COOKIES: Final[tuple[Cookie, ...]] = (
    Cookie(
        "__Host-session",
        "everybody",
        "Knows that it is still you, once you begin to sign in or up. Scripts cannot read it.",
        "You sign out; 14 days",
    ),
    Cookie("__Host-csrf", "everybody", "Shows that what you press was pressed on our own page.", "14 days"),
    Cookie(
        "__Host-device",
        "everybody",
        "Once you came in, shows that this browser is yours, so that wrong passwords typed elsewhere do not shut you out of it. Says nothing of who you are.",
        "A year after you last came in",
    ),
    Cookie(
        "__Host-my-data",
        "people who were called",
        "Knows that you have proved your number, on the page for people who were called.",
        "You close that page; 30 minutes",
    ),
    Cookie("__Host-staff", "our own people", "Knows which of our own people it is.", "8 hours"),
    Cookie(
        "__Host-look",
        "our own people",
        "Knows which customer one of us looks at; the customer reads of each look.",
        "30 minutes",
    ),
)
