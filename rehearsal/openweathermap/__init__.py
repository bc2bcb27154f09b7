"""A stand-in for OpenWeatherMap: the documented shapes, made-up values, and failures on demand.

Run it with ``python -m rehearsal.openweathermap --port N --state DIR``; it listens on 127.0.0.1 only.
Tell a running one how to behave with ``--tell MODE --port N``. No value in it was ever measured.
"""
