"""The cities that the stand-in knows. Coordinates are rounded; the weather of each is made up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class City:
    """A city and its made-up weather: °C, m/s, mm, and the condition codes of OpenWeatherMap."""

    id: int
    name: str
    country: str
    latitude: float
    longitude: float
    timezone: int  # seconds from UTC
    temperature: float
    swing: float  # °C between now and the warmest step of the forecast
    humidity: int
    wind: float
    direction: int
    condition: int
    later: int  # the condition further on
    gust: float | None = None
    rain: float | None = None
    snow: float | None = None
    sun_hours: float | None = 9.5  # None: polar day or night, no sunrise and no sunset


CITIES = (
    City(2643743, "London", "GB", 51.5073, -0.1276, 0, 9.4, 3.1, 78, 4.6, 240, 802, 500, gust=8.7),
    City(2988507, "Paris", "FR", 48.8535, 2.3484, 3600, 11.2, 3.8, 71, 3.1, 200, 803, 800, gust=5.2),
    City(3413829, "Reykjavik", "IS", 64.1460, -21.9422, 0, 1.6, 1.4, 84, 11.8, 110, 601, 803, snow=0.8),
    City(1850147, "Tokyo", "JP", 35.6769, 139.7639, 32400, 14.8, 4.2, 52, 2.4, 350, 800, 801, gust=4.1),
    City(184745, "Nairobi", "KE", -1.2833, 36.8172, 10800, 19.7, 5.1, 66, 3.3, 60, 211, 501,
         gust=6.9, rain=2.4, sun_hours=12.1),
    City(2729907, "Longyearbyen", "NO", 78.2232, 15.6469, 3600, -12.3, 1.1, 74, 6.2, 90, 800, 600,
         gust=9.9, sun_hours=None),
    City(5128581, "New York", "US", 40.7127, -74.0060, -18000, 6.9, 3.6, 58, 5.7, 300, 701, 804, rain=0.2),
)  # fmt: skip


def by_name(query: str) -> list[City]:
    """The cities that ``q=name[,state][,country]`` means; the country is an ISO code."""
    name, *rest = [part.strip().casefold() for part in query.split(",")]
    country = rest[-1] if rest else ""
    return [city for city in CITIES if city.name.casefold() == name and country in {"", city.country.casefold()}]


def nearest(latitude: float, longitude: float) -> City:
    """The city closest to a point, as OpenWeatherMap always has some station near one."""
    return min(CITIES, key=lambda city: (city.latitude - latitude) ** 2 + (city.longitude - longitude) ** 2)
