"""A server as a child process: started on free ports, measured through /proc, asked over loopback, ended by its id."""
import http.client
import mmap
import os
import re
import signal
import socket
import statistics
import subprocess
import threading
import time

TICKS = os.sysconf('SC_CLK_TCK')


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def tree_bytes(folder, skip=None):
    total = 0
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            if not (skip and re.search(skip, os.path.relpath(path, folder))):
                try:
                    total += os.path.getsize(path)
                except FileNotFoundError:  # merged away meanwhile
                    pass
    return total


def busy_s():
    """CPU-seconds that the whole machine has worked."""
    with open('/proc/stat', encoding='utf-8') as file:
        user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


class Others:
    """What other processes took meanwhile: a number to judge the wall times of a run by."""

    def __init__(self):
        self.wall, self.busy, self.own = time.monotonic(), busy_s(), self.own_s()

    @staticmethod
    def own_s():
        t = os.times()
        return t.user + t.system + t.children_user + t.children_system

    def cores(self):
        """To be asked when the children have ended."""
        mine = self.own_s() - self.own
        return max(0.0, busy_s() - self.busy - mine) / (time.monotonic() - self.wall)


class Child:
    def __init__(self, argv, log, **options):
        self.log = open(log, 'ab')
        options.setdefault('stdin', subprocess.DEVNULL)
        options.setdefault('stdout', self.log)
        self.process = subprocess.Popen(argv, stderr=self.log, **options)
        self.pid = self.process.pid

    def cpu_s(self):
        with open(f'/proc/{self.pid}/stat') as file:
            fields = file.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def peak_rss_mb(self):
        with open(f'/proc/{self.pid}/status') as file:
            return int(re.search(r'VmHWM:\s+(\d+)', file.read()).group(1)) / 1024

    def settle(self, quiet_s=1.0, most_s=300):
        """Waits until the process does nothing any more."""
        deadline, last, since = time.monotonic() + most_s, self.cpu_s(), time.monotonic()
        while time.monotonic() < deadline and time.monotonic() - since < quiet_s:
            time.sleep(0.1)
            now = self.cpu_s()
            if now - last > 0.02:
                last, since = now, time.monotonic()

    def stop(self, seconds=60):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


class Http:
    """One kept connection, made again when it has lain idle, which servers end. ask() gives the body; `seconds` is the time
    of the last request, first byte out to last in, without the connecting."""

    def __init__(self, port, timeout=600):
        self.connection = http.client.HTTPConnection('127.0.0.1', port, timeout=timeout)
        self.seconds, self.used, self.status = 0.0, 0.0, 0

    def ask(self, method, path, body=None, headers=None, fine=(200, 204)):
        if time.monotonic() - self.used > 1:
            self.connection.close()
            self.connection.connect()
        begin = time.perf_counter()
        self.connection.request(method, path, body, headers or {})
        reply = self.connection.getresponse()
        raw = reply.read()
        self.seconds = time.perf_counter() - begin
        self.used, self.status = time.monotonic(), reply.status
        if reply.status not in fine:
            raise RuntimeError(f'{method} {path[:300]}: {reply.status} {raw[:500]!r}')
        return raw

    def close(self):
        self.connection.close()


def wait_http(port, path, child, seconds=60):
    deadline = time.monotonic() + seconds
    while True:
        try:
            http_ = Http(port, 5)
            http_.ask('GET', path)
            http_.close()
            return
        except (OSError, RuntimeError, http.client.HTTPException):
            if child.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f'the server on port {port} did not start')
            time.sleep(0.02)


def post_all(port, path, file, bodies, clients, again=(429, 503)):
    """Posts every body of a file over several connections; gives the number of answers that asked to come back."""
    lock, at, later, errors = threading.Lock(), [0], [0], []

    def work(text):
        line = Http(port)
        while not errors:
            with lock:
                if at[0] >= len(bodies):
                    break
                offset, length, _ = bodies[at[0]]
                at[0] += 1
            while True:
                line.connection.request('POST', path, text[offset:offset + length])
                reply = line.connection.getresponse()
                raw = reply.read()
                if reply.status in (200, 204):
                    break
                if reply.status not in again:
                    errors.append(f'{reply.status} {raw[:500]!r}')
                    break
                later[0] += 1
                time.sleep(0.05)
        line.close()

    def safely(text):
        try:
            work(text)
        except Exception as error:
            errors.append(repr(error))

    with open(file, 'rb') as source, mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as text:
        threads = [threading.Thread(target=safely, args=(text,)) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if errors:
        raise RuntimeError(f'POST {path[:100]}: {errors[0]}')
    return later[0]


def repeat(once, rounds, most_s=90):
    """Times of up to `rounds` calls of once() -> seconds; fewer when they take too long, but at least two."""
    times, begin = [], time.monotonic()
    while len(times) < rounds and (len(times) < 2 or time.monotonic() - begin < most_s):
        times.append(once())
    return {'first_ms': times[0] * 1e3, 'median_ms': statistics.median(times) * 1e3, 'min_ms': min(times) * 1e3,
            'max_ms': max(times) * 1e3, 'rounds': len(times)}
