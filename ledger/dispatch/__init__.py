"""Gets the work done that committed news calls for.

`record` inserts an event and one task per consumer that registered for its type. A worker claims
the oldest unfinished task of a lane (consumer, shard), commits the lease, and runs the handler; the
handler marks the task done inside the transaction of its effect, so that the effect happens once.

States of a task: due → leased → done, or back to due after a failure (with back-off), or dead after
the last attempt. The lease is extended while the handler runs. One that runs out (the worker was
killed, or its handler hangs) makes the task due again; a worker that lost its lease finds out when
it marks the task done, and its transaction rolls back. A task that killed its worker in every one
of its attempts is dead too. News for a consumer that a program does not know is left to those
programs that do; after a day it is dead.

A dead task of a *holding* consumer keeps its lane closed, so that a case never skips a step; a dead
task of any other consumer is stepped over. No message broker takes part: Redis only wakes sooner.
"""
