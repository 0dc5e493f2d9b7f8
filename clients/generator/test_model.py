"""What the generator reads from a description."""

from typing import Any

from model import Enum, Reader, Struct, Type, Union


def described(schemas: dict[str, Any], **operation: Any) -> dict[str, Any]:
    answer = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}}}
    described = {"operationId": "listThings", "responses": {"200": answer}, **operation}
    return {"components": {"schemas": schemas}, "paths": {"/v1/Things/{id}": {"get": described}}}


def refer(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def read(schemas: dict[str, Any], **operation: Any) -> tuple[Any, Any]:
    api = Reader(described(schemas, **operation)).read()
    return api.types, api.operations


def test_a_field_is_named_or_what_it_stands_for() -> None:
    types, _ = read(
        {
            "Answer": {
                "required": ["id"],
                "properties": {
                    "id": refer("Id"),
                    "state": {"oneOf": [refer("State"), {"type": "null"}], "description": "Its state."},
                    "tags": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
                },
            },
            "Id": {"type": "string", "pattern": "^a"},
            "State": {"type": "string", "enum": ["ON", "OFF"]},
        }
    )
    answer = types["Answer"]
    assert isinstance(answer, Struct)
    assert [(each.name, each.type, each.required) for each in answer.fields] == [
        ("id", Type("string"), True),
        ("state", Type("named", "State"), False),
        ("tags", Type("map", item=Type("string")), False),
    ]
    assert isinstance(types["State"], Enum)
    assert "Id" not in types


def test_a_union_of_objects_has_the_fields_of_all_and_may_contain_itself() -> None:
    types, _ = read(
        {
            "Answer": {"properties": {"rule": refer("Rule")}},
            "Rule": {"oneOf": [refer("All"), refer("Tag")]},
            "All": {"properties": {"all": {"type": "array", "items": refer("Rule")}}},
            "Tag": {"properties": {"tag": {"type": "string"}}},
        }
    )
    rule = types["Rule"]
    assert isinstance(rule, Union)
    assert rule.merged is not None
    assert [each.name for each in rule.merged.fields] == ["all", "tag"]
    assert rule.merged.fields[0].type == Type("array", item=Type("named", "Rule"))


def test_a_list_has_records_and_a_token_of_a_page() -> None:
    schemas = {
        "Answer": {"properties": {"things": {"type": "array", "items": refer("Thing")}, "pagination": {}}},
        "Thing": {"properties": {"id": {"type": "string"}}},
    }
    parameters = [{"name": "pageToken", "in": "query", "schema": {"type": "string"}}]
    _, (operation,) = read(schemas, parameters=parameters)
    assert (operation.list_field, operation.item) == ("things", Type("named", "Thing"))
    assert operation.path_parameters == ["id"]

    _, (operation,) = read(schemas)
    assert operation.list_field is None


def test_a_body_that_is_a_file_is_left_out() -> None:
    body = {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}
    assert read({"Answer": {"properties": {}}}, requestBody=body)[1] == []
