#!/usr/bin/env python3
"""What large answers cost the small requests of the same worker, and what they get themselves.

Small requests go one after the other, which the gateway answers itself, first alone, then while N connections fetch 1 MB each
without a pause; `--large` takes several N. core/loop/gathering.h lets a loop pause when many large bodies are on the way: beside
another build (`--build`), this shows what that costs and brings.

    tests/bench/small_beside_large.py [--build build/release] [--large 1,8,32,64]
"""
import argparse, json, os, pathlib, shutil, subprocess, sys, tempfile, time

import compare
import harness

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
    folder = tempfile.mkdtemp(prefix="sluice-beside-")
    os.chmod(folder, 0o755)
    log, running = open(f"{folder}/log", "w"), []
    try:
        port, backend_port = compare.free_port(), compare.free_port()
        backend = compare.start(compare.write_backend_conf(folder, backend_port), 1, log)
        running.append(backend)
        compare.wait_port(backend_port, backend)
        host = [f"http://127.0.0.1:{backend_port}"]
        endpoints = [{"endpoint": "/blob", "output_encoding": "no-op", "backend": [{"host": host, "url_pattern": "/blob", "encoding": "no-op"}]},
                     {"endpoint": "/small", "backend": [{"host": host, "url_pattern": "/", "extra_config": {
                         "backend/stub": {"body": {"answered": "by the gateway itself, as the backend has enough to do"}}}}]}]
        config = {"version": 3, "port": port, "listen_ip": "127.0.0.1", "timeout": "10s", "max_idle_connections_per_host": 1024,
                  "endpoints": endpoints,
                  "extra_config": {"telemetry/logging": {"level": "CRITICAL", "stdout": True}, "router": {"disable_access_log": True}}}
        pathlib.Path(f"{folder}/gateway.json").write_text(json.dumps(config))
        gateway = compare.start([str(args.build / "bin/sluice"), "run", "-c", f"{folder}/gateway.json", "--workers", "1",
                                 "--plugins", str(args.build / "plugins")], 0, log)
        running.append(gateway)
        compare.wait_port(port, gateway)
        small(port, 0.5)  # warms up
        for large in [0, *map(int, args.large.split(","))]:
            load = large and subprocess.Popen(["taskset", "-c", "1", "wrk", "-t1", f"-c{large}", f"-d{args.seconds + 1}s",
                                               f"http://127.0.0.1:{port}/blob"], stdout=subprocess.PIPE, text=True)
            if load:
                running.append(load)
                time.sleep(0.5)
            times = small(port, args.seconds)
            at = lambda q: times[int((len(times) - 1) * q)]
            rate = load.communicate()[0].split("Requests/sec:")[1].split()[0] if load else "no"
            print(f"beside {large:3d} connections: median {at(0.5):.3f} ms, 90% {at(0.9):.3f} ms, 99% {at(0.99):.3f} ms of {len(times)} "
                  f"small requests; {rate} large ones a second", flush=True)
        return 0
    finally:
        for p in running[::-1]:
            compare.stop(p)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
