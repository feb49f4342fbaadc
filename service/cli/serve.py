"""`dateline serve`"""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.exits import one_line_errors


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
) -> None:
    """Start the HTTP service."""
    with one_line_errors():
        from service.http.server import run
        from service.settings import read_settings

        run(read_settings(host=host, port=port))
