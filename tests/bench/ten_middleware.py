#!/usr/bin/env python3
"""What ten empty middleware add to a request that is passed through (the scenario noop-small of compare.py).

One gateway has the same endpoint twice, without and with a chain of ten middleware that do nothing in two hooks each; rounds
alternate between the two. The figure is CPU time of the gateway per request; the ratio of medians must stay below --max-ratio.

    cmake --build --preset release --target sluice sluice_plugins bench_plugin_empty
    tests/bench/ten_middleware.py --rounds 5 --seconds 2
"""
import argparse, os, pathlib, statistics, sys

import compare
import one_core

BUILD = pathlib.Path(__file__).resolve().parents[2] / "build/release"


def cpu_ns(pid):
    return sum(int(open(f"/proc/{pid}/task/{t}/schedstat").read().split()[0]) for t in os.listdir(f"/proc/{pid}/task"))


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--build", type=pathlib.Path, default=BUILD, help="the build folder (release)")
    a.add_argument("--rounds", type=int, default=5)
    a.add_argument("--seconds", type=int, default=2)
    a.add_argument("--connections", type=int, default=64)
    a.add_argument("--max-ratio", type=float, default=1.05)
    args = a.parse_args()
    chain = {f"test/empty-{i}": {} for i in range(10)}

    def endpoints(host):
        return [{"endpoint": path, "output_encoding": "no-op", "extra_config": extra,
                 "backend": [{"host": [host], "url_pattern": "/small", "encoding": "no-op"}]} for path, extra in (("/none", {}), ("/ten", chain))]

    with one_core.bench("ten") as bench:
        plugins = f"{bench.folder}/plugins"
        os.mkdir(plugins)
        for so in [*(args.build / "plugins").glob("*.so"), args.build / "bench-plugins/empty.so"]:
            os.symlink(so.resolve(), f"{plugins}/{so.name}")
        bench.serve(args.build, plugins, endpoints, "--strict")
        used = {"none": [], "ten": []}
        for n in range(args.rounds + 1):  # round 0 warms up
            for name in ("none", "ten") if n % 2 else ("ten", "none"):
                before = cpu_ns(bench.gateway.pid)
                result = compare.load(f"http://127.0.0.1:{bench.port}/{name}", 1 if n == 0 else args.seconds, args.connections)
                spent = cpu_ns(bench.gateway.pid) - before
                if result["bad"] or result["socket_errors"]:
                    sys.exit(f"/{name}: {result}")
                if n:
                    used[name].append(spent / result["requests"] / 1000)
        none, ten = statistics.median(used["none"]), statistics.median(used["ten"])
        print(f"none {none:.2f} µs a request, ten middleware {ten:.2f} µs: ratio {ten / none:.3f}, {(ten - none) * 50:.1f} ns a hook")
        print("rounds: " + ", ".join(f"{t / n:.3f}" for n, t in zip(used["none"], used["ten"])))
        return 0 if ten / none <= args.max_ratio else 1


if __name__ == "__main__":
    sys.exit(main())
