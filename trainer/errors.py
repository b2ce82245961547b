"""Why a stage ends without an artifact; each reason carries the exit code that docs/seam.md gives it."""


class StageError(Exception):
    """A stage ends for a reason that a person or the supervisor can act on."""

    exit_code = 1


class AlreadyDone(StageError):
    """The artifact stands, made from equal inputs, configuration and seed."""

    exit_code = 0


class Refused(StageError):
    """Bad input: an unknown option, preset or key, a wrong digest, a bad record."""

    exit_code = 2


class Diverged(StageError):
    """A loss, gradient or divergence left its bounds; the last good checkpoint is kept."""

    exit_code = 3


class NoSpace(StageError):
    """The device or a quota is full; the last good checkpoint is kept."""

    exit_code = 4


class OutOfMemory(StageError):
    """The memory does not suffice; the last good checkpoint is kept."""

    exit_code = 5


class Stopped(StageError):
    """Stopped on request (SIGTERM) at an update boundary, checkpoint kept."""

    exit_code = 143
