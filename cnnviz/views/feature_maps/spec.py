"""Maps: its line in the table of views."""

from cnnviz.views.base import ViewSpec

SPEC = ViewSpec(
    name="feature_maps",
    title="Maps",
    tip="The maps of the selected layer, large, with their values.",
    place="inspector",
    widget="cnnviz.views.feature_maps.widget:FeatureMapsView",
)
