"""Email, in plain text, through Django's mail backend. The only module that sends mail."""

from __future__ import annotations

import smtplib
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.translation import gettext as _

from notifications.channels.channel import Channel, Message, Result
from notifications.lifecycle import DeliveryStatus


def _deliver(message: Message) -> Result:
    """Hand one text message to the mail server. ACCEPTED says that it took it, no more.

    Its Message-ID is the delivery's, at every attempt.
    """
    if not message.address:
        return Result(DeliveryStatus.SKIPPED)
    mail = EmailMessage(
        # A subject is one line; a title that holds more must not become headers.
        subject=" ".join(message.title.split()),
        body=body_of(message),
        to=[message.address],
        headers={"Message-ID": message_id(message), "Auto-Submitted": "auto-generated"},
    )
    try:
        mail.send()
    except smtplib.SMTPResponseException as error:
        return Result(DeliveryStatus.FAILED, type(error).__name__, error.smtp_code)
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _reply in error.recipients.values()]
        return Result(
            DeliveryStatus.FAILED, "the recipient was refused", codes[0] if codes else None
        )
    except (smtplib.SMTPException, OSError) as error:
        # Only the kind: a server's sentence may repeat the address.
        return Result(DeliveryStatus.FAILED, type(error).__name__)
    return Result(DeliveryStatus.ACCEPTED)


def message_id(message: Message) -> str:
    """Return the RFC 5322 Message-ID of a delivery."""
    host = urlsplit(settings.AMENDS_PUBLIC_URL).hostname or "localhost"
    return f"<{message.id}@{host}>"


def body_of(message: Message) -> str:
    """Return the text of the mail: what happened, why, and where to go."""
    why = _("You get this because it concerns work of yours in Amends.")
    parts = [message.title, message.text, message.url, f"-- \n{why}"]
    return "\n\n".join(part for part in parts if part) + "\n"


EMAIL = Channel("email", DeliveryStatus.PENDING, _deliver, needs_address=True)
