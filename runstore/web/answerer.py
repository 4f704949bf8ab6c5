"""A process that answers questions for a server: one after the other, each before an alarm that ends it.

On standard input come a number of bytes and as many of JSON, `[question, parameters, body, seconds]`; on standard
output leave status, number of bytes and JSON. The end of the input is the end.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from runstore.errors import RunstoreError
from runstore.web.answerers import ANSWER_HEAD, QUESTION_HEAD, Rendered
from runstore.web.asking import Asked, Question, refusal_json, status_of
from runstore.web.jsontext import as_json
from runstore.web.reading import Reader


def answer_all(index: str | None) -> None:
    """Answer all questions on standard input over the index at a path, or this machine's for None."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):  # Ctrl-C comes to all processes of a terminal
        signal.signal(number, signal.SIG_DFL)  # which ends one that is deep in an expression, too
    asked, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing that is printed gets between the answers
    reader = Reader(None if index is None else Path(index))
    for name, params, body, seconds in _questions(asked):
        question = _named(name)  # the first one imports its module: that is not time of the question's
        signal.setitimer(signal.ITIMER_REAL, seconds)
        found = _answer(reader, question, Asked(params, body))
        signal.setitimer(signal.ITIMER_REAL, 0)
        answers.write(ANSWER_HEAD.pack(found.status, len(found.body)) + found.body)
        answers.flush()
    reader.close()


def _questions(file: BinaryIO) -> Iterator[Any]:
    while len(head := file.read(QUESTION_HEAD.size)) == QUESTION_HEAD.size:
        yield orjson.loads(file.read(QUESTION_HEAD.unpack(head)[0]))


def _named(name: str) -> Question:
    module, _, function = name.partition(":")
    found: Question = getattr(importlib.import_module(module), function)
    return found


def _answer(reader: Reader, question: Question, asked: Asked) -> Rendered:
    try:
        return Rendered(200, as_json(reader.answer(question, asked)))
    except RunstoreError as error:
        return Rendered(status_of(error), as_json(refusal_json(error)))
