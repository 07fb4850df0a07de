"""The table of views: an explicit tuple. A new view is a folder and one line here."""

from __future__ import annotations

from cnnviz.views.base import ViewSpec
from cnnviz.views.difference.spec import SPEC as DIFFERENCE
from cnnviz.views.distribution.spec import SPEC as DISTRIBUTION
from cnnviz.views.feature_maps.spec import SPEC as FEATURE_MAPS
from cnnviz.views.filters.spec import SPEC as FILTERS
from cnnviz.views.input.spec import SPEC as INPUT
from cnnviz.views.lab.spec import SPEC as LAB
from cnnviz.views.network.spec import SPEC as NETWORK
from cnnviz.views.networks.spec import SPEC as NETWORKS
from cnnviz.views.numbers.spec import SPEC as NUMBERS
from cnnviz.views.overlay.spec import SPEC as OVERLAY
from cnnviz.views.prediction.spec import SPEC as PREDICTION
from cnnviz.views.race.spec import SPEC as RACE
from cnnviz.views.step_through.spec import SPEC as STEP_THROUGH
from cnnviz.views.training.spec import SPEC as TRAINING
from cnnviz.views.xray.spec import SPEC as XRAY

VIEWS: tuple[ViewSpec, ...] = (
    INPUT, NETWORK, PREDICTION, FEATURE_MAPS, FILTERS, STEP_THROUGH, DISTRIBUTION, NUMBERS, OVERLAY, XRAY, DIFFERENCE,
    LAB, NETWORKS, TRAINING, RACE,
)  # fmt: skip
