"""One human transition through the service layer against its ceiling. `make bench`.

Ours: `start` and `stop` of one work item, in turn, by one client through `workitems.actions`.
Ceiling: the same statements, in the same order, by pgbench: prepared, as the application's role, on
the same tables, with the same triggers and policies; see `transition.sql` beside this file.

Both run on one server in one process tree, interleaved round by round, because machines drift: the
figure that counts is the median of the per-round ratios. Exit 1 below the bound.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
import uuid
from importlib import import_module
from pathlib import Path

import django
import psycopg

from tools.localstack.programs import bundled_postgres

BOUND = 0.25
LATER = 0.35
MAX_STATEMENTS = 8
HERE = Path(__file__).resolve().parent


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--transitions", type=int, default=400, help="of each side, a round")
    options = parser.parse_args()
    prepare_database()
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
    django.setup()
    subject = import_module("benchmarks.subject").Subject()
    statements = subject.count_statements()
    subject.run(options.transitions // 4)
    _pgbench(subject.ceiling_variables(), options.transitions // 4)
    rows = []
    for _ in range(options.rounds):
        started = time.perf_counter()
        subject.run(options.transitions)
        ours = options.transitions / (time.perf_counter() - started)
        ceiling = _pgbench(subject.ceiling_variables(), options.transitions)
        rows.append((ours, ceiling, ours / ceiling))
        print(f"  ours {ours:8.1f}/s   raw SQL {ceiling:8.1f}/s   ratio {ours / ceiling:.3f}")
    return _verdict(statements, rows)


def _verdict(statements: int, rows: list[tuple[float, float, float]]) -> int:
    ratio = statistics.median(row[2] for row in rows)
    print(
        f"\none transition: ours {statistics.median(row[0] for row in rows):.1f}/s,"
        f" raw SQL {statistics.median(row[1] for row in rows):.1f}/s,"
        f" ratio {ratio:.3f} (bound {BOUND}, later {LATER});"
        f" {statements} statements (bound {MAX_STATEMENTS})"
    )
    return 0 if ratio >= BOUND and statements <= MAX_STATEMENTS else 1


def prepare_database() -> None:
    """Migrate as the owner."""
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        check=True,
        cwd=HERE.parent,
        env={
            **os.environ,
            "AMENDS_DB_ROLE": "owner",
            "DJANGO_SETTINGS_MODULE": "config.settings.test",
        },
    )


def _pgbench(variables: dict[str, uuid.UUID], transactions: int) -> float:
    """Run the ceiling script and return its transactions per second, connecting time aside."""
    url = psycopg.conninfo.conninfo_to_dict(os.environ["DATABASE_URL"])
    settings = [part for name, value in variables.items() for part in ("-D", f"{name}={value}")]
    program = bundled_postgres() / "pgbench"
    done = subprocess.run(
        [
            str(program), "--no-vacuum", "--protocol", "prepared",
            "--client", "1", "--transactions", str(transactions), *settings,
            "--file", str(HERE / "transition.sql"),
            "--host", str(url["host"]), "--username", str(url["user"]), str(url["dbname"]),
        ],
        check=False, capture_output=True, text=True,
        env={**os.environ, "PGPASSWORD": str(url.get("password", "")),
             **({"PGPORT": str(url["port"])} if url.get("port") else {})},
    )  # fmt: skip
    for line in done.stdout.splitlines():
        if line.startswith("tps = "):
            return float(line.split()[2])
    raise RuntimeError(f"pgbench gave no figure: {done.stderr or done.stdout}")


if __name__ == "__main__":
    sys.exit(main())
