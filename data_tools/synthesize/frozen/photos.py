"""The photos that the frozen set is made of, and whose they are.

Only public-domain, CC0 and CC BY photographs. That was read from the Lomiri package's copyright file, from
scikit-image's documentation of each picture (skimage/data/_fetchers.py), and from the README beside each picture in
GCompris' own repository, at the commits that brought the files (de72bf18, e8eabafe, 1d43def5): the copyright file of
Debian's GCompris 3.1 still describes the photos of older versions.
"""

from __future__ import annotations

from dataclasses import dataclass

from data_tools.synthesize.credits import Credit

LOMIRI, GCOMPRIS, SKIMAGE = "lomiri-wallpapers-16.04", "gcompris-qt-data", "python3-skimage"  # Debian 12's packages
COMMONS = "https://commons.wikimedia.org/wiki/File:"

BERASATEGI = Credit("Aitzol Berasategi", "CC-BY-4.0", "Lomiri wallpapers")
FREESPACE = Credit('Trevor "Freespace"', "CC-BY-4.0", "Lomiri wallpapers")
ENGELHARDT = Credit("Clemens Engelhardt", "CC0-1.0", "Lomiri wallpapers")
MEDE = Credit("Jakub Mede", "CC-BY-4.0", "Lomiri wallpapers")


@dataclass(frozen=True)
class Source:
    """A photo. path: in the unpacked package. member: inside the .rcc file there. sha256: of the photo's own bytes."""

    package: str
    path: str
    credit: Credit
    sha256: str
    member: str = ""


def _wallpaper(name: str, credit: Credit, sha256: str) -> Source:
    return Source(LOMIRI, f"usr/share/backgrounds/{name}.jpg", credit, sha256)


def _gcompris(activity: str, member: str, author: str, page: str, sha256: str) -> Source:
    path = f"usr/share/gcompris-qt/rcc/{activity}.rcc"
    credit = Credit(author, "public-domain", f"{COMMONS}{page}")
    return Source(GCOMPRIS, path, credit, sha256, f"gcompris/src/activities/{activity}/resource/{member}.webp")


SOURCES = {
    "aitzgorri": _wallpaper(
        "aitzgorri_by_Aitzol_Berasategi", BERASATEGI, "66268e7b48f8854d36a28765fac6e23ec1aee251daa6da1f64715f201020ad36"
    ),
    "friends": _wallpaper(
        "friends_by_Aitzol_Berasategi", BERASATEGI, "cc40e313c74e421edffe3403def413c16878ce14661cce7ec5915baeab35538d"
    ),
    "life": _wallpaper(
        "life_by_Aitzol_Berasategi", BERASATEGI, "4c119350ead80201fe256850c3d316309ddfb4bdf10b235ce982dcde0c667c05"
    ),
    "picos": _wallpaper(
        "picosdeeuropa_by_Aitzol_Berasategi",
        BERASATEGI,
        "414d0072b2f6f2c555deafeaef6e45c4fed6fa9ad26eba6560ca8803959cf97a",
    ),
    "sunset": _wallpaper(
        "sunset_by_Aitzol_Berasategi", BERASATEGI, "474dab6a4b9f94dc76c29dfe30e9f5db4af0fd2e33fe5d695f8152b371efca18"
    ),
    "bowl": _wallpaper(
        "Picture_0B_by_freespace", FREESPACE, "c8c0ab18e48d9e0419fe42881112137f3afafc27dfddc29ec3a6d54c56d225ad"
    ),
    "seeding": _wallpaper(
        "seeding_by_Clements_Engelhardt", ENGELHARDT, "a5634d1ab5e41a3568e92d4a894a500c92b891f9ff734e50bd224d6e185a605f"
    ),
    "wine": _wallpaper("Wine_by_Jakkub_Mede", MEDE, "d2e96e6d4da40dd804b3d0ce295e94de04a2d7d9b6785d42cd9d92ba58bced74"),
    "moose": _gcompris(
        "explore_world_animals",
        "animals/moose",
        "Ryan Hagerty, U.S. Fish and Wildlife Service",
        "Male_Moose.jpg",
        "2252a671c2e0ade9ce6ff6d41957348a81ebccfd952ba59bfddceff0b059ea48",
    ),
    "panda": _gcompris(
        "explore_world_animals",
        "animals/panda",
        "Jeff Kubina",
        "Giant_Panda_2004-03-2.jpg",
        "70ccf9a9db5008100eb6955ae25fabd4f7769427be784d627cf6315f6dfce692",
    ),
    "crocodile": _gcompris(
        "explore_world_animals",
        "animals/crocodile",
        "Djambalawa",
        "Saltwater_Crocodile_on_a_river_bank_(cropped).jpg",
        "840cf54b69bf4fb9a14a99fe502e237ad36e7230c146ca884b7b0e444ec12534",
    ),
    "bucket": _gcompris(
        "categorization",
        "images/others/bucket",
        "Daderot",
        "Milk_pail,_America,_1800s,_pine,_ash_-_Concord_Museum_-_Concord,_MA_-_DSC05807.JPG",
        "671363d9d02c12768fa8374287c9a4c175dbf1549481586339274609d1219579",
    ),
    "saucer": _gcompris(
        "categorization",
        "images/others/buffetset",
        "Rijksmuseum",
        "Kop_en_schotel_beschilderd_met_vlinders_en_libellen,_BK-15423-J.jpg",
        "55918533efb31d9022a18cdce19f6d528fe51ceb950f86e9b24c016fc34731a0",
    ),
    "pliers": _gcompris(
        "categorization",
        "images/tools/plier1",
        "Baran Ivo",
        "Plier01.jpg",
        "a7bf094e741e55236da36b15e43f0c83d86794ab7c56076eb345216932c727ec",
    ),
    "clipper": _gcompris(
        "categorization",
        "images/tools/nailCutter",
        "Tripy",
        "Cortaunyas.jpg",
        "ac327299a1796b6d1c02770ffceafd88a69642dbedd1ac980d8dbb9ca9a59ac3",
    ),
    "coffee": Source(
        SKIMAGE,
        "usr/lib/python3/dist-packages/skimage/data/coffee.png",
        Credit("Rachel Michetti", "CC0-1.0", "scikit-image"),
        "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    ),
}
