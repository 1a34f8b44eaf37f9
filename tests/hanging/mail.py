"""A mail server that never answers."""

from __future__ import annotations

import time
from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from typing_extensions import override


class Hangs(BaseEmailBackend):
    """Takes messages and never says what became of them."""

    @override
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        time.sleep(3600)
        return 0
