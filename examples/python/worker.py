"""A queue with Parley from Python: push jobs, work on them, and see what became of one that cannot be done.

    protoc --proto_path=proto --python_out=generated proto/parley/v1/*.proto
    PYTHONPATH=generated python3 examples/python/worker.py localhost 7311
"""

import sys
import uuid

from parley.v1 import queue_pb2

from parley_client import Client


def push(client, queue, payload, message_id=""):
    """Pushes a job and gives its id once it is safe; the same message_id is queued once."""
    job = {"queue": queue, "payload": payload, "message_id": message_id}
    return client.request(job=job).ack.seq


def jobs(client, queue, prefetch=1):
    """The jobs of a queue, as they come. Each has to be settled; with prefetch 1 before the next comes."""
    client.send(pull={"consumer": 1, "queue": queue, "prefetch": prefetch})
    while True:
        message = client.receive()  # the Ack of the pull, a Settled, or a job
        if message.WhichOneof("message") == "job":
            yield message.job


def settle(client, job, verdict, error=""):
    """Says what becomes of a job: VERDICT_ACK, _NACK, _REJECT, _RELEASE or _EXTEND."""
    verdict = queue_pb2.Verdict.Value(f"VERDICT_{verdict}")
    tokens = [job.token]
    client.send(
        settle={"consumer": job.consumer, "tokens": tokens, "verdict": verdict, "error": error}
    )


def work(client, queue, handler, count):
    """Does so many jobs with `handler`, one after the other.

    One that takes longer than job.lease_ms has to send EXTEND in time, from another thread for instance.
    Otherwise the job goes to somebody else, and settling it comes too late: FAILED_PRECONDITION.
    """
    for number, job in enumerate(jobs(client, queue), start=1):
        if number == count:  # first, so that no job comes in the place of the last one, and counts as tried
            client.send(pull={"consumer": 1, "queue": queue, "prefetch": 0})
        try:
            handler(job)
        except ValueError as problem:
            settle(client, job, "REJECT", str(problem))  # it would fail again: a dead letter
        except OSError as problem:
            settle(client, job, "NACK", str(problem))  # comes again after a while
        else:
            settle(client, job, "ACK")
        if number == count:
            return


def send_email(job):
    if not job.payload:
        raise ValueError("there is no address")
    print(f"sent to {job.payload.decode()}, attempt {job.attempt}")


if __name__ == "__main__":
    host, port = sys.argv[1], int(sys.argv[2])
    with Client(host, port) as producer, Client(host, port) as worker, Client(host, port) as clerk:
        run = uuid.uuid4()
        for name in ("ann", "bob", ""):
            print("pushed", push(producer, "emails", name.encode(), f"{run} {name}"))
        work(worker, "emails", send_email, count=3)
        for letter in jobs(clerk, "emails.dead"):
            reason = queue_pb2.DeathReason.Name(letter.death.reason).removeprefix("DEATH_REASON_")
            print(f"{reason}: {letter.death.last_error}")
            settle(clerk, letter, "ACK")
            break
