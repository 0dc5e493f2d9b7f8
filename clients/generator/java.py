"""Writes the types and the methods of the Java client."""

import re
import textwrap

from model import Api, Enum, Operation, Struct, Type, Union, pascal

HEAD = "// Made from /openapi.json by `make clients-generated`: do not edit.\n"
ROOT = "java/src/main/java/bellwire"
PRIMITIVES = {
    "string": "String",
    "date": "Instant",
    "integer": "Long",
    "number": "Double",
    "boolean": "Boolean",
    "any": "Object",
}
IMPORTS = {
    "Instant": "java.time.Instant",
    "List": "java.util.List",
    "Map": "java.util.Map",
    "JsonIgnoreProperties": "com.fasterxml.jackson.annotation.JsonIgnoreProperties",
    "JsonInclude": "com.fasterxml.jackson.annotation.JsonInclude",
    "JsonProperty": "com.fasterxml.jackson.annotation.JsonProperty",
    "Stream": "java.util.stream.Stream",
}


def files(api: Api) -> dict[str, str]:
    written = {f"{ROOT}/Operations.java": operations(api)}
    for one in api.types.values():
        match one:
            case Enum():
                written[f"{ROOT}/model/{one.name}.java"] = enum(one)
            case Struct():
                written[f"{ROOT}/model/{one.name}.java"] = struct(one, api)
            case Union(merged=Struct() as merged):
                written[f"{ROOT}/model/{one.name}.java"] = struct(merged, api)
    return written


def type_name(one: Type, api: Api) -> str:
    if one.kind == "array":
        return f"List<{type_name(one.item or Type('any'), api)}>"
    if one.kind == "map":
        return f"Map<String, {type_name(one.item or Type('any'), api)}>"
    if one.kind == "named":
        union = api.types[one.name]
        # A string or an object, say: the caller knows which.
        return "Object" if isinstance(union, Union) and union.merged is None else one.name
    return PRIMITIVES[one.kind]


def javadoc(text: str, indent: str = "") -> str:
    if not text:
        return ""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("*/", "*&#47;")
    text = re.sub(r"`([^`]*)`", r"<code>\1</code>", text)
    if len(text) + len(indent) < 110:
        return f"{indent}/** {text} */\n"
    lines = textwrap.wrap(text, 112 - len(indent))
    return f"{indent}/**\n" + "".join(f"{indent} * {line}\n" for line in lines) + f"{indent} */\n"


def with_imports(package: str, body: str, more: str = "") -> str:
    used = sorted(path for name, path in IMPORTS.items() if re.search(rf"\b{name}\b", body))
    imports = more + "".join(f"import {path};\n" for path in used)
    return f"{HEAD}package {package};\n\n" + (imports + "\n" if imports else "") + body


def enum(one: Enum) -> str:
    constants = ",\n".join(
        f'    @JsonProperty("{value}") {re.sub("[^A-Za-z]+", "_", value).upper()}("{value}")' for value in one.values
    )
    body = javadoc(one.doc or "One of several values. One that this client does not know is null.")
    body += (
        f"public enum {one.name} {{\n{constants};\n\n    private final String value;\n\n"
        f"    {one.name}(String value) {{\n        this.value = value;\n    }}\n\n"
        "    /** As the API writes it. */\n    @Override\n"
        "    public String toString() {\n        return value;\n    }\n}\n"
    )
    return with_imports("bellwire.model", body)


def struct(one: Struct, api: Api) -> str:
    body = (
        javadoc(one.doc) + "@JsonInclude(JsonInclude.Include.NON_NULL)\n@JsonIgnoreProperties(ignoreUnknown = true)\n"
    )
    body += f"public final class {one.name} {{\n"
    for each in one.fields:
        body += javadoc(each.doc, "    ") + f"    public {type_name(each.type, api)} {each.name};\n"
    for each in one.fields:
        body += (
            f"\n{javadoc(each.doc, '    ')}    public {one.name} {each.name}({type_name(each.type, api)} {each.name}) {{\n"
            f"        this.{each.name} = {each.name};\n        return this;\n    }}\n"
        )
    return with_imports("bellwire.model", body + "}\n")


def operations(api: Api) -> str:
    body = (
        "/** Every operation of the API. */\npublic class Operations {\n    final Transport transport;\n\n"
        "    Operations(Transport transport) {\n        this.transport = transport;\n    }\n"
    )
    queries = ""
    for each in api.operations:
        body += operation(each, api)
        if each.query:
            queries += query(each, api)
    return with_imports("bellwire", body + queries + "}\n", "import bellwire.model.*;\n")


def query(one: Operation, api: Api) -> str:
    name = f"{pascal(one.id)}Query"
    text = f"\n    /** What {{@link #{one.id}}} is filtered by. */\n    public static final class {name} extends Query<{name}> {{\n"
    for index, each in enumerate(one.query):
        text += "\n" if index else ""
        text += javadoc(each.doc, "        ")
        text += f"        public {name} {each.name}({type_name(each.type, api)} {each.name}) {{\n"
        text += f'            return set("{each.name}", {each.name});\n        }}\n'
    return text + "    }\n"


def operation(one: Operation, api: Api) -> str:
    arguments = [f"String {each}" for each in one.path_parameters]
    if one.body:
        arguments.append(f"{type_name(one.body, api)} request")
    if one.query:
        arguments.append(f"{pascal(one.id)}Query query")

    values = "".join(f", {each}" for each in one.path_parameters)
    path = f'Transport.path("{re.sub("{.*?}", "%s", one.path)}"{values})'
    query = "query" if one.query else "null"
    body = "request" if one.body else "null"
    doc = javadoc(one.doc, "    ")
    if one.list_field and one.item:
        item = type_name(one.item, api)
        return (
            f"\n{doc}    public Pager<{item}> {one.id}({', '.join(arguments)}) {{\n"
            f'        return new Pager<>(transport, {path}, {query}, "{one.list_field}", {item}.class);\n    }}\n'
        )
    if one.is_lines and one.item:
        item = type_name(one.item, api)
        return (
            f"\n{doc}    public Stream<{item}> {one.id}({', '.join(arguments)}) {{\n"
            f"        return transport.lines({path}, {query}, {item}.class);\n    }}\n"
        )

    answer = type_name(one.answer, api) if one.answer else "void"
    returned = "return " if one.answer else ""
    kind = f"{answer}.class" if one.answer else "Void.class"

    def method(arguments: list[str], key: str) -> str:
        return (
            f"\n{doc}    public {answer} {one.id}({', '.join(arguments)}) {{\n"
            f'        {returned}transport.call("{one.method}", {path}, {query}, {body}, {key}, {kind});\n    }}\n'
        )

    if not one.takes_idempotency_key:
        return method(arguments, "null")
    return method(arguments, "Transport.newKey()") + method([*arguments, "String idempotencyKey"], "idempotencyKey")
