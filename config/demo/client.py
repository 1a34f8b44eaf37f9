"""A small client of the REST API for the scenarios. It calls loopback and nothing else."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

SECONDS = 15.0
_ERROR = 400


class NotLoopback(ValueError):
    """The URL leads away from this machine, or is none."""


class Refused(Exception):
    """The server answered with an error. `code` is the stable word of DESIGN §8."""

    def __init__(self, who: str, request: str, status: int, body: Any) -> None:
        problem = body if isinstance(body, Mapping) else {}
        self.status = status
        self.code = str(problem.get("code", ""))
        self.detail = str(problem.get("detail", "")) or str(body)[:500]
        super().__init__(f"{who}: {request} was answered {status} {self.code}: {self.detail}")


class Unreachable(Exception):
    """Nothing answered at the URL."""


def require_loopback(url: str) -> str:
    """Return `url` without a final slash. Raises NotLoopback unless it names this machine.

    A name other than `localhost` is refused without asking a resolver, because its answer may
    change between the question and the call.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host:
        raise NotLoopback(f"{url!r} must be an http:// URL with a host")
    if host != "localhost":
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            raise NotLoopback(f"{host!r} must be localhost or a loopback address") from None
        if not address.is_loopback:
            raise NotLoopback(f"{host!r} is not a loopback address")
    return url.rstrip("/")


class Client:
    """One person's connection: every call carries that person's token."""

    def __init__(self, url: str, *, username: str, token: str) -> None:
        self.username = username
        # The environment's proxies are ignored: a proxy would carry the token off this machine.
        self._http = httpx.Client(
            base_url=f"{require_loopback(url)}/api/v1/",
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=SECONDS,
            trust_env=False,
            follow_redirects=False,
        )

    def close(self) -> None:
        """Give the connection back."""
        self._http.close()

    def get(self, path: str) -> Any:
        """Return the body of a GET. Raises Refused and Unreachable."""
        return self._send("GET", path)

    def every(self, path: str) -> Iterator[Any]:
        """Yield the results of a list, page by page. Raises Refused and Unreachable."""
        following: str | None = path
        while following:
            page = self.get(following)
            yield from page["results"]
            following = page.get("next")

    def post(self, path: str, body: object = None, **headers: str) -> Any:
        """Return the body of a POST; `If_Match` is sent as If-Match. Raises as `get` does."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._send("POST", path, json={} if body is None else body, headers=named)

    def post_yaml(self, path: str, text: str) -> Any:
        """Return the body of a POST of a YAML document. Raises as `get` does."""
        headers = {"Content-Type": "application/yaml"}
        return self._send("POST", path, content=text.encode(), headers=headers)

    def _send(self, method: str, path: str, **more: Any) -> Any:
        try:
            response = self._http.request(method, path, **more)
        except httpx.TransportError as error:
            raise Unreachable(f"nothing answers at {self._http.base_url}: {error}") from error
        try:
            body = response.json() if response.content else None
        except ValueError:
            body = response.text
        if response.status_code >= _ERROR:
            raise Refused(self.username, f"{method} {path}", response.status_code, body)
        return body
