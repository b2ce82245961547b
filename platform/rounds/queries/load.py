"""What the machine that trains has and what is taken of it, as its supervisor said last."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from rounds.models import Beat, Facts, Stage

# A supervisor that was silent for longer tells nothing of now.
STALE = timedelta(seconds=60)
PREFIX = "supervisor:"


@dataclass(frozen=True)
class Line:
    """One thing of the machine: its name, how much is taken in words, and as a share where there is a whole."""

    key: str
    name: str
    text: str
    share: float | None


@dataclass(frozen=True)
class Machine:
    """The machine of one supervisor."""

    supervisor: str
    lines: list[Line]

    def facts(self) -> Facts:
        return asdict(self)


def machine_of(stage: Stage | None, *, now: datetime | None = None) -> Machine | None:
    """The machine that runs the stage, else that of whichever supervisor spoke last; None where none is there."""
    told = Beat.objects.filter(name__startswith=PREFIX, at__gt=(now or timezone.now()) - STALE)
    owner = stage.lease_owner if stage else ""
    beat = (told.filter(name=PREFIX + owner).first() if owner else None) or told.order_by("-at").first()
    if beat is None or "memory_total" not in beat.facts:
        return None
    runs = stage is not None and beat.facts.get("stage") == str(stage.pk)
    return Machine(beat.name.removeprefix(PREFIX), [*_machine(beat.facts), *(_trainer(beat.facts) if runs else [])])


def _machine(facts: Facts) -> list[Line]:
    load, cores = facts["load1"], facts["cores"]
    total = facts["memory_total"]
    used = total - facts["memory_free"]
    of_cores = _("%(load)s of %(cores)d") % {"load": number_format(load, 1), "cores": cores}
    of_memory = _("%(used)s of %(total)s") % {"used": filesizeformat(used), "total": filesizeformat(total)}
    disk = _("%(free)s free") % {"free": filesizeformat(facts["disk_free"])}
    return [
        Line("load", _("load"), of_cores, _share(load, cores)),
        Line("memory", _("memory"), of_memory, _share(used, total)),
        Line("disk", _("disk"), disk, None),
        Line("threads", _("threads"), str(facts["threads"]), None),
    ]


def _trainer(facts: Facts) -> list[Line]:
    memory, cores = facts["child_memory"], facts["child_cpu"]
    lines = []
    if cores is not None:
        text = _("%(load)s of %(cores)d") % {"load": number_format(cores, 1), "cores": facts["cores"]}
        lines.append(Line("child_cpu", _("trainer’s load"), text, _share(cores, facts["cores"])))
    if memory is not None:
        share = _share(memory, facts["memory_total"])
        lines.append(Line("child_memory", _("trainer’s memory"), filesizeformat(memory), share))
    return lines


def _share(part: float, whole: float) -> float:
    return round(min(1.0, part / whole), 3) if whole else 0.0
