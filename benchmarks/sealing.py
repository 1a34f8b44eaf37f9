"""A full ledger is sealed, checked, and one of its entries proved: entries a second, memory, and
statements.

Entries go through the recording door. Sealing is what a worker does, portion after portion. Each
check runs in a process of its own, of a ledger and of one a tenth as long, so that what it needs
of memory at most can be compared; and of one as long of which half of the payloads were pruned.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
import uuid
from importlib import import_module

import django
from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks import figures
from benchmarks.preparing import analyze, prepare

_CONTROL = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "SELECT set_config")


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3, help="of checking")
    parser.add_argument("--pruned", type=int, default=100_000, help="entries, half pruned")
    parser.add_argument("--verify", type=uuid.UUID, help="be the process that checks this tenant")
    options = parser.parse_args()
    if options.verify:
        return _verified(options.verify)
    prepare()
    filling = import_module("benchmarks.filled_ledger")
    tenants = [filling.filled(entries) for entries in (options.entries // 10, options.entries)]
    pruned = filling.half_pruned(options.pruned)
    analyze(os.environ["DATABASE_OWNER_URL"])
    print(f"  {options.entries:,} entries are there", flush=True)
    _sealed(tenants[0])  # warm
    many = f"{options.entries:,} entries"
    lines = [figures.absolute(f"sealing {many}", _sealed(tenants[1]), "/s")]
    analyze(os.environ["DATABASE_OWNER_URL"])
    rounds = [[_checked(tenant) for tenant in tenants] for _ in range(options.rounds)]
    rates = sorted(rate for _, (rate, _) in rounds)
    _sealed(pruned)
    fewer = [_checked(pruned) for _ in range(options.rounds)]
    fewer_rates = sorted(rate for rate, _ in fewer)
    beside = [(size, whole) for (_, size), (_, (_, whole)) in zip(fewer, rounds, strict=True)]
    half = f"{options.pruned:,} entries, half of the payloads pruned"
    lines += [
        figures.absolute(f"verifying {many}", rates[len(rates) // 2], "/s"),
        figures.absolute(f"verifying {half}", fewer_rates[len(fewer_rates) // 2], "/s"),
        figures.sizes(f"memory {many}", "tenth", [(whole, few) for (_, few), (_, whole) in rounds]),
        figures.sizes(f"memory {half}", "whole", beside),
        figures.absolute(f"proof {many}", _statements_of_proof(tenants[1]), " statements"),
    ]
    return figures.report(lines)


def _sealed(tenant_id: uuid.UUID) -> float:
    """Seal all that a tenant has, and return how many entries a second that was."""
    seal_portion = import_module("ledger.tree.sealer").seal_portion
    started, sealed = time.perf_counter(), 0
    while count := seal_portion(tenant_id):
        sealed += count
    return float(sealed / (time.perf_counter() - started))


def _checked(tenant_id: uuid.UUID) -> tuple[float, float]:
    """Check a tenant in a process of its own. Returns entries a second, and MB at most."""
    command = [sys.executable, "-m", "benchmarks.sealing", "--verify", str(tenant_id)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    rate, size, used = map(float, done.stdout.split())
    # Where others use the machine the processor's time says more than the clock.
    print(f"  checked {rate:8.0f}/s, {size:.0f} MB; {used:.1f} s of processor", flush=True)
    return rate, size


def _verified(tenant_id: uuid.UUID) -> int:
    django.setup()
    verify = import_module("ledger.verify")
    started = time.perf_counter()
    report = verify.verify_tenant(tenant_id, verify.Report())
    rate = report.entries / (time.perf_counter() - started)
    if report.sealed != report.entries:
        raise RuntimeError(f"{report.sealed} of {report.entries} entries are sealed")
    used = time.process_time()
    print(rate, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, used)
    return 0


def _statements_of_proof(tenant_id: uuid.UUID) -> int:
    """Return how many statements the proof of an entry in the middle takes."""
    scope = import_module("ledger.tenancy").reading_scope
    with scope(tenant_id):
        leaves = import_module("ledger.models").LedgerLeaf.objects.filter(tenant_id=tenant_id)
        entry = leaves.get(tree_index=leaves.count() // 2).entry_id
        with CaptureQueriesContext(connection) as captured:
            import_module("audit.proofs").proof_of(tenant_id, entry)
    return sum(not each["sql"].startswith(_CONTROL) for each in captured.captured_queries)


if __name__ == "__main__":
    sys.exit(main())
