"""Deciding about a step of a rollback that did not undo what it should."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from typing_extensions import override

from compensation import selectors
from compensation.actions.step_verbs import STEP, facts_read
from compensation.decision_words import DecisionWords, arranged, headline
from compensation.lifecycle import RESIDUAL_EXCLUSIONS
from compensation.run_context import run_context
from compensation.sentences import humane, step_title, technical_of
from compensation.subject import is_by_program
from compensation.views.operator_pages import PageOfOne, crumb
from ledger.errors import NotFound
from verbs import catalogue
from verbs.subject import subject_of
from web.verb_pages import Refused, any_open, choice

# Their forms all stand on the page of the step.
ON_PAGE = ("retry", "reassign", "hand-to-human", "attest", "abandon")


class StepPage(PageOfOne):
    """A step: what was tried, and how to go on."""

    def get(self, request: HttpRequest, id: uuid.UUID, n: int) -> HttpResponse:
        """Show it."""
        return self.show(id, n)

    @override
    def show(self, *key: Any, refused: Refused | None = None) -> HttpResponse:
        """Render the page; what is `refused` is open, with its broken form."""
        id_, n = key
        found = selectors.with_its_steps(self.acting_user.tenant_id, id_)
        at = next((at for at, each in enumerate(found.steps) if each.step.n == n), None)
        if at is None:
            raise NotFound(_("There is no such step."))
        each = found.steps[at]
        original = (each.step.original_type, each.step.original_id)
        # Of the other steps nothing is said but how they stand.
        alone = dataclasses.replace(found, steps=[each])
        about = run_context(alone, operates=self.operates, begun_of=original)
        step, answer = each.step, about.answer_to(each.step)
        answered = ("", "") if answer is None else (answer["who"], answer["outcome"])
        url = reverse("compensation:run", args=[id_])
        title = step_title(step)
        subject = subject_of(STEP)
        choices = [
            choice(catalogue.find(STEP, offer.action), [id_, n], offer, refused)
            for offer in catalogue.offers(
                subject, step, self.authority, facts_read(step, each.last)
            )
            # What a person was asked to do is given to somebody else instead.
            if offer.action != "hand-to-human" or is_by_program(step.compensation_type)
        ]
        stays = any(out["code"] in RESIDUAL_EXCLUSIONS for out in found.run.left_out)
        context = {
            "crumbs": [
                crumb(_("Rollbacks"), reverse("compensation:runs")),
                crumb(about.subject.title, url),
                crumb(title),
            ],
            "run": {
                "label": _("the rollback of %(what)s") % {"what": about.subject.title},
                "url": url,
                "version": found.run.version,
            },
            "title": headline(step),
            "step": {
                "place": at + 1,
                "of": len(found.steps),
                "title": title,
                "url": about.described[step.original_type, step.original_id].url,
                "status": step.status,
                "answer": answer,
                "error": humane(each.error),
                "technical": technical_of(each.error),
                "attempts": about.attempts(each),
            },
            "choices": arranged(choices, DecisionWords(found.steps, at, answered, stays)),
            "kept": [] if refused is None else refused.kept(offered=any_open(choices)),
        }
        return self.render("compensation/run_step.html", context)
