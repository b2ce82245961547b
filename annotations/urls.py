"""Addresses of annotations."""

from django.urls import path

from annotations import people_pages, views

urlpatterns = [
    path("", views.home, name="home"),
    path("p/<slug:slug>/rank/", views.rank_next, name="rank_next"),
    path("p/<slug:slug>/demonstrate/", views.demonstrate_next, name="demonstrate_next"),
    path("rank/<uuid:assignment_id>/", views.rank, name="rank"),
    path("demonstrate/<uuid:assignment_id>/", views.demonstrate, name="demonstrate"),
    path("p/<slug:slug>/people/<int:membership_id>/deactivate/", people_pages.deactivate, name="deactivate"),
    path("p/<slug:slug>/people/<int:membership_id>/role/", people_pages.change_role, name="change_role"),
    path("skip/<uuid:assignment_id>/", views.skip, name="skip"),
]
