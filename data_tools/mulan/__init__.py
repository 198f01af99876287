"""Pairs made of layer decompositions, as MuLAn's: `python -m data_tools.mulan LAYERS --out DIR`.

MuLAn: Tudosiu et al., "MuLAn: A Multi Layer Annotated Dataset for Controllable Text-to-Image Generation", CVPR 2024.
"""

from data_tools.mulan.building import Summary, mulan
from data_tools.mulan.choosing import Choice

__all__ = ["Choice", "Summary", "mulan"]
