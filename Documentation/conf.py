# SPDX-License-Identifier: GPL-2.0
"""Sphinx configuration: nothing but what Debian's python3-sphinx brings."""

import os
import re
import subprocess
import sys

from docutils import nodes
from docutils.parsers.rst import Directive

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
html_static_path = ["manual.css"]
html_css_files = ["manual.css"]
html_show_copyright = False
html_show_sourcelink = True
highlight_language = "none"


MANUALS = "https://man7.org/linux/man-pages/man"


class Manual(Directive):
    """``.. manual:: FILE`` is a manual page, as mandoc makes HTML of it."""

    required_arguments = 1

    def run(self):
        document = self.state.document
        path = os.path.join(os.path.dirname(document.current_source), self.arguments[0])
        document.settings.env.note_dependency(os.path.abspath(path))
        links = f"man={MANUALS}%S/%N.%S.html"
        try:
            html = subprocess.check_output(
                ["mandoc", "-T", "html", "-O", "fragment," + links, path], text=True
            )
        except (OSError, subprocess.CalledProcessError) as error:
            raise self.error(f"{path}: {error}")
        # Kite's own pages are here.
        html = re.sub(rf'"{MANUALS}\d/(kite\b)', r'"\1', html)
        return [nodes.raw("", html, format="html")]


def setup(app):
    app.add_directive("manual", Manual)
