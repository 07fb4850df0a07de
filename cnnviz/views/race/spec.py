"""The depth race: its line in the table of views."""

from cnnviz.views.base import ViewSpec

SPEC = ViewSpec(
    name="race",
    title="Race",
    tip="Networks of different depth learn the same pictures side by side.",
    place="page",
    widget="cnnviz.views.race.widget:RaceView",
)
