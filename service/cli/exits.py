"""How commands end: exit codes, and expected errors as one line on stderr."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

FAILED, USAGE, SOME_FAILED, INTERRUPTED = 1, 2, 3, 130


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn an expected error into one line on stderr and its exit code."""
    from models.errors import InvalidOption
    from service.errors import expected
    from service.settings import InvalidSettings

    try:
        yield
        _flush()
    except (InvalidSettings, InvalidOption) as error:
        fail(error, USAGE)
    except expected() as error:
        fail(error, FAILED)
    except BrokenPipeError:
        _silence_stdout()
        raise typer.Exit(FAILED) from None
    except OSError as error:
        if error.filename is not None:
            raise
        _silence_stdout()
        fail(f"The output cannot be written ({error.strerror or error}).", FAILED)
    except UnicodeEncodeError as error:
        fail(
            f"The terminal's encoding {error.encoding!r} has no {error.object[error.start]!r}. Set "
            "PYTHONIOENCODING=utf-8, or use --json.",
            FAILED,
        )
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def fail(error: Exception | str, code: int) -> NoReturn:
    print(f"dateline: {error}", file=sys.stderr)
    raise typer.Exit(code)


def _flush() -> None:
    """Write what is buffered now, where it can still be answered for.

    Raises:
        OSError: it cannot be written.
    """
    if sys.stdout is None:  # closed by whoever started the command: what was printed went nowhere
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    sys.stdout.flush()


def _silence_stdout() -> None:
    """Nothing more can be written; Python would try once more when it ends, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
