"""Addresses of the API: what describes it, then its endpoints."""

from django.urls import path

from exchange.api import views
from exchange.api.root import urls as endpoints

urlpatterns = [
    path("docs", views.docs, name="api_docs"),
    path("openapi.json", views.openapi, name="api_description"),
    path("", endpoints),
]
