#!/usr/bin/env python3
"""A gigabyte through a no-op endpoint, from the backend to the client and from the client to the backend: every byte arrives, and the
gateway's memory does not grow with the body."""
import socket, sys, threading, time

from harness import Gateway, arguments, judge, quiet

BLOCK = b"\x5a" * (256 * 1024)


class Bodies:
    """A backend: GET /down?N sends N bytes, POST /up counts what comes and answers the number."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, connection.makefile("rb", buffering=1 << 16) as reader:
            line = reader.readline().decode()
            chunked, length = False, 0
            while (header := reader.readline().strip()) != b"":
                name, _, value = header.partition(b":")
                chunked = chunked or (name.lower() == b"transfer-encoding" and b"chunked" in value)
                length = int(value) if name.lower() == b"content-length" else length
            if line.startswith("GET"):
                left = int(line.split("?")[1].split()[0].rstrip("="))  # the gateway writes queries as name=value
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % left)
                while left > 0:
                    connection.sendall(BLOCK[:left] if left < len(BLOCK) else BLOCK)
                    left -= min(left, len(BLOCK))
                return
            got = 0
            if chunked:
                while (size := int(reader.readline(), 16)) > 0:
                    got += len(reader.read(size))
                    reader.readline()
            else:
                while got < length:
                    piece = reader.read(min(1 << 16, length - got))
                    if not piece:
                        return
                    got += len(piece)
            body = b"%d" % got
            connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


class Watch:
    """The gateway's highest resident memory while something runs, in bytes."""

    def __init__(self, gateway):
        self.gateway, self.most, self.running = gateway, gateway.resident(), True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while self.running:
            self.most = max(self.most, self.gateway.resident())
            time.sleep(0.05)

    def end(self):
        self.running = False
        self.thread.join()
        return max(self.most, self.gateway.resident())


def down(port, size):
    client = socket.create_connection(("127.0.0.1", port), timeout=120)
    client.sendall(b"GET /down?%d HTTP/1.1\r\nHost: x\r\n\r\n" % size)
    buffer = bytearray(1 << 18)
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.recv(4096)
    got = len(head.partition(b"\r\n\r\n")[2])
    while got < size:
        n = client.recv_into(buffer)
        if n == 0:
            break
        got += n
    client.close()
    return got


def up(port, size):
    client = socket.create_connection(("127.0.0.1", port), timeout=120)
    client.sendall(b"POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
    left = size
    while left > 0:
        client.sendall(BLOCK[:left] if left < len(BLOCK) else BLOCK)
        left -= min(left, len(BLOCK))
    answer = b""
    while b"\r\n\r\n" not in answer or not answer.partition(b"\r\n\r\n")[2]:
        piece = client.recv(4096)
        if not piece:
            break
        answer += piece
    client.close()
    return int(answer.partition(b"\r\n\r\n")[2] or 0)


def main():
    p = arguments(__doc__)
    p.add_argument("--megabytes", type=int, default=1024, help="of each direction")
    p.add_argument("--max-growth-megabytes", type=float, default=8)
    args = p.parse_args()
    size, bodies, limits = args.megabytes << 20, Bodies(), []
    host = [f"http://127.0.0.1:{bodies.port}"]
    config = quiet(timeout="10m", endpoints=[
        {"endpoint": "/down", "output_encoding": "no-op", "input_query_strings": ["*"], "backend": [{"host": host, "url_pattern": "/down"}]},
        {"endpoint": "/up", "method": "POST", "output_encoding": "no-op", "backend": [{"host": host, "url_pattern": "/up"}]}])
    with Gateway(args, config) as gateway:
        for name, direction in (("backend to client", down), ("client to backend", up)):
            direction(gateway.port, 1 << 20)  # buffers that stay
            before, watch, start = gateway.resident(), Watch(gateway), time.monotonic()
            got = direction(gateway.port, size)
            seconds, growth = time.monotonic() - start, (watch.end() - before) / (1 << 20)
            print(f"{name}: {got >> 20} MiB in {seconds:.1f} s ({got / seconds / (1 << 20):.0f} MiB/s), memory grew by {growth:.1f} MiB", flush=True)
            limits += [(f"{name}: bytes missing", size - got, 0), (f"{name}: growth in MiB", growth, args.max_growth_megabytes)]
    return judge(limits)


if __name__ == "__main__":
    sys.exit(main())
