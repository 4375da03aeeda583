"""The sections of the sandbox's page."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice

from sandbox.faults import KINDS, TARGETS
from sandbox.markup import Markup, joined, tag, void
from sandbox.phones import BEHAVIOURS, Phone
from sandbox.records import CallRecord, Transaction
from sandbox.services import Services
from sandbox.social.views import people

SHOWN = 12
MESSAGES_SHOWN = 3
BEHAVIOUR_WORDS = {
    "answer": "answers by itself",
    "manual": "rings until answered here",
    "busy": "is busy",
    "no-answer": "is never answered",
    "failed": "does not exist",
    "voicemail": "a machine answers",
    "hang-up": "hangs up at once",
    "press": "presses a key during the notice",
}
_NEVER = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def sections(services: Services) -> Markup:
    return joined(
        _section("phones", "Phones", phones(services)),
        _section("calls", "Calls", calls(services)),
        _section("checkouts", "Checkouts", checkouts(services)),
        _section("subscriptions", "Saved payment methods", subscriptions(services)),
        _section("people", "People at Google and Facebook", people(services.people)),
        _section("mails", "Mails", mails(services)),
        _section("faults", "Faults on demand", faults(services)),
        _section("log", "What went out, and what went wrong", log(services)),
    )


def _section(part: str, title: str, body: Markup) -> Markup:
    heading = tag("h2", title, id=f"{part}-title")
    return tag("section", heading, tag("div", body, data_part=part), aria_labelledby=f"{part}-title")


def phones(services: Services) -> Markup:
    store = services.store
    newest: dict[str, datetime] = {}
    for record in store.calls.values():
        newest[record.to] = record.updated_at
    for message in store.messages:
        newest[message.to] = max(message.sent_at, newest.get(message.to, message.sent_at))
    for number in store.phones:
        newest.setdefault(number, _NEVER)
    shown = sorted(newest, key=lambda number: newest[number], reverse=True)[:SHOWN]
    cards = [_phone(services, services.exchange.phone(number)) for number in shown]
    if not cards:
        cards = [_nothing("No phone was used yet. Sign up in the product, and the code appears here.")]
    add = tag(
        "form",
        tag("label", "Number", void("input", name="e164", inputmode="tel", placeholder="+12025550123", required=True)),
        tag("button", "Add a phone"),
        data_do="phone",
        class_="line",
    )
    return joined(tag("div", *cards, class_="phones"), add)


def _phone(services: Services, phone: Phone) -> Markup:
    store = services.store
    records = [record for record in store.calls.values() if record.to == phone.e164]
    live = [record for record in records if not record.is_over]
    messages = list(islice((entry for entry in reversed(store.messages) if entry.to == phone.e164), MESSAGES_SHOWN))
    is_lead = any(record.direction == "outbound-dial" for record in records)
    is_rep = bool(messages) or any(record.direction == "outbound-api" for record in records)
    role = "rep and lead" if is_rep and is_lead else "rep" if is_rep else "lead"
    texts = [
        tag(
            "li",
            tag("strong", message.code, class_="code") if message.code else Markup(),
            tag("span", message.text),
            _time(message.sent_at),
        )
        for message in messages
    ]
    return tag(
        "article",
        tag("header", tag("h3", phone.e164), tag("span", role, class_="badge")),
        *(_live_call(record, is_manual=phone.behaviour == "manual") for record in live),
        tag("ul", *texts, class_="texts") if texts else Markup(),
        _answers(phone) if texts else Markup(),
        _behaviour(services, phone, speaks=role != "rep"),
        class_="phone ringing" if any(record.status == "ringing" for record in live) else "phone",
    )


def _answers(phone: Phone) -> Markup:
    """What a person may answer to a text message."""
    buttons = [
        _button(f"Text {word}", f"/phones/{phone.e164}/texts", f'{{"body": "{word}"}}') for word in ("STOP", "START")
    ]
    return tag("div", *buttons, class_="line")


def _live_call(record: CallRecord, *, is_manual: bool) -> Markup:
    if record.answered_at is None:
        buttons = [
            _button("Answer", f"/calls/{record.sid}/answer", class_="go"),
            _button("Decline", f"/calls/{record.sid}/decline", class_="stop"),
        ]
        words = f"Incoming call from {record.from_}" if record.status == "ringing" else "Call coming in"
    else:
        keys = [
            _button(key, f"/calls/{record.sid}/press", f'{{"digits": "{key}"}}', aria_label=f"Press {key}")
            for key in "12"
        ]
        buttons = [*keys, _button("Hang up", f"/calls/{record.sid}/hangup", class_="stop")]
        words = f"In a call with {record.from_}" + (f", dialogue {record.note}" if record.note else "")
    if record.answered_at is None and not is_manual:
        words += "; it answers by itself"
    return tag("div", tag("p", words, role="status"), tag("div", *buttons, class_="line"), class_="live")


def _behaviour(services: Services, phone: Phone, *, speaks: bool) -> Markup:
    """speaks: whether this phone is a lead's, who holds a dialogue."""
    kinds = [tag("option", BEHAVIOUR_WORDS[name], value=name, selected=name == phone.behaviour) for name in BEHAVIOURS]
    picked = services.speech.pick("", phone.e164).id
    choices = [("", f"by number ({picked})"), *((name, name) for name in services.speech.ids)]
    dialogues = [tag("option", text, value=name, selected=name == phone.dialogue) for name, text in choices]
    when_called = tag("label", "When called", tag("select", *kinds, name="behaviour", data_phone=phone.e164))
    speech = tag("label", "Speaks", tag("select", *dialogues, name="dialogue", data_phone=phone.e164))
    return tag("div", when_called, speech if speaks else Markup(), class_="line settings")


def calls(services: Services) -> Markup:
    listened = {
        each.call_sid: " ".join(
            filter(None, (f"{each.frames_sent * 20 / 1000:.0f} s streamed", each.status, each.error))
        )
        for each in services.store.streams.values()
    } | {
        each.call_sid: " ".join(filter(None, (f"{each.callbacks_sent} texts", each.status, each.error)))
        for each in services.store.transcriptions.values()
    }
    rows = [
        [
            _time(record.created_at),
            tag("span", record.to) if record.parent_sid is None else tag("span", f"↳ {record.to}"),
            tag("span", record.status, class_=f"state {record.status}"),
            tag("span", f"{record.duration_s} s" if record.is_over else ""),
            tag("span", listened.get(record.sid, "")),
        ]
        for record in islice(reversed(services.store.calls.values()), SHOWN * 2)
    ]
    return _table(["Made", "To", "State", "Lasted", "Listened to"], rows, "No call yet.")


def checkouts(services: Services) -> Markup:
    rows = []
    for transaction in islice(reversed(services.store.transactions.values()), SHOWN):
        total = services.sales.total_minor(transaction)
        rows.append(
            [
                _time(transaction.created_at),
                tag("span", transaction.id, class_="id"),
                tag("span", f"{transaction.currency} {total / 100:,.2f}"),
                tag("span", transaction.status, class_=f"state {transaction.status}"),
                _sale_buttons(transaction),
            ]
        )
    return _table(["Opened", "Transaction", "Total", "State", "Do"], rows, "Nothing was bought yet.")


def subscriptions(services: Services) -> Markup:
    rows = []
    for subscription in islice(reversed(services.store.subscriptions.values()), SHOWN):
        path = f"/paddle/subscriptions/{subscription.id}"
        decline = (
            _button("Accept charges", f"{path}/card", '{"declines": false}')
            if subscription.declines
            else _button("Decline charges", f"{path}/card", '{"declines": true}')
        )
        buttons = [decline, _button("Remove", f"{path}/cancel", class_="stop")]
        rows.append(
            [
                _time(subscription.created_at),
                tag("span", subscription.id, class_="id"),
                tag("span", f"card ending in {subscription.card_number[-4:]}"),
                tag("span", subscription.status, class_=f"state {subscription.status}"),
                tag("div", *buttons, class_="line") if subscription.status == "active" else tag("span"),
            ]
        )
    return _table(["Saved", "Subscription", "Method", "State", "Do"], rows, "No payment method is saved.")


def _sale_buttons(transaction: Transaction) -> Markup:
    path = f"/paddle/transactions/{transaction.id}"
    if transaction.status == "completed":
        refund = _button("Refund", f"{path}/refund")
        return tag("div", refund, _button("Charge back", f"{path}/chargeback"), class_="line")
    return tag("div", _button("Pay", f"{path}/pay"), class_="line") if transaction.payment is None else tag("span")


def mails(services: Services) -> Markup:
    entries = [
        tag(
            "li",
            tag("strong", mail.subject or "(no subject)"),
            tag("span", f"to {', '.join(mail.to)}"),
            _time(mail.received_at),
            tag("pre", mail.text.strip()) if mail.text.strip() else Markup(),
            *(tag("a", link, href=link, rel="noreferrer") for link in mail.links),
        )
        for mail in islice(reversed(services.store.mails), SHOWN)
    ]
    return tag("ul", *entries, class_="mails") if entries else _nothing("No mail yet.")


def faults(services: Services) -> Markup:
    rows = [
        [
            tag("span", fault["target"]),
            tag("span", fault["kind"]),
            tag("span", str(fault["value"])),
            tag("span", "always" if fault["count"] < 0 else f"{fault['count']} left"),
            tag("span", f"{fault['struck']} so far"),
        ]
        for fault in services.faults.listed()
    ]
    form = tag(
        "form",
        tag("label", "Where", _select("target", TARGETS)),
        tag("label", "What", _select("kind", KINDS)),
        tag("label", "Value", void("input", name="value", inputmode="numeric", value="0", size="6")),
        tag("label", "Times", void("input", name="count", inputmode="numeric", value="1", size="4")),
        tag("button", "Add"),
        tag("button", "Remove all", type="button", data_post="/faults", data_method="DELETE"),
        tag("p", role="alert", class_="problem"),
        data_do="fault",
        class_="line",
    )
    return joined(
        _table(["Where", "What", "Value", "Strikes", "Struck"], rows, "All is well: no fault in force."), form
    )


def log(services: Services) -> Markup:
    store = services.store
    defects = [
        tag("li", tag("strong", f"{defect.kind}: {defect.where}"), tag("span", "; ".join(defect.reasons)[:300]))
        for defect in islice(reversed(store.defects), SHOWN)
    ]
    alerts = [
        tag("li", tag("strong", str(alert.code)), tag("span", alert.message), _time(alert.at))
        for alert in islice(reversed(store.alerts), SHOWN)
    ]
    rows = [
        [
            _time(entry.at),
            tag("span", f"{entry.service} {entry.event}"),
            tag("span", entry.outcome, class_="state ok" if entry.outcome.startswith("2") else "state failed"),
            tag("span", entry.subject, class_="id"),
        ]
        for entry in islice(reversed(store.deliveries), SHOWN * 2)
    ]
    return joined(
        tag("ul", *defects, class_="bad") if defects else _nothing("No breach of a contract."),
        tag("ul", *alerts, class_="bad") if alerts else Markup(),
        _table(["At", "Webhook", "Answer", "About"], rows, "No webhook yet."),
    )


def _table(headings: Sequence[str], rows: Sequence[Iterable[Markup]], nothing: str) -> Markup:
    if not rows:
        return _nothing(nothing)
    head = tag("tr", *(tag("th", heading, scope="col") for heading in headings))
    body = [tag("tr", *(tag("td", cell) for cell in row)) for row in rows]
    # Wide tables scroll by themselves, so that a narrow screen does not.
    table = tag("table", tag("thead", head), tag("tbody", *body))
    return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=headings[1])


def _select(name: str, choices: Iterable[str]) -> Markup:
    return tag("select", *(tag("option", choice, value=choice) for choice in choices), name=name)


def _button(text: str, path: str, body: str = "{}", **attributes: str) -> Markup:
    return tag("button", text, type="button", data_post=path, data_body=body, **attributes)


def _time(moment: datetime) -> Markup:
    return tag("time", moment.astimezone().strftime("%H:%M:%S"), datetime=moment.isoformat())


def _nothing(words: str) -> Markup:
    return tag("p", words, class_="nothing")
