"""jq expressions, evaluated within limits on time, size, depth and reach.

Whoever deploys a case definition writes its expressions, and the engine runs them for everyone.
They are compiled when the definition is, and evaluated in a child process (`child_pool.py`) with
250 ms of CPU time and 256 MiB of memory, and more of both for a large input; what needs no jq is
evaluated here (`simple_expressions.py`), with the same results. Only the first result counts. What
reaches outside its input (environment, modules, further inputs, standard error, ending the process)
is refused at compile time; the child could not do it either. Who must not wait for the child finds
what it has said in `known_answers.py`.
"""

from __future__ import annotations

import copy
import functools
import os
from collections.abc import Sequence
from typing import Any, Final

from json_values.characters import drawable
from json_values.jq.child_pool import LEFT_OUT, Answer, EvaluatorError, Item, JqPool
from json_values.jq.known_answers import answers
from json_values.jq.simple_expressions import OnlyJq, evaluate_simple
from json_values.jq.words_used import names_used
from json_values.limits import (
    GROWN_BYTES,
    GROWN_DEPTH,
    TOLD_BYTES,
    TOLD_DEPTH,
    beyond_limits,
    compact,
    depth_exceeds,
)

#: Any JSON value. A precise recursive type would need a cast at every use.
Json = Any

MAX_EXPRESSION_CHARACTERS: Final = 8_192

#: Functions and words that reach outside the input of an expression.
FORBIDDEN: Final = frozenset(
    {"env", "$ENV", "$__prog_args", "include", "import", "modulemeta", "get_search_list"}
    | {"input", "inputs", "input_filename", "input_line_number"}
    | {"debug", "stderr", "halt", "halt_error"}
)


class ExpressionFailed(Exception):  # a result that failed, not a bug
    """An expression has no usable result.

    `code` is one of `syntax forbidden timeout memory too_large too_deep nul not_unicode
    not_a_number no_result runtime not_an_object unavailable`. `detail` may quote the value at hand:
    treat it as free text.
    """

    def __init__(self, code: str, detail: str, *, expression: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.expression = expression

    @property
    def left_out(self) -> bool:
        """Whether it was not asked at all, because others took all the time: it may be all right
        where fewer are asked at once."""
        return (self.code, self.detail) == LEFT_OUT


class _Processes:
    """The pool of this process; a fork starts with an empty one."""

    def __init__(self) -> None:
        self.pool = JqPool()
        os.register_at_fork(after_in_child=self._start_anew)

    def _start_anew(self) -> None:
        inherited, self.pool = self.pool, JqPool()
        inherited.forget()


_processes = _Processes()


def evaluate(expression: str, value: Json) -> Json:
    """Return the first result of `expression` for `value`; raises `ExpressionFailed`."""
    (result,) = evaluate_many([(expression, value)])
    if isinstance(result, ExpressionFailed):
        raise result
    return result


def truthy(expression: str, value: Json) -> bool:
    """Return whether the first result is neither null nor false; no result at all is false.

    Raises `ExpressionFailed`.
    """
    (result,) = evaluate_many([(expression, value)])
    return is_true(result)


def is_true(result: Json | ExpressionFailed) -> bool:
    """Apply the rule of `truthy` to one result of `evaluate_many`; raises a failure in it."""
    if isinstance(result, ExpressionFailed):
        if result.code == "no_result":
            return False
        raise result
    return result is not None and result is not False


def evaluate_many(items: Sequence[tuple[str, Json]]) -> list[Json | ExpressionFailed]:
    """Evaluate several (expression, value) pairs; what only jq can tell, in one exchange with it.

    A failure is returned in its place instead of raised, so that it does not stop the rest. A value
    object that occurs several times is sent once, and what is asked of one several times is asked
    once.
    """
    results: list[Json | ExpressionFailed] = [None] * len(items)
    texts: dict[int, str | ExpressionFailed] = {}
    sent: dict[int, int] = {}
    values: list[str] = []
    to_ask: dict[Item, list[int]] = {}
    for place, (expression, value) in enumerate(items):
        text = texts.get(id(value))
        if text is None:
            text = texts[id(value)] = _encode(value)
        problem = text if isinstance(text, ExpressionFailed) else expression_problem(expression)
        if problem is not None:
            results[place] = ExpressionFailed(problem.code, problem.detail, expression=expression)
        elif isinstance(text, str):
            try:
                results[place] = _without_jq(expression, value, len(text))
            except OnlyJq:
                index = sent.setdefault(id(value), len(values))
                if index == len(values):
                    values.append(text)
                to_ask.setdefault((expression, index), []).append(place)
    said = answers(_ask, values, list(to_ask))
    for (item, places), answer in zip(to_ask.items(), said, strict=True):
        _give(results, places, item[0], answer)
    return results


def _give(results: list[Json], places: Sequence[int], expression: str, answer: Answer) -> None:
    """Put what came of one question wherever it was asked."""
    results[places[0]] = _outcome(expression, answer)
    for place in places[1:]:
        # Whoever gets one may go on to change it.
        results[place] = _outcome(expression, copy.deepcopy(answer))


def check_syntax(expressions: Sequence[str]) -> list[ExpressionFailed | None]:
    """Compile expressions without evaluating them; `None` where one is acceptable.

    They share the CPU time of one evaluation: where that is over, all that are left fail.
    """
    found = [expression_problem(expression) for expression in expressions]
    to_ask: list[Item] = [
        (text, None) for text, problem in zip(expressions, found, strict=True) if problem is None
    ]
    compiled = iter(answers(_ask, [], to_ask))
    for place, problem in enumerate(found):
        if problem is None:
            code, detail = next(compiled)
            if code != "ok":
                found[place] = ExpressionFailed(code, detail, expression=expressions[place])
    return found


def expression_problem(expression: str) -> ExpressionFailed | None:
    """Return why this text may not even be compiled: too long, or it reaches outside its input."""
    if len(expression) > MAX_EXPRESSION_CHARACTERS:
        detail = f"an expression has at most {MAX_EXPRESSION_CHARACTERS} characters"
        return ExpressionFailed("too_large", detail, expression=expression)
    problem = _reaches_outside(expression)
    return None if problem is None else ExpressionFailed(*problem, expression=expression)


@functools.lru_cache(maxsize=512)
def _reaches_outside(expression: str) -> tuple[str, str] | None:
    """Return code and detail of what no expression may do. The same ones are asked for ever."""
    if "\x00" in expression:
        return "syntax", "a NUL character"
    for word in names_used(expression):
        if word in FORBIDDEN:
            return "forbidden", f"{word} may not be used"
        if word.startswith("#"):
            return "forbidden", "a comment may not contain a backslash"
    return None


def _encode(value: Json) -> str | ExpressionFailed:
    """Return the JSON text of an input, or why it is refused."""
    if depth_exceeds(value, TOLD_DEPTH):
        return ExpressionFailed("too_deep", f"the input is nested deeper than {TOLD_DEPTH}")
    text = compact(value)
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return ExpressionFailed("runtime", "the input holds text that UTF-8 cannot express")
    if size > TOLD_BYTES:
        return ExpressionFailed("too_large", f"the input has more than {TOLD_BYTES} bytes")
    return text


def _without_jq(expression: str, value: Json, size: int) -> Json:
    """Return the result of a simple expression. Raises `OnlyJq`: for a failure jq has the words."""
    result = _outcome(expression, ["ok", evaluate_simple(expression, value, size)])
    if isinstance(result, ExpressionFailed):
        raise OnlyJq
    return result


def _ask(values: Sequence[str], items: Sequence[Item]) -> list[Answer]:
    if not items:
        return []
    try:
        return _processes.pool.answer(values, items)
    except EvaluatorError as problem:
        return [["unavailable", str(problem)] for _ in items]


def _outcome(expression: str, answer: Answer) -> Json | ExpressionFailed:
    code, content = answer
    if code != "ok":
        return ExpressionFailed(code, drawable(content), expression=expression)
    if content is None or isinstance(content, bool):
        # What nearly every condition gives.
        return content
    # An expression can make what nobody could hand in; a result is kept, so it is bounded as that.
    broken = beyond_limits(content, "", limit=GROWN_BYTES, depth=GROWN_DEPTH)
    if broken is None:
        return content
    return ExpressionFailed(broken.code, f"the result {broken.message}", expression=expression)
