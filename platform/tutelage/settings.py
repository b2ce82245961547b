"""Django's settings, from the environment alone; what is missing or weak is refused at start."""

from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from tutelage.logs import logging_config
from tutelage.secret import secret_key

env = environ.Env()
ROOT = Path(__file__).resolve().parents[2]

# Everything that lives: database, artifacts, secrets. One folder to back up, never inside a served root.
DATA = Path(env.str("TUTELAGE_DATA", default=str(ROOT / "var"))).resolve()
STORE = Path(env.str("TUTELAGE_STORE", default=str(DATA / "store"))).resolve()
# The set of safety prompts that ships; `rounds` brings it in where an operator asks for it.
SAFETY_PROMPTS = Path(__file__).parent / "demo/safety.jsonl"

SECRET_KEY = secret_key(env.str("SECRET_KEY", default=""), DATA / "secret_key")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
DEBUG = False
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
if "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS must name hosts; '*' lets any site rebind to this one.")
BEHIND_TLS = env.bool("BEHIND_TLS", default=False)

INSTALLED_APPS = [
    "tutelage",
    "accounts",
    "annotations",
    "rounds",
    "exchange",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tutelage.middleware.CompressedPages",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.person_middleware",
    "accounts.middleware.writer_middleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "tutelage.urls"
ASGI_APPLICATION = "tutelage.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tutelage.frame.frame",
            ]
        },
    }
]

SQLITE_OPTIONS = {
    # A read-then-write DEFERRED transaction fails at once when another writes; IMMEDIATE waits its turn.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    # FULL: with NORMAL an acknowledged judgement may be lost when the power goes.
    # Every 64 MB: at the usual 4 MB each batch of an import moved all that it had changed into the database file at
    # once, and a quarter of its time went there. The same for all, so that whoever writes most does most of the moving.
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
    " PRAGMA wal_autocheckpoint=16000;",
}


def _database() -> dict[str, Any]:
    found: dict[str, Any] = env.db_url("DATABASE_URL", default=f"sqlite:///{DATA / 'tutelage.sqlite3'}")
    if found["ENGINE"].endswith("sqlite3"):
        return found | {"CONN_MAX_AGE": 60, "OPTIONS": SQLITE_OPTIONS}
    return found | {
        "CONN_HEALTH_CHECKS": True,
        "CONN_MAX_AGE": 60,
        "OPTIONS": {
            "options": "-c statement_timeout=15000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=30000"
        },
    }


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.sessions.Accounts"]
SESSION_ENGINE = "accounts.sessions"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "accounts.adapter.InvitationOnly"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
# One address opens mail: nothing is sent, and nothing is asked for, without it.
SENDS_MAIL = bool(env.str("EMAIL_URL", default=""))
SITE_URL = env.str("SITE_URL", default="").rstrip("/")
DEFAULT_FROM_EMAIL = env.str("MAIL_FROM", default="")
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
if SENDS_MAIL:
    if not SITE_URL.startswith(("http://", "https://")) or not DEFAULT_FROM_EMAIL:
        raise ImproperlyConfigured("EMAIL_URL needs SITE_URL, where the links lead, and MAIL_FROM, who sends.")
    globals().update(env.email_url("EMAIL_URL"))
# Of one mail. A server that does not answer must not keep a worker.
EMAIL_TIMEOUT = 10

MFA_ADAPTER = "accounts.adapter.AuthenticatorApp"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Tutelage"
# allauth counts failed log-ins in the cache, so the cache must be shared by all web processes.
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key"}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("简体中文"))]
LOCALE_PATHS = [Path(__file__).parent / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
# Made from the sources by `collectstatic`; not kept with the data where an image brings its own.
STATIC_ROOT = Path(env.str("TUTELAGE_STATIC", default=str(DATA / "static"))).resolve()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # Like all that an instance writes, what is collected is its owner's alone.
    "staticfiles": {
        "BACKEND": "tutelage.assets.CollectedFiles",
        "OPTIONS": {"file_permissions_mode": 0o600, "directory_permissions_mode": 0o700},
    },
}
WHITENOISE_USE_FINDERS = True

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = BEHIND_TLS
# Whoever watches this process asks it without TLS.
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
CSRF_FAILURE_VIEW = "accounts.views.out_of_date"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 14 * 24 * 3600
if BEHIND_TLS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=3600)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

REDIS_URL = env.str("REDIS_URL", default=f"unix://{DATA / 'valkey.sock'}")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL},
    # Where `{% cache %}` keeps what no request changes, in each process: it is gone with the code that made it.
    "template_fragments": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "TIMEOUT": None,
        "OPTIONS": {"MAX_ENTRIES": 1000},
    },
}

# What one token of the API may ask.
API_REQUESTS_A_MINUTE = env.int("API_REQUESTS_A_MINUTE", default=600)

# Celery is a doorbell: short tasks over rows. A lost message is found by the tick, a repeated one does nothing.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 2,
    "interval_start": 0,
    "interval_step": 0.5,
    "interval_max": 1,
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 200
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "global_keyprefix": "tutelage:",
    "socket_timeout": 30,
    "socket_keepalive": True,
    "health_check_interval": 10,
}
TICK_SECONDS = env.float("TICK_SECONDS", default=5.0)
CELERY_BEAT_SCHEDULE = {
    "tick": {"task": "rounds.tasks.tick", "schedule": TICK_SECONDS, "options": {"expires": TICK_SECONDS}},
    "exports": {"task": "exchange.tasks.tick", "schedule": TICK_SECONDS, "options": {"expires": TICK_SECONDS}},
}

LOGGING_CONFIG = None
logging_config()
