"""The first page, `/`: send files, see what becomes of them, search.

What belongs here: what the page shows, and its headers. What does not: its markup (`templates`), what moves in it
(`static`), and where the figures come from.

It is whole as the server sends it; its script adds uploads, live states and completions. Everything that comes from
outside is escaped by the templates, and the policy in the headers lets nothing run but the page's own files.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, PackageLoader
from pydantic import ValidationError
from starlette.background import BackgroundTask
from starlette.responses import HTMLResponse

from logplatform.api.errors import Refused
from logplatform.api.page_parts import FILTERS, Drawn, dagster_url, drawn, link, shown_document
from logplatform.api.search import remember
from logplatform.api.search_parameters import SearchParameters
from logplatform.api.served import Given, Served
from logplatform.stores.log_index import LogIndex
from logplatform.stores.log_query import BadQuery, Page
from logplatform.uploads.figures.histogram import Bar, histogram

SHOWN_JOBS = 12
SHOWN_SEARCHES = 8
STATIC = Path(__file__).parent / "static"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

router = APIRouter(include_in_schema=False)
static = StaticFiles(directory=STATIC)

_templates = Environment(loader=PackageLoader("logplatform.api"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
_templates.filters.update(FILTERS)


@dataclass(frozen=True, slots=True)
class Found:
    """What the search on the page gave; `error` in place of it all."""

    page: Page | None = None
    chart: Drawn | None = None
    took_ms: float = 0.0
    error: str | None = None


@router.get("/")
async def first_page(request: Request, served: Given) -> HTMLResponse:
    """The whole page, with the search that its address names."""
    given = {name: value for name, value in request.query_params.items() if name in SearchParameters.model_fields}
    try:
        asked, fault = SearchParameters.model_validate(given), None
    except ValidationError as error:
        asked, fault = SearchParameters(), "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors())
    found = Found(error=fault) if fault else await _found(served, asked)
    told = asked.told()
    after = None
    if told and asked.page == 1 and found.page is not None:
        after = BackgroundTask(remember, served.history, told, found.page.total)
    saved = await served.asked(lambda _: served.saved.all()[:SHOWN_SEARCHES], None)
    past = await served.asked(served.history.last, SHOWN_SEARCHES)
    return _html(
        "page.html",
        given={name: value for name, value in given.items() if value != ""},
        asked=asked,
        found=found,
        hits=[shown_document(hit) for hit in found.page.hits] if found.page else [],
        saved=saved,
        past=past,
        jobs=await _jobs(served),
        dagster=dagster_url(served.settings, request.url.hostname),
        allowed=served.room.limits.extensions,
        limit_mb=served.settings.uploads.max_file_size_mb,
        after=after,
    )


@router.get("/page/jobs")
async def jobs(served: Given) -> HTMLResponse:
    """The list of uploads alone, which the page asks for again and again."""
    return _html("jobs.html", jobs=await _jobs(served))


async def _jobs(served: Served) -> list[Any]:
    return await served.asked(served.room.uploads.recent, SHOWN_JOBS)


async def _found(served: Served, asked: SearchParameters) -> Found:
    begun = time.perf_counter()
    try:
        question, filters = asked.search(), asked.filters()

        def answer(index: LogIndex) -> tuple[Page, list[Bar]]:
            return index.search(question), histogram(index, asked.text, filters)

        page, bars = await served.questions.ask(answer)
    except BadQuery as error:
        return Found(error=str(error))
    except Refused as error:
        return Found(error=str(error.detail))
    return Found(page, drawn(bars), (time.perf_counter() - begun) * 1000)


def _html(template: str, *, after: BackgroundTask | None = None, **values: object) -> HTMLResponse:
    text = _templates.get_template(template).render(link=link, **values)
    return HTMLResponse(text, headers=HEADERS, background=after)
