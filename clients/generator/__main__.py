"""Writes the generated parts of the clients. `python3 clients/generator openapi.json clients`."""

import json
import sys
from pathlib import Path

import go
import java
import python
import typescript

from model import Reader


def main() -> None:
    document, directory = Path(sys.argv[1]), Path(sys.argv[2])
    api = Reader(json.loads(document.read_text())).read()

    for language in (typescript, python, go, java):
        for name, text in language.files(api).items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


main()
