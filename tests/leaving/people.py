"""Who is in the story, each with words that stand nowhere else."""

from sandbox.rep import Person
from tests.smoke.needles import Canary

OPERATOR = "operator@watches.example"
# Two who stay: one talks all the time, the other calls the person who is erased meanwhile.
STAYS = Person("Stayla", "Fastworth", "stayla.fastworth@remains.example", "+12025550171")
CALLER = Person("Tessaly", "Longmeadow", "tessaly.longmeadow@remains.example", "+12025550173")
# Their colleague, whose call is over and was understood.
LEAVES = Person(
    "Quentilda", "Vanishmore", "quentilda.vanishmore@leaves.example", "+12025550172", "murmur-quince-anvil-77"
)
CALLED = {
    "first_name": "Ferdibrand",
    "last_name": "Goneaway",
    "company": "Granaria Goneaway",
    "phone": "+13125550173",
    "notes": "Met at the zephyrquill fair",
}
LEAVES_CALLED = {"first_name": "Susan", "last_name": "Baker", "phone": "+13125550175"}
STAYS_CALLED = {
    "first_name": "Perdurabo",
    "last_name": "Lastingham",
    "company": "Lastingham Looms",
    "phone": "+13125550174",
    "notes": "Wants the quartzlantern brochure",
}
# As an index of texts keeps them; the recogniser hears these words reliably.
SPOKEN_TO_CALLED = ("payrol",)
SPOKEN_TO_STAYS = ("honestly",)
SPOKEN_TO_LEAVES = ("atlas", "freight")
CALLS_NOTE = "They asked for the ombrelloplum offer"
QUESTION = "Did anybody mention the grindlebarrow?"
WISH = "My sister Yestermorn acts for me"
NOMINEE = {"name": "Wimberquell Oxenstair", "email": "wimberquell@nominee.example", "agreed": True}
KEY = {"name": "Plumtassel export", "scopes": ["leads:read"]}
CARDS = ("4111 1111 1111 1111", "5555-5555-5555-4444", "4000056655665556")

OF_CALLED: tuple[Canary, ...] = (
    "Ferdibrand",
    "Goneaway",
    CALLED["phone"],
    "zephyrquill",
    "ombrelloplum",
    *SPOKEN_TO_CALLED,
)
OF_LEAVES: tuple[Canary, ...] = (
    LEAVES.first_name,
    LEAVES.last_name,
    LEAVES.email,
    LEAVES.mobile,
    LEAVES.password,
    "grindlebarrow",
    "Yestermorn",
    "Wimberquell",
    "Plumtassel",
    *SPOKEN_TO_LEAVES,
)
# In the copy that whoever leaves takes along; nobody's password is in anybody's.
IN_COPY = (
    *(LEAVES.first_name, LEAVES.last_name, LEAVES.email, LEAVES.mobile),
    *("grindlebarrow", "Yestermorn", "Wimberquell", "Plumtassel", "Atlas"),
)
OF_STAYS: tuple[Canary, ...] = (
    STAYS.first_name,
    STAYS.last_name,
    STAYS.email,
    STAYS.mobile,
    "Perdurabo",
    "Lastingham",
    STAYS_CALLED["phone"],
    "quartzlantern",
)
# What the lead of the call that goes on reads out in tests/leaving/card.ulaw.
SPOKEN_CARD = "4539 5787 6362 1486"
OF_CARDS: tuple[Canary, ...] = (
    *CARDS,
    SPOKEN_CARD,
    *(each.replace(" ", "").replace("-", "") for each in (*CARDS, SPOKEN_CARD)),
)
