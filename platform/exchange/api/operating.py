"""What an operator sets for rounds: when they begin by themselves; and the disk that they fill."""

from datetime import datetime, time
from typing import Annotated

from django.utils import timezone
from ninja import Router, Schema
from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema

from accounts.models import Project, Scope
from accounts.projects import fingerprint
from exchange.api.bell import ring
from exchange.api.endpoints import Slug, changes, reads
from exchange.api.round_shapes import ChoicesOut, choices
from exchange.api.rounds import ChoicesIn
from exchange.api.security import Asked, person
from rounds.forms import MOST_RANKINGS
from rounds.queries.access import operated_project
from rounds.queries.disk import disk_of
from rounds.queries.retention import due_of
from rounds.queries.schedules import SETTINGS, next_runs, next_start, schedule_of, written_schedule
from rounds.services import disk as measuring
from rounds.services import retention
from rounds.services.schedules import set_schedule

router = Router(tags=["Operating"])

# What a change was made after: of two who saw the same, the second is refused (409).
Seen = Annotated[str, Field(max_length=64, description="`seen` as the last answer gave it", examples=["3f0c2a"])]
Day = Annotated[int, Field(ge=0, le=6)]


def _here(at: time) -> time:
    if at.tzinfo is not None:
        raise ValueError("the time is one of the project's time zone: leave the zone out")
    return at


# Not the `time` of JSON Schema, which asks for seconds and a zone.
_CLOCK = {"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$", "examples": ["02:30"]}
Clock = Annotated[time, AfterValidator(_here), WithJsonSchema(_CLOCK)]


class ScheduleIn(Schema):
    """When rounds begin: days (0 is Monday) and a time, or a line as cron reads it, or a number of new rankings."""

    seen: Seen
    enabled: bool
    weekdays: list[Day] = Field([], max_length=7)
    at: Clock | None = None
    cron: str = Field("", max_length=100, pattern=r"^[^\x00]*$")
    every_rankings: int | None = Field(None, ge=1, le=MOST_RANKINGS)
    choices: ChoicesIn = ChoicesIn()

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "seen": "3f0c2a9b11d04e5f",
                    "enabled": True,
                    "weekdays": [0, 1, 2, 3, 4],
                    "at": "02:30",
                    "cron": "",
                    "every_rankings": 200,
                    "choices": {"preset": "small", "algorithm": "dpo"},
                }
            ]
        }
    )


class ScheduleOut(Schema):
    """The schedule. `next`: the next times; `due`: its time has come; `seen`: what the next change is made after."""

    enabled: bool
    weekdays: list[int]
    at: time | None
    cron: str
    every_rankings: int | None
    choices: ChoicesOut
    time_zone: str
    next: list[datetime]
    due: bool
    new_rankings: int
    seen: str

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "enabled": True,
                    "weekdays": [],
                    "at": None,
                    "cron": "30 2 * * 1-5",
                    "every_rankings": None,
                    "choices": {
                        "preset": "small",
                        "algorithm": "ppo",
                        "init": None,
                        "budget": None,
                        "seed": None,
                        "sft": None,
                        "approve": "person",
                        "note": "",
                        "share": None,
                    },
                    "time_zone": "Europe/Berlin",
                    "next": ["2026-11-23T02:30:00+01:00"],
                    "due": False,
                    "new_rankings": 0,
                    "seen": "3f0c2a9b11d04e5f",
                }
            ]
        }
    )


class UseOut(Schema):
    """Bytes of one kind of directory."""

    kind: str
    bytes: int


class DueOut(Schema):
    """One directory that retention will collect by itself, and when."""

    kind: str
    round: int | None
    bytes: int
    on: datetime


class DiskOut(Schema):
    """The store as it was measured at `at` (null: never yet), and what retention will free, in bytes."""

    at: datetime | None
    kinds: list[UseOut]
    free: int | None
    due: list[DueOut]
    due_bytes: int

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "at": "2026-11-20T10:00:00Z",
                    "kinds": [{"kind": "Snapshots", "bytes": 120000}],
                    "free": 27000000000,
                    "due": [],
                    "due_bytes": 0,
                }
            ]
        }
    )


class Collected(Schema):
    """How many directories were reduced to their manifests."""

    collected: int

    model_config = ConfigDict(json_schema_extra={"examples": [{"collected": 2}]})


@reads(router, "/projects/{slug}/schedule", answer=ScheduleOut)
def get_schedule(request: Asked, slug: Slug) -> ScheduleOut:
    """When rounds begin by themselves, for operators."""
    return _schedule(operated_project(person(request), slug))


@changes(router, "PUT", "/projects/{slug}/schedule", scope=Scope.OPERATE, answer=ScheduleOut)
def set_round_schedule(request: Asked, slug: Slug, told: ScheduleIn) -> ScheduleOut:
    """Write the schedule over the one that was seen."""
    by, project = person(request), operated_project(person(request), slug)
    plain = {name: getattr(told, name) for name in ("enabled", "at", "cron", "every_rankings")}
    wanted = {**plain, "weekdays": sorted(set(told.weekdays)), "choices": told.choices.chosen()}
    set_schedule(by=by, project=project, seen=told.seen, wanted=wanted)
    ring()
    return _schedule(project)


@reads(router, "/projects/{slug}/disk", answer=DiskOut)
def get_disk(request: Asked, slug: Slug) -> DiskOut:
    """What the store holds of a project, and what retention would free, for operators."""
    project = operated_project(person(request), slug)
    measured, due = disk_of(project), due_of(project)
    return DiskOut(
        at=measured.at if measured else None,
        kinds=[UseOut(kind=use.label, bytes=use.bytes) for use in measured.kinds] if measured else [],
        free=measured.free if measured else None,
        due=[
            DueOut(
                kind=each.artifact.kind,
                round=each.artifact.stage.round.number if each.artifact.stage.round else None,
                bytes=each.bytes,
                on=each.by_rule,
            )
            for each in due
        ],
        due_bytes=sum(each.bytes for each in due),
    )


@changes(router, "POST", "/projects/{slug}/disk/collect", scope=Scope.OPERATE, answer=Collected, apart=True)
def collect_disk(request: Asked, slug: Slug) -> Collected:
    """Free now what retention would free later, and measure the store again."""
    project, now = operated_project(person(request), slug), timezone.now()
    freed = retention.collect_now(by=person(request), project=project, now=now)
    measuring.measure(now=now)
    return Collected(collected=freed)


def _schedule(project: Project) -> ScheduleOut:
    written, in_force, now = written_schedule(project), schedule_of(project), timezone.now()
    found = next_start(in_force, now=now) if in_force else None
    plain = {name: getattr(written, name) for name in SETTINGS if name != "choices"}
    return ScheduleOut(
        **plain,
        choices=choices(written.choices),
        time_zone=project.time_zone,
        next=next_runs(in_force, now=now) if in_force else [],
        due=found.due if found else False,
        new_rankings=found.new_rankings if found else 0,
        seen=fingerprint(written, SETTINGS),
    )
