#!/usr/bin/env python3
"""Side-by-side load measurement of gateways on one machine.

Every contender serves the same scenarios from the same backend; rounds alternate between
contenders, so a drift of the machine's speed hits all of them alike. The figure to quote is
CPU time of the gateway per request (user + system, all its processes and threads), with
throughput and latency beside it; quote ratios of medians from one run, never absolute times.

    compare.py --gateway 'NAME=COMMAND with {config}' [--gateway ...] [--peers nginx,haproxy]
           [--scenario GLOB] [--rounds 3] [--seconds 4] [--connections 64] [--json OUT]

COMMAND starts a gateway that reads a KrakenD-style config file, e.g.
    --gateway 'mine=./build/gateway run -c {config}'
nginx and haproxy, where installed, join the scenarios that a plain reverse proxy can serve.

The gateway is pinned to CPU 0; the load generator (wrk) and the backend (nginx) to CPU 1.
All traffic stays on 127.0.0.1.
"""
import argparse, fnmatch, json, os, re, shlex, shutil, signal, socket, statistics, subprocess, sys, tempfile, time

TICK = os.sysconf("SC_CLK_TCK")


# ---------------------------------------------------------------- work files

def product(i, fields):
    doc = {"id": i, "name": f"product {i}", "price": 12.5 + i, "stock": 3 * i, "tags": ["a", "b", "c"],
           "owner": {"id": i, "name": "somebody", "country": "ES"}}
    for f in range(fields):
        doc[f"field_{i}_{f}"] = f"value number {f} of document {i}"
    return doc


def body_of_size(i, size):
    fields = 0
    while len(json.dumps(product(i, fields))) < size:
        fields += 1
    return json.dumps(product(i, fields))


def catalogue(size):
    items = []
    while len(json.dumps({"items": items})) < size:
        n = len(items)
        items.append({"id": n, "sku": f"SKU-{n:06d}", "title": f"An article with a title {n}", "price": n * 1.25,
                      "internal": {"cost": n * 0.75, "margin": 0.4}, "attributes": {"colour": "red", "size": "M"}})
    return json.dumps({"items": items, "total": len(items)})


BACKEND_PATHS = {
    "/small": lambda: body_of_size(1, 300),
    **{f"/doc{i}": (lambda i=i: body_of_size(i, 1000)) for i in range(1, 4)},
    **{f"/wide{i}": (lambda i=i: body_of_size(i, 4000)) for i in range(1, 6)},
    "/catalogue": lambda: catalogue(256 * 1024),
    "/blob": lambda: "x" * (1024 * 1024),
}

# scenario -> (path to call, endpoint config, plain proxies can serve it)
def scenarios(host):
    b = lambda path, **kw: {"host": [host], "url_pattern": path, **kw}
    return {
        "noop-small": ("/noop-small", {"output_encoding": "no-op", "backend": [b("/small", encoding="no-op")]}, "/small"),
        "noop-1mb": ("/noop-1mb", {"output_encoding": "no-op", "backend": [b("/blob", encoding="no-op")]}, "/blob"),
        "json-small": ("/json-small", {"backend": [b("/small")]}, None),
        "merge-2": ("/merge-2", {"backend": [b("/doc1"), b("/doc2")]}, None),
        "merge-5-shaped": ("/merge-5-shaped", {"backend": [
            b("/wide1", allow=["id", "name", "owner.name", "field_1_1"]),
            b("/wide2", deny=["owner", "field_2_1"], group="second"),
            b("/wide3", mapping={"name": "title"}, allow=["name", "price"]),
            b("/wide4", target="owner"),
            b("/wide5", group="fifth")]}, None),
        "catalogue-deny": ("/catalogue-deny", {"backend": [b("/catalogue", deny=["total"])]}, None),
    }


def write_backend_conf(folder, port):
    os.makedirs(f"{folder}/www", exist_ok=True)
    for path, make in BACKEND_PATHS.items():
        with open(f"{folder}/www{path}", "w") as f:
            f.write(make())
    conf = f"""
worker_processes 1; daemon off; pid {folder}/backend.pid; error_log {folder}/backend.err warn;
events {{ worker_connections 8192; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; keepalive_timeout 600s;
  open_file_cache max=100 inactive=600s; default_type application/json;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port} backlog=4096; root {folder}/www; }} }}"""
    with open(f"{folder}/backend.conf", "w") as f:
        f.write(conf)
    return ["nginx", "-c", f"{folder}/backend.conf", "-e", f"{folder}/backend.err"]


def write_gateway_conf(folder, port, host):
    endpoints = [{"endpoint": path, **conf} for path, conf, _ in scenarios(host).values()]
    conf = {"version": 3, "port": port, "listen_ip": "127.0.0.1", "timeout": "10s", "max_idle_connections": 1024,
            "max_idle_connections_per_host": 1024, "idle_connection_timeout": "600s", "endpoints": endpoints,
            "extra_config": {"telemetry/logging": {"level": "CRITICAL", "stdout": True},
                             "router": {"disable_access_log": True}}}
    with open(f"{folder}/gateway.json", "w") as f:
        json.dump(conf, f, indent=1)
    return f"{folder}/gateway.json"


def nginx_peer(folder, port, backend_port):
    locations = "".join(f"location = {path} {{ proxy_pass http://up{plain}; proxy_http_version 1.1; proxy_set_header Connection ''; }}\n"
                        for path, _, plain in scenarios("").values() if plain)
    with open(f"{folder}/peer.conf", "w") as f:
        f.write(f"""
worker_processes 1; daemon off; pid {folder}/peer.pid; error_log {folder}/peer.err warn;
events {{ worker_connections 8192; }}
http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 600s; proxy_buffers 64 16k; proxy_busy_buffers_size 64k;
  client_body_temp_path {folder}/p1; proxy_temp_path {folder}/p2; fastcgi_temp_path {folder}/p3; uwsgi_temp_path {folder}/p4; scgi_temp_path {folder}/p5;
  upstream up {{ server 127.0.0.1:{backend_port}; keepalive 512; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{port} backlog=4096; {locations} }} }}""")
    return ["nginx", "-c", f"{folder}/peer.conf", "-e", f"{folder}/peer.err"]


def haproxy_peer(folder, port, backend_port):
    rules = "".join(f"  http-request set-path {plain} if {{ path {path} }}\n"
                    for path, _, plain in scenarios("").values() if plain)
    with open(f"{folder}/haproxy.cfg", "w") as f:
        f.write(f"""global
  maxconn 4000
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  http-reuse always
frontend in
  bind 127.0.0.1:{port}
{rules}  default_backend up
backend up
  server one 127.0.0.1:{backend_port} pool-max-conn 1024
""")
    return ["haproxy", "-db", "-f", f"{folder}/haproxy.cfg"]


# ---------------------------------------------------------------- processes

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(command, cpu, log):
    p = subprocess.Popen(["taskset", "-c", str(cpu), *command], stdout=log, stderr=log, start_new_session=True,
                         env={**os.environ, "USAGE_DISABLE": "1"})
    return p


def wait_port(port, process, seconds=20):
    end = time.time() + seconds
    while time.time() < end:
        if process.poll() is not None:
            raise SystemExit(f"exited at start with {process.returncode}: {shlex.join(process.args)}")
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing listens on {port}: {shlex.join(process.args)}")


def stop(process):
    if process and process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def family(pid):
    """pid and its descendants."""
    found, queue = [], [pid]
    while queue:
        p = queue.pop()
        found.append(p)
        try:
            for t in os.listdir(f"/proc/{p}/task"):
                with open(f"/proc/{p}/task/{t}/children") as f:
                    queue += [int(c) for c in f.read().split()]
        except OSError:
            pass
    return found


def cpu_seconds(pid):
    total = 0
    for p in family(pid):
        try:
            with open(f"/proc/{p}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return total / TICK


def rss_mb(pid, key="VmRSS"):
    total = 0
    for p in family(pid):
        try:
            with open(f"/proc/{p}/status") as f:
                m = re.search(rf"{key}:\s+(\d+) kB", f.read())
                total += int(m.group(1)) if m else 0
        except OSError:
            pass
    return total / 1024


# ---------------------------------------------------------------- measuring

def seconds_of(text):
    value, unit = re.match(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(value) * {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60}[unit]


def load(url, seconds, connections):
    out = subprocess.run(["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url],
                         capture_output=True, text=True, timeout=seconds + 30).stdout
    requests = int(re.search(r"(\d+) requests in", out).group(1))
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    sock = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    return {"requests": requests, "bad": int(bad.group(1)) if bad else 0,
            "socket_errors": sum(map(int, sock.groups())) if sock else 0,
            "rps": float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)),
            "p50_ms": 1000 * seconds_of(re.search(r"(?m)^\s+50%\s+(\S+)", out).group(1)),
            "p99_ms": 1000 * seconds_of(re.search(r"(?m)^\s+99%\s+(\S+)", out).group(1))}


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--gateway", action="append", default=[], metavar="NAME=COMMAND")
    a.add_argument("--peers", default="nginx,haproxy")
    a.add_argument("--scenario", default="*")
    a.add_argument("--rounds", type=int, default=3)
    a.add_argument("--seconds", type=int, default=4)
    a.add_argument("--connections", type=int, default=64)
    a.add_argument("--json")
    args = a.parse_args()

    folder = tempfile.mkdtemp(prefix="gwbench-")
    os.chmod(folder, 0o755)
    log = open(f"{folder}/log.txt", "w")
    backend_port = free_port()
    host = f"http://127.0.0.1:{backend_port}"
    running = []
    try:
        backend = start(write_backend_conf(folder, backend_port), 1, log)
        running.append(backend)
        wait_port(backend_port, backend)

        contenders = {}
        for spec in args.gateway:
            name, command = spec.split("=", 1)
            port = free_port()
            os.makedirs(f"{folder}/{name}", exist_ok=True)
            config = write_gateway_conf(f"{folder}/{name}", port, host)
            contenders[name] = (shlex.split(command.replace("{config}", config)), port, False)
        for peer in filter(None, args.peers.split(",")):
            if shutil.which(peer):
                port = free_port()
                make = {"nginx": nginx_peer, "haproxy": haproxy_peer}[peer]
                contenders[peer] = (make(folder, port, backend_port), port, True)

        processes = {}
        for name, (command, port, _) in contenders.items():
            processes[name] = start(command, 0, log)
            running.append(processes[name])
            wait_port(port, processes[name])
        idle = {name: rss_mb(p.pid) for name, p in processes.items()}

        rows = []
        for scenario, (path, _, plain) in scenarios(host).items():
            if not fnmatch.fnmatch(scenario, args.scenario):
                continue
            for round_no in range(args.rounds + 1):                      # round 0 warms up
                for name, (_, port, is_peer) in contenders.items():
                    if is_peer and not plain:
                        continue
                    pid = processes[name].pid
                    before = cpu_seconds(pid)
                    result = load(f"http://127.0.0.1:{port}{path}", 1 if round_no == 0 else args.seconds, args.connections)
                    cpu = cpu_seconds(pid) - before
                    if round_no:
                        result.update(scenario=scenario, gateway=name, cpu_us=1e6 * cpu / max(1, result["requests"]), rss_mb=rss_mb(pid))
                        rows.append(result)

        med = lambda key, s, n: statistics.median(r[key] for r in rows if r["scenario"] == s and r["gateway"] == n)
        print(f"{'scenario':16}{'gateway':12}{'cpu µs/req':>11}{'req/s':>9}{'p50 ms':>8}{'p99 ms':>8}{'RSS MiB':>8}{'bad':>6}   cpu vs first")
        for scenario in dict.fromkeys(r["scenario"] for r in rows):
            names = list(dict.fromkeys(r["gateway"] for r in rows if r["scenario"] == scenario))
            first = med("cpu_us", scenario, names[0])
            for name in names:
                bad = sum(r["bad"] + r["socket_errors"] for r in rows if r["scenario"] == scenario and r["gateway"] == name)
                cpu = med("cpu_us", scenario, name)
                print(f"{scenario:16}{name:12}{cpu:11.1f}{med('rps', scenario, name):9.0f}{med('p50_ms', scenario, name):8.2f}"
                      f"{med('p99_ms', scenario, name):8.2f}{med('rss_mb', scenario, name):8.1f}{bad:6d}   {cpu / first:.2f}x")
        for name, mb in idle.items():
            print(f"idle            {name:12}{'':28}{'':8}{mb:8.1f}")
        if args.json:
            with open(args.json, "w") as f:
                json.dump({"rows": rows, "idle_rss_mb": idle}, f, indent=1)
    finally:
        for p in running[::-1]:
            stop(p)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
