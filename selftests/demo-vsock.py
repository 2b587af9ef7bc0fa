# SPDX-License-Identifier: GPL-2.0
"""A server and a client over AF_VSOCK. This program has never heard of Kite."""

import socket
import threading

LOCAL = 1  # VMADDR_CID_LOCAL: this machine
PORT = 5000


def serve():
    conn, peer = server.accept()
    print("server: a connection from CID %d, port %d" % peer)
    with conn:
        while data := conn.recv(4096):
            conn.sendall(data.upper())


server = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
server.bind((socket.VMADDR_CID_ANY, PORT))
server.listen()
thread = threading.Thread(target=serve)
thread.start()

client = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
client.connect((LOCAL, PORT))
client.sendall(b"hello over af_vsock")
client.shutdown(socket.SHUT_WR)
with client.makefile("rb") as stream:
    print("client: the answer is", stream.read().decode())
thread.join()
