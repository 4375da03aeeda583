"""How often the right words are quoted, on questions that the weights were not fitted to.

The floors stand a little below what was measured, so that a worse ranking is red and a better one is not.
`pytest -s` prints the figures and each question that went wrong.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from ai.answer import answer
from ai.embedding import load
from ai.operations import AskFilters, derive_insights, index_call, scope_of
from tests.ai.calls import AskedQuestion, QuestionSet, a_call, question_set
from tests.ai.conftest import NOW, MakeActor
from tests.ai.measure import Measured, measure

pytestmark = pytest.mark.django_db
SPEECH = Path(__file__).parents[2] / "sandbox" / "speech"


def measured(actor_in: MakeActor, name: str) -> Measured:
    actor = actor_in()
    read = spoken if name == "spoken" else question_set
    questions = read(name, workspace_id=actor.workspace_id, user_id=actor.user_id)
    for call in questions.calls:
        index_call(call=call, now=NOW)
        derive_insights(call=call, now=NOW)
    scope, embedder = scope_of(actor, AskFilters()), load("")
    found = [(asked, answer(asked.text, scope=scope, embedder=embedder)) for asked in questions.questions]
    figures = measure(found)
    sys.stdout.write(json.dumps({"set": name, **asdict(figures)}) + "\n")
    for asked, given in found:
        right = asked.answers & {quote.segment_id for quote in given.quotes}
        if bool(asked.answers) != bool(given.quotes) or (asked.answers and not right):
            best = f"{given.quotes[0].score:.2f} {given.quotes[0].text}" if given.quotes else "not in your calls"
            sys.stdout.write(f"  {asked.text} -> {best}\n")
    return figures


def spoken(name: str, *, workspace_id: object, user_id: object) -> QuestionSet:
    """The dialogues that the sandbox speaks, with the questions written beside them."""
    calls, questions = [], []
    for dialogue in json.loads((SPEECH / "dialogues.json").read_text())["dialogues"]:
        turns = json.loads((SPEECH / dialogue["turns_file"]).read_text())["turns"]
        lines = [f"{turn['speaker'][0].upper()}: {turn['text']}" for turn in turns]
        call = a_call(
            *lines,
            workspace_id=workspace_id,  # type: ignore[arg-type]  # a UUID
            user_id=user_id,  # type: ignore[arg-type]  # a UUID
            lead_name=dialogue["callee_name"] or "A reader",
        )
        calls.append(call)
        for one in dialogue["questions"]:
            answers = frozenset(call.turns[place].segment_id for place in one["turns"])
            questions.append(AskedQuestion(one["question"], answers))
        # Those that another dialogue answers are unanswerable only when their own dialogue stands alone.
        questions += [AskedQuestion(text, frozenset()) for text in dialogue["unanswerable"] if "Clearview" not in text]
    return QuestionSet(tuple(calls), tuple(questions))


def test_held_out_questions_are_answered_or_refused_as_often_as_measured(actor_in: MakeActor) -> None:
    figures = measured(actor_in, "held_out")
    assert figures.answerable >= 30 and figures.unanswerable >= 30
    assert figures.precision >= 0.85
    assert figures.recall >= 0.6
    assert figures.refused >= 0.9
    assert figures.right_first >= 0.85


def test_the_sandboxs_dialogues_are_answered(actor_in: MakeActor) -> None:
    figures = measured(actor_in, "spoken")
    assert figures.precision >= 0.85
    assert figures.recall >= 0.85
    assert figures.refused >= 0.7
