"""A causal chain as a table: the nodes of the drawing, in the same order, each with its links."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.selectors import Person, people_called
from compensation.lifecycle import CompensationState
from compensation.sentences import asked_of
from ledger.selectors import all_entries
from verbs.subject import Description, Ref, describe
from verbs.words import Text, said
from web.entries import ENTRY
from web.labels import program_title
from web.values import person_words
from workitems.chain import PLANNED, Chain, ChainNode, type_label, url_of

# A step that was undone, or is being undone, was finished before.
_FINISHED = ("completed", "succeeded")
#: Whose words the states of a node are in, where its type is not it.
_STATES_OF = {PLANNED: "step"}
_REVERSES: dict[str, Text] = {
    "undone": gettext_lazy("undoes"),
    "planned": gettext_lazy("is to undo"),
    "under_way": gettext_lazy("is undoing"),
    "tried": gettext_lazy("did not undo"),
}
_REVERSED: dict[str, Text] = {
    "undone": gettext_lazy("undone by"),
    "planned": gettext_lazy("to be undone by"),
    "under_way": gettext_lazy("being undone by"),
    "tried": gettext_lazy("not undone by"),
}


def table(chain: Chain, described: Mapping[Ref, Description]) -> list[dict[str, Any]]:
    """Return the rows of `graph/table.html`: the nodes of the drawing, in the same order."""
    asked = [name for node in chain.nodes for name in node.asked_people]
    called = people_called(chain.tenant_id, asked, (node.who for node in chain.nodes))
    undos = chain.undos
    entries = _entries(chain)
    by_id = {node.id: node for node in chain.nodes}

    return [
        {
            "id": str(node.id),
            "n": node.order if node.lane == "forward" else _("undo %(n)d") % {"n": node.order},
            "title": node.name,
            "url": url_of(node, described),
            "type_label": type_label(node),
            "status": node.status,
            "kind": _STATES_OF.get(node.type, node.type),
            "who": _who(node, called),
            "at": node.at,
            "links": [
                {"words": words, "label": other.name, "url": url_of(other, described)}
                for words, other in _links(node, by_id, undos.get(node.id, ()))
            ],
            "entry": entries.get(node.id),
        }
        for node in chain.nodes
    ]


def _who(node: ChainNode, called: Mapping[str, Person]) -> str:
    """Return who did it or shall do it; of a program its title."""
    done_by = called.get(str(node.who))
    if node.program or done_by is None:
        program = program_title(node.program) if node.program else ""
        return program or asked_of(called, node.asked_groups, node.asked_people)
    return person_words(done_by)


def _links(
    node: ChainNode, by_id: Mapping[uuid.UUID, ChainNode], undos: Iterable[ChainNode]
) -> Iterator[tuple[str, ChainNode]]:
    """Return what a node reverses, and what reverses it: "undone by" is only what is undone."""
    original = by_id.get(node.undoes) if node.undoes else None
    if original is not None:
        yield str(said(_REVERSES, _how(node))), original
    for undo in undos:
        yield str(said(_REVERSED, _how(undo))), undo


def _how(undo: ChainNode) -> str:
    """Return how an undo stands to what it reverses."""
    if undo.undid:
        return "undone"
    if undo.type == PLANNED:
        return "planned"
    return "under_way" if undo.compensation_state == CompensationState.COMPENSATING else "tried"


def _entries(chain: Chain) -> dict[uuid.UUID, dict[str, str]]:
    """Return the link to the entry that finished each node, where there is one."""
    rows = (
        all_entries(chain.tenant_id)
        .filter(subject_id__in=[node.id for node in chain.nodes], action__in=_FINISHED)
        .values_list("subject_id", "id", "subject_seq")
    )
    found = {subject_id: (entry_id, seq) for subject_id, entry_id, seq in rows}
    pages = describe(chain.tenant_id, ((ENTRY, entry_id) for entry_id, _seq in found.values()))
    return {
        subject_id: {
            "label": _("entry %(seq)d") % {"seq": seq},
            "url": pages[(ENTRY, entry_id)].url,
        }
        for subject_id, (entry_id, seq) in found.items()
    }
