"""Case definitions: who does what, in which order, and how it is taken back."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.selectors import Person, people_called
from cases import actions, selectors
from cases.definitions import (
    Binding,
    CapabilityCall,
    CompiledDefinition,
    DefinitionError,
    DefinitionInvalid,
    HumanTask,
    SignalSent,
    SubCase,
    Target,
    Throw,
)
from cases.forms import DeployForm, StartForm
from cases.how_undone import gaps_of, has_undo, is_final, policy_of, reversibility_of
from cases.versions import default_of
from cases.views.starting import kind_of, start_url
from cases.views.staying import final_words, staying
from compensation.sentences import asked_of, quoted, title_of
from compensation.views.operator_pages import OperatorPage, crumb
from compensation.words import REVERSIBILITIES
from ledger.errors import Invalid, Refusal
from ledger.tenancy import tenant_scope
from verbs.call import Call
from verbs.words import said
from web.labels import program_title
from web.values import phrase

_NOT_NEEDED = "not_needed"


class DefinitionList(OperatorPage):
    """Every deployed version, newest first, with its coverage gaps; operators add one here."""

    rate_limit = "definitions"
    fills_in = actions.deploy_definition.input

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them."""
        return self._page(DeployForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Check and store a definition; a broken one is shown again with its lines."""
        form = DeployForm(request.POST)
        if not form.is_valid():
            with tenant_scope(self.acting_user.tenant_id):
                return self._page(form, status=422)
        source = form.cleaned_data["source"].replace("\r\n", "\n")
        try:
            row = actions.deploy_definition(call=Call(self.acting_user), source=source)
        except Invalid as refusal:
            with tenant_scope(self.acting_user.tenant_id):
                return self._page(form, errors=lines_of(refusal), status=422)
        except Refusal as refusal:
            return self.refused(refusal, again=lambda: self._page(form, is_open=True))
        messages.success(request, _("The definition is stored. Cases can be started from it."))
        return self.go(definition_url(row))

    def _page(
        self,
        form: DeployForm,
        *,
        errors: list[dict[str, Any]] | None = None,
        is_open: bool = False,
        status: int = 200,
    ) -> HttpResponse:
        found, pagination = self.page(selectors.definitions(self.acting_user.tenant_id))
        # In one query: what a process has not kept of a page would be read row by row.
        compiled = selectors.compiled_all(
            self.acting_user.tenant_id, (row.id for row in found.rows)
        )
        deploy = None
        if self.operates:
            url = reverse("cases:definitions")
            deploy = {"url": url, "form": form, "errors": errors or [], "open": is_open}
        context = {
            "rows": [_row(row, compiled[row.id]) for row in found.rows],
            "deploy": deploy,
            "pagination": pagination,
        }
        return self.render("cases/definitions.html", context, status=status)


class DefinitionPage(OperatorPage):
    """One version: its steps, their way back, its source."""

    def get(self, request: HttpRequest, namespace: str, name: str, version: str) -> HttpResponse:
        """Show it."""
        row = selectors.definition(self.acting_user.tenant_id, namespace, name, version)
        compiled = selectors.compiled(row)
        title = row.title or row.name
        context = {
            "crumbs": [crumb(_("Definitions"), reverse("cases:definitions")), crumb(title)],
            "title": title,
            "definition": {
                "namespace": namespace,
                "name": name,
                "version": version,
                "description": compiled.summary,
                "deployed_at": row.created_at,
                "digest": row.digest,
            },
            "lines": list(enumerate(row.source.splitlines(), start=1)),
            "warnings": _warnings(row.tenant_id, row.source),
            "steps": _steps(row.tenant_id, compiled),
            "start_url": start_url(str(row)),
            "start": _start(row, compiled),
            "versions": _versions(row),
        }
        return self.render("cases/definition.html", context)


def _start(row: Any, compiled: CompiledDefinition) -> dict[str, Any] | None:
    """Return the form that starts a case of it, where it says what that asks for."""
    if not compiled.input_fields:
        return None
    chosen = str(row)
    form = StartForm(
        kinds=[kind_of(chosen, row.title or row.name)], asks=lambda _chosen: compiled,
        initial={"definition": chosen},
    )  # fmt: skip
    return {"form": form, "url": reverse("cases:start")}


def _versions(shown: Any) -> list[dict[str, Any]]:
    """Return every version of the definition that is shown, highest first."""
    rows = selectors.versions(shown.tenant_id, shown.namespace, shown.name)
    meant = default_of(rows)
    return [
        {
            "version": row.version,
            "url": definition_url(row),
            "deployed_at": row.created_at,
            "current": row.id == shown.id,
            "default": row is meant,
        }
        for row in rows
    ]


def definition_url(row: Any) -> str:
    """Return the page of a deployed version."""
    return reverse("cases:definition", args=[row.namespace, row.name, row.version])


def lines_of(refusal: Refusal) -> list[dict[str, Any]]:
    """Return a definition's errors by line of its source, where they name one."""
    broken = [DefinitionError(None, error.pointer, error.message) for error in refusal.errors]
    if isinstance(refusal.__cause__, DefinitionInvalid):
        broken = refusal.__cause__.errors
    found: list[dict[str, Any]] = []
    for each in broken:
        named = not each.pointer or each.pointer in each.message
        message = each.message if named else f"{each.pointer}: {each.message}"
        found.append({"line": each.line, "column": each.column, "message": message})
    return found or [{"line": None, "column": None, "message": refusal.detail}]


def _row(row: Any, compiled: CompiledDefinition) -> dict[str, Any]:
    forward = compiled.forward_bindings
    return {
        "title": row.title or row.name,
        "namespace": row.namespace,
        "name": row.name,
        "version": row.version,
        "description": compiled.summary,
        "url": definition_url(row),
        "deployed_at": row.created_at,
        "bindings": len(forward),
        "undoable": sum(has_undo(compiled, binding) for binding in forward),
        **staying(compiled),
        "start_url": start_url(str(row)),
    }


def _way_back(binding: Binding) -> str:
    """Return what is said of a step instead of who undoes it."""
    if is_final(binding):
        return final_words(binding)
    if reversibility_of(binding) == _NOT_NEEDED:
        return said(REVERSIBILITIES, _NOT_NEEDED)
    if isinstance(binding.target, SubCase):
        return _("with the case it opens, as that declares")
    return _("nobody declared how to undo it")


def _steps(tenant_id: uuid.UUID, compiled: CompiledDefinition) -> list[dict[str, Any]]:
    """Return each step and its way back; whom it asks by name."""
    forward = compiled.forward_bindings
    asked = [user for binding in forward for user in _asked(compiled, binding)]
    called = people_called(tenant_id, asked)
    gaps = gaps_of(compiled)
    return [_step(compiled, binding, called, gap=binding.name in gaps) for binding in forward]


def _asked(compiled: CompiledDefinition, binding: Binding) -> Iterator[str]:
    """Yield the usernames of those whom a step, or its undo, asks."""
    policy = policy_of(compiled, binding)
    if isinstance(binding.target, HumanTask):
        yield from binding.target.candidate_users
    if policy is not None:
        yield from policy.effective().candidate_users or ()


def _step(
    compiled: CompiledDefinition, binding: Binding, called: Mapping[str, Person], *, gap: bool
) -> dict[str, Any]:
    return {
        "binding": title_of(binding.name),
        "kind_label": ", ".join([_kind(binding.target), *_starts(binding)]),
        "who": _who(binding.target, called),
        "undo": _undo(compiled, binding, called),
        "reversibility_label": _way_back(binding),
        "gap": gap or is_final(binding),
    }


def _starts(binding: Binding) -> Iterator[str]:
    """Yield what else than the state of its case starts a step."""
    if binding.on_signal is not None:
        yield _("on the signal %(name)s") % {"name": quoted(title_of(binding.on_signal))}
    if binding.on_event is not None:
        yield _("on an event %(type)s") % {"type": binding.on_event.type}
    if binding.on_schedule is not None:
        yield _("by schedule")


def _kind(target: Target) -> str:
    if isinstance(target, SubCase):
        return _("Case")
    if isinstance(target, SignalSent):
        return _("Signal")
    if isinstance(target, Throw):
        return _("Rollback")
    return _("Task") if isinstance(target, HumanTask) else _("Automatic")


def _who(target: Target, called: Mapping[str, Person]) -> str:
    if isinstance(target, CapabilityCall):
        return program_title(target.capability)
    if isinstance(target, SubCase):
        return title_of(target.name)
    if isinstance(target, SignalSent):
        return title_of(target.signal)
    if isinstance(target, Throw):
        return ", ".join(map(title_of, target.names)) or _("the whole case")
    computed = target.candidate_groups_expression or target.candidate_users_expression
    if computed and not (target.candidate_groups or target.candidate_users):
        return _("whom the case names")
    return asked_of(called, target.candidate_groups, target.candidate_users) or _("anybody")


def _undo(compiled: CompiledDefinition, binding: Binding, called: Mapping[str, Person]) -> str:
    policy = policy_of(compiled, binding)
    if policy is None or is_final(binding):
        return ""
    said_all = policy.effective()
    if said_all.mode == "automated":
        how = _("%(capability)s, automatically") % {
            "capability": program_title(str(said_all.capability))
        }
    else:
        groups, users = said_all.candidate_groups or (), said_all.candidate_users or ()
        how = asked_of(called, groups, users) or _("whoever completed it")
    if not binding.compensate:
        return how
    return phrase("%(step)s: %(how)s", step=title_of(binding.compensate), how=how)


def _warnings(tenant_id: uuid.UUID, source: str) -> list[dict[str, Any]]:
    """Return what works but may surprise. A stored definition is sound; JSON has no lines."""
    try:
        compiled = actions.check_definition(source)
    except Invalid:
        return []
    warnings = actions.warnings_of(tenant_id, compiled)
    return [{"line": each.line, "message": each.message} for each in warnings]
