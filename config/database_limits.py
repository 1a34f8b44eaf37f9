"""How long a connection to the database may wait and work, by what its process is for.

Three settings of PostgreSQL, sent as the connection begins (`options` of libpq), so that no
transaction pays for them. By process, and not by role: web server and workers log in as one role.

- *web*: somebody waits. A row that stays locked for longer is not worth a blocked thread; what
  takes longer than a page may is stopped by the server too, and not only given up by the client.
- *work*: workers, the sweep and commands. A handler does more at once, and is tried again.
- *owner*: migrations. They wait for a table that is in use, but not for ever, because everybody who
  comes after them waits too; building an index may take hours.

Whoever meets a limit has changed nothing. A request is 503 `unavailable`. A task is tried again:
for a lock that was not to be had no attempt counts, for a statement that took too long one does,
because the next may take as long. What a `DATABASE_URL` says by `?options=` decides over these. A
pooler that refuses the parameter `options` must let it pass, or set the three itself.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Purpose = Literal["web", "work", "owner"]


class Limits(NamedTuple):
    """Seconds: for a lock, for a statement, and with a transaction open and nothing said in it."""

    lock: float
    statement: float
    idle_in_transaction: float

    def options(self) -> str:
        """Return them as libpq takes them."""
        said = {
            "lock_timeout": self.lock,
            "statement_timeout": self.statement,
            "idle_in_transaction_session_timeout": self.idle_in_transaction,
        }
        return " ".join(f"-c {name}={round(seconds * 1000)}" for name, seconds in said.items())


LIMITS: Final[dict[Purpose, Limits]] = {
    "web": Limits(lock=5, statement=20, idle_in_transaction=30),
    "work": Limits(lock=10, statement=120, idle_in_transaction=60),
    "owner": Limits(lock=60, statement=4 * 3600, idle_in_transaction=600),
}
