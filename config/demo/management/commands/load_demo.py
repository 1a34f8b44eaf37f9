"""`manage.py load_demo`: the demo's people, money and examples, unless they are there already."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from typing_extensions import override

from config.demo.demo_people import CAST, DEMO, OTHER, PASSWORD
from config.demo.loading import is_loaded, load


class Command(BaseCommand):
    """Load the demo once; a second call changes nothing."""

    help = "Create the demo's tenants, people, accounts and example definitions, once."

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Load, and print who can sign in."""
        if is_loaded():
            self.stdout.write("the demo is there already")
            return
        load(settings.BASE_DIR / "examples")
        for organisation in (DEMO, OTHER):
            names = [p.username for p in CAST if p.organisation == organisation and p.signs_in]
            self.stdout.write(f"{organisation.name} ({organisation.slug}): {' '.join(names)}")
        self.stdout.write(f"password of all: {PASSWORD}")
