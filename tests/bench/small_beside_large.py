#!/usr/bin/env python3
"""What large answers cost the small requests of the same worker, and what they get themselves.

Small requests go one after the other, which the gateway answers itself, first alone, then while N connections fetch 1 MB each
without a pause; `--large` takes several N. core/loop/gathering.h lets a loop pause when many large bodies are on the way: beside
another build (`--build`), this shows what that costs and brings.

    tests/bench/small_beside_large.py [--build build/release] [--large 1,8,32,64]
"""
import argparse, pathlib, subprocess, sys, time

import harness
import one_core

BUILD = pathlib.Path(__file__).resolve().parents[2] / "build/release"


def small(port, seconds):
    """Milliseconds that each of the requests took, sorted."""
    client, times, end = harness.Client(port), [], time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.perf_counter_ns()
        if client.get("/small") != 200:
            sys.exit("/small was refused")
        times.append((time.perf_counter_ns() - start) / 1e6)
        time.sleep(0.001)
    return sorted(times)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--build", type=pathlib.Path, default=BUILD, help="the build folder (release)")
    a.add_argument("--large", default="1,8,32,64", help="connections that fetch 1 MB each")
    a.add_argument("--seconds", type=int, default=3)
    args = a.parse_args()
    def endpoints(host):
        return [{"endpoint": "/blob", "output_encoding": "no-op", "backend": [{"host": [host], "url_pattern": "/blob", "encoding": "no-op"}]},
                {"endpoint": "/small", "backend": [{"host": [host], "url_pattern": "/", "extra_config": {
                    "backend/stub": {"body": {"answered": "by the gateway itself, as the backend has enough to do"}}}}]}]

    with one_core.bench("beside") as bench:
        bench.serve(args.build, args.build / "plugins", endpoints)
        small(bench.port, 0.5)  # warms up
        for large in [0, *map(int, args.large.split(","))]:
            load = large and subprocess.Popen(["taskset", "-c", "1", "wrk", "-t1", f"-c{large}", f"-d{args.seconds + 1}s",
                                               f"http://127.0.0.1:{bench.port}/blob"], stdout=subprocess.PIPE, text=True, start_new_session=True)
            if load:
                bench.running.append(load)
                time.sleep(0.5)
            times = small(bench.port, args.seconds)
            at = lambda q: times[int((len(times) - 1) * q)]
            rate = load.communicate()[0].split("Requests/sec:")[1].split()[0] if load else "no"
            print(f"beside {large:3d} connections: median {at(0.5):.3f} ms, 90% {at(0.9):.3f} ms, 99% {at(0.99):.3f} ms of {len(times)} "
                  f"small requests; {rate} large ones a second", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
