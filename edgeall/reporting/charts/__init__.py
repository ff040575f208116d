"""Charts of results as SVG, one module a chart: each function takes a bench or a run and returns its charts."""

from edgeall.reporting.charts.chart import Chart

__all__ = ["Chart"]
