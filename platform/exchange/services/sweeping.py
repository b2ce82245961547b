"""Clear what a deleted export may have left: its worker wrote on for a moment, or the server stopped in between."""

from datetime import datetime, timedelta

from exchange.models import Export, ExportState
from exchange.services import exports

# After this a deleted export's directories have long been cleared, and are not looked for any more.
CLEARED = timedelta(days=2)


def sweep(*, now: datetime) -> None:
    """Remove the directories of exports that were deleted lately. Twice does no harm."""
    for export in Export.objects.filter(state=ExportState.DELETED, deleted_at__gt=now - CLEARED):
        exports.clear(export, through=export.fence)
