"""Writes an Excel workbook of one sheet row by row, in as much memory as a row takes (ECMA-376, part 1, clause 18).

Every cell is a text in its place ("inlineStr"), never a formula. openpyxl would hold all texts until the end.
"""

import re
from collections.abc import Sequence
from typing import IO
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZIP_DEFLATED, ZipFile

from engine.errors import InputRefused

# What Excel allows; a file with more is one that it offers to repair.
LONGEST_CELL = 32_767
MOST_ROWS = 1_048_576

# Letters that XML cannot hold stand as _x000B_, and so does what only looks like that.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x0d\x0e-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEET_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_SHEET_TYPE}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}


class SheetWriter:
    """A workbook under way; `end` makes it whole."""

    def __init__(self, file: IO[bytes], title: str) -> None:
        self._zip = ZipFile(file, "w", ZIP_DEFLATED)
        for name, text in _PARTS.items():
            self._zip.writestr(name, _HEAD + text)
        self._zip.writestr(
            "xl/workbook.xml",
            f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
            f'<sheet name={quoteattr(title)} sheetId="1" r:id="rId1"/></sheets></workbook>',
        )
        self._sheet = self._zip.open("xl/worksheets/sheet1.xml", "w", force_zip64=True)
        self._sheet.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
        self._rows = 0

    def write(self, cells: Sequence[str]) -> None:
        """Adds a row of texts.

        Raises:
            InputRefused: a text or the sheet is longer than Excel allows.
        """
        self._rows += 1
        longest = max(map(len, cells), default=0)
        if self._rows > MOST_ROWS or longest > LONGEST_CELL:
            what = (
                f"A sheet has {MOST_ROWS:,} rows" if self._rows > MOST_ROWS else f"A cell has {LONGEST_CELL:,} letters"
            )
            here = "" if self._rows > MOST_ROWS else f"; row {self._rows:,} has one with {longest:,}"
            raise InputRefused("The examples do not fit a workbook.", f"{what} at most{here}.", "Export CSV instead.")
        told = "".join(_cell(text) for text in cells)
        self._sheet.write(f'<row r="{self._rows}">{told}</row>'.encode())

    def end(self) -> None:
        """Closes the sheet and the workbook."""
        self._sheet.write(b"</sheetData></worksheet>")
        self._sheet.close()
        self._zip.close()


def _cell(text: str) -> str:
    if not text:
        return "<c/>"
    legal = _CONTROL.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(legal)}</t></is></c>'
