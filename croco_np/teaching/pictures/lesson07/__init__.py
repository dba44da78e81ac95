"""Pictures of lesson 7: the ellipse of a table, its spectrum while it learns, maps of covariance, hits."""

from .ellipse import ellipse
from .hits import hits
from .maps import maps_of_covariance
from .spectrum import growing_spectrum

__all__ = ["ellipse", "growing_spectrum", "hits", "maps_of_covariance"]
