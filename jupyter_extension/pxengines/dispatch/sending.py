"""Sending one cell to many engines: what is the same for all is packed once, and all goes out together.

ipyparallel's own way, once for each engine, makes four JSON texts, six futures and a call into its thread;
in a kernel with hundreds of engines that is most of the time a cell takes. What engines and controller see
is the same, and so is what is kept in the client.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import zmq
from ipyparallel.client.futures import MessageFuture
from ipyparallel.util import utcnow
from jupyter_client.session import DELIM

if TYPE_CHECKING:
    from ipyparallel import Client

_AT_ONCE = 64
"""So many messages go out together: fewer, and two threads would contend for the interpreter; more, and the
first engines would wait for the messages of the last."""

Attach = Callable[[int, Any], None]
"""Is told an engine and the future of its message, before that is sent."""


def _done() -> Future[None]:
    future: Future[None] = Future()
    future.set_result(None)
    return future


_SENT = _done()
"""Nobody waits until a short message has left: it is copied."""


class PartFuture(MessageFuture):  # type: ignore[misc] # ipyparallel has no types
    """ipyparallel's future of a message, without events and futures of its own that nobody waits for."""

    def __init__(self, msg_id: str, header: dict[str, Any]) -> None:
        Future.__init__(self)
        self.msg_id = msg_id
        self.header = header
        self.track = False
        self.tracker = _SENT
        self.iopub_callbacks: list[Callable[[dict[str, Any]], None]] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is done, or `timeout` seconds; tell whether it is."""
        with self._condition:
            return bool(self._condition.wait_for(self.done, timeout))


def send_cell(
    client: Client,
    stream: Any,
    code: str,
    engines: Sequence[tuple[int, bytes]],
    *,
    silent: bool,
    metadata: dict[str, Any],
    attach: Attach,
) -> list[Any]:
    """Send an ``execute_request`` to each of `engines`, as ``Client.send_execute_request`` does to one.

    Parameters
    ----------
    stream : where `client` sends to, a ZMQStream.
    engines : id and identity of each.
    attach : see `Attach`.

    Returns
    -------
    Their futures, in the order of `engines`.

    Raises
    ------
    OSError
        If `client` is closed.
    """
    if client._closed:
        raise OSError("Connections have been closed.")
    content = {"code": code, "silent": silent, "user_expressions": {}}
    futures: list[Any] = []
    waiting: list[tuple[int, list[bytes]]] = []
    messages = _messages(client.session, content, metadata, [ident for _, ident in engines])
    client.metadata["submitted"] = utcnow()  # not of use, but ipyparallel has it
    for (engine, ident), (header, message) in zip(engines, messages, strict=True):
        futures.append(_future(client, header, ident, metadata.get("label")))
        attach(engine, futures[-1])
        waiting.append((engine, message))
        if len(waiting) == _AT_ONCE or len(futures) == len(engines):
            client._io_loop.add_callback(_send, client, stream, waiting)
            waiting = []
    return futures


def _messages(
    session: Any, content: dict[str, Any], metadata: dict[str, Any], idents: list[bytes]
) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
    """Yield for each of `idents` the header of its message and its frames."""
    packed_content = session.pack(content)
    packed_metadata = session.pack({**session.metadata, **metadata})
    first = session.msg_header("execute_request")
    packed_first = session.pack(first)
    first_id = first["msg_id"].encode()
    for number, ident in enumerate(idents):
        header = {**first, "msg_id": session.msg_id} if number else first
        packed_header = (
            packed_first.replace(first_id, header["msg_id"].encode(), 1) if number else packed_first
        )
        signed = [packed_header, session.none, packed_metadata, packed_content]
        yield header, [ident, DELIM, session.sign(signed), *signed]


def _future(client: Any, header: dict[str, Any], ident: bytes, label: Any) -> PartFuture:
    """Return the future of a message, known to `client`."""
    msg_id = header["msg_id"]
    client.outstanding.add(msg_id)
    client.history.append(msg_id)
    client._outstanding_dict[ident.decode()].add(msg_id)  # for the case that the engine dies
    future, output = PartFuture(msg_id, header), PartFuture(msg_id, header)
    output.metadata = client.metadata[msg_id]
    output.metadata["submitted"] = utcnow()
    output.metadata["label"] = label
    future.output = output
    make_known(client, future)
    return future


def make_known(client: Any, future: Any) -> None:
    """Have `client` end `future` and its `output`: with the answer, or when there will be none."""
    msg_id, output = future.msg_id, future.output
    client._futures[msg_id] = future
    client._output_futures[msg_id] = output

    def forget(_: Any) -> None:
        if future.done() and output.done():
            for kept in (client.results, client._futures, client._output_futures, client.metadata):
                kept.pop(msg_id, None)
            if (ended := getattr(client, "ended", None)) is not None:
                ended[msg_id] = future

    future.add_done_callback(forget)
    output.add_done_callback(forget)


def _send(client: Any, stream: Any, messages: list[tuple[int, list[bytes]]]) -> None:
    """Send to engines by their numbers, in ipyparallel's thread."""
    session = client.session
    if session.check_pid and os.getpid() != session.pid:
        return  # a fork of the kernel has no part in its connections
    # A stream sends one message in each round of the loop; here is no need to wait, as long as there is room.
    if stream.sending():
        stream.flush(zmq.POLLOUT)
    queued = stream.sending()
    for _, message in messages:
        copy = max(map(len, message)) < session.copy_threshold
        if not queued:
            try:
                stream.socket.send_multipart(message, zmq.NOBLOCK, copy=copy)
                continue
            except zmq.Again:
                queued = True
        stream.send_multipart(message, copy=copy)
    # Sending takes note of what has arrived, of which the loop is then not told any more.
    if hasattr(client, "take_replies"):
        client.take_replies()
    else:  # ipyparallel's own Client
        client._mux_stream.flush(zmq.POLLIN)
    # The controller drops what is for an engine that has left since it was chosen.
    here = set(client._engines.values())
    for engine, (ident, *_) in messages:
        if ident.decode() not in here:
            client._handle_stranded_msgs(engine, ident.decode())
