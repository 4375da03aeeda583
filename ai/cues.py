"""The phrases by which sales talk shows what it is: objections, promises, requests, refusals, mood."""

import re

from ai.language import sentences


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


OBJECTIONS: dict[str, re.Pattern[str]] = {
    "Price": _any(
        r"\b(?:too|very|pretty|quite|way|so|really|bit) (?:\w+ )?(?:expensive|pricey|costly)\b",
        r"\b(?:is|are|it's|that's) expensive\b",
        r"\ba lot of money\b|\btoo much(?: money)?\b|\bcosts? too much\b|\bcheaper\b",
        r"\b(?:can't|cannot|can not|couldn't) afford\b|\bno budget\b",
        r"\b(?:over|above|outside|beyond) (?:my|our|the) budget\b|\bmore than (?:i|we) (?:\w+ )?(?:budgeted"
        r"|pay|planned)\b",
        r"\b(?:the|your) price is (?:too )?high\b",
    ),
    "Timing": _any(
        r"\b(?:not|isn't) (?:a good|the right|the best) (?:time|moment)\b|\bbad time\b|\bnot (?:right )?now\b",
        r"\bi(?:'m| am) (?:\w+ )?(?:at work|busy|in a meeting|driving|in the middle)\b|\bhigh season\b",
        r"\b(?:call|ring|phone|try) (?:me |us )?(?:back )?(?:later|another time|next year|next quarter)\b",
        r"\bmaybe (?:next year|next quarter|later)\b|\btoo (?:early|soon)\b|\bnot in (?:january|february"
        r"|march|april|may"
        r"|june|july|august|september|october|november|december)\b",
        r"\b(?:don't|do not) want to change anything (?:until|before)\b|\blocked in until\b",
    ),
    "Competitor": _any(
        r"\b(?:the |an)other (?:company|provider|supplier|vendor|offer)\b|\bcompetitors?\b|\brival\b",
        r"\b(?:our|my) (?:\w+ )?(?:provider|supplier|vendor)\b|\bsigned with\b",
        r"(?<!\byou )\b(?:offered|quoted) (?:us|me)\b",
        r"\b(?:already|currently) (?:have|use|using|work with|got)\b|\bhave an? \w+ already\b",
        r"\b(?:not unhappy|happy|satisfied) with (?:my|our|the|them|what|who)\b|\bswitch(?:ing)? to\b",
        r"\b(?:pay|paid|quotes?|quoted|offered|offers) (?:us |me )?[^.?!]{0,40}\b(?:from|at the moment"
        r"|today|elsewhere)\b",
    ),
    "Authority": _any(
        r"\b(?:need|have|has|want|wants|would have) to (?:\w+ )?(?:ask|check with|talk to|speak to"
        r"|discuss (?:it|this) with"
        r"|run (?:it|this) (?:past|by))\b",
        r"\b(?:has|have|needs?|must) (?:to )?(?:approve|agree|sign off|decide)\b|\b(?:she|he|they) decides?\b",
        r"\bnot my decision\b|\bboard (?:only|has|must|needs)\b|\blet me (?:discuss|check|talk about) (?:it"
        r"|this) with\b",
        r"\bmy (?:boss|manager|partner|husband|wife|director) (?:\w+ )?(?:decides|will want|wants|needs"
        r"|must|has to)\b",
    ),
    "Need": _any(
        r"\b(?:don't|do not) (?:really )?need\b|\bno need\b|\b(?:not|no longer) interested\b|\bno use for\b",
        r"\bnot looking for\b|\b(?:we're|we are|i'm|i am) fine (?:with|as)\b|\bhappy as (?:we|it)\b",
    ),
    "Terms": _any(
        r"\b(?:won't|will not|can't|cannot) (?:sign|commit)\b|\bproblem is the (?:contract|term)\b",
        r"\b(?:months|years?) is too long\b|\bworr(?:y|ied) about\b|\b(?:my|our) concern\b",
    ),
}

_REACH = r"(?:call|calling|phone|phoning|ring|ringing|contact|contacting|bother|bothering)"
_NEVER = _any(
    rf"\b(?:do not|don't|never|please stop|stop) (?:ever |you )?{_REACH}\b(?: (?:me|us|here|this number|anymore"
    r"|any more|again|back|ever))*",
    r"\b(?:take|remove|delete|get) (?:me|us|my (?:phone )?number|this number"
    r"|our number)[^.?!]{0,30}\b(?:off|from|out of)\b",
    r"\b(?:off|from) your (?:call |calling )?list\b",
    r"\b(?:don't|do not) want (?:any(?: more)? )?(?:calls|to be called|your calls|you to call)\b",
    r"\bwant to be left alone\b|\bno more calls\b",
)
# "Do not call me before ten" asks for another hour, and "don't hesitate to call" for a call.
_LATER = _any(
    r"^\W*(?:before|until|till|at|in|on|during|after|so|today|tomorrow|tonight|this|next|now|right|while|when|if"
    r"|between|yet|the|as)\b",
)
_POLITE = _any(r"\b(?:don't|do not|never) hesitate\b|\bdidn't call\b|\bi (?:do not|don't|never) (?:call|phone|ring)\b")

ACTION = _any(
    r"\b(?:send|email|e-mail|mail|call|ring|phone|text|prepare|book|schedule|set up|plan|open|install|deliver|drop"
    r"|bring|show|start|sign|review|check|discuss|decide|meet|visit|join|arrange|organi[sz]e|correct|refund|remove"
    r"|update|forward|share|scan|write|draft|issue|file|copy|put|leave|ask|talk to|speak to|order|demo|test"
    r"|upgrade)\b"
)
PROMISE = _any(
    r"\b(?:i|we)(?:'ll| will| shall| am going to| are going to|'m going to|'re going to)\b(?! not)",
    r"\blet me (?:call|send|email|check|put|ring|discuss|talk|book|prepare|show)\b",
    r"\b(?:i|we) (?:promise|guarantee)\b|\byou(?:'ll| will) have (?:it|that|them)\b",
)
REFUSAL = _any(r"\b(?:will not|won't|am not going to|can't|cannot|can not|never|not sure)\b")
REQUEST = _any(
    r"^(?:\W*(?:okay|ok|yes|yeah|good|great|fine|sure|perfect|so|and|but|then|well|right|alright|thanks|no|please|now"
    r"|just)\W+)*(?:please )?(?:send|email|e-mail|call|ring|phone|text|put|start|prepare|book|schedule|copy|leave"
    r"|talk to(?! you)|speak to|drop|bring|plan|take|forward|share|set up|make it|show)\b",
    r"\bplease (?:\w+ )?(?:send|email|e-mail|call|ring|phone|text|put|start|prepare|book|schedule|copy|leave|use|plan"
    r"|talk|forward|share|bring|show|take|arrange)\b",
    r"\b(?:can|could|would|will) you (?:please )?(?:send|email|call|ring|phone|text|put|prepare|book|show"
    r"|share|forward"
    r"|copy|arrange|bring|leave)\b",
    r"\band (?:please )?(?:call|send|ring|email|phone|copy) (?:me|us|my|a)\b",
)
OFFER = _any(r"\b(?:shall|should|can|may|could) (?:i|we)\b|\bwhat if (?:i|we)\b|\bwould you like (?:me|us) to\b")
ACCEPTANCE = _any(
    r"^\W*(?:yes|yeah|yep|sure|okay|ok|please do|please|perfect|great|fine|good|sounds good|that works|of course"
    r"|absolutely|definitely|wonderful|exactly|do that)\b"
)
SMALL_TALK = _any(
    r"^\W*(?:hello|hi|hey|yes|yeah|okay|right|sorry)?\W*(?:how are you|who(?:'s| is) (?:this|calling|that"
    r"|there)|hello"
    r"|is that (?:right|so|you)|really|pardon|excuse me|can you hear me|are you there"
    r"|do you have a minute)\b[^.]*\?*$"
)

POSITIVE = _any(
    r"\b(?:great|perfect|excellent|wonderful|fantastic|love(?:d)?|like it|happy|glad|interesting|sounds? (?:good|fair"
    r"|great)|that (?:works|helps)|helpful|i like|impressive|good idea|that's (?:better|good|great|fair)"
    r"|exactly what)\b"
)
NEGATIVE = _any(
    r"\b(?:too expensive|expensive|unhappy|annoy(?:ed|ing|s)?|angry|terrible|awful|bad|wrong|hate|problem"
    r"|worr(?:y|ied)"
    r"|disappointed|not interested|waste|complain(?:ed|t)?|never answered|stop calling|do not call"
    r"|don't call|too long"
    r"|rude|frustrat(?:ed|ing)|a lot of money|no thank you|cheap words|words are cheap)\b"
)


def refuses_calls(sentence: str) -> bool:
    """Whether somebody asks not to be called any more, rather than at another time."""
    if _POLITE.search(sentence):
        return False
    return any(not _LATER.match(sentence[match.end() :]) for match in _NEVER.finditer(sentence))


def refuse_calls(text: str) -> bool:
    """Whether any sentence of a text does, as a recogniser or a person writes it."""
    return any(refuses_calls(sentence.text) for sentence in sentences(text.replace("\u2019", "'")))
