"""Addresses of exports."""

from django.urls import path

from exchange import views

urlpatterns = [
    # /p/<slug>/exports/
    path("p/<slug:slug>/exports/", views.exports_page, name="exports"),
    path("p/<slug:slug>/exports/order/", views.order, name="export_order"),
    path("p/<slug:slug>/exports/<uuid:export_id>/retry/", views.retry, name="export_retry"),
    path("p/<slug:slug>/exports/<uuid:export_id>/delete/", views.delete, name="export_delete"),
    path("p/<slug:slug>/exports/<uuid:export_id>/files/<slug:file>/", views.download, name="export_file"),
]
