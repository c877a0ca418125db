"""Charts as SVG: pure functions from values to HTML, no input or output. What pages use stands in `__all__`."""

from webconfig.charts.bars import bars_chart
from webconfig.charts.lines import lines_chart
from webconfig.charts.values import Area, Band, Level, Line, Mark, Row, Span, steps

__all__ = ["Area", "Band", "Level", "Line", "Mark", "Row", "Span", "bars_chart", "lines_chart", "steps"]
