"""The page a session in the browser is shown on. Everything it loads comes from this server.

textual-serve's own page asks another host for its font; here the same font is served from its
package, and the terminal begins once it is there, since it measures its cells by it.
"""

from html import escape

from tracedesk.query.text import plain

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self';"
    " img-src 'self' data:; connect-src 'self' {socket}; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
"""The terminal writes styles of its own; scripts, and where the page may connect to, are ours."""

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="static/css/xterm.css">
<link rel="stylesheet" href="page.css">
<script src="static/js/textual.js"></script>
<script src="page.js"></script>
</head>
<body>
<div id="terminal" class="textual-terminal" data-session-websocket-url="{socket}"
 data-font-size="{font_size}"></div>
<div id="ended" role="status">The session has ended. <button type="button">Begin anew</button></div>
<noscript>The terminal in this page needs JavaScript.</noscript>
</body>
</html>
"""

STYLE = """\
@font-face { font-family: "Roboto Mono"; font-weight: 100 700;
  src: url("static/fonts/RobotoMono-VariableFont_wght.ttf"); }
@font-face { font-family: "Roboto Mono"; font-weight: 100 700; font-style: italic;
  src: url("static/fonts/RobotoMono-Italic-VariableFont_wght.ttf"); }
html, body { margin: 0; height: 100%; overflow: hidden; background: #000; color: #ddd; }
body, button { font: 15px/1.5 "Roboto Mono", monospace; }
#terminal { width: 100vw; height: 100vh; }
#ended { display: none; position: fixed; right: 1rem; bottom: 1rem; z-index: 10;
  padding: .7rem 1rem; background: #222; border: 1px solid #888; }
body.-closed #ended { display: block; }
#ended button { margin-left: 1rem; padding: .2rem .8rem; }
"""

SCRIPT = """\
"use strict";
const begin = window.onload;
const faces = ["16px", "bold 16px", "italic 16px", "italic bold 16px"];
window.onload = async (event) => {
  await Promise.allSettled(faces.map((face) => document.fonts.load(face + " 'Roboto Mono'")));
  begin(event);
  const body = document.body.classList;
  const keys = document.querySelector(".xterm-helper-textarea");
  const again = document.querySelector("#ended button");
  again.addEventListener("click", () => window.location.reload());
  let focused = null;
  new MutationObserver(() => {
    const next = body.contains("-closed") ? again : body.contains("-loaded") ? keys : null;
    if (next && next !== focused) (focused = next).focus();
  }).observe(document.body, { attributeFilter: ["class"] });
};
"""

FONT_SIZE = 16
"""Height of the letters in pixels; the browser's own zoom changes it."""


def page(title: str, socket: str) -> str:
    """The page of a session; ``socket`` is the address of its WebSocket."""
    return PAGE.format(title=escape(plain(title)), socket=escape(socket), font_size=FONT_SIZE)
