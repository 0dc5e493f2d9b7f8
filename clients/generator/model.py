"""What the generated parts of the clients are made of, read from /openapi.json."""

import re
from dataclasses import dataclass, field
from typing import Any

METHODS = ("get", "post", "patch", "put", "delete")
# Health checks are for orchestrators, and the server-sent events of an Operation are read by none of the clients.
LEFT_OUT_TAGS = {"Health"}
LEFT_OUT = {"streamOperation"}


@dataclass(frozen=True)
class Type:
    """`kind` is string, date, integer, number, boolean, any, array, map or named."""

    kind: str
    name: str = ""
    item: "Type | None" = None


ANY = Type("any")


@dataclass
class Field:
    name: str
    type: Type
    required: bool
    doc: str = ""


@dataclass
class Struct:
    name: str
    doc: str
    fields: list[Field]


@dataclass
class Enum:
    name: str
    doc: str
    values: list[str]


@dataclass
class Union:
    """One of several types. `merged` has the fields of all of them, if all are objects."""

    name: str
    doc: str
    variants: list[Type]
    merged: Struct | None


@dataclass
class Operation:
    id: str
    method: str
    path: str
    doc: str
    path_parameters: list[str]
    query: list[Field]
    body: Type | None
    body_required: bool
    answer: Type | None
    """The body of the answer to a success, if it has one."""
    takes_idempotency_key: bool
    list_field: str | None
    """Of a list with pages: the field with the records."""
    item: Type | None
    """Of a list, and of an answer in lines: a record."""
    is_lines: bool


@dataclass
class Api:
    types: dict[str, Struct | Enum | Union] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)


class Reader:
    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.schemas = document["components"]["schemas"]
        self.api = Api()

    def read(self) -> Api:
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                if method not in METHODS or operation["operationId"] in LEFT_OUT:
                    continue
                if LEFT_OUT_TAGS & set(operation.get("tags", [])) or takes_a_file(operation):
                    continue
                self.api.operations.append(self.operation(path, method, operation))

        self.api.types = dict(sorted(self.api.types.items()))
        self.api.operations.sort(key=lambda operation: operation.id)
        return self.api

    def operation(self, path: str, method: str, operation: dict[str, Any]) -> Operation:
        parameters = operation.get("parameters", [])
        query = [
            Field(
                each["name"], self.type_of(each["schema"]), each.get("required", False), clean(each.get("description"))
            )
            for each in parameters
            if each["in"] == "query"
        ]

        body = operation.get("requestBody", {})
        schema = body.get("content", {}).get("application/json", {}).get("schema")
        answer, lines = self.answer_of(operation["responses"])
        list_field, item = self.list_of(answer, query)
        return Operation(
            id=operation["operationId"],
            method=method.upper(),
            path=path,
            doc=clean(operation.get("summary")),
            path_parameters=re.findall(r"{(\w+)}", path),
            query=query,
            body=self.type_of(schema) if schema else None,
            body_required=bool(schema) and not is_nullable(schema),
            answer=answer,
            takes_idempotency_key=any(each["name"] == "Idempotency-Key" for each in parameters),
            list_field=list_field,
            item=lines or item,
            is_lines=lines is not None,
        )

    def answer_of(self, responses: dict[str, Any]) -> tuple[Type | None, Type | None]:
        """The type of the answer's body, and of each line if it has lines."""
        # A send answers with 202, and with 200 if it only validates: a method of its own.
        bodies: list[tuple[Type | None, Type | None]] = []
        for status in ("202", "201", "200"):
            content = responses.get(status, {}).get("content", {})
            if "application/json" in content:
                bodies.append((self.type_of(content["application/json"]["schema"]), None))
            if "application/x-ndjson" in content:
                bodies.append((None, self.type_of(content["application/x-ndjson"]["schema"])))
        return bodies[0] if bodies else (None, None)

    def list_of(self, answer: Type | None, query: list[Field]) -> tuple[str | None, Type | None]:
        if answer is None or not any(each.name == "pageToken" for each in query):
            return None, None
        struct = self.api.types[answer.name]
        assert isinstance(struct, Struct)
        records = next(each for each in struct.fields if each.type.kind == "array")
        return records.name, records.type.item

    def type_of(self, schema: dict[str, Any]) -> Type:
        if "$ref" in schema:
            return self.named(schema["$ref"].rsplit("/", 1)[1])
        if "allOf" in schema and len(schema["allOf"]) == 1:
            return self.type_of(schema["allOf"][0])

        variants = [each for each in schema.get("oneOf", []) if each.get("type") != "null"]
        if len(variants) == 1:
            return self.type_of(variants[0])
        if variants:
            return ANY

        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next(each for each in kind if each != "null")
        if kind == "array":
            return Type("array", item=self.type_of(schema.get("items", {})))
        if kind == "object":
            return Type("map", item=self.type_of(schema.get("additionalProperties") or {}))
        if kind == "string" and schema.get("format") == "date-time":
            return Type("date")
        return Type(kind) if kind else ANY

    def named(self, name: str) -> Type:
        """A type of its own for objects, enums and unions; what it stands for otherwise."""
        schema = self.schemas[name]
        doc = clean(schema.get("description"))
        variants = [each for each in schema.get("oneOf", []) if each.get("type") != "null"]
        if name in self.api.types:
            return Type("named", name)

        if "enum" in schema:
            self.api.types[name] = Enum(name, doc, schema["enum"])
        elif "properties" in schema or "allOf" in schema:
            # Known before its fields are read, which may refer to it.
            struct = self.api.types[name] = Struct(name, doc, [])
            struct.fields = self.fields_of(schema)
        elif len(variants) > 1:
            # The same.
            union = self.api.types[name] = Union(name, doc, [], None)
            self.fill(union, variants)
        else:
            return self.type_of(schema)
        return Type("named", name)

    def fill(self, union: Union, variants: list[dict[str, Any]]) -> None:
        if not all(self.is_object(each) for each in variants):
            union.variants = [self.type_of(each) for each in variants]
            return

        fields: dict[str, Field] = {}
        for each in variants:
            for one in self.fields_of(each):
                fields.setdefault(one.name, Field(one.name, one.type, False, one.doc))
        union.variants = [self.type_of(each) if "$ref" in each else ANY for each in variants]
        union.merged = Struct(union.name, union.doc, list(fields.values()))

    def is_object(self, schema: dict[str, Any]) -> bool:
        return "properties" in self.resolve(schema)

    def fields_of(self, schema: dict[str, Any]) -> list[Field]:
        schema = self.resolve(schema)
        fields = []
        for part in schema.get("allOf", []):
            fields += self.fields_of(part)

        required = schema.get("required", [])
        for name, one in schema.get("properties", {}).items():
            doc = clean(one.get("description") or described(one))
            fields.append(Field(name, self.type_of(one), name in required, doc))
        return fields

    def resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in schema:
            return self.resolve(self.schemas[schema["$ref"].rsplit("/", 1)[1]])
        return schema


def takes_a_file(operation: dict[str, Any]) -> bool:
    """Whether the body is none of JSON, such as an import of a million lines: curl sends it as well."""
    content = operation.get("requestBody", {}).get("content")
    return content is not None and "application/json" not in content


def is_nullable(schema: dict[str, Any]) -> bool:
    return any(each.get("type") == "null" for each in schema.get("oneOf", []))


def described(schema: dict[str, Any]) -> str | None:
    """The description of `one of this and null`, which stands beside the reference."""
    for each in schema.get("oneOf", []):
        if "description" in each:
            return str(each["description"])
    return None


def clean(text: str | None) -> str:
    return " ".join((text or "").split())


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def pascal(name: str) -> str:
    return name[0].upper() + name[1:]
