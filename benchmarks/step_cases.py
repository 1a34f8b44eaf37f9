"""Cases of human steps in a row, driven as people and one worker drive them, in one process.

Every step names its person, so that each forward step and each undo task tells somebody.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

from accounts.actions import create_tenant, create_user
from cases.actions import deploy_definition, open_case
from cases.models import Case
from compensation.actions.plan_execution import execute
from compensation.models import CompensationPlan, CompensationRun, CompensationStep
from executions.capability_registry import ANY_OBJECT, Invocation, Result, capability
from ledger.dispatch import hints
from ledger.dispatch.runner import do, run_until_idle
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from people.actions import add_member
from verbs.call import Call
from verbs.catalogue import find
from verbs.row_reading import read
from workitems.actions import complete, start
from workitems.models import WorkItem

_NOTHING = "benchmarks.nothing"
_WAITING = "r.tenant_id = %s AND r.case_id = %s AND r.status IN ('PENDING', 'ASSIGNED')"


@capability(
    _NOTHING,
    input_schema=dict(ANY_OBJECT),
    output_schema=dict(ANY_OBJECT),
    description="Undoes nothing: what is measured is the undoing of it.",
)
def undo_nothing(_call: Invocation) -> Result:
    """Answer at once."""
    return Result({})


#: The definition whose one step is done several times.
_LOOP = "loop"


class StepCases:
    """One tenant with an operator and an analyst who does all the work, in cases of `steps` steps.

    What commits leave is done in this process: `by_hints` as a worker does it, else looked for.
    """

    def __init__(self, *, by_hints: bool, steps: int = 5) -> None:
        self.steps = steps
        tag = uuid.uuid4().hex[:8]
        system = create_tenant(f"bench-{tag}", "Benchmark")

        def member(name: str, *roles: str) -> Any:
            user = create_user(f"{name}-{tag}", password=None)
            return add_member(call=Call(system), username=user.username, roles=list(roles))

        self._operator = Call(member("operator", "operator"))
        self._analyst = Call(member("analyst"))
        self._tenant_id = system.tenant_id
        by_name = f"analyst-{tag}"
        for mode in ("human", "automated"):
            deploy_definition(call=self._operator, source=_definition(mode, by_name, steps))
        deploy_definition(call=self._operator, source=_loop(by_name))
        self._work_off = self._by_hints if by_hints else run_until_idle
        self._hints: list[hints.Work] = []
        if by_hints:
            self.hear()

    def hear(self) -> None:
        """Hear the hints of commits from now on; of several, the last to say so does."""
        hints.set_publisher(self._hints.extend)

    def forward(self) -> uuid.UUID:
        """Do a case. Returns its id, like the other two."""
        return self._forward("human")

    def with_human_undos(self) -> uuid.UUID:
        """Do a case, and undo each by a task for who did it."""
        case_id = self._forward("human")
        self.execute(self.plan_undo(case_id))
        self._work_off()
        for _ in range(self.steps):
            self.work(case_id, "REVERSED")
        return case_id

    def with_automated_undos(self) -> uuid.UUID:
        """Do a case, and undo each by a program."""
        case_id = self._forward("automated")
        self.execute(self.plan_undo(case_id))
        self._work_off()
        return case_id

    def looped(self, rounds: int) -> uuid.UUID:
        """Do a case whose one step is done so often. Returns its id."""
        case_id = self.open(_LOOP)
        for left in range(rounds - 1, -1, -1):
            # Each time another word: where nothing changes nothing is begun.
            self.work(case_id, ("EVEN", "ODD")[left % 2] if left else "DONE")
        return case_id

    def undo_all(self, case_id: uuid.UUID) -> float:
        """Roll a case back, and all that follows; what undoes it are programs. Returns the seconds
        that its plan took."""
        begun = time.perf_counter()
        plan = self.plan_undo(case_id)
        planned = time.perf_counter() - begun
        self.execute(plan)
        self._work_off()
        return planned

    def check_undone(self, case_id: uuid.UUID, steps: int) -> None:
        """Raise RuntimeError unless a case was rolled back, with so many steps done."""
        with tenant_scope(self._tenant_id):
            found = Case.objects.get(id=case_id)
            done = CompensationStep.objects.filter(run__about_id=case_id, status="DONE").count()
        if (found.status, done) != ("COMPENSATED", steps):
            raise RuntimeError(f"a case is {found.status}, and {done} steps are done")

    def check(self, case_id: uuid.UUID, status: str, notices: int) -> None:
        """Raise RuntimeError unless a case has ended as it should, and people were told."""
        with tenant_scope(self._tenant_id):
            found = Case.objects.get(id=case_id)
            told = Delivery.objects.filter(case_id=case_id).count()
        if (found.status, told) != (status, notices):
            raise RuntimeError(f"a case is {found.status}, and {told} notices were given")

    def _by_hints(self) -> int:
        """Do all that commits have left, as a worker does it: by their hints, without looking for
        more in between. That nothing is left shows when the case is checked."""
        done = 0
        while self._hints:
            found = list(dict.fromkeys(self._hints))
            self._hints.clear()
            done += do(found)
        return done

    def _forward(self, mode: str) -> uuid.UUID:
        case_id = self.open(mode)
        for _ in range(self.steps):
            self.work(case_id, "DONE")
        return case_id

    def open(self, mode: str = "human") -> uuid.UUID:
        """Open a case, and let its first step be asked for."""
        case = open_case(call=self._operator, definition=f"benchmarks/{mode}", context={})
        self._work_off()
        case_id: uuid.UUID = case.id
        return case_id

    def work(self, case_id: uuid.UUID, outcome: str) -> None:
        """Do the one open task of a case, and all that follows."""
        with tenant_scope(self._tenant_id):
            (item,) = read(WorkItem, _WAITING, [self._tenant_id, case_id])
        start(item.id, call=self._analyst)
        complete(item.id, call=self._analyst, outcome=outcome)
        self._work_off()

    def plan_undo(self, case_id: uuid.UUID) -> CompensationPlan:
        """Preview the undo of a whole case."""
        plan: CompensationPlan = find("case", "compensation-plan")(
            case_id, call=self._operator, reason="It was wrong", regulatory_basis=[]
        )
        return plan

    def execute(self, plan: CompensationPlan) -> uuid.UUID:
        """Execute it: committed when this returns. Returns the run's id."""
        run: CompensationRun = execute(plan.id, call=Call(self._operator.by, digest=plan.digest))
        return run.id

    def has_started(self, run_id: uuid.UUID) -> bool:
        """Whether the first undo of a run has been started, as others see it."""
        with tenant_scope(self._tenant_id):
            steps = CompensationStep.objects.filter(run_id=run_id, status="RUNNING")
            return steps.exists()


def _definition(mode: str, person: str, steps: int) -> dict[str, Any]:
    """Return a definition of so many tasks in a row, each undone in this mode."""
    how = {"mode": mode, **({"capability": _NOTHING} if mode == "automated" else {})}
    bindings = []
    for n in range(1, steps + 1):
        before = f".s{n - 1} != null and " if n > 1 else ""
        bindings.append(
            {
                "name": f"s{n}",
                "on": {"contextChange": {}},
                "when": f"{before}.s{n} == null",
                "humanTask": {
                    "title": f"Do step {n}",
                    "candidateUsers": [person],
                    "outputMapping": f"{{s{n}: .outcome}}",
                },
                "compensation": how,
            }
        )
    return {
        "dsl": "0.1",
        "namespace": "benchmarks",
        "name": mode,
        "version": "1.0.0",
        "title": f"Steps, undone in {mode} mode",
        "spec": {
            "bindings": bindings,
            "goals": [{"name": "done", "kind": "success", "condition": f".s{steps} != null"}],
            "completion": {"success": {"allOf": ["done"]}},
        },
    }


def _loop(person: str) -> dict[str, Any]:
    """Return a definition of one task that is done again until somebody says otherwise, each time
    undone by a program: of any length, with the expressions of a short one."""
    found = _definition("automated", person, 1)
    [binding] = found["spec"]["bindings"]
    binding["when"] = '.s1 != "DONE"'
    found["name"] = _LOOP
    found["spec"]["goals"][0]["condition"] = '.s1 == "DONE"'
    return found
