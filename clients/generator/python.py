"""Writes the types and the methods of the Python client."""

import keyword
import textwrap

from model import Api, Enum, Field, Operation, Struct, Type, Union, snake

HEAD = '"""Made from /openapi.json by `make clients-generated`: do not edit."""\n\n'
PRIMITIVES = {
    "string": "str",
    "date": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "any": "Any",
}


def files(api: Api) -> dict[str, str]:
    return {
        "python/src/bellwire/models.py": models(api),
        "python/src/bellwire/operations.py": operations(api),
    }


def type_name(one: Type) -> str:
    if one.kind == "array":
        return f"list[{type_name(one.item or Type('any'))}]"
    if one.kind == "map":
        return f"dict[str, {type_name(one.item or Type('any'))}]"
    return PRIMITIVES.get(one.kind, one.name)


def models(api: Api) -> str:
    parts = [HEAD + "from __future__ import annotations\n\n"]
    parts.append("from typing import Any, Literal, NotRequired, TypeAlias, TypedDict\n\n")

    for one in api.types.values():
        match one:
            case Enum():
                values = ", ".join(f'"{value}"' for value in one.values)
                parts.append(f"{one.name}: TypeAlias = Literal[{values}]\n")
            case Union() if not is_merged(one):
                names = " | ".join(type_name(each) for each in one.variants)
                parts.append(f'{one.name}: TypeAlias = "{names}"\n')

    for one in api.types.values():
        match one:
            case Struct():
                parts.append(struct(one))
            case Union() if one.merged and is_merged(one):
                parts.append(struct(one.merged))
    return "".join(parts)


def is_merged(union: Union) -> bool:
    """Whether its variants have no names of their own."""
    return union.merged is not None and any(each.kind == "any" for each in union.variants)


def struct(one: Struct) -> str:
    base = "TypedDict"
    reserved = [each for each in one.fields if keyword.iskeyword(each.name)]
    before = ""
    if reserved:
        base = f"_{one.name}"
        fields = ", ".join(f'"{each.name}": "{annotation(each)}"' for each in reserved)
        before = f'\n\n{base} = TypedDict("{base}", {{{fields}}})'

    lines = [f"{before}\n\nclass {one.name}({base}):"]
    if one.doc:
        lines.append(docstring(one.doc, "    "))
    for each in one.fields:
        if each in reserved:
            continue
        lines += [f"    # {line}" for line in textwrap.wrap(each.doc, 94)]
        lines.append(f"    {each.name}: {annotation(each)}")
    if len(lines) == 1:
        lines.append("    pass")
    return "\n".join(lines) + "\n"


def annotation(one: Field) -> str:
    name = type_name(one.type)
    if one.required:
        return name
    # `null` is the same as an absent field.
    return "NotRequired[Any]" if name == "Any" else f"NotRequired[{name} | None]"


def docstring(text: str, indent: str) -> str:
    text = text.replace("\\", "\\\\")
    if len(indent) + len(text) + 6 <= 100:
        return f'{indent}"""{text}"""'
    lines = textwrap.wrap(text, 96 - len(indent))
    return "\n".join([f'{indent}"""{lines[0]}', *(indent + line for line in lines[1:]), f'{indent}"""'])


def operations(api: Api) -> str:
    used: set[str] = set()
    methods = [method(each, used) for each in api.operations]
    names = ", ".join(sorted(used & set(api.types)))
    return (
        HEAD + "from __future__ import annotations\n\nfrom collections.abc import Iterator\n"
        f"from typing import Any\n\nfrom .models import {names}\nfrom .pager import Pager\n"
        "from .transport import Transport, path\n\n\n"
        'class Operations:\n    """Every operation of the API. A list is read page by page while it is iterated."""\n\n'
        "    def __init__(self, transport: Transport) -> None:\n        self._transport = transport\n"
        + "".join(methods)
    )


def method(one: Operation, used: set[str]) -> str:
    def named(each: Type) -> str:
        innermost = each
        while innermost.item:
            innermost = innermost.item
        used.add(innermost.name)
        return type_name(each)

    arguments = ["self"]
    arguments += [f"{snake(each)}: str" for each in one.path_parameters]
    if one.body:
        arguments.append(f"request: {named(one.body)}" + ("" if one.body_required else " | None = None"))
    options = [
        f"{snake(each.name)}: {named(each.type)}" + ("" if each.required else " | None = None") for each in one.query
    ]
    if one.takes_idempotency_key:
        options.append("idempotency_key: str | None = None")
    if options:
        arguments += ["*", *options]

    values = "".join(f", {snake(each)}" for each in one.path_parameters)
    template = one.path
    for each in one.path_parameters:
        template = template.replace("{" + each + "}", "{}")
    where = f'path("{template}"{values})'

    given = [f'"{one.method}"', where]
    if one.query:
        pairs = ", ".join(f'"{each.name}": {snake(each.name)}' for each in one.query)
        query = f"{{{pairs}}}"
    if one.is_lines:
        body = f"return self._transport.lines({where}{', ' + query if one.query else ''})"
        answer = f"Iterator[{named(one.item or Type('any'))}]"
    elif one.list_field:
        body = f'return Pager(self._transport, {where}, {query}, "{one.list_field}")'
        answer = f"Pager[{named(one.item or Type('any'))}]"
    else:
        if one.query:
            given.append(f"query={query}")
        if one.body:
            given.append("body=request")
        if one.takes_idempotency_key:
            given.append("idempotency_key=idempotency_key, takes_idempotency_key=True")
        call = f"self._transport.call({', '.join(given)})"
        answer = named(one.answer) if one.answer else "None"
        body = f"answer: {answer} = {call}\n        return answer" if one.answer else call

    return (
        f"\n    def {snake(one.id)}({', '.join(arguments)}) -> {answer}:\n"
        + docstring(one.doc + ("" if one.doc.endswith(".") else "."), "        ")
        + f"\n        {body}\n"
    )
