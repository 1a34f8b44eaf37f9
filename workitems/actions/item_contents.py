"""What an item says: opening one by hand or through the API, outside any case."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from django.utils.translation import gettext as _
from pydantic import Field, SkipValidation, StringConstraints

from accounts.acting import ActingUser
from accounts.selectors import active_actors, actors_by_username, actors_named
from accounts.skills import skilled_actors
from compensation.policy import (
    MAX_NAME_LENGTH,
    POLICY_BYTES,
    REVERSIBILITIES,
    CompensationPolicy,
)
from compensation.remote import Remote, check_may_ask, check_remote
from json_values.characters import fault_of_line
from json_values.pointers import FieldError
from ledger.errors import Invalid, check_json
from verbs import catalogue
from verbs.body_size import at_most
from verbs.input import Moment, Word, line, read
from verbs.shell import VerbContext
from web.form_layout import Layout, kept_layout
from workitems.actions.candidates import UNABLE, is_shut_out
from workitems.actions.instances import Group, open_instances
from workitems.actions.item_opening import NewWorkItem
from workitems.actions.new_item_rules import (
    DEADLINES_BYTES,
    deadlines_kept,
    gather,
    how_undone,
    nobody,
)
from workitems.actions.sources_named import check_sources
from workitems.answer_input import Answered, Outcomes, rules_of
from workitems.deadline_input import Deadlines
from workitems.derivation import Sources
from workitems.lifecycle import LIFECYCLE, Priority
from workitems.listening_input import Listenings
from workitems.models import WorkItem
from workitems.permissions import SKILLS_MISSING
from workitems.resolution import check_schema

MAX_TITLE = 300
MAX_NAMES = 50
LISTED = at_most(MAX_NAMES * MAX_NAME_LENGTH * 4, maxItems=MAX_NAMES, uniqueItems=True)
_Listed = Annotated[str, StringConstraints(strip_whitespace=True), line(MAX_NAME_LENGTH)]
_Title = Annotated[Word, line(MAX_TITLE)]
PriorityName = Annotated[str, Field(json_schema_extra={"enum": list(Priority.names)})]
AnyObject = Annotated[dict[str, Any], SkipValidation]


class Create(Answered):
    """A work item to be opened. People are usernames."""

    # What is wrong with a member is said beside what is wrong with the rest: `_new` checks them.
    title: _Title
    payload: AnyObject | None = None
    priority: PriorityName = Priority.MEDIUM.name
    assignee: Word | None = None
    candidate_users: Annotated[list[Word], LISTED] = []
    owner: Word | None = None
    stakeholders: Annotated[list[Word], LISTED] = []
    candidate_groups: Annotated[list[_Listed], LISTED] = []
    excluded_users: Annotated[list[Word], LISTED] = []
    excluded_groups: Annotated[list[_Listed], LISTED] = []
    required_skills: Annotated[list[_Listed], LISTED] = []
    permitted_outcomes: Outcomes = []
    resolution_schema: AnyObject | None = None
    form: Layout = None
    compensation: Annotated[CompensationPolicy | None, SkipValidation, at_most(POLICY_BYTES)] = None
    reversibility: Annotated[
        Word | None, Field(json_schema_extra={"enum": [*REVERSIBILITIES, None]})
    ] = None
    due_at: Moment | None = None
    deadlines: Annotated[Deadlines | None, at_most(DEADLINES_BYTES)] = None
    skippable: bool = False
    compensate_on: Listenings = []
    derived_from: Sources = []
    group: Group | None = None


class CreateItem(Create):
    """A work item to be opened. `remote`: what it stands for in another organisation; an operator
    says so. People are usernames."""

    remote: Remote | None = None


@catalogue.verb(
    WorkItem.subject_type, LIFECYCLE["create"], action="created", given=CreateItem, creates=True,
    status=201, page=False, no_button="It has a page of its own.",
)  # fmt: skip
def create_work_item(_row: None, given: CreateItem, context: VerbContext) -> WorkItem:
    """Open a work item outside any case."""
    check_may_ask(given.remote, context.authority)
    new = new_item_of(given, context.call.by.tenant_id, context.authority.actor_id)
    if given.remote is not None:
        new = _standing_for(given, given.remote, new)
    return open_instances(new, given.group, by=context.by)


def _standing_for(given: CreateItem, remote: Remote, new: NewWorkItem) -> NewWorkItem:
    """Return an item that stands for something of another tenant. Raises Invalid."""
    problems = check_remote(remote, CompensationPolicy.from_json(new.policy), new.tenant_id)
    if given.group is not None:
        message = _("stands for one thing: it cannot be said of several")
        problems.append(FieldError("/remote", message, "unsupported"))
    if problems:
        raise Invalid(_("The work item breaks a rule."), errors=problems)
    return dataclasses.replace(new, remote=remote.to_json())


def fault_of_new(body: dict[str, Any], by: ActingUser) -> Invalid:
    """Return every rule that an item to be would break, members that are missing aside."""
    try:
        # Whoever has no title yet is told of the rest as well.
        new_item_of(read(Create, {"title": "-", **body}), by.tenant_id, by.actor_id)
    except Invalid as refusal:
        return refusal
    return Invalid(errors=[])


def new_item_of(given: Create, tenant_id: uuid.UUID, creator: uuid.UUID) -> NewWorkItem:
    """Return what to insert. Raises Invalid with every broken rule at once."""
    problems: list[FieldError] = []
    title = checked_title(given.title, problems)
    payload: Any = {} if given.payload is None else given.payload
    if not isinstance(payload, dict):
        problems.append(FieldError("/payload", _("must be an object")))
    gather(problems, lambda: check_json(payload, "/payload"))
    check_priority(given.priority, problems)
    if given.resolution_schema is not None:
        gather(problems, lambda: check_schema(given.resolution_schema, "/resolution_schema"))
    policy, reversibility = how_undone(given.compensation, given.reversibility, tenant_id, problems)
    people = _people(given, tenant_id, problems)
    groups = names_listed(given.candidate_groups, "/candidate_groups", problems)
    excluded = _excluded(given, tenant_id, people, problems)
    excluded_groups = names_listed(given.excluded_groups, "/excluded_groups", problems)
    skills = names_listed(given.required_skills, "/required_skills", problems)
    assignee = people.get(given.assignee or "")
    if skills and assignee is not None and not skilled_actors(tenant_id, [assignee], skills):
        problems.append(FieldError("/assignee", str(UNABLE), SKILLS_MISSING))
    outcomes = names_listed(
        [each.name for each in given.permitted_outcomes], "/permitted_outcomes", problems
    )
    outcome_rules = rules_of(given.permitted_outcomes, problems)
    form = kept_layout(given.form, given.resolution_schema, problems)
    deadlines, due_at = deadlines_kept(given.deadlines, given.due_at, problems)
    check_sources(given.derived_from, tenant_id, problems)
    _check_group(given, outcomes, problems)
    if problems:
        raise Invalid(_("The work item breaks a rule."), errors=problems)
    return NewWorkItem(
        tenant_id=tenant_id,
        title=title,
        created_by=creator,
        payload=payload,
        candidate_groups=groups,
        candidate_users=[people[name] for name in given.candidate_users],
        assignee_id=people[given.assignee] if given.assignee else None,
        owner_id=people[given.owner] if given.owner else None,
        stakeholders=[people[name] for name in given.stakeholders],
        excluded=excluded,
        excluded_groups=excluded_groups,
        required_skills=skills,
        permitted_outcomes=outcomes,
        outcome_rules=outcome_rules,
        resolution_schema=given.resolution_schema,
        form=form,
        priority=given.priority,
        policy=policy.to_json(),
        reversibility=reversibility,
        due_at=due_at,
        deadlines=deadlines,
        skippable=given.skippable,
        compensate_on=[each.model_dump() for each in given.compensate_on],
        derived_from=[each.model_dump() for each in given.derived_from],
    )


def _check_group(given: Create, outcomes: Sequence[str], problems: list[FieldError]) -> None:
    """Note what an item says that cannot be said of several, and which outcomes none can have."""
    if given.group is None:
        return
    if given.assignee and given.group.instances > 1:
        message = _("cannot have all instances: name who may take one")
        problems.append(FieldError("/assignee", message, "unsupported"))
    problems.extend(
        FieldError(f"/group/outcomes/{index}", _("is no permitted outcome"), "unknown")
        for index, name in enumerate(given.group.outcomes)
        if outcomes and name not in outcomes
    )


def checked_title(text: str, problems: list[FieldError]) -> str:
    """Return a title as it is kept; note what is wrong with it."""
    title = text.strip()
    if not 0 < len(title) <= MAX_TITLE:
        message = _("must be a text of 1 to %(n)d characters") % {"n": MAX_TITLE}
        problems.append(FieldError("/title", message))
    elif fault := fault_of_line(title):
        problems.append(FieldError("/title", fault[1], fault[0]))
    return title


def check_priority(name: str, problems: list[FieldError]) -> None:
    """Note a word that is no priority."""
    if name not in Priority.names:
        known = {"known": ", ".join(Priority.names)}
        problems.append(FieldError("/priority", _("must be one of %(known)s") % known))


def _people(
    given: Create, tenant_id: uuid.UUID, problems: list[FieldError]
) -> dict[str, uuid.UUID]:
    """Return the actors of those it names, by username, and note who is no active member."""
    wanted = [
        (f"/{place}/{index}", name)
        for place in ("candidate_users", "stakeholders")
        for index, name in enumerate(names_listed(getattr(given, place), f"/{place}", problems))
    ]
    alone = (("/assignee", given.assignee), ("/owner", given.owner))
    wanted += [(pointer, name) for pointer, name in alone if name]
    asked = [name for _pointer, name in wanted]
    known = actors_by_username(tenant_id, asked) if asked else {}
    active = active_actors(tenant_id, list(known.values())) if known else frozenset()
    problems.extend(
        FieldError(pointer, nobody(name), "unknown")
        for pointer, name in wanted
        if known.get(name) not in active
    )
    return known


def _excluded(
    given: Create,
    tenant_id: uuid.UUID,
    people: Mapping[str, uuid.UUID],
    problems: list[FieldError],
) -> list[uuid.UUID]:
    """Return the actors who may never take it. Whoever it is given to cannot be one of them."""
    names = names_listed(given.excluded_users, "/excluded_users", problems)
    # Who is gone is excluded all the same, should they come back.
    known = actors_named(tenant_id, names)
    problems.extend(
        FieldError(
            f"/excluded_users/{index}",
            _("no member is called %(name)r") % {"name": name},
            "unknown",
        )
        for index, name in enumerate(names)
        if name not in known
    )
    assignee = people.get(given.assignee or "")
    if assignee is not None and is_shut_out(
        tenant_id, assignee, known.values(), given.excluded_groups
    ):
        message = _("is excluded from this item")
        problems.append(FieldError("/assignee", message, "excluded"))
    return sorted(known.values())


def names_listed(values: Sequence[str], pointer: str, problems: list[FieldError]) -> list[str]:
    """Return the listed names; note every one that is no name, or is repeated."""
    if len(values) > MAX_NAMES:
        message = _("must be a list of at most %(n)d names") % {"n": MAX_NAMES}
        problems.append(FieldError(pointer, message))
        return []
    good: list[str] = []
    for index, value in enumerate(values):
        if not 0 < len(value.strip()) <= MAX_NAME_LENGTH:
            message = _("must be a name of 1 to %(n)d characters") % {"n": MAX_NAME_LENGTH}
            problems.append(FieldError(f"{pointer}/{index}", message))
        elif fault := fault_of_line(value):
            problems.append(FieldError(f"{pointer}/{index}", fault[1], fault[0]))
        elif value in good:
            message = _("names %(name)r twice") % {"name": value}
            problems.append(FieldError(f"{pointer}/{index}", message))
        else:
            good.append(value)
    return good
