"""What ends the runs of a program when the program ends, and with which exit code.

Python tells an atexit function nothing about how the program ended, so the two ways that carry a code are remembered
where they pass: `sys.excepthook` and `sys.exit`.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from collections.abc import Callable
from types import ModuleType, TracebackType

KEYBOARD_INTERRUPT_EXIT_CODE = 255  # as stock tools record it
# Below 0: after the child's own children were waited for, who may still log. Far below: after what others asked for.
CHILD_EXIT_PRIORITY = -100

_exit_code = 0
_end: Callable[[int], None] | None = None
_child = 0  # the process, a child of multiprocessing's, in which this was asked for
_ending = False  # the program ends, and the runs were ended once


def at_exit(end: Callable[[int], None]) -> None:
    """See to it that `end(exit_code)` is called when the program ends; what ended it so far is forgotten."""
    global _exit_code, _end
    if not _ending:
        _exit_code = 0
    if _end is None:
        _end = end
        atexit.register(_at_exit)
        _remember_exception(sys)
        _remember_exit(sys)
    _end_with_child()


def _end_with_child() -> None:
    """Have the runs ended where this process is a child of multiprocessing's: a forked one calls nothing of atexit."""
    global _child
    processes = sys.modules.get("multiprocessing.process")  # loaded in each of its children
    if processes is None or processes.parent_process() is None or _child == os.getpid():
        return
    from multiprocessing.util import Finalize

    _child = os.getpid()
    Finalize(None, _at_child_exit, exitpriority=CHILD_EXIT_PRIORITY)


def _at_child_exit() -> None:
    """End the runs with what ended the function that the child was started for: no hook is told of it."""
    global _exit_code
    _exit_code = _exit_code or exit_code_of(sys.exc_info()[1])
    _at_exit()


def _code_of_forked_child() -> int:
    """Return the exit code that multiprocessing is about to end a forked child with; 0 where that can't be seen.

    Since Python 3.13 such a child calls its exit functions, when the exception is handled and gone: only the frame
    that calls them knows what came of it.
    """
    frame = sys._getframe().f_back
    while frame is not None and frame.f_code.co_name != "_bootstrap":  # older ones: the exception was seen above
        code = frame.f_locals.get("code") if frame.f_code.co_name == "_launch" else None
        if isinstance(code, int):
            return code
        frame = frame.f_back
    return 0


def _at_exit() -> None:
    global _ending, _exit_code
    if _end is None:
        return
    from runstore.sdk.signals import hold_if_ending

    _ending = True
    if not _exit_code and _child == os.getpid():
        _exit_code = _code_of_forked_child()
    if not _exit_code and _was_interrupted():
        _exit_code = KEYBOARD_INTERRUPT_EXIT_CODE
    hold_if_ending()  # a signal that interrupted the last call of the program must not look like its good end
    try:
        _end(_exit_code)
    except KeyboardInterrupt:  # Ctrl-C a second time, by somebody who can't know that it takes milliseconds
        _end(_exit_code)
    hold_if_ending()
    if _exit_code == KEYBOARD_INTERRUPT_EXIT_CODE:
        # Python ends by the signal itself, which shells go by, if the last code that it evaluated was interrupted.
        # Any import can evaluate some (a namedtuple does), and what ends with the runs may import.
        with contextlib.suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")


def _was_interrupted() -> bool:
    """Whether Ctrl-C ended the program, and came a second time before our `excepthook` could note the first."""
    # Set by Python before it calls the hook; IPython sets it for cells, which end nothing.
    return isinstance(getattr(sys, "last_value", None), KeyboardInterrupt) and "IPython" not in sys.modules


# Called after all that the program registers once this module is there: one of those may begin a run, too late for the
# call that the first run asks for. What is registered while these functions are called, Python doesn't call.
atexit.register(_at_exit)


def exit_code_of(error: BaseException | None) -> int:
    """Return what a program ends with that ends by `error`; 0 for None."""
    if isinstance(error, SystemExit):
        return _status(error.code)
    return 0 if error is None else KEYBOARD_INTERRUPT_EXIT_CODE if isinstance(error, KeyboardInterrupt) else 1


def exit_code_so_far() -> int:
    """Return the exit code that the program is ending with, as far as it has gone by; 0 for none.

    A library that is taken apart by the exception of sys.exit(143), before anything of atexit is called, ends its run
    with a 0 of its own: Composer does.
    """
    return _exit_code


def _remember_exception(system: ModuleType) -> None:
    show: Callable[..., None] = sys.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        global _exit_code
        _exit_code = exit_code_of(error)
        show(kind, error, trace)  # writes to stderr, which is still being recorded

    system.excepthook = excepthook  # type: ignore[attr-defined]


def _remember_exit(system: ModuleType) -> None:
    leave = sys.exit

    def exit(status: object = None, /) -> None:  # noqa: A001 - it stands for sys.exit
        global _exit_code
        if threading.current_thread() is threading.main_thread():  # in any other it ends that thread alone
            _exit_code = _status(status)
        leave(status)  # type: ignore[arg-type]

    system.exit = exit  # type: ignore[attr-defined]


def _status(argument: object) -> int:
    """Return the status that the system gives to a program ended by sys.exit(argument)."""
    return argument & 0xFF if isinstance(argument, int) else 0 if argument is None else 1
