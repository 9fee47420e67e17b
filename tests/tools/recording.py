#!/usr/bin/env python3
"""The demo in a terminal, recorded: docs/demo.cast (asciicast v2, for `asciinema play`) and docs/screenshots/demo.svg, a
picture that moves, made from it. Nothing but Python's own library.

recording.py PROGRAM [FAULT]"""

import fcntl
import html
import json
import os
import pty
import re
import struct
import sys
import termios
import time

COLUMNS, ROWS = 90, 22
CAST, PICTURE = "docs/demo.cast", "docs/screenshots/demo.svg"
# The last picture stays for so long before it begins anew.
REST = 4.0
COLOURS = {31: "#f7768e", 32: "#9ece6a", 33: "#e0af68", 34: "#7aa2f7", 35: "#bb9af7", 36: "#7dcfff"}


def record(program, fault):
    """What the demo writes, with the second of each piece."""
    pid, terminal = pty.fork()
    if pid == 0:
        # The size comes before the program asks for it.
        time.sleep(0.2)
        environment = {"HOME": os.environ.get("HOME", "/"), "PATH": "/usr/bin:/bin", "TERM": "xterm-256color"}
        os.execve(program, [program, "demo", "--fault", fault], environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    began, pieces = None, []
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        began = began or time.monotonic()
        pieces.append((round(time.monotonic() - began, 3), data.decode()))
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0:
        sys.exit("the demo's bridge was not healed: " + "".join(text for _, text in pieces))
    return pieces


def write_cast(pieces, fault):
    head = {"version": 2, "width": COLUMNS, "height": ROWS, "title": f"bridge-watchdog demo --fault {fault}"}
    lines = [json.dumps(head)] + [json.dumps([at, "o", text], ensure_ascii=False) for at, text in pieces]
    with open(CAST, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


class Screen:
    """As much of a terminal as the demo needs."""

    def __init__(self):
        self.lines, self.row, self.column, self.style = [{}], 0, 0, (None, False)

    def feed(self, text):
        for escape, letter in re.findall(r"\x1b\[([0-9;]*[A-Za-z])|(.|\n)", text):
            if escape:
                self.obey(escape[:-1], escape[-1])
            elif letter == "\n":
                self.down(1)
            elif letter == "\r":
                self.column = 0
            else:
                if self.column == COLUMNS:
                    self.column = 0
                    self.down(1)
                self.lines[self.row][self.column] = (letter, self.style)
                self.column += 1

    def down(self, count):
        self.row += count
        while len(self.lines) <= self.row:
            self.lines.append({})

    def obey(self, numbers, what):
        count = int(numbers or 1) if ";" not in numbers else 1
        if what == "A":
            self.row = max(0, self.row - count)
        elif what == "B":
            self.down(count)
        elif what == "K":
            self.lines[self.row] = {}
        elif what == "m":
            for number in [int(number or 0) for number in numbers.split(";")]:
                colour, bold = self.style
                self.style = {0: (None, False), 1: (colour, True)}.get(number, (COLOURS.get(number, colour), bold))

    def shown(self):
        """The last lines, each as runs of one style."""
        shown = []
        for line in self.lines[-ROWS:]:
            runs = []
            for column in range(max(line, default=-1) + 1):
                letter, style = line.get(column, (" ", (None, False)))
                if runs and runs[-1][1] == style:
                    runs[-1][0] += letter
                else:
                    runs.append([letter, style])
            shown.append(tuple((text, style) for text, style in runs))
        return tuple(shown)


def frames(pieces):
    """What is seen from which second on; what lasts less than a blink is left out."""
    screen, seen = Screen(), []
    for nth, (at, text) in enumerate(pieces):
        screen.feed(text)
        following = pieces[nth + 1][0] if nth + 1 < len(pieces) else at + REST
        if following - at > 0.05 and (not seen or seen[-1][1] != screen.shown()):
            seen.append((at, screen.shown()))
    return seen


def write_picture(seen):
    wide, high, size = 8.4, 19, 14
    whole = seen[-1][0] + REST
    width, height = int(COLUMNS * wide) + 24, ROWS * high + 24
    style, body = [], []
    for nth, (at, lines) in enumerate(seen):
        end = seen[nth + 1][0] if nth + 1 < len(seen) else whole
        begin, end = 100 * at / whole, 100 * end / whole
        before = "0%{visibility:hidden}" if begin > 0 else ""
        after = f"{end:.3f}%{{visibility:hidden}}" if end < 100 else ""
        style.append(f"@keyframes f{nth}{{{before}{begin:.3f}%{{visibility:visible}}{after}}}")
        style.append(f"#f{nth}{{animation:f{nth} {whole:.2f}s step-end infinite}}")
        texts = []
        for row, runs in enumerate(lines):
            spans = "".join(span(text, *look) for text, look in runs)
            if spans.strip():
                texts.append(f'<text x="12" y="{12 + high * (row + 1) - 5}">{spans}</text>')
        # Where nothing moves the last one is seen.
        hidden = ' visibility="hidden"' if nth + 1 < len(seen) else ""
        body.append(f'<g id="f{nth}"{hidden}>{"".join(texts)}</g>')
    with open(PICTURE, "w", encoding="utf-8") as file:
        file.write(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">\n'
            f"<title>bridge-watchdog demo</title>\n<style>text{{font:{size}px ui-monospace,Menlo,'DejaVu Sans Mono',monospace;"
            f"fill:#c0caf5;white-space:pre}}{''.join(style)}</style>\n"
            f'<rect width="{width}" height="{height}" rx="8" fill="#1a1b26"/>\n' + "\n".join(body) + "\n</svg>\n"
        )


def span(text, colour, bold):
    text = html.escape(text).replace(" ", "\u00a0")
    look = (f' fill="{colour}"' if colour else "") + (' font-weight="bold"' if bold else "")
    return f"<tspan{look}>{text}</tspan>" if look else text


if __name__ == "__main__":
    what = sys.argv[2] if len(sys.argv) > 2 else "hang"
    recorded = record(os.path.abspath(sys.argv[1]), what)
    write_cast(recorded, what)
    write_picture(frames(recorded))
