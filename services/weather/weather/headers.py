"""The security headers of every answer."""

from __future__ import annotations

from flask import Flask, Response, request

# No script at all; style and images from here only; a form may only come back here.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def register(app: Flask) -> None:
    """Set the headers on pages, JSON, static files and errors alike."""

    @app.after_request
    def set_headers(response: Response) -> Response:
        headers = response.headers
        headers["Content-Security-Policy"] = POLICY
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Permissions-Policy"] = "geolocation=(), camera=(), microphone=()"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers.add("Vary", "Accept")
        if request.is_secure:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        return response
