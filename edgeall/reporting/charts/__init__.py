"""Charts of results as SVG, one module a chart: each function takes a bench or a run and returns its charts."""

from edgeall.reporting.charts.chart import Chart
from edgeall.reporting.charts.latency import latency
from edgeall.reporting.charts.trade_off import trade_off

__all__ = ["Chart", "latency", "trade_off"]
