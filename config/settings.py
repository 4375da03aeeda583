"""Every setting of the product, read from the environment, grouped by concern.

docs/configuration.md lists each with default, unit and effect; a test compares the two.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from config import environment
from config.task_signatures import RotatedSerializer

BASE_DIR = Path(__file__).resolve().parent.parent

# --- The machine and its public address ---------------------------------------------------------------------------
SECRET_KEY = environment.text("SECRET_KEY")
# Former ones: what they signed is believed until they are taken out.
SECRET_KEY_FALLBACKS = environment.items("SECRET_KEY_FALLBACKS")
DEBUG = environment.boolean("DEBUG", False)
DATA_DIR = Path(environment.text("DATA_DIR", str(BASE_DIR / ".data")))
# Where this machine stands; `make serve` wants what the policy says.
SERVER_COUNTRY = environment.text("SERVER_COUNTRY", "")
# Who answers for personal data (DPDP Act, 2023, s. 8(9) and 13), as the page of contacts names them.
GRIEVANCE_OFFICER = environment.text("GRIEVANCE_OFFICER", "")
GRIEVANCE_EMAIL = environment.text("GRIEVANCE_EMAIL", "support@klosesales.com")
# Where backups and archived logs lie, so that their term is looked after (docs/backups.md).
BACKUP_FOLDERS = environment.items("BACKUP_FOLDERS")
PUBLIC_URL = environment.text("PUBLIC_URL", "http://localhost:8000").rstrip("/")
MEDIA_SOCKET_URL = environment.text("MEDIA_SOCKET_URL", "ws://localhost:8001").rstrip("/")
# Of the page's own host, so that a load balancer can send the path /ws/ to either process.
LIVE_SOCKET_URL = environment.text("LIVE_SOCKET_URL", "").rstrip("/") or PUBLIC_URL.replace("http", "ws", 1)
ALLOWED_HOSTS = ["localhost", "127.0.0.1", urlsplit(PUBLIC_URL).hostname or "localhost"]
if media_host := urlsplit(MEDIA_SOCKET_URL).hostname:
    ALLOWED_HOSTS.append(media_host)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
NUM_PROXIES = environment.integer("NUM_PROXIES", 0, minimum=0, maximum=8)
NINJA_NUM_PROXIES = NUM_PROXIES
# What one session or key may ask of one web process in a minute, and five times that one address; 0 for no limit.
REQUESTS_PER_MINUTE_MAX = environment.integer("REQUESTS_PER_MINUTE_MAX", 1_200, minimum=0, maximum=10_000_000)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if NUM_PROXIES else None
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.postgres",
    "channels",
    "huey.contrib.djhuey",
    "processors",
    "realtime",
    "compliance",
    "identity",
    "identity.outgoing",
    "identity.staff",
    "ledger",
    "ai",
    "voice",
    "api",
    "config.apps.ConfigConfig",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.SecurityHeadersMiddleware",
    "api.errors.ProblemsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.RenewedSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    # Around the gate: its transaction is over when the name of the workspace is forgotten.
    "config.middleware.OneWorkspaceMiddleware",
    "api.look_gate.LookGateMiddleware",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576

# --- PostgreSQL ---------------------------------------------------------------------------------------------------
DATABASE_URL = environment.text("DATABASE_URL")


# https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-PARAMKEYWORDS
_TLS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "channel_binding")

# How soon a server is given up whose machine or network vanished without a word, for libpq: seconds, the last one in ms. Without these
# the kernel is as patient as it comes, fifteen minutes with what was sent, and two hours where an answer is awaited. Whoever connects has
# them from here (compliance.erasure_ledger too). Over a unix socket all but the first mean nothing.
DATABASE_LINE: dict[str, Any] = {
    # A busy machine takes seconds to let somebody in; whoever waits at the pool waits no longer than this either.
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

_OF_A_SESSION = {
    # Who vanishes with a whole machine holds its locks no longer than a minute; over a unix socket these mean nothing.
    "tcp_keepalives_idle": 30,
    "tcp_keepalives_interval": 10,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    # To compile a statement takes hundreds of milliseconds, each time anew, and PostgreSQL as it comes does so once it guesses that
    # many rows are looked at; what we ask takes less.
    "jit": "off",
}


def database(url: str) -> dict[str, Any]:
    """postgresql://user:password@host:port/name, or ?host=/run/folder for a unix socket; ?sslmode=verify-full and so on for
    one that is reached over a network.
    """
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host", [parts.hostname or ""])[0],
        "PORT": str(parts.port or query.get("port", [""])[0]),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "pool": {
                "min_size": 1,
                # While callbacks come, the threads that store and apply them keep one each (voice.intake).
                "max_size": environment.integer("DATABASE_POOL_SIZE", 8, minimum=4, maximum=200),
                "timeout": 10,
            },
            "application_name": "klosesales",
            **{name: query[name][0] for name in _TLS if name in query},
            **DATABASE_LINE,
            "options": " ".join(f"-c {name}={value}" for name, value in _OF_A_SESSION.items()),
        },
    }


DATABASES = {"default": database(DATABASE_URL)}
# For what pages read most, beside the pool (decision 0015); none for reading it as everything else.
LEAN_READ_CONNECTIONS = environment.integer("LEAN_READ_CONNECTIONS", 4, minimum=0, maximum=50)

# Keyed hashes of what was erased, apart from the database whose backups it is replayed upon.
ERASURE_LEDGER_URL = environment.text("ERASURE_LEDGER_URL")

# --- Valkey or Redis ----------------------------------------------------------------------------------------------
REDIS_URL = environment.text("REDIS_URL")
REDIS_URLS = [url.strip() for url in REDIS_URL.split(",") if url.strip()]
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            # Channels waits 5 s at a time for a message; the socket's own time-out has to be longer.
            "hosts": [{"address": url, "socket_timeout": 20, "socket_connect_timeout": 5} for url in REDIS_URLS],
            "capacity": 1000,
            "expiry": 60,
            "prefix": "klose",
        },
    }
}


def _queue(url: str) -> str:
    """Whoever hands a task over waits no longer than this for a Redis that hangs; a worker asks it for a second at a time, so the socket
    has to be more patient than that. What the address says itself counts."""
    return f"{url}{'&' if '?' in url else '?'}socket_timeout=3&socket_connect_timeout=2"


# A dict HUEY setting would run tasks at once whenever DEBUG is on, so `immediate` is given.
HUEY = {
    "huey_class": "huey.RedisHuey",
    "name": "klose",
    "results": False,
    "immediate": False,
    "url": _queue(REDIS_URLS[0]) if REDIS_URLS else "",
    # Tasks are pickles: one that somebody else put into Redis must not be opened.
    "serializer": RotatedSerializer([SECRET_KEY, *SECRET_KEY_FALLBACKS], "klosesales.tasks") if SECRET_KEY else None,
    "consumer": {
        "workers": environment.integer("WORKER_THREADS", 4, minimum=1, maximum=64),
        "worker_type": "thread",
        "check_worker_health": True,
        "health_check_interval": 10,
    },
}

# --- Sessions, cookies, passwords ---------------------------------------------------------------------------------
AUTH_USER_MODEL = "identity.User"
SESSION_ENGINE = "identity.sessions"
SESSION_COOKIE_NAME = "__Host-session"
DEVICE_COOKIE_NAME = "__Host-device"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-csrf"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_AGE = SESSION_COOKIE_AGE
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_HEADER_NAME = "HTTP_X_CSRFTOKEN"
CSRF_FAILURE_VIEW = "api.errors.csrf_failure"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "first_name", "last_name", "mobile_e164")},
    },
    {"NAME": "identity.password_rules.CommonCoreValidator"},
    {"NAME": "identity.password_rules.ContextWordValidator"},
]

# --- Sealed columns -----------------------------------------------------------------------------------------------
# Seal e-mail addresses and mobile numbers; the first seals, all open. They live outside the database.
FIELD_KEYS = environment.items("FIELD_KEYS")
# Hex key of the blind indexes, by which what is sealed is found.
LOOKUP_KEY = environment.text("LOOKUP_KEY")
# Rows are found by this one too, while one takes the place of the other.
LOOKUP_KEY_PREVIOUS = environment.text("LOOKUP_KEY_PREVIOUS", "")

# --- Our own people -----------------------------------------------------------------------------------------------
# Seal their second factors, apart from everything else; the first seals, all open. They live outside the database.
STAFF_SECRET_KEYS = environment.items("STAFF_SECRET_KEYS")
STAFF_COOKIE_NAME = "__Host-staff"
LOOK_COOKIE_NAME = "__Host-look"

# --- Compliance ---------------------------------------------------------------------------------------------------
# Hex key that seals the one of the keyed hashes (suppression list, tombstones); it lives outside the database.
SUPPRESSION_KEY = environment.text("SUPPRESSION_KEY")
# Opens that one too, while one takes the place of the other.
SUPPRESSION_KEY_PREVIOUS = environment.text("SUPPRESSION_KEY_PREVIOUS", "")
# The module that lists every package's Store and inventory; compliance stands below them and cannot import it.
PERSONAL_DATA = "config.personal_data"
# The module that lists the versions of the policy.
POLICY_VERSIONS = "compliance.versions"
# What says whether the policy in force names a recipient; the way out stands below it and cannot import it.
POLICY_MAY_RECEIVE = "compliance.policy.may_receive"

# --- Twilio -------------------------------------------------------------------------------------------------------
TWILIO_ACCOUNT_SID = environment.text("TWILIO_ACCOUNT_SID")
TWILIO_AUTH_TOKEN = environment.text("TWILIO_AUTH_TOKEN")
# The account's other token: what Twilio signs with it is believed too, while one takes the place of the other.
TWILIO_AUTH_TOKEN_OTHER = environment.text("TWILIO_AUTH_TOKEN_OTHER", "")
TWILIO_CALLER_ID = environment.text("TWILIO_CALLER_ID")
# Twilio charges for each answered call that it listens to for a machine.
VOICEMAIL_DETECTION = environment.boolean("VOICEMAIL_DETECTION", True)
# How often one member may dial, for the good repute of the number that all call from.
MEMBER_DIALS_PER_HOUR_MAX = environment.integer("MEMBER_DIALS_PER_HOUR_MAX", 60, minimum=1, maximum=100_000)
MEMBER_DIALS_PER_DAY_MAX = environment.integer("MEMBER_DIALS_PER_DAY_MAX", 300, minimum=1, maximum=100_000)
# Whether nobody is called outside the hours of their country, or the page says that it is outside and the rep decides.
CALLING_HOURS = environment.choice("CALLING_HOURS", "kept", ("kept", "shown"))
# Whether calls of the carrier that show our number, and that no call here has, are only told of, or ended as well.
ORPHAN_CALLS = environment.choice("ORPHAN_CALLS", "tell", ("tell", "end"))
TWILIO_VERIFY_SERVICE_SID = environment.text("TWILIO_VERIFY_SERVICE_SID")
# The TwiML application that browsers call, and the API key whose secret signs their access tokens; without them reps call by phone.
TWILIO_TWIML_APP_SID = environment.text("TWILIO_TWIML_APP_SID", "")
TWILIO_API_KEY_SID = environment.text("TWILIO_API_KEY_SID", "")
TWILIO_API_KEY_SECRET = environment.text("TWILIO_API_KEY_SECRET", "")
# Of its own for numbers that somebody claims and has not proved yet.
TWILIO_VERIFY_CLAIM_SERVICE_SID = environment.text("TWILIO_VERIFY_CLAIM_SERVICE_SID")
# Of its own for people who were called: Verify counts wrong codes for a number within a service.
TWILIO_VERIFY_CALLEE_SERVICE_SID = environment.text("TWILIO_VERIFY_CALLEE_SERVICE_SID")
TWILIO_API_URL = environment.text("TWILIO_API_URL", "https://api.twilio.com").rstrip("/")
TWILIO_VERIFY_URL = environment.text("TWILIO_VERIFY_URL", "https://verify.twilio.com").rstrip("/")
# Where passcodes may go; everywhere while it is empty. And how many may leave in a day before a person has to look: none to new
# numbers after the first, none at all after the second.
OTP_COUNTRIES = frozenset(environment.items("OTP_COUNTRIES")) - {"all"}
OTP_SENDS_PER_DAY_MAX = environment.integer("OTP_SENDS_PER_DAY_MAX", 2_000, minimum=1, maximum=10_000_000)
OTP_ALL_SENDS_PER_DAY_MAX = environment.integer("OTP_ALL_SENDS_PER_DAY_MAX", 10_000, minimum=1, maximum=10_000_000)
# The same in money. What the operator has not named costs as much as a dear country, so that it ends too early rather than too late.
OTP_PRICES = environment.prices_micro("OTP_PRICES", "US:0.02,CA:0.02,*:0.30", maximum=1_000)
OTP_SPEND_PER_DAY_MAX = environment.amount_micro("OTP_SPEND_PER_DAY_MAX", "200", maximum=100_000_000)
OTP_ALL_SPEND_PER_DAY_MAX = environment.amount_micro("OTP_ALL_SPEND_PER_DAY_MAX", "1000", maximum=100_000_000)

# --- Paddle -------------------------------------------------------------------------------------------------------
PADDLE_API_KEY = environment.text("PADDLE_API_KEY")
PADDLE_API_URL = environment.text("PADDLE_API_URL", "https://api.paddle.com").rstrip("/")
PADDLE_WEBHOOK_SECRET = environment.text("PADDLE_WEBHOOK_SECRET")
PADDLE_CLIENT_TOKEN = environment.text("PADDLE_CLIENT_TOKEN")
PADDLE_JS_URL = environment.text("PADDLE_JS_URL", "https://cdn.paddle.com/paddle/v2/paddle.js")
# Where the PDFs of invoices may lie; a domain with all its hosts begins with a dot.
PADDLE_INVOICE_HOSTS = environment.items("PADDLE_INVOICE_HOSTS") or [
    ".paddle.com",
    "paddle-invoice-service-pdfs.s3.amazonaws.com",
    "paddle-production-invoice-service-pdfs.s3.amazonaws.com",
    "paddle-sandbox-invoice-service-pdfs.s3.amazonaws.com",
]
PADDLE_TOP_UP_PRICE_ID = environment.text("PADDLE_TOP_UP_PRICE_ID", "")
CREDIT_PACKS: list[dict[str, Any]] = json.loads(environment.text("CREDIT_PACKS", "[]"))

# --- Webhooks that a workspace names ------------------------------------------------------------------------------
# Networks that may be sent to though the Internet cannot reach them; within them plain HTTP will do.
WEBHOOK_NETWORKS = environment.networks("WEBHOOK_NETWORKS")

# --- Signing in with Google and Facebook ---------------------------------------------------------------------------
# A provider is offered where both its values are set. Its addresses are its own, or those of a stand-in on this machine.
GOOGLE_CLIENT_ID = environment.text("GOOGLE_CLIENT_ID", "")
GOOGLE_CLIENT_SECRET = environment.text("GOOGLE_CLIENT_SECRET", "")
GOOGLE_ACCOUNTS_URL = environment.text("GOOGLE_ACCOUNTS_URL", "https://accounts.google.com").rstrip("/")
GOOGLE_API_URL = environment.text("GOOGLE_API_URL", "https://www.googleapis.com").rstrip("/")
FACEBOOK_APP_ID = environment.text("FACEBOOK_APP_ID", "")
FACEBOOK_APP_SECRET = environment.text("FACEBOOK_APP_SECRET", "")
FACEBOOK_URL = environment.text("FACEBOOK_URL", "https://www.facebook.com").rstrip("/")
FACEBOOK_GRAPH_URL = environment.text("FACEBOOK_GRAPH_URL", "https://graph.facebook.com").rstrip("/")
# The names are social-auth's. Its steps that keep tokens, make accounts and join them by their e-mail are left out.
SOCIAL_AUTH_PIPELINE = (
    "social_core.pipeline.social_auth.social_details",
    "social_core.pipeline.social_auth.social_uid",
    "social_core.pipeline.social_auth.auth_allowed",
    "identity.social.three_fields",
)
SOCIAL_AUTH_GOOGLE_KEY = GOOGLE_CLIENT_ID
SOCIAL_AUTH_GOOGLE_SECRET = GOOGLE_CLIENT_SECRET
SOCIAL_AUTH_GOOGLE_ID_KEY = "sub"
SOCIAL_AUTH_GOOGLE_AUTHORIZATION_URL = f"{GOOGLE_ACCOUNTS_URL}/o/oauth2/auth"
SOCIAL_AUTH_GOOGLE_ACCESS_TOKEN_URL = f"{GOOGLE_ACCOUNTS_URL}/o/oauth2/token"
SOCIAL_AUTH_GOOGLE_USER_DATA_URL = f"{GOOGLE_API_URL}/oauth2/v3/userinfo"
SOCIAL_AUTH_FACEBOOK_KEY = FACEBOOK_APP_ID
SOCIAL_AUTH_FACEBOOK_SECRET = FACEBOOK_APP_SECRET
SOCIAL_AUTH_FACEBOOK_SCOPE = ["email"]
SOCIAL_AUTH_FACEBOOK_PROFILE_EXTRA_PARAMS = {"fields": "id,first_name,last_name,email"}
SOCIAL_AUTH_FACEBOOK_AUTHORIZATION_URL = FACEBOOK_URL + "/v{version}/dialog/oauth"
SOCIAL_AUTH_FACEBOOK_ACCESS_TOKEN_URL = FACEBOOK_GRAPH_URL + "/v{version}/oauth/access_token"
SOCIAL_AUTH_FACEBOOK_USER_DATA_URL = FACEBOOK_GRAPH_URL + "/v{version}/me"

# --- Mail ---------------------------------------------------------------------------------------------------------
EMAIL_HOST = environment.text("EMAIL_HOST", "localhost")
EMAIL_PORT = environment.integer("EMAIL_PORT", 25, minimum=1, maximum=65535)
EMAIL_TIMEOUT = 10
EMAIL_SECURITY = environment.choice("EMAIL_SECURITY", "starttls", ("none", "starttls", "tls"))
EMAIL_USE_TLS, EMAIL_USE_SSL = EMAIL_SECURITY == "starttls", EMAIL_SECURITY == "tls"
EMAIL_HOST_USER = environment.text("EMAIL_USER", "")
EMAIL_HOST_PASSWORD = environment.text("EMAIL_PASSWORD", "")
DEFAULT_FROM_EMAIL = environment.text("DEFAULT_FROM_EMAIL", "support@klosesales.com")
# Whom the product itself writes to when something is wrong that only the operator can look into.
OPERATOR_EMAIL = environment.text("OPERATOR_EMAIL", "")
# The name under which our mail server says whether a sender is genuine (RFC 8601); nobody is believed while it is empty.
MAIL_AUTHSERV_ID = environment.text("MAIL_AUTHSERV_ID", "")

# --- Listening and thinking ---------------------------------------------------------------------------------------
# Who writes calls down: our own engines, or Twilio's Real-Time Transcription.
TRANSCRIPTION_ENGINE = environment.choice("TRANSCRIPTION_ENGINE", "own", ("own", "twilio"))
TRANSCRIBER_ADDRESS = environment.text("TRANSCRIBER_ADDRESS", f"unix://{DATA_DIR}/run/transcriber.sock")
EMBEDDING_MODEL_PATH = environment.text("EMBEDDING_MODEL_PATH")

# How long the media process lets frames come together before it looks at them all.
MEDIA_GATHER_MS = environment.integer("MEDIA_GATHER_MS", 15, minimum=0, maximum=100)
MEDIA_DRAIN_S = environment.integer("MEDIA_DRAIN_S", 4 * 3600, minimum=0, maximum=24 * 3600)
# How long a process that drains says so on its port: longer than a load balancer needs to notice.
MEDIA_HANDOVER_S = environment.integer("MEDIA_HANDOVER_S", 15, minimum=0, maximum=600)

# --- The built frontend -------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
FRONTEND_DIST = BASE_DIR / "frontend" / "dist"
WHITENOISE_ROOT = FRONTEND_DIST if FRONTEND_DIST.is_dir() else None
WHITENOISE_INDEX_FILE = False
# The build writes a digest of the content into the names of all of them.
WHITENOISE_IMMUTABLE_FILE_TEST = "^/assets/"
WHITENOISE_ALLOW_ALL_ORIGINS = False

# --- Logs: JSON lines of declared fields only ---------------------------------------------------------------------
LOG_LEVEL = environment.text("LOG_LEVEL", "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "config.logs.JsonLines"}},
    "filters": {"peers_faults": {"()": "config.logs.WithoutPeersFaults"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["peers_faults"]}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django.server": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "daphne": {"level": "WARNING"},
        "twilio": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        # It tells of every connection, with its address.
        "picows": {"level": "WARNING"},
        # With a handler of its own huey adds none that would write another format.
        "huey": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}
