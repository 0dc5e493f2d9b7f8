"""Lists of several pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

from .transport import Transport

Record = TypeVar("Record")


class Pager(Generic[Record]):
    """A list, whose pages are fetched while it is iterated. Each iteration begins at the first page."""

    def __init__(self, transport: Transport, path: str, query: Mapping[str, Any], field: str) -> None:
        self._transport = transport
        self._path = path
        self._query = query
        self._field = field

    def __iter__(self) -> Iterator[Record]:
        for page in self.pages():
            yield from page

    def pages(self) -> Iterator[list[Record]]:
        """Page by page. A page may be short or empty although others follow: only a `next` of null ends a list."""
        query = dict(self._query)
        while True:
            answer = self._transport.call("GET", self._path, query=query)
            yield answer[self._field]

            query["pageToken"] = answer["pagination"].get("next")
            if query["pageToken"] is None:
                return
