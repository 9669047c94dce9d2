#!/usr/bin/env python3
"""A link between two network namespaces that can be made bad: rate, delay and loss of IP packets.

What `tc netem` does, for kernels without it: a TUN device in each namespace, and this process in between. The TCP of both
ends is the kernel's own, so that loss, retransmission and full queues are real.

Usage: bad_link.py NEAR FAR NEAR_ADDRESS FAR_ADDRESS
Makes both namespaces (root only), says "ready", and follows the lines on its standard input: "RATE DELAY LOSS", in bits a
second (0: without limit), seconds, and a share from 0 to 1. Removes the namespaces when its input ends.
"""

import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
# Packets that wait for their turn: what a cheap router holds.
QUEUE_BYTES = 48_000


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def make(space, own, other):
    """The namespace with a TUN device; its file."""
    ip("netns", "add", space)
    file = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH14x", b"link%d", IFF_TUN | IFF_NO_PI))
    # The device is made here and moves there, where nobody else has its address.
    name = fcntl.ioctl(file, 0x800454D2, bytes(40))[:16].rstrip(b"\0").decode()
    ip("link", "set", name, "netns", space)
    ip("-n", space, "link", "set", "lo", "up")
    ip("-n", space, "address", "add", own, "peer", other, "dev", name)
    ip("-n", space, "link", "set", name, "up")
    return file


class Way:
    """One direction."""

    def __init__(self, target):
        self.target = target
        self.free_at = 0.0
        self.queue = []
        self.count = 0

    def take(self, packet, now, rate, delay, loss):
        if random.random() < loss:
            return
        start = max(self.free_at, now)
        if rate:
            if (start - now) * rate / 8 > QUEUE_BYTES:
                return
            start += len(packet) * 8 / rate
        self.free_at = start
        self.count += 1
        heapq.heappush(self.queue, (start + delay, self.count, packet))

    def give(self, now):
        while self.queue and self.queue[0][0] <= now:
            os.write(self.target, heapq.heappop(self.queue)[2])


def forward(near, far):
    rate, delay, loss = 0.0, 0.0, 0.0
    ways = {near: Way(far), far: Way(near)}
    print("ready", flush=True)
    while True:
        due = min((way.queue[0][0] for way in ways.values() if way.queue), default=None)
        patience = None if due is None else max(0.0, due - time.monotonic())
        readable, _, _ = select.select([near, far, 0], [], [], patience)
        now = time.monotonic()
        for file in readable:
            if file == 0:
                line = os.read(0, 200).decode().split()
                if not line:
                    return
                rate, delay, loss = (float(word) for word in line[-3:])
                print("changed", flush=True)
            else:
                ways[file].take(os.read(file, 65536), now, rate, delay, loss)
        for way in ways.values():
            way.give(time.monotonic())


def main():
    near_space, far_space, near_address, far_address = sys.argv[1:]
    try:
        near = make(near_space, near_address, far_address)
        far = make(far_space, far_address, near_address)
        forward(near, far)
    finally:
        for space in (near_space, far_space):
            subprocess.run(["ip", "netns", "delete", space], check=False, stderr=subprocess.DEVNULL)


main()
