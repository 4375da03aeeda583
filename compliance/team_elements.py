"""What comes about between colleagues, and between a workspace and its own servers."""

from typing import Final

from compliance.element import Element

TEAM_ELEMENTS: Final = (
    Element(
        "watch",
        "Who reads along in a call, and who ended a colleague's call",
        "the colleague who does it",
        "telling the person whose call it is",
        "legitimate interest",
        None,
        "Reading along: while it lasts. Who ended a call: as long as the call",
        "deleted, or unlinked from the call",
    ),
    Element(
        "webhook",
        "Servers that a workspace named to be told of its events, and who named them",
        "a member who manages webhooks",
        "telling the workspace's own programs what happened",
        "contract",
        None,
        "Until somebody removes it, or the workspace ends",
        "unlinked from you; deleted when the workspace ends with you",
    ),
    Element(
        "delivery",
        "What was told to those servers: random identifiers of a call, a lead and a member, and figures",
        "system",
        "sending it, and sending it again",
        "contract",
        30,
        "30 days",
        "deleted",
        ("customer",),
    ),
    Element(
        "undelivered",
        "What those servers did not take within a day",
        "system",
        "sending it again once they are mended",
        "contract",
        7,
        "7 days after it was given up",
        "deleted",
    ),
)
