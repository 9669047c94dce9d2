"""Does what systemd does for a service with sockets: opens them, hands them over, and keeps them when the service ends.

    socket_manager.py NAME=WHERE... -- PROGRAM ARGUMENTS...

WHERE is `tcp`, a port of the system's choice on loopback, or the path of a Unix socket. A line on standard input starts
the program, which ends when it is told to; the end of standard input ends all.
"""

import os
import socket
import subprocess
import sys

FIRST = 3


def opened(where):
    if where == "tcp":
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(where)
    listener.listen(128)
    return listener


def main():
    split = sys.argv.index("--")
    wanted = [argument.split("=", 1) for argument in sys.argv[1:split]]
    # Their own numbers may be those that they are to have.
    listeners = [os.dup2(opened(where).detach(), 50 + index) for index, (_, where) in enumerate(wanted)]
    handed = range(FIRST, FIRST + len(listeners))
    for own, number in zip(listeners, handed):
        os.dup2(own, number)
    environment = {
        **os.environ,
        "LISTEN_FDS": str(len(listeners)),
        "LISTEN_FDNAMES": ":".join(name for name, _ in wanted),
    }
    # Only the program itself knows its number.
    command = ["sh", "-c", 'LISTEN_PID=$$ WATCHDOG_PID=$$ exec "$@"', "sh", *sys.argv[split + 1 :]]
    program = None
    for _ in sys.stdin:
        if program:
            program.wait()
        program = subprocess.Popen(command, env=environment, pass_fds=handed, stdin=subprocess.DEVNULL)
        print(f"pid {program.pid}", file=sys.stderr, flush=True)
    if program:
        program.terminate()
        program.wait()


main()
