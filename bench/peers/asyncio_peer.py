"""asyncio_peer.py: the questions of this folder, to asyncio on uvloop.

Fewer rounds than the others make: each step costs a microsecond or more.  Not
called asyncio.py, which would hide the module.
"""

import asyncio
import concurrent.futures
import signal
import socket
import sys
import time

import uvloop

YIELDS = 200_000
SPAWNS = 50_000
MESSAGES = 100_000
SCOPES = 50_000
JOBS = 20_000
SERVER_SECONDS = 300


def each(began, count):
    return (time.process_time_ns() - began) / count


# ---- As in yield.c and spawn.c ---------------------------------------------

async def yield_(n):
    async def yielder(count):
        for _ in range(count):
            await asyncio.sleep(0)
    count = max(YIELDS // n, 2)
    tasks = [asyncio.create_task(yielder(count)) for _ in range(n)]
    await asyncio.sleep(0)
    began = time.process_time_ns()
    await asyncio.gather(*tasks)
    return each(began, (count - 1) * n)


async def nothing():
    pass


async def spawn(_):
    began = time.process_time_ns()
    for _ in range(SPAWNS):
        await asyncio.create_task(nothing())
    return each(began, SPAWNS)


# ---- As in memory.c and timers.c -------------------------------------------

def resident():
    with open("/proc/self/status") as f:
        return sum(int(line.split()[1]) * 1024 for line in f
                   if line.startswith(("VmRSS:", "VmPTE:")))


async def memory(n):
    gate = asyncio.Event()
    before = resident()
    tasks = [asyncio.create_task(gate.wait()) for _ in range(n)]
    await asyncio.sleep(0.001)
    seen = resident()
    gate.set()
    await asyncio.gather(*tasks)
    return (seen - before) / n


async def timers(n):
    began = time.process_time_ns()
    await asyncio.gather(*(asyncio.sleep((i * 7919 % 1000 + 1) / 1000)
                           for i in range(n)))
    return each(began, n) / 1e3


# ---- As in scope.c and cancel.c --------------------------------------------

async def deadline(_):
    began = time.process_time_ns()
    for _ in range(SCOPES):
        async with asyncio.timeout(1):
            pass
    return each(began, SCOPES)


async def cancel(n):
    tasks = [asyncio.create_task(asyncio.sleep(3600)) for _ in range(n)]
    await asyncio.sleep(0.001)
    began = time.process_time_ns()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return each(began, 1) / 1e6


# ---- As in chan.c ----------------------------------------------------------

async def chan(n):
    queue = asyncio.Queue(n)

    async def send():
        for i in range(MESSAGES):
            await queue.put(i)
    began = time.process_time_ns()
    sender = asyncio.create_task(send())
    for _ in range(MESSAGES):
        await queue.get()
    result = each(began, MESSAGES)
    await sender
    return result


# ---- As in thread.c ---------------------------------------------------------

async def thread(n):
    async def caller(count):
        for _ in range(count):
            await asyncio.to_thread(int)
    await asyncio.gather(*[caller(10) for _ in range(n)])
    count = JOBS // n
    began = time.perf_counter_ns()
    await asyncio.gather(*[caller(count) for _ in range(n)])
    return (time.perf_counter_ns() - began) / (count * n)


# ---- As in pool.c ----------------------------------------------------------

async def process(n):
    loop = asyncio.get_running_loop()
    with concurrent.futures.ProcessPoolExecutor() as pool:
        async def caller(count):
            for i in range(count):
                await loop.run_in_executor(pool, int, i)
        await asyncio.gather(*[caller(10) for _ in range(n)])
        count = JOBS // n
        began = time.perf_counter_ns()
        await asyncio.gather(*[caller(count) for _ in range(n)])
        return (time.perf_counter_ns() - began) / (count * n)


# ---- As in echo.c: a protocol, which is quicker than streams ---------------

class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def echo(_):
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    server = await asyncio.get_running_loop().create_server(Echo, sock=listener)
    signal.alarm(SERVER_SECONDS)
    print(listener.getsockname()[1], flush=True)
    await server.serve_forever()


def main():
    questions = {"yield": yield_, "spawn": spawn, "memory": memory,
                 "timers": timers, "deadline": deadline, "cancel": cancel,
                 "chan": chan, "thread": thread, "process": process, "echo": echo}
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    uvloop.install()
    print(f"{asyncio.run(questions[sys.argv[1]](n)):.3f}")


main()
