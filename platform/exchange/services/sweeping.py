"""Clear what a deleted export may have left, since its worker wrote on for a moment, and answers kept long enough."""

from datetime import datetime, timedelta

from exchange.models import Export, ExportState, KeptAnswer
from exchange.services import exports

# After this a deleted export's directories have long been cleared, and are not looked for any more.
CLEARED = timedelta(days=2)
# For so long a request that is sent again under its idempotency key gets the answer that it got.
KEPT = timedelta(hours=24)


def sweep(*, now: datetime) -> None:
    """Remove the directories of exports that were deleted lately, and old kept answers. Twice does no harm."""
    KeptAnswer.objects.filter(at__lt=now - KEPT).delete()
    for export in Export.objects.filter(state=ExportState.DELETED, deleted_at__gt=now - CLEARED):
        exports.clear(export, through=export.fence)
