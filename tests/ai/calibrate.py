"""Fits the weights of ai/answer.py to the calibration set and prints them; the held-out set is never looked at.

Run by hand: python -m pytest -s tests/ai/calibrate.py
"""

import sys
from dataclasses import astuple, fields

import numpy as np
import numpy.typing as npt

from ai import embedding, retrieval
from ai.answer import OF_BEST_MIN, QUOTES_MAX, Signs, candidates
from ai.operations import AskFilters, derive_insights, index_call, scope_of
from tests.ai.calls import question_set
from tests.ai.conftest import NOW, MakeActor

# Strength of the pull towards zero: a few hundred examples carry no strong belief.
RIDGE = 0.3
# The thresholds are judged on questions that the weights have not seen.
FOLDS = 8

Matrix = npt.NDArray[np.float64]


def test_print_the_weights(actor_in: MakeActor) -> None:
    actor = actor_in()
    questions = question_set("calibration", workspace_id=actor.workspace_id, user_id=actor.user_id)
    for call in questions.calls:
        index_call(call=call, now=NOW)
        derive_insights(call=call, now=NOW)
    scope = scope_of(actor, AskFilters())
    size, embedder = retrieval.size(scope), embedding.load("")
    sets: list[tuple[Matrix, npt.NDArray[np.bool_], bool]] = []
    for asked in questions.questions:
        found = candidates(asked.text, scope=scope, searched=size, embedder=embedder)
        signs = np.array([astuple(one.signs) for one in found])
        right = np.array([one.segment_id in asked.answers for one in found])
        sets.append((signs, right, bool(asked.answers)))
    outside: list[tuple[float, bool, bool]] = []
    for fold in range(FOLDS):
        weights = fit([one for place, one in enumerate(sets) if place % FOLDS != fold])
        for signs, right, answerable in (one for place, one in enumerate(sets) if place % FOLDS == fold):
            scores = judge(signs, weights)
            best = np.argsort(-scores)[:QUOTES_MAX]
            near = best[scores[best] >= scores[best[0]] * OF_BEST_MIN]
            outside.append((float(scores[best[0]]), bool(right[near].any()), answerable))
    weights = fit(sets)
    names = [field.name for field in fields(Signs)]
    sys.stdout.write(", ".join(f"{name}={weight:.2f}" for name, weight in zip(names, weights[:-1], strict=True)) + "\n")
    sys.stdout.write(f"bias {weights[-1]:.2f}\n")
    for threshold in np.arange(0.04, 0.5, 0.02):
        given = [one for one in outside if one[0] >= threshold]
        right_ones = sum(right for _, right, _ in given)
        precision, recall = right_ones / max(1, len(given)), right_ones / sum(one[2] for one in outside)
        refused = sum(score < threshold and not answerable for score, _, answerable in outside)
        sys.stdout.write(
            f"{threshold:.2f} precision {precision:.3f} recall {recall:.3f} "
            f"f1 {2 * precision * recall / max(1e-9, precision + recall):.3f} "
            f"refused {refused / sum(not one[2] for one in outside):.3f}\n"
        )


def fit(sets: list[tuple[Matrix, npt.NDArray[np.bool_], bool]]) -> Matrix:
    """Logistic regression with a ridge, by Newton's method; the last weight is the bias."""
    signs = np.concatenate([one[0] for one in sets])
    signs = np.hstack([signs, np.ones((len(signs), 1))])
    right = np.concatenate([one[1] for one in sets]).astype(float)
    ridge = np.diag([RIDGE] * (signs.shape[1] - 1) + [1e-6])
    weights = np.zeros(signs.shape[1])
    for _ in range(30):
        likely = 1 / (1 + np.exp(-signs @ weights))
        gradient = signs.T @ (likely - right) + ridge @ weights
        curvature = (signs * (likely * (1 - likely))[:, None]).T @ signs + ridge
        weights = weights - np.linalg.solve(curvature, gradient)
    return weights


def judge(signs: Matrix, weights: Matrix) -> Matrix:
    return np.asarray(1 / (1 + np.exp(-(signs @ weights[:-1] + weights[-1]))))
