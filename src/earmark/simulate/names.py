"""Invented people and places: the words the simulator draws from, and nothing else.

A site's clock is a fixed offset and not a named zone, so that the files do not depend on a machine's time zone
database.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An office."""

    code: str
    """Three letters that begin the names of its machines."""
    city: str
    """Where it is."""
    hours: float
    """Its clock's distance from UTC in hours, the same all year."""
    network: str
    """First two octets of its private addresses."""
    public: str
    """The address its machines show to the internet (from the ranges kept for documentation)."""


SITES = (
    Site(code="lon", city="London", hours=0, network="10.20", public="192.0.2.10"),
    Site(code="muc", city="Munich", hours=1, network="10.30", public="192.0.2.40"),
    Site(code="nyc", city="New York", hours=-5, network="10.40", public="198.51.100.7"),
    Site(code="sao", city="São Paulo", hours=-3, network="10.50", public="198.51.100.90"),
    Site(code="nbo", city="Nairobi", hours=3, network="10.60", public="203.0.113.21"),
    Site(code="blr", city="Bengaluru", hours=5.5, network="10.70", public="203.0.113.77"),
    Site(code="sin", city="Singapore", hours=8, network="10.80", public="203.0.113.140"),
)

GIVEN = (
    *(
        "Amara",
        "Ingrid",
        "Mateus",
        "Priya",
        "Oluwaseun",
        "Freya",
        "Kenji",
        "Leila",
        "Tomasz",
        "Chiara",
        "Noah",
        "Wanjiru",
    ),
    *("Hana", "Emil", "Sofia", "Rajesh", "Mei", "Dmitri", "Aoife", "Youssef", "Nadia", "Bruno", "Linnea", "Arjun"),
    *("Zeynep", "Pablo", "Thandiwe", "Jonas", "Camila", "Ravi", "Elif", "Marek", "Yuki", "Salma", "Viktor", "Imani"),
    *(
        "Renata",
        "Oscar",
        "Fatima",
        "Henrik",
        "Ananya",
        "Diego",
        "Klara",
        "Samuel",
        "Lucia",
        "Ibrahim",
        "Astrid",
        "Felipe",
    ),
)

FAMILY = (
    *("Okafor", "Solberg", "Carvalho", "Raman", "Adeyemi", "Lindqvist", "Moriyama", "Haddad", "Zielinski", "Bellini"),
    *("Ashworth", "Kamau", "Svoboda", "Brandt", "Marchetti", "Iyer", "Tanaka", "Volkov", "Gallagher", "Benali"),
    *("Petrova", "Teixeira", "Nyberg", "Menon", "Demir", "Herrera", "Mokoena", "Vogel", "Rojas", "Pillai"),
    *("Aydin", "Kowalczyk", "Fujimoto", "Mansour", "Ilic", "Otieno", "Barbosa", "Whitfield", "Siddiqui", "Dahl"),
    *("Banerjee", "Castellanos", "Reuter", "Achterberg", "Fontana", "Diallo", "Holm", "Quispe", "Lefevre", "Nakagawa"),
)

POSITIONS = (
    *("Chief Executive Officer", "Chief Financial Officer", "Chief Technology Officer", "Chief Operating Officer"),
    *("General Counsel", "Chief People Officer", "Chief Information Security Officer", "Chief Commercial Officer"),
    *("Chief Product Officer", "Managing Director Asia", "Managing Director Americas", "Head of Investor Relations"),
)
