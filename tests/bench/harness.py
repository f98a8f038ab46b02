"""What the scripts of this folder share: the gateway and small backends as child processes, all on 127.0.0.1."""
import argparse, json, os, pathlib, random, resource, shutil, signal, socket, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def arguments(description):
    p = argparse.ArgumentParser(description=description)
    p.add_argument("--gateway", default=str(ROOT / "build/release/bin/sluice"), help="the binary")
    p.add_argument("--plugins", default=str(ROOT / "build/release/plugins"), help="its plugins")
    p.add_argument("--workers", type=int, default=1)
    return p


def free_port():
    """Below the range that the system hands out to outgoing connections."""
    while True:
        port = random.randrange(22000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def raise_file_limit(wanted):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, limit), hard))
    return max(soft, limit)


class Gateway:
    """Starts the gateway and waits until it says READY=1 on its $NOTIFY_SOCKET."""

    def __init__(self, args, config):
        self.folder = tempfile.mkdtemp(prefix="sluice-bench-")
        self.port = free_port()
        config = {"version": 3, "port": self.port, "listen_ip": "127.0.0.1", **config}
        file = self.config_file = os.path.join(self.folder, "krakend.json")
        pathlib.Path(file).write_text(json.dumps(config))
        self.admin = os.path.join(self.folder, "admin.sock")
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(os.path.join(self.folder, "notify"))
        notify.settimeout(60)
        env = {k: v for k, v in os.environ.items() if not k.startswith(("KRAKEND_", "SLUICE_", "FC_"))}
        env["NOTIFY_SOCKET"] = os.path.join(self.folder, "notify")
        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.started = time.monotonic()
        self.process = subprocess.Popen([os.path.abspath(args.gateway), "run", "-c", file, "--workers", str(args.workers),
                                         "--plugins", os.path.abspath(args.plugins), "--admin", self.admin],
                                        stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env, cwd=self.folder)
        try:
            while b"READY=1" not in notify.recv(4096):
                pass
        except TimeoutError:
            self.end()
            sys.exit("the gateway did not get ready")
        self.ready = time.monotonic()

    def resident(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("the gateway is gone")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def status(self):
        return ask(self.admin, "GET", "/status")[1]

    def end(self):
        self.process.terminate()
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.log.close()
        if code != 0:
            print(pathlib.Path(self.log.name).read_text(errors="replace")[-2000:])
            print(f"the gateway ended with code {code}")
        shutil.rmtree(self.folder, ignore_errors=True)
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.code = self.end()


def ask(path, method, target, timeout=120):
    """One call of the admin socket: (status, JSON)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(timeout)
        s.connect(path)
        s.sendall(f"{method} {target} HTTP/1.1\r\nHost: sluice\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode())
        data = b""
        while more := s.recv(65536):
            data += more
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head[9:12]), json.loads(body)


class Client:
    """One keep-alive connection. get() returns the status; ConnectionError or TimeoutError when there is none."""

    def __init__(self, port, timeout=30):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def get(self, path):
        self.sock.sendall(b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % path.encode())
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        fields = dict(line.split(b":", 1) for line in lines[1:])
        length = int(fields.get(b"content-length", b"0"))
        if b"transfer-encoding" in fields:
            raise ConnectionError("these scripts expect answers with a length")
        while len(self.buffer) < length:
            self.more()
        self.body, self.buffer = self.buffer[:length], self.buffer[length:]
        return int(head[9:12])

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError("closed")
        self.buffer += data

    def close(self):
        self.sock.close()


BACKEND = r'''
import signal, socket, sys, threading
body = b'{"id":1,"name":"a product","price":12.5}'
answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
def serve(c):
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    data = b""
    try:
        while True:
            more = c.recv(65536)
            if not more:
                return
            data += more
            n = data.count(b"\r\n\r\n")
            data = data[data.rfind(b"\r\n\r\n") + 4:] if n else data
            if n:
                c.sendall(answer * n)
    except OSError:
        pass
    finally:
        c.close()
l = socket.socket()
l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
l.bind(("127.0.0.1", int(sys.argv[1])))
l.listen(1024)
print("ready", flush=True)
while True:
    c, _ = l.accept()
    threading.Thread(target=serve, args=(c,), daemon=True).start()
'''


class Backend:
    """A small JSON service in a process of its own, so that it can be killed and stopped like one."""

    def __init__(self):
        self.port = free_port()
        self.process = None
        self.start()

    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.process = subprocess.Popen([sys.executable, "-c", BACKEND, str(self.port)], stdout=subprocess.PIPE)
        if self.process.stdout.readline() != b"ready\n":
            sys.exit("a backend does not start")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def end(self):
        if self.process.poll() is None:
            self.resume()
            self.kill()


def quiet(**more):
    """The root of a configuration without an access log."""
    return {"timeout": "20s", "extra_config": {"router": {"disable_access_log": True}}, **more}


def judge(limits):
    """(name, value, limit or None): prints the passed limits, returns the exit code."""
    bad = [f"{name} is {value:g}, the limit is {limit:g}" for name, value, limit in limits if limit is not None and value > limit]
    for line in bad:
        print("FAIL " + line)
    return 1 if bad else 0
