"""Writes the methods of the TypeScript client, and short names for the types that openapi-typescript made."""

import re
import textwrap

from model import Api, Operation, Type

HEAD = "// Made from /openapi.json by `make clients-generated`: do not edit.\n"
PRIMITIVES = {
    "string": "string",
    "date": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "any": "unknown",
}


def files(api: Api) -> dict[str, str]:
    return {"typescript/src/models.ts": models(api), "typescript/src/operations.ts": operations(api)}


def models(api: Api) -> str:
    lines = [HEAD, 'import type { components } from "./openapi.js";\n\n', 'type Schemas = components["schemas"];\n\n']
    lines += [f'export type {name} = Schemas["{name}"];\n' for name in api.types]
    return "".join(lines)


def type_name(one: Type) -> str:
    if one.kind == "array":
        return f"{type_name(one.item or Type('any'))}[]"
    if one.kind == "map":
        return f"Record<string, {type_name(one.item or Type('any'))}>"
    return PRIMITIVES.get(one.kind, one.name)


def operations(api: Api) -> str:
    body = "".join(operation(each) for each in api.operations)
    code = re.sub(r"/\*\*.*?\*/|path`.*?`", "", body, flags=re.DOTALL)
    used = [name for name in api.types if re.search(rf"\b{name}\b", code)]
    imports = "".join(f"  {name},\n" for name in used)
    return (
        f'{HEAD}import type {{\n{imports}}} from "./models.js";\nimport type {{ operations }} from "./openapi.js";\n'
        'import { Pager } from "./pager.js";\nimport { path, type Transport } from "./transport.js";\n\n'
        'type QueryOf<Id extends keyof operations> = NonNullable<operations[Id]["parameters"]["query"]>;\n\n'
        "/** Options of a request that changes something. */\n"
        "export interface ChangeOptions {\n"
        "  /** Within 24 hours, a second request of this key and the same content gets the first answer and changes nothing. */\n"
        "  idempotencyKey?: string;\n}\n\n"
        "/** Every operation of the API. */\nexport class Operations {\n"
        "  protected readonly transport: Transport;\n\n"
        "  constructor(transport: Transport) {\n    this.transport = transport;\n  }\n" + body + "}\n"
    )


def operation(one: Operation) -> str:
    doc = textwrap.wrap(one.doc.replace("*/", "*\\/"), 110)
    comment = (
        f"  /** {doc[0]} */\n" if len(doc) == 1 else "  /**\n" + "".join(f"   * {line}\n" for line in doc) + "   */\n"
    )

    arguments = [f"{each}: string" for each in one.path_parameters]
    if one.body:
        arguments.append(f"request{'' if one.body_required else '?'}: {type_name(one.body)}")
    if one.query:
        is_required = any(each.required for each in one.query)
        arguments.append(f'query: QueryOf<"{one.id}">' + ("" if is_required else " = {}"))
    if one.takes_idempotency_key:
        arguments.append("options: ChangeOptions = {}")

    place = "path`" + re.sub(r"{(\w+)}", r"${\1}", one.path) + "`"
    item = type_name(one.item) if one.item else ""
    if one.list_field:
        answer, call = f"Pager<{item}>", f'new Pager(this.transport, {place}, query, "{one.list_field}")'
    elif one.is_lines:
        answer, call = f"AsyncGenerator<{item}>", f"this.transport.lines({place}{', query' if one.query else ''})"
    else:
        answer = f"Promise<{type_name(one.answer) if one.answer else 'void'}>"
        given = [f'method: "{one.method}"', f"path: {place}"]
        given += ["query"] if one.query else []
        given += ["body: request"] if one.body else []
        given += ["idempotencyKey: options.idempotencyKey ?? true"] if one.takes_idempotency_key else []
        call = f"this.transport.call({{ {', '.join(given)} }})"
    return f"\n{comment}  {one.id}({', '.join(arguments)}): {answer} {{\n    return {call};\n  }}\n"
