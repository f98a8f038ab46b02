#!/usr/bin/env python3
"""Load on two hosts while one of them is killed, brought back and stalled, again and again: no request may be lost, and the
gateway's memory, its descriptors and the connections it takes for busy must not become more.

A request counts as lost when its answer is not 200. The one case the gateway may not repair, a kill while a request is on a
connection that was never used before (nobody knows whether it was carried out), is kept out by warming the pools first and
after each return of the host."""
import sys, threading, time

from harness import Backend, Client, Gateway, arguments, judge, quiet


class Load:
    def __init__(self, port, clients):
        self.done, self.lost, self.stopping, self.lock = 0, [], False, threading.Lock()
        self.clients = [Client(port) for _ in range(clients)]
        self.threads = [threading.Thread(target=self.run, args=(c,)) for c in self.clients]

    def run(self, client):
        while not self.stopping:
            try:
                status = client.get("/x")
            except OSError as e:
                status = repr(e)
            with self.lock:
                self.done += 1
                if status != 200:
                    self.lost.append(status)
            if not isinstance(status, int):
                return

    def warm(self, paths):
        """As many connections to each host as there are clients, by slow answers at the same time."""
        for path in paths:
            threads = [threading.Thread(target=c.get, args=(path,)) for c in self.clients]
            for t in threads:
                t.start()
            for t in threads:
                t.join()

    def start(self):
        for t in self.threads:
            t.start()

    def stop(self):
        self.stopping = True
        for t in self.threads:
            t.join()


def at_rest(gateway):
    """What is left when the clients have gone: memory in MB, descriptors, connections of clients, calls of backends. Descriptors
    without idle connections to backends, which the pool keeps on purpose and whose number changes from round to round."""
    end = time.monotonic() + 10
    while True:
        status = gateway.status()
        clients, pool = status["connections"], status["backend_connections"]
        if clients + pool["active"] == 0 or time.monotonic() > end:
            break
        time.sleep(0.05)
    time.sleep(0.1)  # the question's own connection is closed
    return gateway.resident() / 1e6, gateway.descriptors() - pool["idle"], clients, pool["active"]


def main():
    p = arguments(__doc__)
    p.add_argument("--seconds", type=float, default=60)
    p.add_argument("--clients", type=int, default=8)
    p.add_argument("--max-growth-megabytes", type=float, default=4)
    p.add_argument("--max-growth-descriptors", type=int, default=2)
    p.add_argument("--max-growth-connections", type=int, default=0, help="of clients, and of calls to backends, when nobody asks")
    args = p.parse_args()
    a, b = Backend(), Backend()
    config = quiet(endpoints=[
        {"endpoint": "/x", "backend": [{"host": [a.url(), b.url()], "url_pattern": "/d"}]},
        {"endpoint": "/warm/a", "backend": [{"host": [a.url()], "url_pattern": "/d"}]},
        {"endpoint": "/warm/b", "backend": [{"host": [b.url()], "url_pattern": "/d"}]}])
    total, lost, rounds, samples = 0, [], 0, []
    try:
        with Gateway(args, config) as gateway:
            end = time.monotonic() + args.seconds
            while time.monotonic() < end:
                load = Load(gateway.port, args.clients)
                for host, path in ((a, "/warm/a"), (b, "/warm/b")):
                    host.pause()                      # all clients wait at once, so that many connections are opened
                    timer = threading.Timer(0.2, host.resume)
                    timer.start()
                    load.warm([path])
                    timer.join()
                load.start()
                time.sleep(0.5)
                if rounds % 2 == 0:
                    a.kill()
                    time.sleep(0.5)
                    a.start()
                else:
                    a.pause()
                    time.sleep(0.5)
                    a.resume()
                time.sleep(0.5)
                load.stop()
                total, rounds = total + load.done, rounds + 1
                lost += load.lost
                for c in load.clients:
                    c.close()
                samples.append(at_rest(gateway))
    finally:
        a.end()
        b.end()
    settled = samples[min(2, len(samples) - 1)]       # the first rounds fill pools
    megabytes, descriptors, clients, calls = (max(s[i] for s in samples) - settled[i] for i in range(4))
    print(f"soak: {total} requests in {rounds} rounds, {len(lost)} lost {sorted(set(map(str, lost)))[:5] if lost else ''}, "
          f"resident {settled[0]:.1f} MB, growth {megabytes:.1f} MB")
    print(f"soak: {settled[1]} descriptors without idle connections, growth {descriptors}; at rest {settled[2]} connections of clients, "
          f"growth {clients}, and {settled[3]} calls to backends, growth {calls}")
    return judge([("requests lost", len(lost), 0), ("growth in MB", megabytes, args.max_growth_megabytes),
                  ("growth in descriptors", descriptors, args.max_growth_descriptors),
                  ("growth in connections of clients", clients, args.max_growth_connections),
                  ("growth in calls to backends", calls, args.max_growth_connections)]) or gateway.code


if __name__ == "__main__":
    sys.exit(main())
