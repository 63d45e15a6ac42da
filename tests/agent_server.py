"""A server on loopback that speaks the protocols of agents (the Gym's HTTP, OpenAI, Anthropic) and can fail in many ways."""

import asyncio
import gzip
import json

FINE = {"choice": "share", "reasoning": "fair", "confidence": 0.75, "target": "Neighbour"}
# A server may repeat what it was sent, and the key with it.
LEAKY = "Incorrect API key provided: {key}"


class AgentServer:
    """Answers each request in the way that is next in `faults`, or well if there is none left.

    Attributes
    ----------
    requests
        Path, headers and body of each request.
    most_at_once
        The largest number of requests that were answered at the same time.
    arrivals
        A queue that gets an item for each request.
    hold
        None, or an event for which each request waits.
    """

    def __init__(self, *faults, answer=FINE, forever=""):
        self.faults, self.answer, self.forever = list(faults), answer, forever
        self.requests, self.at_once, self.most_at_once = [], 0, 0
        self.hold, self.arrivals = None, asyncio.Queue()

    async def __aenter__(self):
        self._tasks, self._over = set(), asyncio.Event()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self._over.set()
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            while await self._one(reader, writer):
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _one(self, reader, writer):
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
        }
        body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))))
        path = first.split()[1]
        self.requests.append((path, headers, body))
        self.arrivals.put_nowait(path)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.hold is not None:
                await self.hold.wait()
            fault = self.faults.pop(0) if self.faults else self.forever
            return await self._answer(writer, path, headers, body, fault)
        finally:
            self.at_once -= 1

    async def _answer(self, writer, path, headers, body, fault):
        if fault == "hang":
            await self._over.wait()
            return False
        if fault == "reset":
            writer.transport.abort()
            return False
        if fault == "slow":
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99999\r\n\r\n"
            )
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.01)
        status, more, content = self._response(path, headers, body, fault)
        head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n{more}\r\n"
        writer.write(head.encode() + content)
        return True

    def _response(self, path, headers, body, fault):
        if fault.isdecimal() or fault.startswith("429"):
            status, _, told = fault.partition(" ")
            key = headers.get("authorization", headers.get("x-api-key", ""))
            content = json.dumps({"error": {"message": LEAKY.format(key=key)}}).encode()
            return status, f"retry-after: {told}\r\n" if told else "", content
        if fault == "unstructured" and "response_format" in body:
            return 400, "", b'{"error": {"message": "response_format is not supported"}}'
        if fault == "bomb":
            return 200, "content-encoding: gzip\r\n", gzip.compress(b"x" * 50_000_000)
        answer = {"choice": "steal"} if fault == "wrong" else self.answer
        content = json.dumps(self._in_protocol(path, body, answer)).encode()
        changes = {
            "malformed": lambda: content[:-20],
            "empty": lambda: b"",
            "huge": lambda: content[:-1] + b', "padding": "' + b"x" * 2_000_000 + b'"}',
        }
        return 200, "", changes[fault]() if fault in changes else content

    @staticmethod
    def _in_protocol(path, body, answer):
        if path.endswith("/chat/completions"):
            text = answer if isinstance(answer, str) else json.dumps(answer)
            message = {"role": "assistant", "content": text}
            return {
                "id": "c",
                "object": "chat.completion",
                "created": 0,
                "model": body["model"],
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
            }
        if path.endswith("/messages"):
            block = (
                {"type": "text", "text": answer}
                if isinstance(answer, str)
                else {"type": "tool_use", "id": "t", "name": body["tools"][0]["name"], "input": answer}
            )
            return {
                "id": "m",
                "type": "message",
                "role": "assistant",
                "model": body["model"],
                "content": [block],
                "stop_reason": "tool_use",
                "stop_sequence": None,
                "usage": {"input_tokens": 11, "output_tokens": 7},
            }
        return answer
