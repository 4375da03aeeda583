"""What is kept of our own people, and of their looks into workspaces."""

from typing import Final

from compliance.element import Element

STAFF_ELEMENTS: Final = (
    Element(
        "staff_look",
        "Looks by our own staff into your workspace: who, when, why",
        "our staff",
        "accountability",
        "legal obligation",
        1_826,
        "5 years",
        "why and at whom is removed; that there was a look stays",
        stays="We must be able to account for every look. Role and times are left, no reason and no name of yours.",
    ),
    Element(
        "staff_account",
        "Accounts of our own staff",
        "our staff",
        "their way in, and naming who looked",
        "legitimate interest",
        None,
        "As long as they work for us, then disabled",
        "does not concern customers",
    ),
    Element(
        "staff_access",
        "Sign-ins, searches and sessions of our own staff, with address and browser",
        "automatic",
        "security",
        "legitimate interest",
        365,
        "1 year",
        "does not concern customers",
    ),
)
