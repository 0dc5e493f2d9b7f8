"""Sends notifications while receivers of webhooks get into trouble and Bellwire is killed, and compares what each receiver got
with the results of the Operations.

WEBHOOKS_RECIPIENTS is the number of notifications (1,000,000), of which a tenth fails, REPLICAS that of Bellwire's processes (1).
First, it measures rates without and with a dead receiver, in ROUNDS rounds (3).
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from statistics import median

from received import COMPLETED, FAILED, SENT, Expected, Received
from service import Bellwire, simulator_summary

RECIPIENTS = int(os.environ.get("WEBHOOKS_RECIPIENTS", "1000000"))
REPLICAS = int(os.environ.get("REPLICAS", "1"))
# Of an Operation; it has batches of 500.
SIZE = max(500, min(10_000, RECIPIENTS // 20 // 500 * 500))
BATCHES = SIZE // 500
ROUNDS = int(os.environ.get("ROUNDS", "3"))
# How long the receivers may take after the last notification was sent, in seconds.
PATIENCE = 15 * 60
# How often one receiver is killed, and how long it is down each time, in seconds.
RECEIVER_KILLS = 5
DOWN = 3
# A message that is retried later than this is sent again by hand, as docs/webhooks.md offers it. A message has failed three times
# by then.
RETRIED_SOON = timedelta(minutes=7)
# With a dead receiver, the rates of pushes and of a good receiver are at least this share of the rates without it. Sends of fewer
# notifications than LEAST_MEASURED are too short to measure.
LEAST_SHARE = 0.75
LEAST_MEASURED = 50_000

STARTED = time.monotonic()


def say(text):
    print(f"{time.monotonic() - STARTED:6.1f} s  {text}", flush=True)


def wait_until(condition, seconds, what):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            sys.exit(f"not within {seconds} s: {what}")
        time.sleep(0.05)


class Receiver:
    """A webhook, and the process at its URL, if there is one."""

    def __init__(self, bellwire, name, port, options=()):
        self.bellwire = bellwire
        self.name = name
        self.port = port
        self.options = [str(option) for option in options]
        self.process = None
        self.log = f"{os.environ['WORK']}/{name}.received"
        open(self.log, "ab").close()
        self.received = Received(self.log)
        self.url = f"http://127.0.0.1:{port}/"
        self.webhook = None
        self.secret = "none"

    def subscribe(self):
        body = {"url": self.url, "events": [SENT, FAILED, COMPLETED], "description": self.name}
        webhook = json.loads(self.bellwire.call("POST", "/Webhooks", body))
        self.webhook = webhook["id"]
        self.secret = webhook["secret"]
        return self

    def start(self):
        command = [sys.executable, "receiver.py", "--port", str(self.port), "--log", self.log]
        self.process = subprocess.Popen([*command, "--secret", self.secret, *self.options])
        return self

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def enable(self, is_enabled):
        status = "ENABLED" if is_enabled else "DISABLED"
        self.bellwire.call("PATCH", f"/Webhooks/{self.webhook}", {"status": status})

    def pending(self):
        """Messages that are neither delivered nor given up."""
        path = f"/Webhooks/{self.webhook}/Deliveries?status=PENDING&pageSize=1000"
        page = self.bellwire.get(path)
        pending = page["deliveries"]
        while token := page["pagination"]["next"]:
            page = self.bellwire.get(f"{path}&pageToken={token}")
            pending += page["deliveries"]
        return pending

    def resend_late_ones(self):
        """Sends again what is retried much later. Returns how many messages."""
        latest = (datetime.now(UTC) + RETRIED_SOON).isoformat()
        late = [message["id"] for message in self.pending() if message["nextAttemptAt"] > latest]
        for message in late:
            path = f"/Webhooks/{self.webhook}/Deliveries/{message}/Resend"
            self.bellwire.call("POST", path, key=f"{message}-{time.time()}")
        return len(late)


def token(number):
    """FCM and APNs take turns; a tenth is of dead devices."""
    is_dead = number % 20 in (4, 7)
    if number % 2:
        return {"provider": "FCM", "token": f"{number:08}:APA91b{'x' * 120}" + ("~UNREGISTERED" if is_dead else "")}
    return {"provider": "APN", "token": ("0410" if is_dead else "abcd") + f"{number:060x}"}


class Send:
    """Operations that are sent by four callers."""

    def __init__(self, bellwire, name, first, count):
        self.bellwire = bellwire
        self.name = name
        self.first = first
        self.total = count
        self.operations = []
        self.pool = ThreadPoolExecutor(4)
        self.started = time.monotonic()
        self.posts = [self.pool.submit(self.post, index) for index in range(count // SIZE)]

    def post(self, index):
        first = self.first + index * SIZE
        body = {
            "to": [token(number) for number in range(first, first + SIZE)],
            "content": {"title": "Boarding", "body": "Gate 7"},
        }
        answer = self.bellwire.call("POST", "", body, key=f"{self.name}-{index}")
        self.operations.append(json.loads(answer)["operationId"])

    def accepted(self):
        return len(self.operations) * SIZE

    def wait(self):
        """Until all are settled. Returns notifications a second."""
        for post in self.posts:
            post.result()
        for operation in self.operations:
            while self.bellwire.get(f"/Operations/{operation}")["status"] != "COMPLETED":
                time.sleep(0.02)
        self.pool.shutdown()
        return self.total / (time.monotonic() - self.started)


def measure(bellwire, good, dead):
    """The rates of pushes and of a receiver, without and with a receiver that is down, in turns."""
    count = max(SIZE, RECIPIENTS // 10 // SIZE * SIZE)
    pushes = {key: [] for key in [(False, False), (False, True), (True, False), (True, True)]}
    reports = {key: [] for key in pushes}
    first = RECIPIENTS
    for round in range(ROUNDS):
        for (has_good, has_dead), rates in pushes.items():
            good.enable(has_good)
            dead.enable(has_dead)
            wanted = good.received.read().count() + count
            send = Send(bellwire, f"measure-{round}-{has_good}-{has_dead}", first, count)
            first += count
            rates.append(send.wait())
            if has_good:
                wait_until(lambda least=wanted: good.received.read().count() >= least, 120, "all are reported")
                reports[has_good, has_dead].append(count / (time.monotonic() - send.started))

    problems = []
    for what, without, with_dead in [
        ("pushed without another webhook", pushes[False, False], pushes[False, True]),
        ("pushed beside a good receiver", pushes[True, False], pushes[True, True]),
        ("reported to a good receiver", reports[True, False], reports[True, True]),
    ]:
        share = median(with_dead) / median(without)
        say(f"{what}: {median(without):,.0f}/s, with a dead receiver {median(with_dead):,.0f}/s: {share:.2f} of it")
        if share < LEAST_SHARE and count >= LEAST_MEASURED:
            problems.append(f"{what}: {share:.2f} with a dead receiver")
    return problems


class ReceiverKiller(threading.Thread):
    """Kills a receiver while messages arrive, and starts it anew."""

    def __init__(self, receiver):
        super().__init__()
        self.receiver = receiver
        self.stopped = threading.Event()
        self.kills = 0

    def run(self):
        while self.kills < RECEIVER_KILLS and self.gets_more():
            time.sleep(1)
            self.receiver.kill()
            self.kills += 1
            time.sleep(DOWN)
            self.receiver.start()

            started = time.monotonic()
            if self.gets_more():
                after = time.monotonic() - started
                say(f"kill -9 of a receiver, {self.kills}: got the next request {after:.1f} s after its start")

    def gets_more(self):
        """Waits for another request. False: the drill is over."""
        before = self.receiver.received.read().requests
        while self.receiver.received.read().requests == before:
            if self.stopped.wait(0.05):
                return False
        return True

    def stop(self):
        self.stopped.set()
        self.join()


def kill_bellwire(bellwire, when):
    bellwire.kill()
    say(f"kill -9 of Bellwire {when}, and started again")


def main():
    # So that what it has started ends, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    bellwire = Bellwire(REPLICAS)
    receivers = []
    try:
        drill(bellwire, receivers)
    finally:
        for receiver in receivers:
            receiver.kill()
        bellwire.stop()


def drill(bellwire, receivers):
    first_port = bellwire.ports[-1] + 20

    def receiver(name, *options):
        receivers.append(Receiver(bellwire, name, first_port + len(receivers), options))
        return receivers[-1]

    measured = receiver("measured").subscribe().start()
    dead = receiver("dead").subscribe()
    problems = measure(bellwire, measured, dead) if ROUNDS else []
    measured.enable(False)
    dead.enable(True)

    target = receiver("target").start()
    good = receiver("good")
    killed = receiver("killed", "--delay", 0.2)
    hanging = receiver("hanging", "--hang", 60)
    flaky = receiver("flaky", "--fail-every", 3)
    slow = receiver("slow", "--delay", 2)
    gone = receiver("gone", "--status", 410)
    redirecting = receiver("redirecting", "--status", 302, "--redirect", target.url)
    answering = [good, killed, hanging, flaky, slow]
    for each in [*answering, gone, redirecting]:
        each.subscribe().start()

    before = simulator_summary()["requests"]
    send = Send(bellwire, "drill", 0, RECIPIENTS)
    killer = ReceiverKiller(killed)
    killer.start()

    wait_until(lambda: send.accepted() >= RECIPIENTS // 5, 120, "a fifth is accepted")
    kill_bellwire(bellwire, f"after {send.accepted():,} were accepted")
    wait_until(lambda: simulator_summary()["requests"] - before >= RECIPIENTS * 2 // 5, 300, "two fifths are pushed")
    kill_bellwire(bellwire, f"after {simulator_summary()['requests'] - before:,} pushes")
    send.wait()
    say(f"all {len(send.operations)} Operations are completed")
    kill_bellwire(bellwire, f"while the slow receiver has {slow.received.read().count():,}")

    expected = Expected(send.operations, BATCHES)
    for operation in send.operations:
        expected.add(bellwire.call("GET", f"/Operations/{operation}/Results"))
    say(f"results: {len(expected.ids[SENT]):,} SENT, {len(expected.ids[FAILED]):,} FAILED")
    kill_bellwire(bellwire, f"while the slow receiver has {slow.received.read().count():,}")

    resent = wait_for_receivers(answering, expected)
    killer.stop()
    doubles = simulator_summary()["duplicates"]
    say(f"the providers accepted {doubles:,} pushes twice, which were in flight when Bellwire was killed")

    for each in answering:
        for problem in each.received.check(expected):
            problems.append(f"{each.name}: {problem}")
            say(problems[-1])
        again, twice = each.received.doubles()
        say(
            f"{each.name}: {each.received.count():,} notifications in {len(each.received.messages):,} messages, answers "
            f"{dict(each.received.answers)}; reported again: {again:,} in the same message and {twice:,} in another one; "
            f"{each.received.torn} torn lines, {resent[each.name]} resent by hand"
        )
        finals = sum(len(finals) > 1 for finals in each.received.finals.values())
        if finals:
            say(f"{each.name}: {finals} times two parts of an Operation are final")
    problems += check_others(gone, redirecting, target, dead)

    say(f"peak memory of Bellwire: {bellwire.peak_memory:.0f} MB")
    if problems:
        sys.exit("\n".join(problems[:50]))
    say(f"every receiver got everything, over {bellwire.kills} kills of Bellwire and {killer.kills} of a receiver")


def wait_for_receivers(answering, expected):
    """Waits until each has got everything and no message is left. Returns how many messages each was resent by hand."""
    resent = {receiver.name: 0 for receiver in answering}
    waiting = list(answering)
    until = time.monotonic() + PATIENCE
    while waiting:
        for receiver in list(waiting):
            resent[receiver.name] += receiver.resend_late_ones()
            if receiver.received.read().has_all(expected) and not receiver.pending():
                waiting.remove(receiver)
                say(f"{receiver.name} has got everything")
        if time.monotonic() > until:
            say(f"not everything was received within {PATIENCE} s: {', '.join(receiver.name for receiver in waiting)}")
            return resent
        time.sleep(5)
    return resent


def check_others(gone, redirecting, target, dead):
    """The problems of those that take nothing."""
    problems = []
    webhook = gone.bellwire.get(f"/Webhooks/{gone.webhook}")
    requests = gone.received.read().requests
    say(f"gone: {requests} requests, {webhook['status']}: {webhook['disabledReason']}")
    if webhook["status"] != "DISABLED" or "410" not in webhook["disabledReason"]:
        problems.append(f"gone: it is {webhook['status']} because of {webhook['disabledReason']}")
    # Those that were in flight when the first was answered, and those of which a kill lost the answer.
    if not 1 <= requests <= 8 * (REPLICAS + gone.bellwire.kills):
        problems.append(f"gone: it got {requests} requests")

    for receiver, wanted in [(redirecting, 302), (dead, None)]:
        webhook = receiver.bellwire.get(f"/Webhooks/{receiver.webhook}")
        attempts = [attempt for message in receiver.pending() for attempt in message["attempts"]]
        errors = {attempt["error"] for attempt in attempts}
        say(f"{receiver.name}: {webhook['status']}, {len(attempts)} attempts: {', '.join(sorted(map(str, errors)))}")
        if not attempts or any(attempt["httpStatus"] != wanted for attempt in attempts):
            problems.append(f"{receiver.name}: its attempts are {attempts[:5]}")
        if webhook["status"] != "ENABLED":
            problems.append(f"{receiver.name}: it is {webhook['status']}")
    if target.received.read().requests:
        problems.append(f"the target of the redirect got {target.received.requests} requests")
    return problems


main()
