#!/usr/bin/env python3
"""The disk fills up in the middle: writes are refused with a clear status, reads go on, writing resumes with space."""
import os
import subprocess
import time

from harness import FAST, Server, Skip, account_adds_up, case, folder, run


@case
def full_disk_refuses_clearly_and_recovers():
    if os.geteuid() != 0:
        raise Skip('mounting a small file system needs root')
    with folder() as home:
        small = home + '/small'
        os.mkdir(small)
        if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=160m', 'tmpfs', small], stderr=subprocess.DEVNULL).returncode:
            raise Skip('cannot mount a tmpfs here')
        try:
            fill_up_and_recover(small, home)
        finally:
            subprocess.run(['umount', '-l', small])


def fill_up_and_recover(small, home):
    line = 'source=h.1 sample#disk.fill=1\n'
    with Server(small + '/data', binary=FAST) as server:
        assert server.post_lines(line * 100)[0] == 200
        with open(small + '/filler', 'wb') as filler:
            try:
                while True:
                    filler.write(os.urandom(1 << 20))
                    filler.flush()
            except OSError:
                pass
        refused, acked = None, 100
        for _ in range(3000):
            # Values that do not compress, so that the log runs out of what it had reserved.
            body = ''.join(f'source=h.{int.from_bytes(os.urandom(7), "big")} sample#disk.fill=1\n' for _ in range(2000))
            status, reply = server.post_lines(body)
            if status != 200:
                refused = status, reply
                break
            acked += 2000
        assert refused and refused[0] == 503, (refused, acked)
        assert server.total('disk.fill count') == acked, 'reads go on'
        health, _, body = server.request('GET', '/health')
        assert health == 503 and b'disk' in body, (health, body)
        account_adds_up(server.status())
        os.unlink(small + '/filler')
        deadline = time.monotonic() + 30
        status = None
        while time.monotonic() < deadline:
            status, _ = server.post_lines(line)
            if status == 200:
                break
            time.sleep(0.2)
        assert status == 200, status
        assert server.total('disk.fill count') == acked + 1
        server.stop()
        server.start()
        assert server.total('disk.fill count') == acked + 1


run()
