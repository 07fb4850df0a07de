"""Filters: its line in the table of views."""

from cnnviz.views.base import ViewSpec

SPEC = ViewSpec(
    name="filters",
    title="Filters",
    tip="The learned weights of the selected layer as pictures.",
    place="inspector",
    widget="cnnviz.views.filters.widget:FiltersView",
)
