"""The capabilities that a deployment declares in a file: of other programs, and of agents."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from django.core.exceptions import ImproperlyConfigured
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from egress.calls import Limits
from executions.capability_registry import agent_capability
from executions.handler_contract import RetryPolicy, Trial
from executions.http_capabilities import ALREADY_DONE, http_capability

_MOST_BYTES = 4_000_000


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Retry(_Part):
    max_attempts: int = Field(default=5, ge=1, le=100)
    base_seconds: float = Field(default=1, ge=0, le=3600)
    cap_seconds: float = Field(default=30, ge=0, le=86_400)
    backoff: Literal["exponential", "fixed"] = "exponential"
    jitter: float = Field(default=0, ge=0, le=1)


class _Limits(_Part):
    connect: float = Field(default=5, gt=0, le=60)
    read: float = Field(default=30, gt=0, le=600)
    whole: float = Field(default=60, gt=0, le=3600)
    most_bytes: int = Field(default=1_000_000, ge=1, le=10_000_000)


class _Shared(_Part):
    """What is said of both kinds; each as in `Capability`."""

    name: str = Field(pattern=r"^[\w.-]{1,150}$")
    description: str = ""
    input_schema: dict[str, Any] | None = None
    output_schema: dict[str, Any] | None = None
    image_schema: dict[str, Any] | None = None
    reversibility: str | None = None
    undone_by: str | None = None
    compensation: dict[str, Any] | None = None
    risk: str | None = None
    category: str | None = None
    tags: list[str] | None = None
    blast_radius: str | None = None
    safe_without_effect: bool | None = None
    allowed_roles: list[str] | None = None
    performer: str | None = None


class _Agent(_Shared):
    kind: Literal["agent"]


class _Http(_Shared):
    kind: Literal["http"] = "http"
    url: str
    secret_env: str
    authorization_env: str | None = None
    status_url: str | None = None
    sandbox_url: str | None = None
    images: bool | None = None
    already_done: list[int] = list(ALREADY_DONE)
    side_effect: str | None = None
    simulates: bool | None = None
    poll_seconds: float | None = None
    wait_seconds: int | None = None
    retry: _Retry = _Retry()
    limits: _Limits = _Limits()
    trial_input: dict[str, Any] | None = None


def _kind(given: Any) -> str:
    """Tell which of both a declaration is, so that what is wrong is said of that one alone."""
    said = given.get("kind") if isinstance(given, dict) else None
    return "agent" if said == "agent" else "http"


_Either = Annotated[
    Annotated[_Agent, Tag("agent")] | Annotated[_Http, Tag("http")], Discriminator(_kind)
]


class _File(_Part):
    capabilities: list[_Either]


def register_declared(path: str) -> None:
    """Register what the file declares; nothing without one. Raises ImproperlyConfigured, naming the
    file and what is wrong in it: a product that lacks a capability must not start."""
    if not path:
        return
    try:
        declared = _File.model_validate(_read(Path(path)))
    except ValidationError as error:
        raise ImproperlyConfigured(f"{path}: {_first(error)}") from error
    for each in declared.capabilities:
        try:
            _register(each)
        except ValueError as error:
            raise ImproperlyConfigured(f"{path}: {error}") from error


def _read(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise ImproperlyConfigured(f"{path}: has more than {_MOST_BYTES} bytes")
        return YAML(typ="safe", pure=True).load(text)
    except (OSError, YAMLError, ValueError) as error:
        raise ImproperlyConfigured(f"{path}: cannot be read: {error}") from error


def _register(each: _Agent | _Http) -> None:
    said = each.model_dump(exclude_none=True, exclude={"kind", "name", "retry", "limits"})
    if isinstance(each, _Agent):
        agent_capability(each.name, **said)
        return
    tried = said.pop("trial_input", None)
    http_capability(
        each.name,
        already_done=tuple(said.pop("already_done")),
        limits=Limits(**each.limits.model_dump()),
        retry=RetryPolicy(**each.retry.model_dump()),
        trial=None if tried is None else Trial(tried),
        **said,
    )


def _first(error: ValidationError) -> str:
    """Return where the first fault is, and which rule it breaks."""
    faults: list[Mapping[str, Any]] = list(error.errors(include_url=False, include_input=False))
    first = faults[0]
    where = "/".join(str(part) for part in first["loc"])
    return f"{where or '/'}: {first['msg']}"
