"""A script run by `pgbench`, prepared, as the application's role."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

from tools.localstack.programs import bundled_postgres


def rate_of(script: Path, variables: Mapping[str, Any], *length: str, clients: int = 1) -> float:
    """Run `script` and return its transactions per second, connecting time aside. `length` is how
    long: `--transactions` or `--time`, and their number."""
    url = psycopg.conninfo.conninfo_to_dict(os.environ["DATABASE_URL"])
    settings = [part for name, value in variables.items() for part in ("-D", f"{name}={value}")]
    done = subprocess.run(
        [
            str(bundled_postgres() / "pgbench"), "--no-vacuum", "--protocol", "prepared",
            "--client", str(clients), "--jobs", str(min(clients, 2)), *length, *settings,
            "--file", str(script),
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
