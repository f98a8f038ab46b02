"""What reload_under_load.py, swap_under_load.py and isolate_hook.py share: the harness of tests/bench, many connections that never
pause, and the admin socket."""
import multiprocessing, pathlib, select, socket, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))
from harness import Backend, Client, Gateway, arguments, ask, judge, quiet  # noqa: F401 (for the scripts)


def reload(gateway):
    status, outcome = ask(gateway.admin, "POST", "/reload")
    if status != 200:
        sys.exit(f"a reload was refused: {outcome.get('error')}")
    return outcome


def live_generations(gateway):
    return len(ask(gateway.admin, "GET", "/status")[1]["generations"])


def settle(gateway, limit=30):
    """Waits until one generation lives; returns how many do."""
    end = time.monotonic() + limit
    while (n := live_generations(gateway)) != 1 and time.monotonic() < end:
        time.sleep(0.05)
    return n


def _connect(port):
    s = socket.create_connection(("127.0.0.1", port))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.setblocking(False)
    return s


def _client(port, clients, path, bodies, marks, pipe):
    """In a process of its own: each connection asks as soon as it has its answer. Sends what it saw when the pipe says stop;
    the time beside each mark tells which latencies belong to which phase."""
    request = f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode()
    poll, conns = select.epoll(), {}
    counts = {"requests": 0, "failed": 0, "reset": 0}
    worst, phase, examples = {}, "before", []
    seen = {m: 0 for m in marks}

    def begin(c):
        c["sent"] = time.monotonic()
        c["data"] = b""
        c["sock"].send(request)

    for _ in range(clients):
        s = _connect(port)
        conns[s.fileno()] = {"sock": s}
        poll.register(s, select.EPOLLIN)
    poll.register(pipe, select.EPOLLIN)
    for c in conns.values():
        begin(c)
    running = True
    while conns:
        for fd, _ in poll.poll():
            if fd == pipe.fileno():
                message = pipe.recv()
                if message == "stop":
                    running = False
                else:
                    phase = message
                continue
            c = conns[fd]
            try:
                more = c["sock"].recv(262144)
            except OSError:
                more = b""
            if not more:
                counts["reset"] += 1
                poll.unregister(fd)
                del conns[fd]
                continue
            c["data"] += more
            head, blank, body = c["data"].partition(b"\r\n\r\n")
            if not blank:
                continue
            at = head.lower().find(b"content-length:")
            if at < 0 or len(body) < int(head[at + 15:].split(b"\r\n")[0]):
                continue
            worst[phase] = max(worst.get(phase, 0), time.monotonic() - c["sent"])
            counts["requests"] += 1
            for m in marks:
                seen[m] += m in c["data"]
            if not head.startswith(b"HTTP/1.1 200") or body not in bodies:
                counts["failed"] += 1
                if len(examples) < 3:
                    examples.append(c["data"][:400].decode(errors="replace"))
            if running:
                begin(c)
            else:
                poll.unregister(fd)
                c["sock"].close()
                del conns[fd]
    pipe.send({**counts, "worst": worst, "examples": examples, "seen": seen})


class Load:
    def __init__(self, port, clients, path, bodies, marks=()):
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=_client, args=(port, clients, path, bodies, list(marks), theirs), daemon=True)
        self.process.start()

    def phase(self, name):
        self.pipe.send(name)

    def stop(self):
        self.pipe.send("stop")
        result = self.pipe.recv()
        self.process.join()
        return result
