"""What a person agrees to before anything is charged without asking again. Pure."""

import hashlib

from ledger.schemas import PackOut
from ledger.top_up_schemas import TopUpTerms, TopUpWords

# Currencies of ISO 4217 whose minor unit is not a hundredth and that Paddle sells in.
_WITHOUT_MINOR_UNIT = frozenset({"JPY", "KRW", "VND", "CLP"})


def words(*, pack: PackOut, terms: TopUpTerms) -> TopUpWords:
    """The sentences for exactly these terms. A changed wording changes the hash, so nobody agrees to what was not shown."""
    most = money(pack.amount_minor * terms.monthly_max, pack.currency)
    times = "once" if terms.monthly_max == 1 else f"{terms.monthly_max} times"
    price, bought, line = (
        money(pack.amount_minor, pack.currency),
        credit(pack.mcredits),
        credit(terms.threshold_mcredits),
    )
    sentences = [
        f"Each time your balance falls below {line}, we buy one {pack.name} pack of {bought} for {price} plus tax, without"
        " asking again. If the balance is below that now, the first one is bought as soon as your payment method is saved.",
        f"We do this at most {times} in a calendar month (UTC), which is at most {most} plus tax a month.",
        "Paddle saves your payment method and charges it. Saving it costs nothing. We never see your card.",
        "If a payment fails, we stop, remove the payment method and tell you by e-mail.",
        "You can stop at any time with one click on this page, or with the link in Paddle's e-mail. Paddle then forgets the"
        " payment method. What was bought before stays yours.",
    ]
    return TopUpWords(sentences=sentences, words_hash=hashlib.sha256("\n".join(sentences).encode()).hexdigest())


def credit(mcredits: int) -> str:
    """Milli-credits in words: "1,250.5 credits"."""
    whole, rest = divmod(mcredits, 1_000)
    number = f"{whole:,}" + (f".{rest:03}".rstrip("0") if rest else "")
    return f"{number} credit" if mcredits == 1_000 else f"{number} credits"


def money(amount_minor: int, currency: str) -> str:
    """Minor units in words: "USD 10.00"."""
    if currency in _WITHOUT_MINOR_UNIT:
        return f"{currency} {amount_minor:,}"
    return f"{currency} {amount_minor / 100:,.2f}"
