"""The form in which a file is attached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from web.verb_forms import VerbForm
from workitems.around.files import MAX_BYTES, TYPES

_HELP = _("At most %(most)d MB; one of %(types)s.")


class AttachForm(VerbForm):
    """A file from the reader's own machine."""

    file = forms.FileField(
        label=_("File"),
        max_length=150,
        widget=forms.FileInput(attrs={"accept": ",".join(f".{end}" for end in TYPES)}),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, files: Any = None) -> None:
        super().__init__(data, files, auto_id="attach_%s")
        said = {"most": MAX_BYTES // 1024**2, "types": ", ".join(TYPES)}
        self.fields["file"].help_text = _HELP % said
