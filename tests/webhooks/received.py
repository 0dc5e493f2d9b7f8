"""What a receiver got, read from its file, and whether it is what the receiver must have got."""

import json
import threading
from collections import Counter, defaultdict

SENT = "notification.sent"
FAILED = "notification.failed"
COMPLETED = "operation.completed"


class Received:
    """Reads a receiver's file as it grows."""

    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()
        self.offset = 0
        self.requests = 0
        self.answers = Counter()
        self.unsigned = 0
        self.torn = 0
        # How often each message was received, by its webhook-id.
        self.messages = Counter()
        # How often each notification was reported, and in how many different messages, by event and id.
        self.ids = {SENT: Counter(), FAILED: Counter()}
        self.in_messages = {SENT: Counter(), FAILED: Counter()}
        # Operations whose end was reported.
        self.completed = set()
        # (Operation, event): its sequences, and those that were final.
        self.sequences = defaultdict(set)
        self.finals = defaultdict(set)
        self.problems = []

    def read(self):
        """Reads the lines that are complete."""
        with self.lock, open(self.path, "rb") as file:
            file.seek(self.offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self.offset += len(line)
                if line != b"\n":
                    self.take(line)
        return self

    def take(self, line):
        try:
            request = json.loads(line)
        except ValueError:
            self.torn += 1
            return

        self.requests += 1
        self.answers[request["answer"]] += 1
        self.unsigned += not request["isSigned"]
        if "parts" not in request:
            return

        self.messages[request["id"]] += 1
        event = request["type"]
        for operation, sequence, is_final, ids, statuses in request["parts"]:
            if event == COMPLETED:
                self.completed.add(operation)
                if statuses != ["COMPLETED"]:
                    self.problems.append(f"{operation} is reported as {event} with the status {statuses}")
                continue

            if statuses != [event.removeprefix("notification.").upper()]:
                self.problems.append(f"{event} of {operation}, {sequence}: statuses {statuses}")
            self.ids[event].update(ids)
            if self.messages[request["id"]] == 1:
                self.in_messages[event].update(ids)
            self.sequences[operation, event].add(sequence)
            if is_final:
                self.finals[operation, event].add(sequence)

    def count(self):
        """Distinct notifications."""
        return sum(len(ids) for ids in self.ids.values())

    def has_all(self, expected):
        return self.completed >= expected.operations and all(
            len(self.ids[event]) >= len(expected.ids[event]) for event in self.ids
        )

    def doubles(self):
        """How often notifications were reported again: in the same message, and in another one."""
        received = sum(sum(ids.values()) for ids in self.ids.values())
        in_messages = sum(sum(ids.values()) for ids in self.in_messages.values())
        return received - in_messages, in_messages - self.count()

    def check(self, expected):
        """The differences between the messages and the results."""
        problems = list(self.problems)
        for event, ids in expected.ids.items():
            received = self.ids[event].keys()
            missing = ids - received
            wrong = received - ids
            if missing:
                problems.append(f"{event}: {len(missing)} of {len(ids)} are missing, such as {min(missing)}")
            if wrong:
                problems.append(f"{event}: {len(wrong)} are reported but have another status, such as {min(wrong)}")

        if self.unsigned:
            problems.append(f"{self.unsigned} of {self.requests} requests have no valid signature")
        if self.completed != expected.operations:
            problems.append(f"{len(self.completed)} of {len(expected.operations)} ends of Operations are reported")
        for operation in expected.operations:
            for event in expected.ids:
                sequences = self.sequences[operation, event]
                if sequences != set(range(expected.batches)):
                    problems.append(f"{event} of {operation}: the sequences are {sorted(sequences)}")
                if not self.finals[operation, event]:
                    problems.append(f"{event} of {operation}: no part is final")
        return problems


class Expected:
    """What the results of the Operations say."""

    def __init__(self, operations, batches):
        self.operations = set(operations)
        self.batches = batches
        self.ids = {SENT: set(), FAILED: set()}

    def add(self, results):
        for line in map(json.loads, results.splitlines()):
            self.ids["notification." + line["status"].lower()].add(line["id"])
