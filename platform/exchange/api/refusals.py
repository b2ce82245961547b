"""The exceptions by which verbs of the domain refuse, and what kind of problem each is."""

from accounts.consents import ConsentMoved, ConsentOwed, ConsentWithdrawn
from accounts.invitations import InvitationGone
from accounts.members import MemberRefused
from accounts.password_links import LinkGone
from accounts.people import PersonRefused
from accounts.permissions import Deactivated
from accounts.projects import ChangedMeanwhile, GuidelineRefused
from accounts.submissions import KeyReused
from annotations.lines import LinesError
from annotations.order import OrderError
from annotations.services.drafts import BadDraft, DraftMoved
from annotations.services.exercises import ExerciseGone
from annotations.services.imported_rows import ImportRefused
from annotations.services.qualifications import AllowRefused, NotUnderWay, PracticeOwed, QualificationOwed
from annotations.services.rankings import BadRanking
from annotations.services.remarks import BadRemark
from annotations.services.reviewing import DecidedBefore
from annotations.services.revisions import Stale
from annotations.services.undo import TooLate
from annotations.services.work import NothingToSkip
from annotations.texts import BadMessages
from exchange.incoming.items import BadFile
from exchange.services.exports import ExportMoved, ExportRefused
from exchange.services.imports import ImportDeclined, ImportMoved
from rounds import cron
from rounds.services.deployments import PolicyRefused
from rounds.services.downloads import DownloadRefused
from rounds.services.gate_rules import RulesRefused
from rounds.services.projects import ProjectRefused
from rounds.services.rounds import RoundMoved, RoundRefused
from rounds.services.schedules import ScheduleRefused
from rounds.store import StoreFull

_NOT_ALLOWED = (Deactivated, ConsentWithdrawn, ConsentOwed, QualificationOwed, PracticeOwed)
_MOVED = (
    *(ChangedMeanwhile, ConsentMoved, DraftMoved, ExportMoved, ImportMoved, RoundMoved, Stale),
    *(DecidedBefore, InvitationGone, LinkGone, ExerciseGone),
)
_REFUSED = (
    *(AllowRefused, DownloadRefused, ExportRefused, ImportDeclined, ImportRefused, KeyReused, NotUnderWay),
    *(NothingToSkip, PersonRefused, PolicyRefused, RoundRefused, StoreFull, TooLate),
)
_INVALID = (
    *(BadDraft, BadFile, BadMessages, BadRanking, BadRemark, GuidelineRefused, LinesError, MemberRefused),
    *(OrderError, ProjectRefused, RulesRefused, ScheduleRefused, cron.BadLine),
)
REFUSALS: tuple[tuple[type[Exception], str], ...] = (
    *((kind, "not-allowed") for kind in _NOT_ALLOWED),
    *((kind, "moved") for kind in _MOVED),
    *((kind, "refused") for kind in _REFUSED),
    *((kind, "invalid") for kind in _INVALID),
)
