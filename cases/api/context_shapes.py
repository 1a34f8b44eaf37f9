"""The public shape of a case's context, as it is and as it was, and its OpenAPI (DESIGN §8)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from cases.past_state import PastContext


def context(case: Any) -> dict[str, Any]:
    """Return the context of a case."""
    return {"context": case.context, "invalidated": case.invalidated}


def past_context(found: PastContext) -> dict[str, Any]:
    """Return the context of a case as it was."""
    return {
        "context": found.context,
        "invalidated": found.invalidated,
        "at": found.seq,
        "erased": [
            {"entry": str(entry.id), "erased_under": entry.receipt and str(entry.receipt)}
            for entry in found.erased
        ],
    }


class ErasedChangeSchema(serializers.Serializer[Any]):
    """An entry whose change of the context was erased since, and the receipt of that."""

    entry = serializers.UUIDField()
    erased_under = serializers.UUIDField(allow_null=True)


class ContextSchema(serializers.Serializer[Any]):
    """A case's context; `invalidated` are keys written by work that was undone. As it was, with
    `at`, the completion after which, and `erased`, the changes that nobody knows any more."""

    context = serializers.DictField()  # type: ignore[assignment]  # a field of that name
    invalidated = serializers.ListField(child=serializers.CharField())
    at = serializers.IntegerField(required=False)
    erased = ErasedChangeSchema(many=True, required=False)
