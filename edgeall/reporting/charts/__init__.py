"""Charts of results as SVG, one module a chart: each function takes a bench or a run and returns its charts."""

from edgeall.reporting.charts.chart import Chart
from edgeall.reporting.charts.confusion import confusion
from edgeall.reporting.charts.latency import latency
from edgeall.reporting.charts.layer_sensitivity import layer_sensitivity
from edgeall.reporting.charts.learning_curves import learning_curves
from edgeall.reporting.charts.referral_coverage import referral_coverage
from edgeall.reporting.charts.reliability import reliability
from edgeall.reporting.charts.robustness import robustness
from edgeall.reporting.charts.roc import roc
from edgeall.reporting.charts.run_folder import RunFolder, beside, read_folder
from edgeall.reporting.charts.split_census import split_census
from edgeall.reporting.charts.subject_harm import subject_harm
from edgeall.reporting.charts.trade_off import trade_off

__all__ = [
    "Chart",
    "RunFolder",
    "beside",
    "confusion",
    "latency",
    "layer_sensitivity",
    "learning_curves",
    "read_folder",
    "referral_coverage",
    "reliability",
    "robustness",
    "roc",
    "split_census",
    "subject_harm",
    "trade_off",
]
