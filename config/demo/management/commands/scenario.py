"""`manage.py scenario <name>`: tell a story against the running server and check how it ends."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from config import env
from config.demo.client import NotLoopback, Refused, Unreachable
from config.demo.scenarios import SCENARIOS
from config.demo.scenarios.stage import ScenarioFailed, Transcript, opened
from tools.localstack import stack


class Command(BaseCommand):
    """Drive a running server through its REST API as the people of the demo."""

    help = (
        "Tell a story against the running server, through its REST API, as the people of the demo."
        " Exits 0 if everything checked at the end is as it must be, else 1."
    )

    @override
    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the name and the URL."""
        parser.add_argument("name", choices=sorted(SCENARIOS))
        parser.add_argument(
            "--url", help="where the server is; else AMENDS_URL, else the running local stack"
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Tell the story; exit 1 with what was expected and found if it does not hold."""
        scenario = SCENARIOS[options["name"]]
        tell = Transcript(self.stdout.write)
        try:
            with opened(_url(options["url"]), scenario.PEOPLE, tell) as stage:
                scenario.play(stage)
        except (ScenarioFailed, Refused, Unreachable, NotLoopback) as error:
            self.stderr.write(f"\nThe scenario failed: {error}")
            sys.exit(1)
        if tell.failed:
            self.stderr.write(f"\nThe scenario failed: {len(tell.failed)} checks are wrong.")
            sys.exit(1)
        self.stdout.write("\nEverything holds.")


def _url(said: str | None) -> str:
    """Return the server's URL: said on the command line, in AMENDS_URL, or by the local stack."""
    url = said or env.read(env.Environment).AMENDS_URL
    if url:
        return url
    running = stack.running(Path(settings.BASE_DIR))
    if running is None:
        raise CommandError("no server is known: start one with `make run`, or give --url")
    return running["AMENDS_URL"]
