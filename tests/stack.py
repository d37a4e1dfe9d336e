"""
CloudFormation, as far as the command line asks it: DescribeStacks, over HTTP.

moto's brings half of AWS along. That the real one answers so is what the end-to-end tests see.
"""

import threading
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

_STOP_SECONDS = 0.02  # between two looks whether the server is to stop
_FOUND = """\
<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
<DescribeStacksResult><Stacks><member><StackName>{name}</StackName>
<CreationTime>2026-11-21T01:14:42Z</CreationTime><StackStatus>{status}</StackStatus>
<Outputs>{outputs}</Outputs><Parameters>{parameters}</Parameters></member></Stacks></DescribeStacksResult>
</DescribeStacksResponse>"""
_OUTPUT = "<member><OutputKey>{}</OutputKey><OutputValue>{}</OutputValue></member>"
_PARAMETER = "<member><ParameterKey>{}</ParameterKey><ParameterValue>{}</ParameterValue></member>"
_MISSING = """\
<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type>
<Code>ValidationError</Code><Message>Stack with id {name} does not exist</Message></Error>
</ErrorResponse>"""


@contextmanager
def serving_stacks(
    stacks: dict[str, dict[str, str]],
    parameters: Mapping[str, str] = MappingProxyType({}),
    changing: Container[str] = (),
) -> Iterator[str]:
    """
    Serve the outputs of `stacks`, by name, each with `parameters`; yield the address.

    Those that are `changing` are being deployed.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            assert form["Action"] == ["DescribeStacks"], form
            [name] = form["StackName"]
            found = stacks.get(name)
            if found is None:
                status, body = 400, _MISSING.format(name=escape(name))
            else:
                status, body = (
                    200,
                    _FOUND.format(
                        name=escape(name),
                        status=f"UPDATE_{'IN_PROGRESS' if name in changing else 'COMPLETE'}",
                        outputs="".join(_OUTPUT.format(*map(escape, one)) for one in found.items()),
                        parameters="".join(
                            _PARAMETER.format(*map(escape, one)) for one in parameters.items()
                        ),
                    ),
                )
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            """Requests are not news."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(_STOP_SECONDS,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
