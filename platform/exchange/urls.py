"""Addresses of exports."""

from django.urls import path

from exchange import import_views, views

urlpatterns = [
    # /p/<slug>/imports/
    path("p/<slug:slug>/imports/", import_views.imports_page, name="imports"),
    path("p/<slug:slug>/imports/bring/", import_views.bring, name="import_bring"),
    path("p/<slug:slug>/imports/<uuid:import_id>/", import_views.detail, name="import"),
    path("p/<slug:slug>/imports/<uuid:import_id>/read-as/", import_views.read_as, name="import_read_as"),
    path("p/<slug:slug>/imports/<uuid:import_id>/write/", import_views.write, name="import_write"),
    path("p/<slug:slug>/imports/<uuid:import_id>/retry/", import_views.retry, name="import_retry"),
    path("p/<slug:slug>/imports/<uuid:import_id>/drop/", import_views.drop, name="import_drop"),
    # /p/<slug>/exports/
    path("p/<slug:slug>/exports/", views.exports_page, name="exports"),
    path("p/<slug:slug>/exports/order/", views.order, name="export_order"),
    path("p/<slug:slug>/exports/<uuid:export_id>/retry/", views.retry, name="export_retry"),
    path("p/<slug:slug>/exports/<uuid:export_id>/delete/", views.delete, name="export_delete"),
    path("p/<slug:slug>/exports/<uuid:export_id>/files/<path:file>", views.download, name="export_file"),
]
