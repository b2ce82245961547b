"""How often one token may ask: so many requests a minute, counted in Valkey. Where that is away, nothing is counted."""

import time
from dataclasses import dataclass
from functools import cache

import redis
import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.models import ApiToken
from exchange.api.problems import Problem

log = structlog.get_logger()

WINDOW = 60
# A counter that does not answer must not keep a request.
_PATIENCE = 0.5


@dataclass(frozen=True)
class Standing:
    """What a token has left in this minute. `resets` is in seconds."""

    limit: int
    left: int
    resets: int

    def headers(self) -> dict[str, str]:
        """The fields of draft-ietf-httpapi-ratelimit-headers."""
        return {
            "RateLimit-Policy": f'"minute";q={self.limit};w={WINDOW}',
            "RateLimit": f'"minute";r={self.left};t={self.resets}',
        }


def count(request: HttpRequest, token: ApiToken) -> None:
    """Count this request. Raises `Problem` where the token has asked too often."""
    window, into = divmod(int(time.time()), WINDOW)
    used = _used(f"tutelage:api:{token.digest[:32]}:{window}")
    if used is None:
        return
    limit, resets = settings.API_REQUESTS_A_MINUTE, WINDOW - into
    standing = Standing(limit, max(0, limit - used), resets)
    request.api_standing = standing  # type: ignore[attr-defined]
    if used > limit:
        raise Problem(
            "too-many", f"At most {limit} requests a minute. Wait {resets} s.", headers={"Retry-After": str(resets)}
        )


def note(request: HttpRequest, response: HttpResponse) -> None:
    """Tell every answer's reader what is left."""
    standing: Standing | None = getattr(request, "api_standing", None)
    for name, value in standing.headers().items() if standing else ():
        response[name] = value


@cache
def _client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE)


def _used(key: str) -> int | None:
    """How many requests this makes in the window, or None where nobody counts."""
    try:
        with _client(settings.REDIS_URL).pipeline() as both:
            both.incr(key)
            both.expire(key, 2 * WINDOW)
            return int(both.execute()[0])
    except redis.RedisError as error:
        log.warning("no requests are counted", error=str(error))
        return None
