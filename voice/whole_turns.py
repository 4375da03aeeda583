"""A turn that was heard again as a whole, in the place of what was stored of its utterances."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from uuid import UUID

from compliance.redaction import REPLACEMENT
from compliance.spoken_cards import are_a_card_together
from voice import leaving, refusals, taken_over, transcripts
from voice.asked_for import NUMBER_SPOKEN_WITHIN_MS, is_card_asked_for, without_cards
from voice.heard import Heard
from voice.models import Call, TranscriptSegment


def replace_segments(
    *, call_id: UUID, heard: Heard, pieces_ms: Sequence[int], now: datetime, stream_id: UUID | None = None
) -> TranscriptSegment | None:
    """Puts the text of a whole turn in the place of the speaker's segments that lie within it; those are deleted.

    pieces_ms: where the turn's utterances begin, of which all words are in the whole too. Where one of them is not stored any
    more, or never was (it was refused, a card number was taken out of it, a newer stream heard it), or where something else
    lies there, the whole would say it after all, and nothing is replaced. Nor is it where the whole says the rest of a card number, or
    goes on where a newer stream hears and cannot be cut there.

    Where something else stands between them, the turn is stored in parts around it, of which the last is returned. None in the
    cases in which `transcripts.add_segment` stores nothing, too, and when a person corrected one of them.
    """

    def put(call: Call, taken_ms: int | None) -> TranscriptSegment | None:
        whole: Heard | None = heard
        if taken_ms is not None and taken_ms < heard.end_ms:
            whole = taken_over.begun_before(heard, taken_ms)
        whole = leaving.without_the_carrier(call, whole) if whole is not None else None
        if whole is None:
            return None
        within = call.segments.filter(
            kind="speech", speaker=whole.speaker, start_ms__gte=whole.start_ms, end_ms__lte=whole.end_ms
        )
        gone = list(within.order_by("start_ms"))
        if not gone or [one.start_ms for one in gone] != sorted(pieces_ms):
            return None
        # What a person wrote is worth more than what was heard a second time.
        if any(one.corrected_at for one in gone):
            return None
        # Of a number that was taken out, the second hearing may have missed a digit.
        if any(REPLACEMENT in one.text for one in gone):
            return None
        lines = [*beside(call, whole, -1), whole.text, *beside(call, whole, 1)]
        if are_a_card_together(lines, is_asked_for=is_card_asked_for(call, whole)):
            return None
        parts = _around_others(call, without_cards(call, whole), gone)
        if [one.text for one in gone] == [part.text for part, _ in parts]:
            return None
        within.delete()
        return [transcripts.store(call, part, now, gone=taken) for part, taken in parts][-1]

    return transcripts.write_down(call_id, stream_id, max(pieces_ms, default=heard.start_ms), put)


def beside(call: Call, whole: Heard, direction: int) -> list[str]:
    """What the same person said in the minute before (-1) or after (1) the turn."""
    own = call.segments.filter(kind="speech", speaker=whole.speaker)
    within_ms, most = NUMBER_SPOKEN_WITHIN_MS, transcripts.NUMBER_UTTERANCES_MAX
    if direction < 0:
        before = own.filter(start_ms__lt=whole.start_ms, start_ms__gte=whole.start_ms - within_ms)
        return list(before.order_by("-start_ms").values_list("text", flat=True)[:most])[::-1]
    after = own.filter(start_ms__gte=whole.end_ms, start_ms__lte=whole.end_ms + within_ms)
    return list(after.order_by("start_ms").values_list("text", flat=True)[:most])


def _around_others(
    call: Call, whole: Heard, gone: list[TranscriptSegment]
) -> list[tuple[Heard, list[TranscriptSegment]]]:
    """The turn's parts, each with the segments whose place it takes: somebody who reads along finds what the other one said in
    between where they have read it. It is one part where the lead's wish not to be called is understood from the whole alone."""
    between = call.segments.exclude(speaker=whole.speaker).filter(
        start_ms__gte=gone[0].start_ms, start_ms__lt=gone[-1].start_ms
    )
    starts_ms = list(between.values_list("start_ms", flat=True))
    taken = [gone[:1]]
    for before, one in pairwise(gone):
        if any(before.start_ms <= start_ms < one.start_ms for start_ms in starts_ms):
            taken.append([one])
        else:
            taken[-1].append(one)
    parts = whole.cut([(each[0].start_ms, each[-1].end_ms) for each in taken]) if len(taken) > 1 else [whole]
    wished = refusals.found(whole.speaker, whole.text) is not None
    if len(parts) < len(taken) or (wished and not any(refusals.found(part.speaker, part.text) for part in parts)):
        return [(whole, gone)]
    return list(zip(parts, taken, strict=True))
