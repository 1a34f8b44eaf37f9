"""House rules that import-linter cannot see, each a function from a file to what breaks it.

They are plain functions so that `test_house_rules` can try each on a planted violation.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator

from tests.architecture.sources import Source

MODULE_LINES = 400
FUNCTION_LINES = 60

DOMAIN = {"models", "lifecycle", "actions", "planning", "selectors", "events", "errors"}
HTTP = ("django.http", "django.shortcuts", "django.views", "django.contrib.messages")
NETWORK = (
    *("socket", "ssl", "http.client", "urllib.request", "urllib3", "httpx", "httpcore", "requests"),
)
NETWORK_ALLOWED = ("egress", "tools.localstack", "config.demo.client")
MAIL = ("django.core.mail", "smtplib")
MAIL_ALLOWED = ("notifications.channels.email",)
SIGNALS = ("django.dispatch", "django_fsm.signals")
BROKER_CALLS = {"delay", "apply_async", "send_task"}
# What of the recording door is a plain value, and so may be named outside actions.
DOOR_VALUES = {"ActorRef", "EntryRef"}
SERIALIZER_LOGIC = {"create", "update", "save"}
NAMELESS = {"utils", "common", "helpers", "misc"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _imported(node: ast.AST) -> list[str]:
    """Return every dotted name an import statement may bring in, module or member."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def _imports_of(each: Source, *names: str) -> Iterator[str]:
    for node in ast.walk(each.tree):
        for name in _imported(node):
            if any(name == banned or name.startswith(f"{banned}.") for banned in names):
                yield f"{each.path}:{node.lineno} imports {name}"  # type: ignore[attr-defined]  # imports have a line
                break


def _functions(tree: ast.AST) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield node


def _calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Yield every call with the last part of what it calls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            target = node.func
            name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
            yield node, name


def recording_imports(each: Source) -> list[str]:
    """Only actions record; others may name the door's plain values, and only those.

    A benchmark records news that mean nothing, to measure what is done with it.
    """
    if each.parts[0] in {"ledger", "verbs", "benchmarks"} or "actions" in each.parts:
        return []
    found = list(_imports_of(each, "ledger.record_sql"))
    for node in ast.walk(each.tree):
        if isinstance(node, ast.Import) and "ledger.record" in _imported(node):
            found.append(f"{each.path}:{node.lineno} imports ledger.record")
        if isinstance(node, ast.ImportFrom) and node.module in {"ledger", "ledger.record"}:
            names = {alias.name for alias in node.names}
            wrong = names & {"record"} if node.module == "ledger" else names - DOOR_VALUES
            found += [f"{each.path}:{node.lineno} imports {name}" for name in sorted(wrong)]
    return found


def network_imports(each: Source) -> list[str]:
    """Only `egress` opens a socket to the outside."""
    return [] if each.within(*NETWORK_ALLOWED) else list(_imports_of(each, *NETWORK))


def mail_imports(each: Source) -> list[str]:
    """Only the email channel sends mail."""
    return [] if each.within(*MAIL_ALLOWED) else list(_imports_of(each, *MAIL))


def domain_http_imports(each: Source) -> list[str]:
    """The domain does not know HTTP."""
    domain = each.parts[0] in {"ledger", "json_values"} or (
        len(each.parts) > 1 and each.parts[1] in DOMAIN
    )
    return list(_imports_of(each, *HTTP)) if domain else []


def signals(each: Source) -> list[str]:
    """No signal of Django's or of the state machine's carries behaviour."""
    return list(_imports_of(each, *SIGNALS)) + [
        f"{each.path} imports {name}"
        for node in ast.walk(each.tree)
        for name in _imported(node)
        if name.startswith("django.") and "signals" in name.split(".")
    ]


def broker_calls(each: Source) -> list[str]:
    """Only `config` speaks to the broker, and nobody asks it to wait."""
    found = []
    for call, name in _calls(each.tree):
        if name in BROKER_CALLS and not each.within("config"):
            found.append(f"{each.path}:{call.lineno} calls .{name}(")
        found += [
            f"{each.path}:{call.lineno} passes {keyword.arg}="
            for keyword in call.keywords
            if keyword.arg in {"countdown", "eta"}
        ]
    return found


def imports_inside_functions(each: Source) -> list[str]:
    """A deferred import hides a wrong arrow. `AppConfig.ready` is Django's own place for them."""
    return [
        f"{each.path}:{node.lineno} imports inside {function.name}()"
        for function in _functions(each.tree)
        if not (function.name == "ready" and each.parts[-1] == "apps")
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]


def long_module(each: Source) -> list[str]:
    """A module has at most `MODULE_LINES` lines."""
    return [f"{each.path} has {each.lines} lines"] if each.lines > MODULE_LINES else []


def long_functions(each: Source) -> list[str]:
    """A function has at most `FUNCTION_LINES` lines, its docstring included."""
    found = []
    for function in _functions(each.tree):
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        if length > FUNCTION_LINES:
            found.append(f"{each.path}:{function.lineno} {function.name} has {length} lines")
    return found


def nameless_modules(each: Source) -> list[str]:
    """A module's name says what is in it."""
    return [f"{each.path} is named {part}" for part in each.parts if part in NAMELESS]


def serializer_logic(each: Source) -> list[str]:
    """Serializers parse and render; they write nothing."""
    if not any(part.startswith("serializers") for part in each.parts):
        return []
    return [
        f"{each.path}:{function.lineno} defines {function.name}()"
        for function in _functions(each.tree)
        if function.name in SERIALIZER_LOGIC
    ]


def _names_status(node: ast.expr | None) -> bool:
    return node is not None and any(
        isinstance(part, ast.Constant) and part.value == "status" for part in ast.walk(node)
    )


def _status_call(call: ast.Call, name: str) -> bool:
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    match name:
        case "update":
            return "status" in keywords
        case "setattr":
            return len(call.args) > 1 and _names_status(call.args[1])
        case "bulk_update":
            fields = call.args[1] if len(call.args) > 1 else keywords.get("fields")
            return _names_status(fields)
        case "save":
            return _names_status(keywords.get("update_fields"))
        case "update_or_create":
            return "status" in keywords or _names_status(keywords.get("defaults"))
    return False


def _is_transition(function: Function) -> bool:
    return any(
        isinstance(mark, ast.Call) and getattr(mark.func, "id", "") == "transition"
        for mark in function.decorator_list
    )


def _assigned_status(node: ast.AST) -> ast.Attribute | None:
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    for target in targets:
        if isinstance(target, ast.Attribute) and target.attr == "status":
            return target
    return None


def _status_assignments(each: Source) -> Iterator[int]:
    model = "models" in each.parts
    excused = {
        id(node)
        for function in _functions(each.tree)
        if _is_transition(function)
        for node in ast.walk(function)
    }
    for node in ast.walk(each.tree):
        target = _assigned_status(node)
        # An exception or a result object may set its own `status`; a model may not.
        own = (
            target is not None and isinstance(target.value, ast.Name) and target.value.id == "self"
        )
        if target is not None and id(node) not in excused and (model or not own):
            yield target.lineno


def status_writes(each: Source) -> list[str]:
    """`status` is written by actions, `move` and `@transition` methods alone."""
    if "actions" in each.parts or each.dotted == "verbs.move":
        return []
    found = [
        f"{each.path}:{call.lineno} writes status through {name}()"
        for call, name in _calls(each.tree)
        if _status_call(call, name)
    ]
    return found + [f"{each.path}:{line} assigns status" for line in _status_assignments(each)]


REFUSALS = {"Conflict", "NotPermitted", "NotFound", "Invalid", "Stale", "PreconditionRequired"}
# Who speaks to programs alone, or stores what it says: the API, its filters, and the engine; and
# the reader of definitions, whose sentences stand beside the lines of a file.
SPOKEN_TO_PROGRAMS = (
    "audit.filters", "cases.actions.firing", "cases.definitions", "compensation.policy",
    "web.authentication", "web.bulk_api", "web.idempotency", "web.parsers", "web.verb_api",
)  # fmt: skip
SPEAKING = {
    "accounts", "audit", "cases", "compensation", "config", "executions", "governance",
    "notifications", "people", "verbs", "web", "workitems",
}  # fmt: skip


def untranslated_refusals(each: Source) -> list[str]:
    """Whoever is refused reads why in their own language, so the sentence goes through gettext."""
    if each.parts[0] not in SPEAKING or "api" in each.parts or each.within(*SPOKEN_TO_PROGRAMS):
        return []
    constants = _bare_names(node for node in each.tree.body if isinstance(node, ast.Assign))
    found, seen = [], set[int]()
    for function in (*_functions(each.tree), each.tree):
        names = constants | (_bare_names(function.body) if function is not each.tree else set())
        for call, name in _calls(function):
            said = _sentence_of(call, name)
            if id(call) not in seen and said is not None and _is_bare(said, names):
                found.append(f"{each.path}:{call.lineno} {ast.unparse(said)}")
            seen.add(id(call))
    return found


def _sentence_of(call: ast.Call, name: str) -> ast.expr | None:
    """Return what a call says to a person, if it is one that does."""
    owner = getattr(getattr(call.func, "value", None), "id", "")
    if name == "PydanticCustomError" and len(call.args) > 2:
        words = call.args[2]
        return words.values[0] if isinstance(words, ast.Dict) and words.values else None
    is_field = name in {"FieldError", "PydanticCustomError"} or (
        name == "field" and owner in REFUSALS
    )
    said = call.args[1:2] if is_field else call.args[:1] if name in REFUSALS else []
    return said[0] if said else None


def _bare_names(body: Iterable[ast.stmt]) -> set[str]:
    """Return the names that stand for a sentence which goes through nothing."""
    found: set[str] = set()
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Assign) and _is_bare(node.value, found):
                found |= {each.id for each in node.targets if isinstance(each, ast.Name)}
    return found


def _is_bare(node: ast.expr, names: Collection[str]) -> bool:
    """Whether an expression is a sentence that goes through nothing."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and any(letter.isalpha() for letter in node.value)
    if isinstance(node, ast.Name):
        return node.id in names
    return any(_is_bare(part, names) for part in _parts_of_sentence(node))


def _parts_of_sentence(node: ast.expr) -> list[ast.expr]:
    """Return the expressions whose words an expression has; what is filled in is no sentence."""
    match node:
        case ast.JoinedStr(values=parts):
            return parts
        case ast.IfExp(body=body, orelse=orelse):
            return [body, orelse]
        case (
            ast.BinOp(left=value)
            | ast.FormattedValue(value=ast.Name() as value)
            | ast.Call(func=ast.Attribute(value=value, attr="format"))
            | ast.Call(func=ast.Name(id="str"), args=[value])
        ):
            return [value]
    return []
