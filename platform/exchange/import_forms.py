"""What is asked when a file is brought, and when its columns have other names than the formats know."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exchange.incoming.recognise import SHAPES
from exchange.models import Import

ENDINGS = ".jsonl,.json,.ndjson,.csv,.tsv,.parquet,.txt"
LONGEST_LABEL = 80
# What a column may be called by the formats that tables hold.
NAMES: list[tuple[str, str | Promise]] = [
    ("", _("as it is named")),
    ("prompt", _("the prompt")),
    ("completion", _("the answer")),
    ("chosen", _("the better answer")),
    ("rejected", _("the worse answer")),
    ("margin", _("the margin")),
    ("messages", _("the conversation")),
    ("tags", _("tags")),
    ("priority", _("priority")),
    ("sensitive", _("sensitive")),
]


def _formats() -> list[tuple[str, str | Promise]]:
    seen: dict[str, tuple[str, str | Promise]] = {}
    for shape in SHAPES:
        seen.setdefault(str(shape.label), (shape.name, shape.label))
    return [("", _("recognise it")), *seen.values()]


class BringForm(forms.Form):
    """A file, and the name of the set that it becomes."""

    file = forms.FileField(
        label=_("File"),
        widget=forms.ClearableFileInput(attrs={"accept": ENDINGS}),
        error_messages={"required": _("Choose a file."), "empty": _("The file is empty, or larger than 2 GiB.")},
        help_text=_("JSON lines, JSON, CSV, TSV, Parquet, or one prompt a line in a .txt file."),
    )
    name = forms.CharField(
        label=_("Name of the set"),
        max_length=40,
        required=False,
        help_text=_("Judgements in it are somebody's by this name. Empty: the file's name."),
    )
    format = forms.ChoiceField(label=_("Format"), choices=_formats, required=False)
    asked = forms.BooleanField(
        label=_("Policies answer its prompts, and people here may judge them"), required=False, initial=True
    )

    def __init__(self, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files, label_suffix="")


class MappingForm(forms.Form):
    """The format of a file, and what each of its columns is."""

    format = forms.ChoiceField(label=_("Format"), choices=_formats, required=False)

    def __init__(self, data: Any = None, *, columns: Sequence[str], kept: Import) -> None:
        super().__init__(data, label_suffix="")
        self.columns = list(columns)
        self.initial["format"] = kept.format
        for place, column in enumerate(self.columns):
            field = forms.ChoiceField(label=column[:LONGEST_LABEL], choices=NAMES, required=False)
            field.initial = kept.columns.get(column, "")
            self.fields[f"column_{place}"] = field

    def mapping(self) -> dict[str, str]:
        """Column → what it is, of those that are not what they are named."""
        said = {column: self.cleaned_data[f"column_{place}"] for place, column in enumerate(self.columns)}
        return {column: name for column, name in said.items() if name}
