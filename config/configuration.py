"""What `make serve` demands of the environment; every problem is named at once, before anything starts."""

import os
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from config import transport
from config.environment import SettingInvalid
from config.setting_forms import (
    PACK_FIELDS,
    are_countries,
    are_packs,
    are_prices,
    are_redis_urls,
    is_database_url,
    is_folder,
    is_port,
    is_url,
    is_writable,
    matches,
)
from config.transport import HOSTS_OF_THIS_MACHINE
from processors.register import SERVERS_STAND_IN

_MOST_INTEGER_SETTINGS = 100
_PORTS = {"PORT_WEB": "8000", "PORT_MEDIA": "8001", "PORT_LIVE": "8002"}
# Where Twilio writes calls down it streams no sound to us.
_OF_MEDIA_STREAMS = {"MEDIA_SOCKET_URL"}
_KEYS = (
    *("SUPPRESSION_KEY", "SUPPRESSION_KEY_PREVIOUS", "LOOKUP_KEY", "LOOKUP_KEY_PREVIOUS"),
    *("FIELD_KEYS", "STAFF_SECRET_KEYS"),
)
_OF_BROWSER_CALLS = ("TWILIO_TWIML_APP_SID", "TWILIO_API_KEY_SID", "TWILIO_API_KEY_SECRET")


@dataclass(frozen=True, slots=True)
class Problem:
    """One setting that keeps the product from starting: what is wrong, and what to set instead."""

    setting: str
    wrong: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.wrong}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class _Demand:
    """valid: whether a value that is there can be used. remedy: what to set, as the end of a sentence."""

    setting: str
    valid: Callable[[str], bool]
    remedy: str
    required: bool = True


def problems(environ: Mapping[str, str]) -> list[Problem]:
    """Everything that is missing, malformed or contradictory; empty when the product can start."""
    found = [problem for demand in _DEMANDS if (problem := _unmet(demand, environ))]
    spoiled = {problem.setting for problem in found}
    usable = {name: value for name, value in environ.items() if name not in spoiled}
    found += [problem for check in _CONTRADICTIONS for problem in check(usable)]
    found += _unreadable({problem.setting for problem in found}, os.environ | dict(environ))
    return found


def _unmet(demand: _Demand, environ: Mapping[str, str]) -> Problem | None:
    value = environ.get(demand.setting, "")
    if not value:
        needed = demand.required and not (demand.setting in _OF_MEDIA_STREAMS and _twilio_transcribes(environ))
        return Problem(demand.setting, "is missing", demand.remedy) if needed else None
    return None if demand.valid(value) else Problem(demand.setting, "cannot be used as it is", demand.remedy)


def _twilio_transcribes(environ: Mapping[str, str]) -> bool:
    return environ.get("TRANSCRIPTION_ENGINE") == "twilio"


_DEMANDS = (
    _Demand("SECRET_KEY", lambda value: len(value) >= 50, "set at least 50 random characters"),
    _Demand(
        "SECRET_KEY_FALLBACKS",
        lambda value: all(len(key.strip()) >= 50 for key in value.split(",")),
        "set former values of SECRET_KEY, with commas, or unset it",
        required=False,
    ),
    _Demand("SUPPRESSION_KEY", matches("[0-9a-fA-F]{64}"), "set 64 random hex digits and never lose them"),
    *(
        _Demand(
            name,
            matches(r"[A-Za-z0-9_-]{43}=(,\s*[A-Za-z0-9_-]{43}=)*"),
            "set 32 random bytes in URL-safe base64, several with commas, the newest first",
        )
        for name in ("FIELD_KEYS", "STAFF_SECRET_KEYS")
    ),
    _Demand("LOOKUP_KEY", matches("[0-9a-fA-F]{64}"), "set 64 random hex digits, other ones than SUPPRESSION_KEY's"),
    *(
        _Demand(
            f"{name}_PREVIOUS",
            matches("[0-9a-fA-F]{64}"),
            f"set the other {name}, 64 hex digits, or unset it",
            required=False,
        )
        for name in ("LOOKUP_KEY", "SUPPRESSION_KEY")
    ),
    _Demand(
        "DATABASE_URL",
        is_database_url,
        "set postgresql://USER:PASSWORD@HOST:PORT/NAME, and nothing after ? but sslmode and its like",
    ),
    _Demand(
        "ERASURE_LEDGER_URL",
        is_database_url,
        "set the address of another database than DATABASE_URL's, better on another server, in the same form",
    ),
    _Demand("REDIS_URL", are_redis_urls, "set redis://HOST:PORT/0, several separated by commas"),
    _Demand("PUBLIC_URL", is_url("http", "https"), "set https:// and the host that browsers and Twilio reach"),
    _Demand("MEDIA_SOCKET_URL", is_url("ws", "wss"), "set wss:// and the host that Twilio's streams reach"),
    _Demand(
        "SERVER_COUNTRY",
        lambda value: value == SERVERS_STAND_IN[0],
        f"set {SERVERS_STAND_IN[0]} if the servers stand in {SERVERS_STAND_IN[1]}, as the policy tells people; for any other country"
        " it has to be changed first, and people told of that",
    ),
    _Demand(
        "GRIEVANCE_OFFICER",
        lambda value: 3 <= len(value.strip()) <= 200 and value.isprintable(),
        "set the name and title of who answers for personal data, as people read it on the page of contacts",
    ),
    _Demand("GRIEVANCE_EMAIL", matches(r"[^@\s]+@[^@\s]+"), "set the mail address at which that person is reached"),
    _Demand("TWILIO_ACCOUNT_SID", matches("AC[0-9a-f]{32}"), "set the Account SID: AC and 32 hex digits"),
    _Demand("TWILIO_AUTH_TOKEN", matches("[0-9a-f]{32}"), "set the account's auth token: 32 hex digits"),
    _Demand("TWILIO_AUTH_TOKEN_OTHER", matches("[0-9a-f]{32}"), "set the account's other auth token", required=False),
    _Demand("TWILIO_CALLER_ID", matches(r"\+[1-9]\d{6,14}"), "set a number of yours in E.164, as +14155550100"),
    _Demand(
        "TWILIO_VERIFY_SERVICE_SID", matches("VA[0-9a-f]{32}"), "set the Verify service's SID: VA and 32 hex digits"
    ),
    _Demand("TWILIO_TWIML_APP_SID", matches("AP[0-9a-f]{32}"), "set the SID: AP and 32 hex digits", required=False),
    _Demand("TWILIO_API_KEY_SID", matches("SK[0-9a-f]{32}"), "set the SID: SK and 32 hex digits", required=False),
    _Demand(
        "TWILIO_VERIFY_CLAIM_SERVICE_SID", matches("VA[0-9a-f]{32}"), "set a third service's SID: VA and 32 hex digits"
    ),
    _Demand(
        "TWILIO_VERIFY_CALLEE_SERVICE_SID",
        matches("VA[0-9a-f]{32}"),
        "set the SID of a second Verify service, for people who were called: VA and 32 hex digits",
    ),
    _Demand("PADDLE_API_KEY", lambda value: len(value) >= 20, "set the API key of your Paddle account"),
    _Demand("PADDLE_WEBHOOK_SECRET", lambda value: len(value) >= 20, "set the secret of the notification destination"),
    _Demand("PADDLE_CLIENT_TOKEN", matches("(live|test)_.+"), "set the client-side token: live_... or test_..."),
    _Demand("PADDLE_TOP_UP_PRICE_ID", matches(r"pri_\w{1,60}"), "set the id of a price: pri_...", required=False),
    _Demand("CREDIT_PACKS", are_packs, f"set a JSON list of objects with {', '.join(PACK_FIELDS)}"),
    *(
        _Demand(name, is_url("http", "https"), "set an http or https address", required=False)
        for name in (
            *("TWILIO_API_URL", "TWILIO_VERIFY_URL", "PADDLE_API_URL", "PADDLE_JS_URL"),
            *("GOOGLE_ACCOUNTS_URL", "GOOGLE_API_URL", "FACEBOOK_URL", "FACEBOOK_GRAPH_URL"),
        )
    ),
    _Demand("EMAIL_HOST", matches(r"[\w.:-]+"), "set the host of your mail server"),
    _Demand("DEFAULT_FROM_EMAIL", matches(r"[^@\s]+@[^@\s]+"), "set a mail address", required=False),
    _Demand("OTP_COUNTRIES", are_countries, "set ISO 3166 codes as DE,US,IN, or the word all"),
    _Demand("OTP_PRICES", are_prices, "set prices as US:0.01,GB:0.05,*:0.30, by ISO 3166 codes", required=False),
    _Demand("DATA_DIR", is_writable, "set a folder that this user can write to", required=False),
    _Demand("CALLING_HOURS", matches("kept|shown"), "set kept or shown", required=False),
    _Demand("ORPHAN_CALLS", matches("tell|end"), "set tell or end", required=False),
    _Demand("TRANSCRIPTION_ENGINE", matches("own|twilio"), "set own or twilio", required=False),
    _Demand(
        "TRANSCRIBER_ADDRESS",
        matches(r"unix:///.+|tcp://.+:\d+"),
        "set unix:///PATH or tcp://HOST:PORT",
        required=False,
    ),
    _Demand("LIVE_SOCKET_URL", is_url("ws", "wss"), "set wss:// and the host that browsers reach", required=False),
    _Demand("PORT_WEB", is_port, "set a port between 1 and 65535", required=False),
    _Demand("PORT_MEDIA", is_port, "set a port between 1 and 65535", required=False),
    _Demand("PORT_LIVE", is_port, "set a port between 1 and 65535", required=False),
    _Demand("MEDIA_SERVER", matches("picows|daphne"), "set picows or daphne", required=False),
    _Demand("WHISPER_MODEL_PATH", is_folder, "set a folder that is there", required=False),
    _Demand(
        "SECOND_PASS_MODEL_PATH",
        lambda value: value == "none" or is_folder(value),
        "set a folder that is there, or none",
        required=False,
    ),
    _Demand("MOONSHINE_MODEL_PATH", is_folder, "set a folder that is there", required=False),
    _Demand("EMBEDDING_MODEL_PATH", is_folder, "set a folder that is there", required=False),
    _Demand("LOG_LEVEL", matches("DEBUG|INFO|WARNING|ERROR"), "set DEBUG, INFO, WARNING or ERROR", required=False),
)


def _debug_is_off(environ: Mapping[str, str]) -> list[Problem]:
    on = environ.get("DEBUG", "").lower() in {"1", "true", "yes", "on"}
    return [Problem("DEBUG", "is on and would show internals to the public", "unset it")] if on else []


def _public_addresses_agree(environ: Mapping[str, str]) -> list[Problem]:
    """Session cookies and microphones need https except on this machine, and Twilio streams to wss alone."""
    found = []
    public = urlsplit(environ.get("PUBLIC_URL", ""))
    media = urlsplit(environ.get("MEDIA_SOCKET_URL", ""))
    if public.scheme == "http" and public.hostname not in HOSTS_OF_THIS_MACHINE:
        found.append(Problem("PUBLIC_URL", "is http, over which browsers keep no session", "set https://"))
    if media.scheme == "ws" and media.hostname not in HOSTS_OF_THIS_MACHINE:
        found.append(Problem("MEDIA_SOCKET_URL", "is ws, to which Twilio does not stream", "set wss://"))
    live = urlsplit(environ.get("LIVE_SOCKET_URL", ""))
    if live.hostname and live.hostname != public.hostname:
        wrong = "is not of PUBLIC_URL's host, to which alone browsers send the session's cookie"
        found.append(Problem("LIVE_SOCKET_URL", wrong, "set the same host, on whatever port"))
    elif live.scheme == "ws" and public.scheme == "https":
        found.append(Problem("LIVE_SOCKET_URL", "is ws, which browsers refuse to a page of https", "set wss://"))
    if public.scheme == "https" and environ.get("NUM_PROXIES", "0") in {"", "0"}:
        wrong = "is 0 while PUBLIC_URL is https, which only a proxy in front can speak"
        found.append(Problem("NUM_PROXIES", wrong, "set how many proxies stand in front"))
    return found


def _verify_services_differ(environ: Mapping[str, str]) -> list[Problem]:
    found: list[Problem] = []
    taken: dict[str, str] = {}
    for setting in ("TWILIO_VERIFY_SERVICE_SID", "TWILIO_VERIFY_CLAIM_SERVICE_SID", "TWILIO_VERIFY_CALLEE_SERVICE_SID"):
        first = taken.setdefault(environ[setting], setting) if environ.get(setting) else setting
        if first != setting:
            wrong = f"is the same as {first}, so a stranger's wrong codes could shut somebody's way in"
            found.append(Problem(setting, wrong, "set the SID of another Verify service"))
    return found


def _paddle_accounts_agree(environ: Mapping[str, str]) -> list[Problem]:
    api = urlsplit(environ.get("PADDLE_API_URL") or "https://api.paddle.com").hostname
    token = environ.get("PADDLE_CLIENT_TOKEN", "")
    kinds = {"api.paddle.com": "live_", "sandbox-api.paddle.com": "test_"}
    expected = kinds.get(api or "")
    if token and expected and not token.startswith(expected):
        wrong = f"begins with {token[:5]} while PADDLE_API_URL is {api}"
        return [Problem("PADDLE_CLIENT_TOKEN", wrong, f"set the token {expected}... of the same account")]
    return []


def _mail_is_kept_secret(environ: Mapping[str, str]) -> list[Problem]:
    host = environ.get("EMAIL_HOST", "localhost")
    if environ.get("EMAIL_SECURITY") == "none" and host not in HOSTS_OF_THIS_MACHINE:
        wrong = f"is none, so mails and EMAIL_PASSWORD could be read on their way to {host}"
        return [Problem("EMAIL_SECURITY", wrong, "set starttls or tls")]
    return []


def _providers_are_whole(environ: Mapping[str, str]) -> list[Problem]:
    """Half of a provider's credentials offers nothing, and whoever set them expects a button."""
    found = []
    for pair in (("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"), ("FACEBOOK_APP_ID", "FACEBOOK_APP_SECRET")):
        missing = [name for name in pair if not environ.get(name)]
        if len(missing) == 1:
            found.append(Problem(missing[0], "is missing beside its other half", "set both, or neither"))
    return found


def _browser_calls_are_whole(environ: Mapping[str, str]) -> list[Problem]:
    """Calls in the browser need all three, and whoever set one expects them."""
    missing = [name for name in _OF_BROWSER_CALLS if not environ.get(name)]
    if not 0 < len(missing) < len(_OF_BROWSER_CALLS):
        return []
    return [Problem(name, "is missing for calls in the browser", "set all three, or none of them") for name in missing]


def _ports_differ(environ: Mapping[str, str]) -> list[Problem]:
    found: list[Problem] = []
    taken: dict[str, str] = {}
    for setting, default in _PORTS.items():
        first = taken.setdefault(environ.get(setting) or default, setting)
        if first != setting:
            found.append(Problem(setting, f"is the same as {first}", "set another port"))
    return found


def _ledger_stands_apart(environ: Mapping[str, str]) -> list[Problem]:
    """A backup of the one would bring the other back as it was then, and nobody would know what was erased since."""
    main, ledger = environ.get("DATABASE_URL"), environ.get("ERASURE_LEDGER_URL")
    if main and ledger and _place(main) == _place(ledger):
        wrong = "names the same database as DATABASE_URL"
        return [Problem("ERASURE_LEDGER_URL", wrong, "make a second database for it, better on another server")]
    return []


def _place(url: str) -> tuple[str, str, str]:
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    host = query.get("host", [parts.hostname or ""])[0]
    return host, str(parts.port or query.get("port", ["5432"])[0]), parts.path


def _keys_differ(environ: Mapping[str, str]) -> list[Problem]:
    """Each does its own work, so that whoever learns one has one."""
    found: list[Problem] = []
    taken: dict[str, str] = {}
    for setting in _KEYS:
        for key in filter(None, (part.strip() for part in environ.get(setting, "").split(","))):
            first = taken.setdefault(key if setting.endswith("_KEYS") else key.lower(), setting)
            if first != setting:
                found.append(Problem(setting, f"is the same as {first}", "set a key of its own"))
    return found


def _nothing_is_open(environ: Mapping[str, str]) -> list[Problem]:
    return [
        Problem(*wrong)
        for wrong in (*transport.unencrypted(environ), *transport.readable(environ), *transport.guessable(environ))
    ]


_CONTRADICTIONS = (
    _debug_is_off,
    _nothing_is_open,
    _ledger_stands_apart,
    _keys_differ,
    _public_addresses_agree,
    _verify_services_differ,
    _paddle_accounts_agree,
    _providers_are_whole,
    _browser_calls_are_whole,
    _mail_is_kept_secret,
    _ports_differ,
)


def _unreadable(known: set[str], environ: Mapping[str, str]) -> list[Problem]:
    """What config/settings.py itself refuses; it stops at its first problem, so it is asked until it has none."""
    found: list[Problem] = []
    trial = {name: value for name, value in environ.items() if name not in known}
    for _ in range(_MOST_INTEGER_SETTINGS):
        refusal = _refusal(trial)
        setting = refusal.split(" ", 1)[0]
        if not refusal or setting not in trial:
            break
        del trial[setting]
        wrong, _, remedy = refusal.removeprefix(setting + " ").rstrip(".").partition("; ")
        if setting not in known:
            found.append(Problem(setting, wrong, remedy))
    return found


def _refusal(environ: Mapping[str, str]) -> str:
    """Why config/settings.py cannot be read with this environment; empty when it can."""
    before = dict(os.environ)
    _replace(os.environ, environ)
    try:
        source = Path(__file__).with_name("settings.py")
        exec(compile(source.read_text(), str(source), "exec"), {"__file__": str(source)})  # noqa: S102
    except SettingInvalid as invalid:
        return str(invalid)
    finally:
        _replace(os.environ, before)
    return ""


def _replace(mapping: MutableMapping[str, str], content: Mapping[str, str]) -> None:
    mapping.clear()
    mapping.update(content)
