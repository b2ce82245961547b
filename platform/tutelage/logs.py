"""One JSON object a line on stderr, with the round and stage that are bound to it, and no one-time link."""

import logging.config
import re
from typing import Any

import structlog
from structlog.typing import EventDict

# What follows opens an account: Django logs the paths of requests that it refuses, and of those that fail.
ONE_TIME = re.compile(r"(/(?:join|new-password)/)[\w-]+")


def without_links(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """Mask the secret part of one-time links in every text of an event."""
    return {key: ONE_TIME.sub(r"\1…", value) if isinstance(value, str) else value for key, value in event.items()}


def logging_config() -> None:
    """Send structlog and the standard library's loggers through one JSON renderer."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        without_links,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processor": structlog.processors.JSONRenderer(ensure_ascii=False),
                    "foreign_pre_chain": shared,
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"handlers": ["stderr"], "level": "INFO"},
            "loggers": {"httpx": {"level": "WARNING"}},
        }
    )
