"""A large JSON object, its long lists handed on element by element instead of built up whole."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

# Quantifiers are possessive: on broken text the patterns give up at once.
_FLAT = r'[^{}"]++|"(?:[^"\\]++|\\.)*+"'
_OBJECT = re.compile(rf"\{{(?:{_FLAT}|\{{(?:{_FLAT})*+\}})*+\}}", re.DOTALL)
_KEY = '"segmentation"'
_OPENING = re.compile(rf"{_KEY}\s*+:\s*+\[")
_NUMBERS = re.compile(r"\[[0-9\s.,eE+\-\[\]]*\]")
_LATER = "numbers to be read later"

_decode = json.JSONDecoder().raw_decode
_SPACE = re.compile(r"[ \t\n\r]*")
_COMMA = re.compile(r"[ \t\n\r]*,[ \t\n\r]*")


class Unread(NamedTuple):
    """A stretch of JSON text that is not decoded yet, and may be broken; not copied before it is read or sent."""

    text: str
    start: int
    stop: int


def decode_sparing(text: str, at: int) -> tuple[Any, int]:
    """The value at a place and its end. Of an object, a `segmentation` of numbers stays `Unread`: most of a COCO file
    is that, and the processes that need it can share the work of decoding it."""
    end = _end_of_object(text, at)
    start, stop = _find_numbers(text, at, end)
    if stop:
        rest = f'{text[at:start]}"{_LATER}"{text[stop:end]}'
        try:
            record, length = _decode(rest, 0)
        except (ValueError, RecursionError):
            return _decode(text, at)
        if length == len(rest) and record.get("segmentation") == _LATER:
            record["segmentation"] = Unread(text, start, stop)
            return record, end
    return _decode(text, at)


def _end_of_object(text: str, at: int) -> int:
    """Where an object is likely to end; 0 where there is none. By far most hold no other object, and end at the first
    brace."""
    if text[at : at + 1] != "{":
        return 0
    end = text.find("}", at) + 1
    if text.find("{", at + 1, end) < 0:
        return end
    span = _OBJECT.match(text, at)
    return span.end() if span else 0


def _find_numbers(text: str, at: int, end: int) -> tuple[int, int]:
    """Where the list of numbers lies that is an object's `segmentation`; no end where there is none.

    Up to two brackets there is nothing but numbers if there is no quote; the regular expression, which looks at every
    character, serves what is laid out otherwise.
    """
    key = text.find(_KEY, at, end)
    opening = _OPENING.match(text, key, end) if key >= 0 else None
    if not opening:
        return 0, 0
    start = opening.end() - 1
    stop = text.find("]]", start, end) + 2
    if stop > 1 and text.find('"', start, stop) < 0:
        return start, stop
    numbers = _NUMBERS.match(text, start, end)
    return numbers.span() if numbers else (0, 0)


def scan(text: str, sinks: Mapping[str, Callable[[int, Any], None]]) -> dict[str, Any]:
    """The members of a JSON object. Each element of a list with a sink goes there, and None stands in its place."""

    def after_space(at: int) -> int:
        match = _SPACE.match(text, at)
        return match.end() if match else at

    def expect(marks: str, at: int) -> tuple[str, int]:
        at = after_space(at)
        if not (mark := text[at : at + 1]) or mark not in marks:
            raise json.JSONDecodeError(f"expected one of {' '.join(marks)}", text, at)
        return mark, after_space(at + 1)

    members: dict[str, Any] = {}
    mark, at = expect("{", 0)
    if text[at : at + 1] == "}":
        mark, at = expect("}", at)
    while mark != "}":
        if text[at : at + 1] != '"':
            raise json.JSONDecodeError("expected a name in quotes", text, at)
        key, at = _decode(text, at)
        if key in members:
            raise json.JSONDecodeError(f"'{key}' stands there twice", text, at)
        mark, at = expect(":", at)
        if key in sinks and text[at : at + 1] == "[":
            members[key], index = None, 0
            mark, at = expect("[", at)
            if text[at : at + 1] == "]":
                mark, at = expect("]", at)
            sink = sinks[key]
            while mark != "]":
                element, at = decode_sparing(text, at)
                sink(index, element)
                index += 1
                if comma := _COMMA.match(text, at):
                    at = comma.end()
                else:
                    mark, at = expect("]", at)
        else:
            members[key], at = _decode(text, at)
            members[key] = False if key in sinks else members[key]
        mark, at = expect(",}", at)
    if at != len(text):
        raise json.JSONDecodeError("more text after the end", text, at)
    return members
