#!/usr/bin/env python3
"""Small events through the gateway, one after the other: the time from the backend's write to the client's read, beside the same
without a gateway in between."""
import socket, sys, threading, time

from harness import Gateway, arguments, judge, quiet


class Events:
    """A backend that sends an event whenever it is told to, with the time at which it did."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections = []
        self.arrived = threading.Condition()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(4096)
                if not piece:
                    break
                head += piece
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            with self.arrived:
                self.connections.append(connection)
                self.arrived.notify_all()

    def stream(self, index):
        with self.arrived:
            self.arrived.wait_for(lambda: len(self.connections) > index, timeout=20)
            return self.connections[index]


def measure(port, source, count, pause):
    client = socket.create_connection(("127.0.0.1", port), timeout=20)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")
    backend = source()
    received = b""
    while b"\r\n\r\n" not in received:
        received += client.recv(4096)
    times = []
    for i in range(count + 20):  # the first ones warm everything up
        event = b"data: event %08d\n\n" % i
        start = time.perf_counter_ns()
        backend.sendall(b"%x\r\n%s\r\n" % (len(event), event))
        received = b""
        while event not in received:
            piece = client.recv(4096)
            if not piece:
                sys.exit("the stream ended")
            received += piece
        times.append(time.perf_counter_ns() - start)
        time.sleep(pause)
    client.close()
    backend.close()
    return sorted(times[20:])


def show(name, times):
    at = lambda q: times[min(len(times) - 1, int(len(times) * q))] / 1e6
    print(f"{name}: median {at(0.5):.3f} ms, 90% {at(0.9):.3f} ms, 99% {at(0.99):.3f} ms, slowest {times[-1] / 1e6:.3f} ms of {len(times)} events", flush=True)
    return at(0.5)


def main():
    p = arguments(__doc__)
    p.add_argument("--events", type=int, default=1000)
    p.add_argument("--pause", type=float, default=0.002, help="seconds between two events")
    p.add_argument("--max-median-ms", type=float, default=1.0)
    args = p.parse_args()
    events = Events()
    show("direct ", measure(events.port, lambda: events.stream(0), args.events, args.pause))
    config = quiet(endpoints=[{"endpoint": "/events", "timeout": "10m", "output_encoding": "no-op",
                               "backend": [{"host": [f"http://127.0.0.1:{events.port}"], "url_pattern": "/events"}]}])
    with Gateway(args, config) as gateway:
        median = show("gateway", measure(gateway.port, lambda: events.stream(1), args.events, args.pause))
    return judge([("median ms", median, args.max_median_ms)])


if __name__ == "__main__":
    sys.exit(main())
