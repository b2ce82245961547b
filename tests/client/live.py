"""A server on a port of the loopback, a worker beside it, and people who rank: what a program meets elsewhere."""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

import uvicorn
from django.core import signals
from django.db import close_old_connections, connections, reset_queries

from accounts.models import Project, User
from annotations.models import Prompt
from annotations.services.slates import take_in_completions
from exchange.models import Export, ExportState, Import
from exchange.services import importing, imports, writing
from tests import make
from tutelage.serving import Site

OFTEN = 0.1
ANSWERS = ("They protect the turtle.", "No idea.")


@contextmanager
def serving() -> Iterator[str]:
    """The address of the site, answered as `make up` answers it."""
    site = Site()
    server = uvicorn.Server(uvicorn.Config(site, loop="asyncio", lifespan="off", log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
            site._threads.shutdown()
            # What the site took off would be missed by the tests that come after.
            signals.request_started.connect(reset_queries)
            for signal in (signals.request_started, signals.request_finished):
                signal.connect(close_old_connections)


@contextmanager
def again_and_again(act: Callable[[], None]) -> Iterator[None]:
    """Somebody who does it, in a thread with connections of its own; what went wrong is raised at the end."""
    stop, failed = Event(), list[Exception]()

    def run() -> None:
        try:
            while not stop.wait(OFTEN):
                act()
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    thread = Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    for error in failed:
        raise error


def work() -> None:
    """What a worker does at each tick."""
    for row in Import.objects.filter(state__in=imports.WORK, failure=""):
        importing.work(import_id=row.pk, owner="worker")
    importing.open_slots()
    for export in Export.objects.filter(state=ExportState.WAITING, failure=""):
        writing.write(export_id=export.pk, owner="worker")


def rank_everything(project: Project, labeler: User, answers: Sequence[str] = ANSWERS) -> None:
    """A policy writes `answers` to every prompt that has none, and a labeler prefers the first."""
    prompts = list(Prompt.objects.filter(project=project, slates=None))
    if prompts:
        order = make.make_order(project, prompts=prompts, k=len(answers))
        take_in_completions(order=order, rows=make.shard_rows(order, answers))
        for slate in order.slates.all():
            make.make_ranking(labeler, slate)
