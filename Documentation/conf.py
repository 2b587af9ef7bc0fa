# SPDX-License-Identifier: GPL-2.0
"""Sphinx configuration: nothing but what Debian's python3-sphinx brings."""

import sys

sys.dont_write_bytecode = True  # the source tree may be read-only

project = "Kite"
author = "the Kite authors"
extensions = []
html_theme = "alabaster"
html_theme_options = {
    "description": "AF_KITE, a socket family in a module",
    "fixed_sidebar": True,
    "page_width": "1080px",
}
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}
html_show_copyright = False
html_show_sourcelink = True
highlight_language = "none"
