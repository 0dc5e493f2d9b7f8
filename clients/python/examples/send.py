"""Sends to tokens, and shows what failed. `python examples/send.py TOKEN…`."""

import sys

from bellwire import ApiError, Bellwire

with Bellwire.from_environment() as client:
    try:
        accepted = client.send(
            {
                "to": [{"token": token, "provider": "FCM", "variables": {"name": "Ann"}} for token in sys.argv[1:]],
                "content": {"title": "Hello {{ name }}", "body": "You have 1 hour until boarding time"},
                "priority": "HIGH",
            },
        )
    except ApiError as error:
        for problem in error.problems:
            print(f"{problem.field}: {problem.message}", file=sys.stderr)
        sys.exit(f"refused: {error.message}")

    operation = client.wait_for_completion(accepted["operationId"])
    print(operation["id"], operation["status"], operation["stats"])
    for failure in client.list_operation_errors(operation["id"]):
        print("recipient", failure["position"], failure["code"], failure.get("message"))
