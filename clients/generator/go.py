"""Writes the types and the methods of the Go client, as gofmt does not need to change much: it is run afterwards."""

import re
import textwrap

from model import Api, Enum, Field, Operation, Struct, Type, Union, pascal

HEAD = "// Code generated from /openapi.json by `make clients-generated`. DO NOT EDIT.\n\npackage bellwire\n\n"
PRIMITIVES = {
    "string": "string",
    "date": "time.Time",
    "integer": "int64",
    "number": "float64",
    "boolean": "bool",
    "any": "any",
}
INITIALISMS = {"Id": "ID", "Url": "URL", "Ttl": "TTL", "Http": "HTTP"}


def files(api: Api) -> dict[str, str]:
    return {"go/models.go": models(api), "go/operations.go": operations(api)}


def exported(name: str) -> str:
    words = re.findall(r"[A-Z][a-z0-9]*|[A-Z]+(?![a-z])", pascal(name))
    return "".join(INITIALISMS.get(word, word) for word in words) or pascal(name)


def type_name(one: Type) -> str:
    if one.kind == "array":
        return "[]" + type_name(one.item or Type("any"))
    if one.kind == "map":
        return "map[string]" + type_name(one.item or Type("any"))
    return PRIMITIVES.get(one.kind, one.name)


def comment(text: str, indent: str = "") -> str:
    return "".join(f"{indent}// {line}\n" for line in textwrap.wrap(text, 110)) if text else ""


def models(api: Api) -> str:
    parts = [HEAD, 'import "time"\n']
    for one in api.types.values():
        match one:
            case Enum():
                parts.append("\n" + (comment(one.doc) or comment(f"{one.name} is one of the constants below.")))
                parts.append(f"type {one.name} string\n\nconst (\n")
                for value in one.values:
                    constant = one.name + "".join(pascal(word.lower()) for word in re.split(r"[^A-Za-z]+", value))
                    parts.append(f'\t{constant} {one.name} = "{value}"\n')
                parts.append(")\n")
            case Struct():
                parts.append(struct(one, api))
            case Union(merged=None):
                names = " or ".join(type_name(each) for each in one.variants)
                parts.append("\n" + comment(f"{one.name} is a {names}. {one.doc}") + f"type {one.name} = any\n")
            case Union(merged=Struct() as merged):
                parts.append(struct(merged, api))
    return "".join(parts)


def struct(one: Struct, api: Api) -> str:
    lines = "\n" + comment(one.doc) + f"type {one.name} struct {{\n"
    for each in one.fields:
        lines += comment(each.doc, "\t")
        tag = each.name if each.required else each.name + ",omitempty"
        lines += f'\t{exported(each.name)} {field_type(each, api)} `json:"{tag}"`\n'
    return lines + "}\n"


def field_type(one: Field, api: Api) -> str:
    name = type_name(one.type)
    named = api.types.get(one.type.name)
    is_scalar = one.type.kind in ("integer", "number", "boolean", "date")
    is_object = isinstance(named, Struct) or (isinstance(named, Union) and named.merged is not None)
    # Optional, and a zero means something.
    return "*" + name if not one.required and (is_scalar or is_object) else name


def operations(api: Api) -> str:
    body = "".join(operation(each) for each in api.operations)
    imports = ['"context"'] + (['"time"'] if "time.Time" in body else [])
    return HEAD + "import (\n\t" + "\n\t".join(imports) + "\n)\n" + body


def operation(one: Operation) -> str:
    name = exported(one.id)
    arguments = ["ctx context.Context"] if not one.list_field else []
    arguments += [f"{each} string" for each in one.path_parameters]
    if one.body:
        # nil: no body.
        arguments.append("request " + ("" if one.body_required else "*") + type_name(one.body))

    before = ""
    if one.query:
        before = "\n" + comment(f"{name}Query filters {name}. A zero value means that the parameter is absent.")
        before += f"type {name}Query struct {{\n"
        for each in one.query:
            before += comment(each.doc, "\t") + f"\t{exported(each.name)} {query_type(each.type)}\n"
        before += "}\n"
        arguments.append(f"query {name}Query")

    path = f'path("{re.sub("{.*?}", "%s", one.path)}"' + "".join(f", {each}" for each in one.path_parameters) + ")"
    query = "nil"
    if one.query:
        pairs = ", ".join(f'"{each.name}": query.{exported(each.name)}' for each in one.query)
        query = f"parameters(map[string]any{{{pairs}}})"

    doc = comment(f"{name}: {one.doc}")
    if one.list_field:
        item = type_name(one.item or Type("any"))
        return (
            f"{before}\n{doc}func (c *Client) {name}({', '.join(arguments)}) *Pager[{item}] {{\n"
            f'\treturn newPager[{item}](c, {path}, {query}, "{one.list_field}")\n}}\n'
        )
    if one.is_lines:
        item = type_name(one.item or Type("any"))
        return (
            f"{before}\n{doc}func (c *Client) {name}({', '.join(arguments)}) (*Lines[{item}], error) {{\n"
            f"\treturn newLines[{item}](ctx, c, {path}, {query})\n}}\n"
        )

    if one.takes_idempotency_key:
        arguments.append("options ...Option")
    given = f'call{{method: "{one.method}", path: {path}, query: {query}'
    given += ", body: request" if one.body else ""
    given += ", options: options, takesKey: true" if one.takes_idempotency_key else ""
    given += "}"
    head = f"{before}\n{doc}func (c *Client) {name}({', '.join(arguments)})"
    if one.answer:
        answer = type_name(one.answer)
        return f"{head} (*{answer}, error) {{\n\treturn answerOf[{answer}](ctx, c, {given})\n}}\n"
    return f"{head} error {{\n\treturn c.do(ctx, {given}, nil)\n}}\n"


def query_type(one: Type) -> str:
    return "*bool" if one.kind == "boolean" else type_name(one)
