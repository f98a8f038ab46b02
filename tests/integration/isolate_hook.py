#!/usr/bin/env python3
"""What a plugin costs when it runs in a process of its own.

One endpoint with one plugin, three times: without the plugin, with it in the gateway, and with it isolated. One connection, request
after request, tells the latency that it adds; 64 connections tell the requests per second. Rounds alternate, so a drift of the
machine hits all alike; figures are medians.

    isolate_hook.py [--gateway FILE] [--plugins FOLDER] [--what hook|codec|pick] [--rounds 5] [--requests 3000] [--seconds 2] [--max-us 200]

hook: a request hook and, at the end, the message that the request is over. codec: one decode and one encode of a small JSON answer.
pick: the balancer chooses between two hosts. A gateway without codec or balancer is none, so those two compare with the plugin inside.

With --max-us it fails when the median of at least five rounds of what isolation adds to a request is larger.
"""
import json, re, statistics, subprocess, sys, time

from reload_load import Backend, Client, Gateway, arguments, judge, quiet

PLUGINS = {"hook": "bot-detector", "codec": "json", "pick": "balancing"}


def configuration(kind, backend, args):
    endpoint = {"endpoint": "/x", "backend": [{"host": [backend.url()] * (2 if args.what == "pick" else 1), "url_pattern": "/d"}]}
    if args.what == "hook" and kind != "without":
        endpoint["extra_config"] = {args.namespace: args.block}
    root = {"plugin": {"isolate": [args.plugin or PLUGINS[args.what]]}} if kind == "isolated" else {}
    return quiet(endpoints=[endpoint], **root)


def latency(gateway, requests):
    client, times = Client(gateway.port), []
    for _ in range(requests):
        begin = time.perf_counter()
        if client.get("/x") != 200:
            sys.exit("an answer that is none")
        times.append((time.perf_counter() - begin) * 1e6)
    client.close()
    return statistics.median(times)


def rate(gateway, seconds):
    out = subprocess.run(["wrk", "-t1", "-c64", f"-d{seconds}s", f"http://127.0.0.1:{gateway.port}/x"], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out:
        sys.exit(out)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])


def main():
    p = arguments(__doc__)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--requests", type=int, default=3000)
    p.add_argument("--seconds", type=int, default=2, help="of each throughput round; needs wrk")
    p.add_argument("--what", choices=PLUGINS, default="hook", help="what of the plugin is measured")
    p.add_argument("--namespace", default="security/bot-detector", help="of a hook")
    p.add_argument("--plugin", help="its id or file")
    p.add_argument("--block", type=json.loads, default={"deny": ["NoSuchBot/1.0"]}, help="options of the plugin as JSON; an empty block may ask for no hook at all")
    p.add_argument("--max-us", type=float, help="most that an isolated plugin may add to a request")
    args = p.parse_args()
    if args.max_us is not None and args.rounds < 5:
        sys.exit("--max-us wants the median of at least 5 rounds")
    backend = Backend()
    kinds = ("without", "in the gateway", "isolated")[0 if args.what == "hook" else 1:]
    gateways = {k: Gateway(args, configuration(k, backend, args)) for k in kinds}
    latencies, rates = {k: [] for k in kinds}, {k: [] for k in kinds}
    try:
        for _ in range(args.rounds):
            for k, g in gateways.items():
                latencies[k].append(latency(g, args.requests))
                rates[k].append(rate(g, args.seconds))
    finally:
        codes = [g.end() for g in gateways.values()]
        backend.end()
    base = statistics.median(latencies[kinds[0]])
    # Round by round: what disturbs the machine for a while disturbs both.
    added = statistics.median(i - w for i, w in zip(latencies["isolated"], latencies[kinds[0]]))
    for k in kinds:
        l, r = statistics.median(latencies[k]), statistics.median(rates[k])
        print(f"{k:15} {l:7.1f} us a request ({l - base:+.1f} us), {r:7.0f} requests/s over 64 connections")
    print(f"isolation adds {added:.1f} us to a request, median of {args.rounds} rounds")
    return judge([("what isolation adds in us", added, args.max_us)]) or (1 if any(codes) else 0)


if __name__ == "__main__":
    sys.exit(main())
