"""Settings of gunicorn: `gunicorn --config deploy/gunicorn_conf.py config.wsgi:application`.

What the command line says comes before what is said here.
"""

from __future__ import annotations

from typing import Any

bind = "127.0.0.1:8000"
workers = 2
# A client that sends half a request holds a thread until its deadline. There are more threads than
# such clients are expected without a proxy in front; an idle one costs little.
worker_class = "deploy.deadline_worker.DeadlineWorker"
threads = 64
worker_connections = 512
# Of a worker that does not answer its master; requests are bounded by themselves.
timeout = 60
graceful_timeout = 30
keepalive = 5
# Addresses are short, tokens are headers, and no header of ours is long.
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
# Nobody says in a header below which address we are: by default whoever calls from this machine
# may (`Script_name`), and limits that go by addresses would look past it.
forwarder_headers = ""
# No memory of a request stays for ever.
max_requests = 20_000
max_requests_jitter = 2_000

accesslog = "-"
# The request as it was sent, still percent-encoded: what is decoded could forge a line.
access_log_format = '%(h)s "%(r)s" %(s)s %(B)s %(M)sms %({x-request-id}o)s'
logconfig_dict: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "web.log_lines.LineFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {
        "out": {
            "class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stdout",
        },
        "err": {"class": "logging.StreamHandler", "formatter": "line"},
    },
    "root": {"level": "WARNING", "handlers": ["err"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": ["err"], "propagate": False},
        "gunicorn.access": {"level": "INFO", "handlers": ["out"], "propagate": False},
    },
}  # fmt: skip
