"""What bash needs besides: it takes `name:alias` for three words, and `a=b` too, unless they are quoted.

So the line is split here as the shell will split it when it runs, and of what completes its last word only the part is
given back that bash would put behind the last of these characters.
"""

from __future__ import annotations

import os
from typing import Any

from click.shell_completion import BashComplete, CompletionItem, add_completion_class, split_arg_string

_BREAKS = ":="
_QUOTES = "'\""
_HANDED_OVER = 'COMP_CWORD=$COMP_CWORD COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS"'


class WholeWords(BashComplete):
    """Completion for bash, of words as programs get them."""

    def source(self) -> str:
        """Return the script, which hands over the line up to the cursor."""
        return super().source().replace("COMP_CWORD=$COMP_CWORD", _HANDED_OVER, 1)

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the last one, and that."""
        line = os.environ.get("COMP_LINE")
        if line is None:  # a script that an older version printed
            return super().get_completion_args()
        words = split_arg_string(line)
        incomplete = words.pop() if words and not line[-1:].isspace() else ""
        return words[1:], incomplete

    def format_completion(self, item: CompletionItem) -> str:
        """Return what bash is to put in the place of what it takes for the last word."""
        _, incomplete = self.get_completion_args()
        line = os.environ.get("COMP_LINE", "")
        breaks = [mark for mark in _BREAKS if mark in os.environ.get("COMP_WORDBREAKS", "")]
        if any(quote in line for quote in _QUOTES) or not incomplete:
            breaks = []
        known = max((incomplete.rfind(mark) + 1 for mark in breaks), default=0)
        value: Any = item.value
        return f"{item.type},{str(value)[known:] if str(value).startswith(incomplete[:known]) else value}"


def use_whole_words() -> None:
    """Let click complete for bash in this way."""
    add_completion_class(WholeWords, "bash")
