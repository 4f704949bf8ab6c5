"""Why a filter leaves no run: how many each of its terms leaves by itself, and how many the others leave without it."""

from __future__ import annotations

from dataclasses import dataclass

from runstore.core.conditions import Every
from runstore.core.filters import terms_of
from runstore.query.api import Api
from runstore.query.filtering.predicate import predicate
from runstore.query.runtable import of_project

_MOST_TERMS = 20


@dataclass(frozen=True)
class TermCount:
    """One term of a filter."""

    text: str
    runs: int  # that fulfil this term, whatever the others say
    others: int  # that fulfil all others


def blame(api: Api, entity: str, project: str, text: str) -> list[TermCount]:
    """Return the terms of a filter, in their order, with how many runs of a project fulfil them; none of a long filter.

    Looks at every run of the project once.
    """
    terms = terms_of(text)
    if len(terms) > _MOST_TERMS:
        return []
    predicates = [predicate(condition) for _, condition in terms]
    alone, others = [0] * len(terms), [0] * len(terms)
    for run in api.select(Every(of_project(entity, project))):
        held = [holds(run.fields) for holds in predicates]
        failed = held.count(False)
        for place, fulfilled in enumerate(held):
            alone[place] += fulfilled
            others[place] += failed - (not fulfilled) == 0
    return [TermCount(text, runs, rest) for (text, _), runs, rest in zip(terms, alone, others, strict=True)]
