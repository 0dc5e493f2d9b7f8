"""Shows how an Operation goes on until its end. `python examples/watch.py OPERATION_ID`."""

import sys

from bellwire import Bellwire

with Bellwire.from_environment() as client:
    while True:
        # Answers at once when the Operation has ended, else after a second.
        operation = client.fetch_operation(sys.argv[1], wait="1s")
        stats = operation["stats"]
        print(f"{operation['status']}: {stats['sent']} sent, {stats['failed']} failed of {stats['total']}", flush=True)
        if operation["status"] in ("COMPLETED", "CANCELED"):
            break
