"""How well questions are answered: the figures by which the threshold is chosen and watched."""

from collections.abc import Sequence
from dataclasses import dataclass

from ai.answer import Answer
from tests.ai.calls import AskedQuestion


@dataclass(frozen=True)
class Measured:
    """precision: of the answers given, the share with a right quote. recall: of the answerable, the share answered so.

    refused: of the unanswerable, the share told "not in your calls". right_first: of the answers given to answerable
    questions, the share whose first quote is right.
    """

    answerable: int
    unanswerable: int
    precision: float
    recall: float
    refused: float
    right_first: float


def measure(results: Sequence[tuple[AskedQuestion, Answer]]) -> Measured:
    answered = [(asked, answer) for asked, answer in results if answer.quotes]
    right = [asked for asked, answer in answered if asked.answers & {quote.segment_id for quote in answer.quotes}]
    first = [asked for asked, answer in answered if asked.answers & {answer.quotes[0].segment_id}]
    answerable = [asked for asked, _ in results if asked.answers]
    refused = [asked for asked, answer in results if not asked.answers and not answer.quotes]
    unanswerable = len(results) - len(answerable)
    return Measured(
        answerable=len(answerable),
        unanswerable=unanswerable,
        precision=round(len(right) / max(1, len(answered)), 3),
        recall=round(len(right) / max(1, len(answerable)), 3),
        refused=round(len(refused) / max(1, unanswerable), 3),
        right_first=round(len(first) / max(1, sum(bool(asked.answers) for asked, _ in answered)), 3),
    )
