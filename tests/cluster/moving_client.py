"""Everything that a client of the Python package can be, at a node of a cluster that is lost, and what becomes of it.

moving_client.py URL...: the first is that of the node. Says "ready" when all is set up, and then expects that the node is lost.
"""

import asyncio
import sys

import parley
from parley import ErrorCode, ParleyError

QUICK = parley.Reconnect(least=0.01, most=0.2)


async def granted(ask):
    while True:
        try:
            return await ask()
        except ParleyError as error:
            if error.code != ErrorCode.UNAVAILABLE:
                raise
            await asyncio.sleep(0.01)


async def until(condition, what):
    try:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"{what}: not after 60 s") from None


async def play(urls):
    statuses = []
    moving = await parley.connect(urls, reconnect=QUICK, on_status=lambda status, _: statuses.append(status))
    staying = await parley.connect(urls[1:] + urls[:1], reconnect=QUICK)
    first = moving.welcome.server_id
    seen, shares, done, published, gaps = [], [[], []], [], [], []

    async def collect(subscription, into):
        async for event in subscription:
            into.append((event.seq, event.text()))

    tasks = [asyncio.create_task(collect(await moving.subscribe("orders.py", since="all", on_gap=gaps.append), seen))]
    for client, into in zip((moving, staying), shares):
        tasks.append(asyncio.create_task(collect(await client.subscribe("orders.py", group="share"), into)))
        client.queue("work").work(lambda job: done.append(job.text()))
    await moving.serve("acme.Moving/Ask", lambda call: "moved")
    await staying.serve("acme.Staying/Ask", lambda call: "stayed")
    room = await moving.room("lobby", "Ada", history=0)
    other = await staying.room("lobby", "Bob", history=0)
    said = []

    async def listen():
        async for message in other:
            if message.kind == "said":
                said.append((message.name, message.text))

    tasks.append(asyncio.create_task(listen()))

    async def work(count):
        for _ in range(count):
            text = str(len(published))
            await granted(lambda: staying.publish("orders.py", text, message_id=text))
            await granted(lambda: staying.queue("work").push(text, message_id=text))
            published.append(text)

    await work(20)
    await until(lambda: len(seen) >= 10, "events")
    print("ready", flush=True)
    while "reconnecting" not in statuses:
        await work(1)
    await work(50)
    assert (await granted(lambda: moving.call("acme.Staying/Ask"))).text() == "stayed"
    assert moving.welcome.server_id != first, "it has moved"
    assert (await granted(lambda: staying.call("acme.Moving/Ask"))).text() == "moved"
    await room.say("here again")
    await until(lambda: ("Ada", "here again") in said, "what was said")
    assert sorted(member.name for member in await room.members()) == ["Ada", "Bob"]
    await until(lambda: set(done) == set(published), "all jobs")
    await until(lambda: len(seen) >= len(published), "all events")
    assert seen == [(number + 1, text) for number, text in enumerate(published)], seen
    assert gaps == [], gaps
    shared = [text for share in shares for _, text in share]
    assert len(set(shared)) == len(shared), "each event goes to one member"
    assert said.count(("Ada", "here again")) == 1
    await moving.close()
    await staying.close()
    for task in tasks:
        task.cancel()


async def refusals():
    for urls, text in (([], "one of 0 servers"), (["parley://a:b@one", "parley://c:d@two"], "as another user")):
        try:
            parley.connect(urls)
        except ParleyError as error:
            assert error.code == ErrorCode.INVALID_ARGUMENT and text in str(error), error
        else:
            raise AssertionError(f"{urls} are taken")


asyncio.run(refusals())
asyncio.run(play(sys.argv[1:]))
