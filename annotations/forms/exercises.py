"""What pages of exercises send: an order by a labeler, a new exercise or a file of them by an operator."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotations.choices import Purpose
from annotations.clauses import Clause
from annotations.forms.orders import whole_order
from annotations.lines import LinesError
from annotations.new_exercise import LONGEST_CLAUSE, NewExercise, read_exercises
from annotations.order import LETTERS, Order
from annotations.queries.exercises import ExerciseCard, tiers_from
from annotations.texts import LONGEST

MOST_ROWS = 500
MOST_BYTES = 4 * 2**20


class AnswerForm(forms.Form):
    """A labeler's order of one exercise, by the letters on their screen."""

    order = forms.CharField(required=False, max_length=200)
    attempt = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=1_000_000)

    def __init__(self, data: Any = None, *, cards: Sequence[ExerciseCard], attempt: int) -> None:
        super().__init__(data, initial={"attempt": attempt})
        self.cards = cards

    def clean_order(self) -> Order:
        return whole_order(self.cleaned_data["order"], [card.letter for card in self.cards])

    def tiers(self) -> list[list[int]]:
        return tiers_from(self.cleaned_data["order"], self.cards)


class ExerciseForm(forms.Form):
    """A new exercise: a question, its answers under letters, their known order, and why."""

    purpose = forms.ChoiceField(
        label=gettext_lazy("For"), choices=Purpose.choices, widget=forms.RadioSelect, initial=Purpose.PRACTICE
    )
    question = forms.CharField(
        label=gettext_lazy("Question"), max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 2})
    )
    order = forms.CharField(
        label=gettext_lazy("Known order"),
        max_length=200,
        help_text=gettext_lazy("Letters, best first; = ties."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    explanation = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy(
            "Practice shows it right after the answer. Name answers as {a} and {b}: people see other letters."
        ),
    )
    clause = forms.ChoiceField(label=gettext_lazy("Clause of the guidelines"), required=False)

    def __init__(self, data: Any = None, *, clauses: Sequence[Clause], k: int) -> None:
        super().__init__(data, label_suffix="")
        field = self.fields["clause"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("none")), *((clause.id, str(clause)) for clause in clauses)]
        self.k = k
        for letter in LETTERS:
            self.fields[f"text-{letter}"] = forms.CharField(
                label=_("Answer %(letter)s") % {"letter": letter.upper()},
                required=False,
                max_length=LONGEST,
                widget=forms.Textarea(attrs={"rows": 3}),
            )

    def texts(self) -> list[forms.BoundField]:
        """As many answers as the project's slates have; the rest folds away."""
        return [self[f"text-{letter}"] for letter in LETTERS[: self.k]]

    def more_texts(self) -> list[forms.BoundField]:
        return [self[f"text-{letter}"] for letter in LETTERS[self.k :]]

    def more_open(self) -> bool:
        return any(field.value() for field in self.more_texts())

    def clean(self) -> None:
        given = self.cleaned_data
        written = [letter for letter in LETTERS if given.get(f"text-{letter}")]
        if len(written) < 2:
            self.add_error("text-a", _("Write at least two answers."))
        elif given.get("order") and "order" not in self.errors:
            self._read_order(written)

    def _read_order(self, written: Sequence[str]) -> None:
        try:
            order = whole_order(self.cleaned_data["order"], written)
        except forms.ValidationError as error:
            self.add_error("order", error)
            return
        if len(order.tiers) < 2:
            self.add_error("order", _("All answers are tied: there is nothing to see. Put one above another."))
        self.cleaned_data["tiers"] = [sorted(written.index(letter) for letter in tied) for tied in order.tiers]
        self.cleaned_data["texts"] = [self.cleaned_data[f"text-{letter}"] for letter in written]

    def exercise(self) -> NewExercise:
        given = self.cleaned_data
        return NewExercise(
            purpose=Purpose(given["purpose"]),
            messages=[{"role": "user", "content": given["question"].replace("\r\n", "\n")}],
            texts=[text.replace("\r\n", "\n") for text in given["texts"]],
            tiers=given["tiers"],
            explanation=given["explanation"].replace("\r\n", "\n"),
            clause=given["clause"][:LONGEST_CLAUSE],
        )


class ExerciseFileForm(forms.Form):
    """A file of exercises."""

    purpose = forms.ChoiceField(
        label=gettext_lazy("For"), choices=Purpose.choices, widget=forms.RadioSelect, initial=Purpose.PRACTICE
    )
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("JSONL, UTF-8, 4 MB, 500 lines."),
        widget=forms.ClearableFileInput(attrs={"accept": ".jsonl"}),
    )

    def __init__(self, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files, label_suffix="", prefix="import")

    def clean(self) -> None:
        file: UploadedFile[Any] | None = self.cleaned_data.get("file")
        if file is None or self.errors:
            return
        if (file.size or 0) > MOST_BYTES:
            self.add_error("file", _("The file is larger than 4 MB. Divide it."))
            return
        try:
            rows = read_exercises(file.read(), name=str(file.name), purpose=Purpose(self.cleaned_data["purpose"]))
        except LinesError as error:
            self.add_error("file", str(error))
            return
        if len(rows) > MOST_ROWS:
            self.add_error("file", _("A file has at most %(most)d exercises. Divide it.") % {"most": MOST_ROWS})
        self.cleaned_data["rows"] = rows


class CutForm(forms.Form):
    cut = forms.IntegerField(label=gettext_lazy("Passed from"), min_value=0, max_value=100)

    def __init__(self, data: Any = None, *, cut: int = 0) -> None:
        super().__init__(data, initial={"cut": cut}, label_suffix="")
