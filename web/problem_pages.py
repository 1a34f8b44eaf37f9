"""What the `type` of a problem leads to: its description."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from web.problem_types import known, uri
from web.problems import Problem, answer


@require_safe
def problem_type(request: HttpRequest, code: str) -> JsonResponse:
    """Describe one problem type to anybody; no tenant is involved."""
    found = known().get(code)
    if found is None:
        return answer(Problem(404, "not_found", f"There is no problem type {code!r}."), request)
    return JsonResponse(
        {"type": uri(code), "code": code, "description": found.description, "detail": found.detail}
    )
