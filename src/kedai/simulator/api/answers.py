"""What faults do to an answer once given (contract §9): pages without content, fields of tomorrow, damaged codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedai.simulator.state.faults import take

if TYPE_CHECKING:
    from collections.abc import Callable

    from kedai.simulator.api.call import Answer
    from kedai.simulator.state.clock import Clock
    from kedai.simulator.state.faults import FailRule, FaultKind, Target

# A cursor that means the beginning, for a page that is empty though more is to come.
START_CURSOR = "start"
_PREFIX = "common."


def spoil_answer(rules: list[FailRule], target: Target, answer: Answer, cursor: str, clock: Clock) -> Answer:
    """Return the answer as the rules want it; it shares nothing with the state once changed."""
    if take(rules, ("empty_page",), target):
        answer = _emptied(answer, cursor or START_CURSOR)
    if "expire_in" in answer and take(rules, ("epoch_expiry",), target):
        answer = {**answer, "expire_in": clock.now() + answer["expire_in"]}
    for kind, change in _CHANGES.items():
        if take(rules, (kind,), target):
            answer = _changed(answer, change)
    return answer


def spoil_code(rules: list[FailRule], target: Target, code: str) -> str:
    """Return an error code with the damage that occurs on the wire (contract §6.1)."""
    if take(rules, ("prefixed_code",), target):
        code = code if "." in code else _PREFIX + code
    if take(rules, ("spaced_code",), target):
        head, dot, tail = code.rpartition(".")
        code = f" {head}{dot}{' ' if dot else ''}{tail}\t"
    return code


def _emptied(answer: Answer, cursor: str) -> Answer:
    """Empty the page of an answer that pages by cursor; others would lose what the page held."""
    payload = answer.get("response")
    if not isinstance(payload, dict):
        return answer
    place = payload.get("pagination") if "pagination" in payload else payload
    if not isinstance(place, dict) or "next_cursor" not in place:
        return answer
    more = {"more": True, "next_cursor": cursor}
    emptied = {name: [] if isinstance(value, list) else value for name, value in payload.items()}
    if place is payload:
        return {**answer, "response": {**emptied, **more}}
    return {**answer, "response": {**emptied, "pagination": {**place, **more}}}


def _changed(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return change({name: _changed(inner, change) for name, inner in value.items()})
    if isinstance(value, list):
        return change([_changed(inner, change) for inner in value])
    return value


def _with_unknown(value: Any) -> Any:
    return {**value, "field_of_tomorrow": {"kind": "NEW", "level": 7}} if isinstance(value, dict) else value


def _null_if_empty(value: Any) -> Any:
    return None if value == [] else value


_CHANGES: dict[FaultKind, Callable[[Any], Any]] = {"unknown_fields": _with_unknown, "null_lists": _null_if_empty}
