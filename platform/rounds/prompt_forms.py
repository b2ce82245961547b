"""What operators fill in about prompts: a batch to add, a change to the chosen ones, what the list shows."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotations.services.prompts import MOST_PRIORITY, PromptFileError, PromptRow, read_prompts
from rounds.queries.prompts import Filters

# One batch is one transaction, and while it writes nobody else does: so a batch is a few seconds' work.
MOST_ROWS = 20_000
MOST_BYTES = 16 * 2**20
LONGEST_PASTE = 200_000
MOST_TAGS = 10
LONGEST_TAG = 40


def _tags(written: str) -> list[str]:
    tags = list(dict.fromkeys(tag.strip() for tag in written.replace("，", ",").split(",") if tag.strip()))
    if len(tags) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in tags):
        raise forms.ValidationError(
            gettext("Give at most %(most)d tags of at most %(longest)d characters.")
            % {"most": MOST_TAGS, "longest": LONGEST_TAG}
        )
    return tags


class PriorityField(forms.IntegerField):
    """The same bounds wherever a priority is given."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=-MOST_PRIORITY, max_value=MOST_PRIORITY, **kwargs)


class AddPromptsForm(forms.Form):
    """A batch of prompts: pasted, or in a file, never both."""

    pasted = forms.CharField(
        label=_("Paste prompts"),
        required=False,
        max_length=LONGEST_PASTE,
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={"max_length": _("This is more than can be pasted. Put it into a file.")},
    )
    written_as = forms.ChoiceField(
        label=_("Each line is"),
        choices=[("text", _("one prompt, as plain text")), ("jsonl", _("one JSON object (JSONL)"))],
        help_text=_("A JSON object has text or messages, and may have tags and a priority."),
    )
    file = forms.FileField(
        label=_("Or choose a file"),
        required=False,
        help_text=_(".txt holds one prompt a line, .jsonl one JSON object a line. UTF-8, 16 MB, 20,000 lines."),
        widget=forms.ClearableFileInput(attrs={"accept": ".txt,.jsonl"}),
    )
    tags = forms.CharField(
        label=_("Tags for all of them"), required=False, max_length=500, help_text=_("Divided by commas.")
    )
    priority = PriorityField(
        label=_("Priority for all of them"),
        required=False,
        help_text=_("Higher comes first. Empty: what each row says, else 0."),
    )

    def clean_tags(self) -> list[str]:
        return _tags(self.cleaned_data["tags"])

    def clean_file(self) -> "UploadedFile[Any] | None":
        file: UploadedFile[Any] | None = self.cleaned_data["file"]
        if file is None:
            return None
        if not str(file.name).endswith((".txt", ".jsonl")):
            raise forms.ValidationError(gettext("The file's name must end in .txt or .jsonl."))
        if (file.size or 0) > MOST_BYTES:
            raise forms.ValidationError(gettext("The file is larger than 16 MB. Divide it."))
        return file

    def clean(self) -> None:
        given = self.cleaned_data
        if self.errors:
            return
        if bool(given["pasted"].strip()) == bool(given["file"]):
            raise forms.ValidationError(gettext("Paste prompts, or choose a file: one of the two."))
        try:
            rows = _read(given)
        except PromptFileError as error:
            self.add_error("file" if given["file"] else "pasted", str(error))
            return
        if len(rows) > MOST_ROWS:
            raise forms.ValidationError(
                gettext("These are %(count)d prompts; a batch has at most %(most)d. Divide it.")
                % {"count": len(rows), "most": MOST_ROWS}
            )
        given["rows"] = [_with_batch(row, given) for row in rows]


def _read(given: dict[str, Any]) -> list[PromptRow]:
    file: UploadedFile[Any] | None = given["file"]
    if file is not None:
        return read_prompts(file.read(), name=str(file.name), plain=str(file.name).endswith(".txt"))
    raw = given["pasted"].encode("utf-8", "replace")
    return read_prompts(raw, name=gettext("What you pasted"), plain=given["written_as"] == "text")


def _with_batch(row: PromptRow, given: dict[str, Any]) -> PromptRow:
    tags = list(dict.fromkeys([*row.tags, *given["tags"]]))
    priority = row.priority if given["priority"] is None else given["priority"]
    # Whatever else a row says is left as it is.
    return replace(row, tags=tags, priority=priority)


class IdsField(forms.MultipleChoiceField):
    """Public ids. Which of them are this project's, the service asks the database."""

    def valid_value(self, value: Any) -> bool:
        try:
            UUID(value)
        except ValueError:
            return False
        return True


class ChosenForm(forms.Form):
    """What to do to the prompts that were ticked."""

    do = forms.ChoiceField(choices=[("retire", ""), ("bring_back", ""), ("priority", "")])
    prompt = IdsField(error_messages={"required": _("Tick the prompts first.")})
    priority = PriorityField(label=_("Priority"), required=False)

    def clean(self) -> None:
        if self.cleaned_data.get("do") == "priority" and self.cleaned_data.get("priority") is None:
            self.add_error("priority", gettext("Give a priority: a whole number, higher comes first."))


class FilterForm(forms.Form):
    """What the list is narrowed to; what makes no sense narrows nothing."""

    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[("asked", _("asked")), ("retired", _("retired")), ("all", _("all"))],
    )
    tag = forms.CharField(label=_("Tag"), required=False, max_length=200)
    text = forms.CharField(label=_("Text"), required=False, max_length=200)
    before = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def filters(self) -> Filters:
        self.is_valid()
        given = self.cleaned_data
        return Filters(tag=given.get("tag", ""), state=given.get("state") or "asked", text=given.get("text", ""))

    def key(self) -> int | None:
        """The prompt that the page before this one ended with."""
        self.is_valid()
        return self.cleaned_data.get("before")
