"""Addresses of accounts."""

from django.urls import path

from accounts import join, views

urlpatterns = [
    path("join/<str:token>/", join.join, name="join"),
    path("settings/", views.settings, name="settings"),
    path("language/", views.language, name="language"),
]
