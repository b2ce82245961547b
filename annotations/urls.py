"""Addresses of annotations."""

from django.urls import path

from annotations.views import (
    answers,
    correct,
    demonstrate,
    drafts,
    home,
    hours,
    lending,
    pausing,
    people,
    rank,
    resting,
    undo,
)

urlpatterns = [
    path("", home.home, name="home"),
    path("go-on/", resting.go_on, name="break_over"),
    path("resume/<uuid:assignment_id>/", home.resume, name="resume"),
    path("remarks/<uuid:remark_id>/read/", home.remark_read, name="remark_read"),
    path("my-hours.csv", hours.my_hours, name="my_hours"),
    path("p/<slug:slug>/pause/", pausing.pause, name="pause"),
    path("p/<slug:slug>/answers/", answers.answers, name="answers"),
    path("p/<slug:slug>/answers/<uuid:assignment_id>/remark/", answers.remark, name="remark"),
    path("p/<slug:slug>/answers/skips/", answers.skips, name="skips"),
    path("p/<slug:slug>/answers/skips/decide/", answers.decide, name="decide"),
    path("p/<slug:slug>/rank/", lending.rank_next, name="rank_next"),
    path("p/<slug:slug>/demonstrate/", lending.demonstrate_next, name="demonstrate_next"),
    path("rank/<uuid:assignment_id>/", rank.rank, name="rank"),
    path("rank/<uuid:assignment_id>/answers/<str:letter>/", correct.answer_text, name="answer_text"),
    path("demonstrate/<uuid:assignment_id>/", demonstrate.demonstrate, name="demonstrate"),
    path("demonstrate/<uuid:assignment_id>/preview/", demonstrate.preview, name="demonstrate_preview"),
    path("p/<slug:slug>/people/<int:membership_id>/deactivate/", people.deactivate, name="deactivate"),
    path("p/<slug:slug>/people/<int:membership_id>/role/", people.change_role, name="change_role"),
    path("drafts/<uuid:assignment_id>/", drafts.save, name="draft"),
    path("drafts/<uuid:assignment_id>/discard/", drafts.discard, name="discard_draft"),
    path("undo/<uuid:assignment_id>/", undo.undo, name="undo"),
    path("skip/<uuid:assignment_id>/", lending.skip, name="skip"),
]
