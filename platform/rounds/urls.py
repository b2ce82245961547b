"""Addresses of rounds."""

from django.urls import path

from rounds.views import board, disk, events, my_work, projects, prompts, review, round, sampling, schedule

urlpatterns = [
    path("projects/new/", projects.new, name="project_new"),
    path("p/<slug:slug>/settings/", projects.settings, name="project_settings"),
    path("p/<slug:slug>/settings/guidelines/", projects.guidelines, name="project_guidelines"),
    path("p/<slug:slug>/my-work/", my_work.my_work, name="my_work"),
    # /p/<slug>/prompts/
    path("p/<slug:slug>/prompts/", prompts.prompts, name="prompts"),
    path("p/<slug:slug>/prompts/add/", prompts.add, name="prompts_add"),
    path("p/<slug:slug>/prompts/change/", prompts.change, name="prompts_change"),
    # /p/<slug>/rounds/
    path("p/<slug:slug>/rounds/", board.board, name="rounds"),
    path("p/<slug:slug>/rounds/start/", board.start, name="round_start"),
    path("p/<slug:slug>/rounds/roll-back/", board.roll_back, name="roll_back"),
    path("p/<slug:slug>/rounds/schedule/", schedule.schedule, name="schedule"),
    path("p/<slug:slug>/rounds/disk/", disk.disk, name="disk"),
    path("p/<slug:slug>/rounds/disk/collect/", disk.collect, name="disk_collect"),
    path("p/<slug:slug>/rounds/sampling/<uuid:order_id>/retry/", sampling.retry, name="sampling_retry"),
    path("p/<slug:slug>/rounds/sampling/<uuid:order_id>/cancel/", sampling.cancel, name="sampling_cancel"),
    # /p/<slug>/rounds/<number>/
    path("p/<slug:slug>/rounds/<int:number>/", round.detail, name="round"),
    path("p/<slug:slug>/rounds/<int:number>/events/", events.events, name="round_events"),
    path("p/<slug:slug>/rounds/<int:number>/curves/<slug:kind>/", round.curve, name="round_curve"),
    path("p/<slug:slug>/rounds/<int:number>/curves/<slug:kind>/table/", round.table, name="round_figures"),
    path("p/<slug:slug>/rounds/<int:number>/retry/", round.retry, name="round_retry"),
    path("p/<slug:slug>/rounds/<int:number>/cancel/", round.cancel, name="round_cancel"),
    path("p/<slug:slug>/rounds/<int:number>/override/", round.override, name="round_override"),
    path("p/<slug:slug>/rounds/<int:number>/review/", review.review, name="review"),
    path("p/<slug:slug>/rounds/<int:number>/approve/", review.approve, name="round_approve"),
    path("p/<slug:slug>/rounds/<int:number>/reject/", review.reject, name="round_reject"),
]
