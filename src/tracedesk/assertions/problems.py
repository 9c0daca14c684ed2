"""Problems of assertions, as loading reports them (codes: assertion spec 5.2)."""

from tracedesk.query.problems import ERROR as ERROR
from tracedesk.query.problems import WARNING as WARNING
from tracedesk.query.problems import Place as Place
from tracedesk.query.problems import Problem as Problem
from tracedesk.query.problems import Report as Report
