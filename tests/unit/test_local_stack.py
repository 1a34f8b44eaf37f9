"""Who holds the local stack, what is told to others, and when a preparing step is due."""

from __future__ import annotations

import io
import json
import os
import stat
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tools.localstack import LocalServerError, folders, prepare, run, stack
from tools.localstack.management.commands import local_env

_URLS = {
    "DATABASE_URL": "postgresql://amends_web:a@/amends?host=%2Ftmp%2Fx",
    "DATABASE_OWNER_URL": "postgresql://amends_owner:b@/amends?host=%2Ftmp%2Fx",
    "DATABASE_SUPERUSER_URL": "postgresql://postgres@/amends?host=%2Ftmp%2Fx",
    "REDIS_URL": "",
    "AMENDS_URL": "http://127.0.0.1:8000",
}


def test_a_stack_runs_exactly_while_its_lock_is_held(tmp_path: Path) -> None:
    assert stack.running(tmp_path) is None
    with stack.held(tmp_path, "http://127.0.0.1:1"):
        assert stack.running(tmp_path) is None  # started, nothing published yet
        stack.publish(tmp_path, _URLS)
        assert stack.running(tmp_path) == _URLS
        mode = stat.S_IMODE((tmp_path / "var/stack.json").stat().st_mode)
        assert mode == 0o600
    assert stack.running(tmp_path) is None


def test_what_a_killed_supervisor_published_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var/stack.lock").write_text('{"pid": 1, "url": "x"}')
    stack.publish(tmp_path, _URLS)
    assert stack.running(tmp_path) is None
    with stack.held(tmp_path, "http://127.0.0.1:1"):
        assert stack.running(tmp_path) is None


def test_the_second_holder_is_told_process_and_url_of_the_first(tmp_path: Path) -> None:
    with stack.held(tmp_path, "http://127.0.0.1:8042"):
        with pytest.raises(LocalServerError) as refusal, stack.held(tmp_path, "http://other"):
            pass
        assert json.loads((tmp_path / "var/stack.lock").read_text())["pid"] == os.getpid()
    assert f"process {os.getpid()} at http://127.0.0.1:8042 " in str(refusal.value)


def test_local_env_prints_the_lines_of_the_running_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_env, "PROJECT", tmp_path)
    with pytest.raises(CommandError, match="no local stack is running; start it with: make run"):
        call_command("local_env")
    printed = io.StringIO()
    with stack.held(tmp_path, _URLS["AMENDS_URL"]):
        stack.publish(tmp_path, _URLS)
        call_command("local_env", stdout=printed)
    assert printed.getvalue().splitlines() == [
        "DATABASE_URL=postgresql://amends_web:a@/amends?host=%2Ftmp%2Fx",
        "DATABASE_OWNER_URL=postgresql://amends_owner:b@/amends?host=%2Ftmp%2Fx",
        "DATABASE_SUPERUSER_URL=postgresql://postgres@/amends?host=%2Ftmp%2Fx",
        "REDIS_URL=",
        "AMENDS_URL=http://127.0.0.1:8000",
    ]


def test_a_private_folder_that_is_somebody_elses_doing_is_refused(tmp_path: Path) -> None:
    me = folders.invoking_user()
    real = folders.private_folder(tmp_path / "mine", me)
    assert folders.private_folder(real, me) == real
    (tmp_path / "link").symlink_to(real)
    with pytest.raises(LocalServerError, match="must be a folder of user"):
        folders.private_folder(tmp_path / "link", me)
    real.chmod(0o750)
    with pytest.raises(LocalServerError, match="must be closed to other users"):
        folders.private_folder(real, me)


def test_a_socket_folder_is_short_wherever_the_temp_folder_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    found = folders.socket_folder(f"test-{os.getpid()}", folders.invoking_user())
    try:
        assert long not in found.parents
        assert len(os.fsencode(found)) < 93
        assert stat.S_IMODE(found.stat().st_mode) == 0o700
    finally:
        found.rmdir()


def test_a_step_is_due_when_what_it_depends_on_changes(tmp_path: Path) -> None:
    (tmp_path / "app/migrations").mkdir(parents=True)
    (tmp_path / "app/static").mkdir()
    (tmp_path / ".venv/x/migrations").mkdir(parents=True)
    (tmp_path / "requirements.txt").write_text("django==1")
    migrations = prepare.migration_files(tmp_path, demo=True)
    statics = prepare.static_files(tmp_path)
    (tmp_path / ".venv/x/migrations/0001.py").write_text("theirs")
    assert prepare.migration_files(tmp_path, demo=True) == migrations
    assert prepare.migration_files(tmp_path, demo=False) != migrations
    (tmp_path / "app/migrations/0001.py").write_text("ours")
    assert prepare.migration_files(tmp_path, demo=True) != migrations
    assert prepare.static_files(tmp_path) == statics
    (tmp_path / "app/static/a.css").write_text("a {}")
    assert prepare.static_files(tmp_path) != statics
    stamp = tmp_path / "stamp.json"
    assert not prepare.is_fresh(stamp, statics)
    folders.write_private(stamp, statics)
    assert prepare.is_fresh(stamp, statics)
    stamp.write_text("half a fi")
    assert not prepare.is_fresh(stamp, statics)


def test_pages_are_only_ever_served_on_loopback() -> None:
    assert run.HOST == "127.0.0.1"
