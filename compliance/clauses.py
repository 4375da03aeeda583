"""The policy's clauses in our own wording; the served policy is made from them.

The ids are those of the handbook's table: every claim of the published policy has one, and each is proved by tests that
carry `@pytest.mark.policy("<id>")`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from processors.register import SERVERS_STAND_IN


@dataclass(frozen=True, slots=True)
class Clause:
    """One claim, or several that are proved together. section: number of the section that it stands in."""

    id: str
    section: int
    text: str

    @property
    def heading(self) -> str:
        return SECTIONS[self.section]


SECTIONS: Final[dict[int, str]] = {
    0: "In short",
    1: "What we collect",
    2: "What we use it for",
    3: "Text messages and your consent",
    4: "Who receives data",
    5: "Where data is kept",
    6: "How long we keep it",
    7: "Your rights",
    8: "Cookies",
    9: "Security",
    10: "Changes to this policy",
    11: "Contact",
}

SUPPORT: Final = "support@klosesales.com"
_, _COUNTRY = SERVERS_STAND_IN


def _clauses(section: int, texts: Iterable[tuple[str, str]]) -> tuple[Clause, ...]:
    return tuple(Clause(id=clause_id, section=section, text=text) for clause_id, text in texts)


CLAUSES: Final[tuple[Clause, ...]] = (
    *_clauses(
        0,
        [
            (
                "C0",
                "Klosesales protects your personal data and respects your privacy. This policy says what we collect, why, and how"
                " we use it. The page about held data is made from the same list that our software is checked against.",
            ),
        ],
    ),
    *_clauses(
        1,
        [
            (
                "C1.1",
                "To open an account you give your name, e-mail address and mobile number. Nothing else is required.",
            ),
            ("C1.2", "Card details are collected and kept by Paddle.com alone, under the PCI-DSS standard."),
            (
                "C1.3",
                "We keep no card number, no security code and no other payment credential. Where one is typed or spoken into"
                " the product, it is taken out before anything is stored.",
            ),
            (
                "C1.4",
                "While you use Klosesales we keep call logs, how long calls took, the text of calls made by our own speech"
                " recognition, what is derived from it for search and insights, your questions and their answers, credits"
                " bought and spent, and activity in the product. You may enter names, companies, numbers and notes of people"
                " whom you call. No sound of a call is ever stored.",
            ),
            (
                "C1.5",
                "Your IP address, type of browser, device and times of access are recorded automatically, for security and"
                " operations only.",
            ),
            (
                "C1.6",
                "If you choose to register or sign in with Google or Facebook, we receive your first name, last name and e-mail"
                " address from them, with an identifier by which they recognise you.",
            ),
            ("C1.7", "We never receive your password at Google or Facebook."),
            ("C1.8", "What we take from them is limited to what creating and managing your account needs."),
        ],
    ),
    *_clauses(
        2,
        [
            ("C2.1", "To create your account and manage it."),
            (
                "C2.2",
                "To make sure that it is you, by one-time passcodes sent through Twilio Verify to your registered mobile"
                " number.",
            ),
            ("C2.3", "To sell you credits and process payments through Paddle."),
            ("C2.4", "To provide, operate and improve the service."),
            ("C2.5", "To give you AI insights and answers from your own call data, made on our own server."),
            ("C2.6", "To tell you what matters about your account and the service. Never for marketing."),
            ("C2.7", "To meet legal obligations and to prevent fraud."),
            ("C2.8", "To sign you in through Google or Facebook, if you choose that."),
        ],
    ),
    *_clauses(
        3,
        [
            (
                "C3.1",
                "When you give your mobile number and register, you agree, in a box of its own that is not ticked beforehand, to"
                " receive text messages with one-time passcodes for verifying your account and signing in.",
            ),
            (
                "C3.2-5",
                "These messages serve authentication and the security of your account alone. Your number is never used for"
                " marketing or promotional messages.",
            ),
            (
                "C3.3",
                "How many messages you get depends on how often you sign in and verify. Message and data rates may apply.",
            ),
            ("C3.6", f"To stop text messages, write to {SUPPORT}."),
            (
                "C3.7",
                "Without text messages you can no longer sign in, because verification by mobile is a mandatory security"
                " requirement. Your rights to a copy and to erasure remain.",
            ),
            ("C3.8", f"For help, write to {SUPPORT}."),
        ],
    ),
    *_clauses(
        4,
        [
            ("C4.1", "We do not sell, rent or trade your personal data. Nobody but those named here receives any."),
            (
                "C4.2-3",
                "Twilio receives telephone numbers, to send passcodes by text message and to carry calls, whose sound passes"
                " through it. If you call in the browser, it connects to Twilio itself, which then knows its network address,"
                " which browser it is, and a number that stands for you and your workspace and names neither. Paddle, as"
                " merchant of record, receives what a purchase needs, and in its own window your network address, which browser"
                " it is, and what you type. Their own privacy policies apply.",
            ),
            (
                "C4.4-5",
                "Google, or Meta for Facebook, take part only if you sign in with them; your browser then goes to their pages,"
                " which learn its network address and which browser it is, and their privacy policies apply to that.",
            ),
            (
                "C4.6",
                "Law enforcement or regulators receive data where applicable law or a court order demands it, or to protect our"
                " rights.",
            ),
            (
                "C4.7",
                f"Time4VPS provides our servers in {_COUNTRY}, European Union. It does not access your data except as running the"
                " servers requires. Its privacy policy applies.",
            ),
            (
                "C4.9",
                "This list is closed. Our software refuses to send anything to anybody else, and reports the attempt. A workspace"
                " can have servers of its own told of its calls and credits; those messages hold random identifiers and"
                " figures, never a name, a number or what was said.",
            ),
        ],
    ),
    *_clauses(
        5,
        [
            (
                "C5.1-4",
                f"The company that runs Klosesales is incorporated in India; its servers stand in {_COUNTRY}, European Union. If"
                " you use Klosesales from the United States or elsewhere, your data is stored and processed on those servers on"
                " our behalf, and by using the service you agree to that. We follow the data protection laws that apply, the"
                " Digital Personal Data Protection Act, 2023 of India among them. In the privacy centre you can name somebody who"
                " acts for you if you die or can no longer act: that person may then ask for a copy of your data or for its"
                " deletion, which two people of ours decide. We keep the name and e-mail address of whom you name for that alone.",
            ),
        ],
    ),
    *_clauses(
        6,
        [
            ("C6.1", "We keep your data as long as your account is active or as the service needs it."),
            ("C6.2", "When an account is deleted, its personal data is deleted within 30 days."),
            ("C6.3", "What the law orders us to keep is kept that long, and for nothing else."),
        ],
    ),
    *_clauses(
        7,
        [
            ("C7.1", "You can get a copy of everything that we hold about you."),
            ("C7.2", "You can have it corrected."),
            ("C7.3", "You can have it deleted."),
            ("C7.4", "Which of these rights the law gives you depends on where you live; we offer them to everybody."),
            ("C7.5", f"Use them in the privacy centre, or write to {SUPPORT}."),
            ("C7.6", "We answer within 30 days."),
        ],
    ),
    *_clauses(
        8,
        [
            ("C8.1", "We use essential cookies for the session and for authentication."),
            ("C8.2", "We use no cookies for analytics. If that ever changes, you will be asked first."),
            (
                "C8.3",
                "You can disable cookies in your browser. Pages that need no account still work; signing in does not.",
            ),
        ],
    ),
    *_clauses(
        9,
        [
            (
                "C9.1-4",
                "We use security measures that are standard in the industry: encryption in transit (TLS), control of access and"
                " regular reviews of security. No transmission over the Internet is entirely secure, so we cannot guarantee"
                " absolute security.",
            ),
        ],
    ),
    *_clauses(
        10,
        [
            ("C10.1", "We may change this policy. Every version stays readable."),
            ("C10.2", "Before a material change takes effect, you are told by e-mail or in the product."),
            ("C10.3", "Using the service after that date means that you accept the changed policy."),
        ],
    ),
    *_clauses(11, [("C11", f"Questions about privacy: {SUPPORT}.")]),
)
