"""Who asks: the address that limits and fairness go by."""

from __future__ import annotations

from starlette.requests import Request


def address(request: Request | None) -> str:
    """The address of whoever sent the request.

    Where the app stands behind a proxy (`app.state.behind_proxy`) it is the last one that X-Forwarded-For names: the
    proxy wrote that itself, everything before it may be the visitor's invention. Elsewhere the header says nothing.
    """
    if request is None:
        return "unknown"
    app = request.scope.get("app")
    if app is not None and getattr(app.state, "behind_proxy", False):
        forwarded = ",".join(request.headers.getlist("x-forwarded-for")).rsplit(",", 1)[-1].strip()
        if forwarded:
            return forwarded
    return request.client.host if request.client else "unknown"
