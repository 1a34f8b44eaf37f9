"""What lies in `deploy/` fits the application: sizes, addresses, the form of its log."""

from __future__ import annotations

import logging.config
import re

import pytest
from django.conf import settings
from gunicorn.config import Config  # type: ignore[import-untyped]  # no types

from deploy import gunicorn_conf
from deploy.deadline_worker import RECEIVE_SECONDS, DeadlineWorker
from tests.database import ROOT
from verbs import catalogue
from verbs.body_size import largest_body
from verbs.subject import all_subjects
from web.log_lines import LineFormatter
from workitems.around.files import NewAttachment

PROXIES = {
    name: (ROOT / "deploy" / name).read_text("utf-8") for name in ("nginx.conf", "Caddyfile")
}
LIMITS = {
    "nginx.conf": r"client_max_body_size (\d+)m;",
    "Caddyfile": r"max_size (\d+)MiB",
}
SAID = {
    "nginx.conf": (
        "proxy_request_buffering on;", "client_header_timeout 10s;", "client_body_timeout   10s;",
        "underscores_in_headers off;", "add_header Retry-After 10 always;",
        "X-Forwarded-For $remote_addr;", "X-Request-ID $request_id;",
    ),
    "Caddyfile": (
        "request_buffers 16MiB", "read_header 10s", "read_body 30s",
        "X-Request-ID {http.request.uuid}", "header_up -Script_Name", "header_up -Path_Info",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PROXIES)
def test_a_proxy_lets_through_what_is_read_and_little_more(name: str) -> None:
    [megabytes] = re.findall(LIMITS[name], PROXIES[name])
    limit = int(megabytes) * 1024 * 1024
    # A file in Base64 is the longest of all that is read.
    longest = largest_body(NewAttachment)
    assert longest < limit <= 2 * longest
    verbs = [
        verb for subject in all_subjects() for verb in catalogue.verbs_of(subject.subject_type)
    ]
    bodies = {largest_body(verb.input) for verb in verbs}
    assert max(bodies) == longest
    assert max(bodies - {longest}) < settings.DATA_UPLOAD_MAX_MEMORY_SIZE


@pytest.mark.parametrize("name", PROXIES)
def test_a_proxy_waits_for_slow_clients_and_calls_gunicorn_where_it_listens(name: str) -> None:
    assert [said for said in SAID[name] if said not in PROXIES[name]] == []
    assert gunicorn_conf.bind in PROXIES[name]


def test_gunicorn_reads_its_settings() -> None:
    config = Config()
    own = {name: value for name, value in vars(gunicorn_conf).items() if name in config.settings}
    for name, value in own.items():
        config.set(name, value)
    assert issubclass(config.worker_class, DeadlineWorker)
    assert config.threads > 50
    assert RECEIVE_SECONDS == 20
    assert config.forwarder_headers == []
    written = {name for name in vars(gunicorn_conf) if re.fullmatch("[a-z][a-z_]+", name)}
    assert written - own.keys() == {"annotations"}


def test_gunicorns_lines_are_those_of_the_application() -> None:
    configured = logging.config.DictConfigurator(gunicorn_conf.logconfig_dict)
    formatter = configured.configure_formatter(gunicorn_conf.logconfig_dict["formatters"]["line"])
    assert isinstance(formatter, LineFormatter)
    used = {handler["formatter"] for handler in gunicorn_conf.logconfig_dict["handlers"].values()}
    assert used == {"line"}
    assert "%(U)s" not in gunicorn_conf.access_log_format
