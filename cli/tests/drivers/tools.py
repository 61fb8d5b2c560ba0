"""The reference client of the Model Context Protocol against `maar mcp`, and against a server over HTTP.

tools.py MAAR ARGUMENT...: the command of the server. tools.py http://... [USER PASSWORD]: where it is. A failure is a traceback and
exit code 1.
"""

import asyncio
import base64
import contextlib
import json
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client


async def called(session, tool, **arguments):
    """What a tool says, and whether that is an error."""
    result = await session.call_tool(tool, arguments)
    is_error = result.model_dump(by_alias=True)["isError"]
    return result.content[0].text, is_error


async def rows(session, tool, **arguments):
    text, is_error = await called(session, tool, **arguments)
    assert not is_error, text
    return json.loads(text)


@contextlib.asynccontextmanager
async def connected(place, *arguments):
    """The streams to a server that is started, or that listens."""
    if not place.startswith("http"):
        async with stdio_client(StdioServerParameters(command=place, args=list(arguments))) as streams:
            yield streams
        return
    headers = {}
    if arguments:
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(arguments).encode()).decode()
    async with create_mcp_http_client(headers=headers) as client, streamable_http_client(place, http_client=client) as streams:
        yield streams


async def talk(*server):
    async with connected(*server) as (read, write), ClientSession(read, write) as session:
        greeting = (await session.initialize()).model_dump(by_alias=True)
        assert greeting["serverInfo"]["name"] == "maar", greeting
        await session.send_ping()
        tools = (await session.list_tools()).tools
        assert [tool.name for tool in tools] == ["list_tables", "describe_table", "query"], tools
        tables = await rows(session, "list_tables")
        assert ["datafusion", "public", "t", "BASE TABLE"] in tables["rows"], tables
        columns = await rows(session, "describe_table", table="t")
        assert [row[0] for row in columns["rows"]] == ["n", "word"], columns
        answer = await rows(session, "query", sql="SELECT n, word FROM t ORDER BY n", max_rows=2)
        assert answer["rows"] == [[1, "one"], [2, None]] and answer["has_more"], answer
        text, is_error = await called(session, "query", sql="DROP TABLE t")
        assert is_error and "reader" in text, text


asyncio.run(talk(*sys.argv[1:]))
